"""Which property changes replace a resource, for types of which the emulator says only "perhaps".

Read from the types' own schemas (createOnlyProperties and conditionalCreateOnlyProperties), so that a change set shows
Replacement as AWS does.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

from collections.abc import Mapping
from typing import Any

from builder.local.adapter.emulator import touch

Properties = Mapping[str, Any]

_PROVISIONERS = "ministack.services.cloudformation.provisioners"

ALWAYS = {
    "AWS::CloudFormation::Stack": (),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName",),
    "AWS::CloudFormation::StackSet": ("PermissionModel", "StackSetName"),
    "AWS::DynamoDB::GlobalTable": ("TableName",),
    "AWS::FIS::ExperimentTemplate": (),
    "AWS::KMS::ReplicaKey": ("PrimaryKeyArn",),
    "AWS::Lambda::Permission": (
        *("Action", "EventSourceToken", "FunctionName", "FunctionUrlAuthType", "InvokedViaFunctionUrl"),
        *("Principal", "PrincipalOrgID", "SourceAccount", "SourceArn"),
    ),
    "AWS::Lambda::Url": ("Qualifier", "TargetFunctionArn"),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::S3::Bucket": ("BucketName", "BucketNamePrefix", "BucketNamespace"),
    "AWS::S3::BucketPolicy": ("Bucket",),
}
CONDITIONALLY = {"AWS::DynamoDB::GlobalTable": ("GlobalTableSourceArn", "KeySchema", "LocalSecondaryIndexes")}


def install() -> None:
    """Add both tables to the emulator's, and the refusal to replace a table under the name it was given."""
    touch(f"{_PROVISIONERS}:_REPLACING_PROPERTIES").update(ALWAYS)
    touch(f"{_PROVISIONERS}:_CONDITIONALLY_REPLACING_PROPERTIES").update(CONDITIONALLY)
    named = touch(f"{_PROVISIONERS}:_CUSTOM_NAME_REPLACEMENT")
    named["AWS::DynamoDB::GlobalTable"] = {"name": "TableName", "requires_replacement": replaces_table}


def replaces_table(old: Properties, new: Properties) -> bool:
    """Return whether a global table can't become `new` in place, its name aside."""
    if any(old.get(name) != new.get(name) for name in ("KeySchema", "LocalSecondaryIndexes")):
        return True
    return bool(touch(f"{_PROVISIONERS}:_requires_replacement_dynamodb")(old, new))
