"""What is known of a resource type, whichever side of the waist asks.

`facts` answers from two tables. `scripts/resource_types.py` makes one of AWS's own schemas: what replaces a resource,
which property names it, whether AWS counts it among what holds data. The other, `by_hand.yaml`, has what they do not
say.
"""

ALARM = "AWS::CloudWatch::Alarm"
BUCKET = "AWS::S3::Bucket"
FUNCTION = "AWS::Lambda::Function"
FUNCTION_URL = "AWS::Lambda::Url"
GLOBAL_TABLE = "AWS::DynamoDB::GlobalTable"
KEY = "AWS::KMS::Key"
LAYER = "AWS::Lambda::LayerVersion"
LOG_GROUP = "AWS::Logs::LogGroup"
MACRO = "AWS::CloudFormation::Macro"
NESTED_STACK = "AWS::CloudFormation::Stack"
REPLICA_KEY = "AWS::KMS::ReplicaKey"
ROLE = "AWS::IAM::Role"
SAM_APPLICATION = "AWS::Serverless::Application"
SAM_FUNCTION = "AWS::Serverless::Function"
SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - the type of one
SSM_PARAMETER = "AWS::SSM::Parameter"
STACK_SET = "AWS::CloudFormation::StackSet"
TABLE = "AWS::DynamoDB::Table"
TOPIC = "AWS::SNS::Topic"
ROLE_POLICIES = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy")
"""The types of policies that a role may have beside its own."""
KEYS = (KEY, REPLICA_KEY)
"""The types of KMS keys."""
NAMED_IAM = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    ROLE: "RoleName",
    "AWS::IAM::User": "UserName",
}
"""The types of which a name of their own takes CAPABILITY_NAMED_IAM, with the property that gives it.

Policies are not among them: they have to have a name, within what they are attached to. It stands here and not in the
tables, which take long to read, because it is asked for at each render.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html, Capabilities
"""
NESTED = (NESTED_STACK, SAM_APPLICATION)
"""The types that become nested stacks.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html
"""
TABLES = (GLOBAL_TABLE, TABLE)
"""The types by which a stack has a table of DynamoDB's."""
KEPT = "builder:kept"
"""In the metadata of a resource: a component of the builder's own has it retained with its data, and only a person who
names that has it deleted."""
TAKEN_IN = (GLOBAL_TABLE, BUCKET)
"""What a stack can take in that stands already, with all that is in it."""
