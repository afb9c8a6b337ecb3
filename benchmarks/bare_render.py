"""The floor of `benchmarks/render.py`: what somebody would write with troposphere alone for the same templates.

Usage: bare_render.py HANDLER FOLDER [COUNT]

COUNT: so many tables, buckets and functions by name beside those without one.
"""

import sys
from pathlib import Path

from awacs.aws import Action, Allow, Bool, Condition, Deny, PolicyDocument, Principal, Statement
from troposphere import GetAtt, Output, Parameter, Ref, Sub, Tags, Template, awslambda, dynamodb, iam, logs, s3

HANDLER = Path(sys.argv[1]).read_text(encoding="utf-8")
FOLDER = Path(sys.argv[2])
COUNT = int(sys.argv[3]) if len(sys.argv) > 3 else 0
GONE = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}


def start(description):
    template = Template(Description=description)
    template.set_version("2010-09-09")
    template.add_parameter(
        Parameter(
            "EnvironmentSuffix",
            Type="String",
            Description="Part of every name, so that several environments can share an account",
            AllowedPattern="[a-z0-9]([a-z0-9-]*[a-z0-9])?",
            MaxLength=37,
        )
    )
    return template


def bucket_name(name, region):
    return f"tap-${{EnvironmentSuffix}}-{name and name + '-'}${{AWS::AccountId}}-{region}-an"


def bucket_arn(name, region):
    return f"arn:${{AWS::Partition}}:s3:::{bucket_name(name, region)}"


def bucket(name, **more):
    return s3.Bucket(
        "Bucket",
        BucketName=Sub(bucket_name(name, "${AWS::Region}")),
        BucketNamespace="account-regional",
        VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
        LifecycleConfiguration=s3.LifecycleConfiguration(
            Rules=[
                s3.LifecycleRule(
                    Id="expire-noncurrent-versions",
                    Status="Enabled",
                    NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(NoncurrentDays=30),
                    ExpiredObjectDeleteMarker=True,
                    AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=7),
                )
            ]
        ),
        BucketEncryption=s3.BucketEncryption(
            ServerSideEncryptionConfiguration=[
                s3.ServerSideEncryptionRule(
                    ServerSideEncryptionByDefault=s3.ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
                )
            ]
        ),
        OwnershipControls=s3.OwnershipControls(Rules=[s3.OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]),
        PublicAccessBlockConfiguration=s3.PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
        **more,
        **GONE,
    )


def policy():
    return s3.BucketPolicy(
        "BucketPolicy",
        Bucket=Ref("Bucket"),
        PolicyDocument=PolicyDocument(
            Version="2012-10-17",
            Statement=[
                Statement(
                    Sid="TlsOnly",
                    Effect=Deny,
                    Principal=Principal("*"),
                    Action=[Action("s3", "*")],
                    Resource=[GetAtt("Bucket", "Arn"), Sub("${Bucket.Arn}/*")],
                    Condition=Condition(Bool({"aws:SecureTransport": "false"})),
                )
            ],
        ),
        **GONE,
    )


def role(title, service, name, statements):
    return iam.Role(
        title,
        AssumeRolePolicyDocument=PolicyDocument(
            Version="2012-10-17",
            Statement=[
                Statement(Effect=Allow, Principal=Principal("Service", service), Action=[Action("sts", "AssumeRole")])
            ],
        ),
        Policies=[
            iam.Policy(PolicyName=name, PolicyDocument=PolicyDocument(Version="2012-10-17", Statement=statements))
        ],
        **GONE,
    )


def allow(sid, service, actions, resources):
    return Statement(Sid=sid, Effect=Allow, Action=[Action(service, name) for name in actions], Resource=resources)


def bucket_outputs(template):
    template.add_output(Output("BucketName", Description="Name of this region's bucket", Value=Ref("Bucket")))
    template.add_output(Output("BucketArn", Description="ARN of this region's bucket", Value=GetAtt("Bucket", "Arn")))


def secondary_storage(name=""):
    template = start("tap: secondary bucket, receives the primary's objects")
    template.add_resource([bucket(name), policy()])
    bucket_outputs(template)
    return template


def primary_storage(name=""):
    template = start("tap: primary bucket, replicated to every secondary region")
    rule = s3.ReplicationConfigurationRules(
        Id="to-us-west-2",
        Status="Enabled",
        Priority=1,
        Filter=s3.ReplicationRuleFilter(Prefix=""),
        DeleteMarkerReplication=s3.DeleteMarkerReplication(Status="Enabled"),
        Destination=s3.ReplicationConfigurationRulesDestination(
            Bucket=Sub(bucket_arn(name, "us-west-2")), Metrics=s3.Metrics(Status="Enabled")
        ),
    )
    replication = s3.ReplicationConfiguration(Role=GetAtt("ReplicationRole", "Arn"), Rules=[rule])
    own = bucket_arn(name, "${AWS::Region}")
    statements = [
        allow("ReadConfiguration", "s3", ["GetReplicationConfiguration", "ListBucket"], [Sub(own)]),
        allow(
            "ReadObjects",
            "s3",
            ["GetObjectVersionForReplication", "GetObjectVersionAcl", "GetObjectVersionTagging"],
            [Sub(f"{own}/*")],
        ),
        allow(
            "WriteReplicas",
            "s3",
            ["ReplicateObject", "ReplicateDelete", "ReplicateTags"],
            [Sub(f"{bucket_arn(name, 'us-west-2')}/*")],
        ),
    ]
    template.add_resource([bucket(name, ReplicationConfiguration=replication), policy()])
    template.add_resource(role("ReplicationRole", "s3.amazonaws.com", "replicate", statements))
    bucket_outputs(template)
    return template


def table(name="global"):
    template = start("tap: DynamoDB global table, a replica in every region")
    replicas = [
        dynamodb.ReplicaSpecification(
            Region=region,
            PointInTimeRecoverySpecification=dynamodb.PointInTimeRecoverySpecification(PointInTimeRecoveryEnabled=True),
            Tags=Tags({"project": "tap", "environment": Ref("EnvironmentSuffix")}),
        )
        for region in ("us-east-1", "us-west-2")
    ]
    template.add_resource(
        dynamodb.GlobalTable(
            "Table",
            TableName=Sub(f"tap-${{EnvironmentSuffix}}-{name}"),
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[dynamodb.AttributeDefinition(AttributeName="id", AttributeType="S")],
            KeySchema=[dynamodb.KeySchema(AttributeName="id", KeyType="HASH")],
            StreamSpecification=dynamodb.StreamSpecification(StreamViewType="NEW_AND_OLD_IMAGES"),
            Replicas=replicas,
            **GONE,
        )
    )
    template.add_output(Output("TableName", Description="Name of the table in every region", Value=Ref("Table")))
    template.add_output(Output("TableArn", Description="ARN of the primary's replica", Value=GetAtt("Table", "Arn")))
    return template


def permission(title, **how):
    return awslambda.Permission(title, FunctionName=Ref("Function"), Principal="*", **how, **GONE)


def role_parameter(name, description):
    return Parameter(name, Type="String", Description=description, AllowedValues=["primary", "secondary"])


def service(name=""):
    writes = not name
    template = start(f"tap: function behind a URL{' that writes to the global table' if writes else ''}")
    template.add_parameter(role_parameter("Role", "Which of the system's regions this is"))
    if writes:
        what = "Which it was when the system was made: names the function for good"
        template.add_parameter(role_parameter("BornAs", what))
    function_name = (
        "tap-${EnvironmentSuffix}-${BornAs}" if writes else f"tap-${{EnvironmentSuffix}}-{name}-${{AWS::Region}}"
    )
    table_arn = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/tap-${EnvironmentSuffix}-global"
    statements = [
        *(
            [allow("ReadAndWriteItems", "dynamodb", ["GetItem", "PutItem", "DeleteItem"], [Sub(table_arn)])]
            if writes
            else []
        ),
        allow("WriteLogs", "logs", ["CreateLogStream", "PutLogEvents"], [GetAtt("LogGroup", "Arn")]),
    ]
    template.add_resource(
        [
            awslambda.Function(
                "Function",
                FunctionName=Sub(function_name),
                Runtime="python3.14",
                Handler="index.handler",
                MemorySize=256,
                Timeout=10,
                Role=GetAtt("ExecutionRole", "Arn"),
                LoggingConfig=awslambda.LoggingConfig(LogGroup=Ref("LogGroup")),
                Environment=awslambda.Environment(
                    Variables={
                        **({"TABLE_NAME": Sub("tap-${EnvironmentSuffix}-global")} if writes else {}),
                        "ROLE": Ref("Role"),
                        "REGIONS": "us-east-1,us-west-2",
                    }
                ),
                Code=awslambda.Code(ZipFile=HANDLER),
                **GONE,
            ),
            awslambda.Url("FunctionUrl", TargetFunctionArn=Ref("Function"), AuthType="NONE", **GONE),
            permission("UrlPermission", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE"),
            permission("InvokePermission", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True),
            role("ExecutionRole", "lambda.amazonaws.com", "run", statements),
            logs.LogGroup("LogGroup", LogGroupName=Sub(f"/aws/lambda/{function_name}"), RetentionInDays=30, **GONE),
        ]
    )
    template.add_output(
        Output("FunctionUrl", Description="Where the function answers", Value=GetAtt("FunctionUrl", "FunctionUrl"))
    )
    template.add_output(Output("FunctionName", Description="Name of the function", Value=Ref("Function")))
    return template


TEMPLATES = {
    "us-west-2/storage": secondary_storage,
    "us-east-1/storage": primary_storage,
    "us-east-1/table": table,
    "us-east-1/service": service,
    "us-west-2/service": service,
}
NAMED = {
    "us-west-2": {"b": secondary_storage, "f": service},
    "us-east-1": {"b": primary_storage, "f": service, "t": table},
}


def write(path, template):
    (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{path}.yaml").write_text(template.to_yaml(), encoding="utf-8")


for path, make in TEMPLATES.items():
    write(path, make())
for region, kinds in NAMED.items():
    for kind, make in kinds.items():
        for number in range(COUNT):
            write(f"{region}/{kind}{number}", make(f"{kind}{number}"))
