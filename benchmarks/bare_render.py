"""The floor of `benchmarks/render.py`: what somebody would write with troposphere alone for the same templates.

Usage: bare_render.py HANDLER FOLDER
"""

import sys
from pathlib import Path

from awacs.aws import Action, Allow, Bool, Condition, Deny, PolicyDocument, Principal, Statement
from troposphere import GetAtt, Output, Parameter, Ref, Sub, Tags, Template, awslambda, dynamodb, iam, logs, s3

HANDLER = Path(sys.argv[1]).read_text(encoding="utf-8")
FOLDER = Path(sys.argv[2])
BUCKET_ARN = "arn:${AWS::Partition}:s3:::tap-${EnvironmentSuffix}-${AWS::AccountId}-"
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


def bucket(**more):
    return s3.Bucket(
        "Bucket",
        BucketName=Sub("tap-${EnvironmentSuffix}-${AWS::AccountId}-${AWS::Region}-an"),
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


def secondary_storage():
    template = start("tap: secondary bucket, receives the primary's objects")
    template.add_resource([bucket(), policy()])
    bucket_outputs(template)
    return template


def primary_storage():
    template = start("tap: primary bucket, replicated to every secondary region")
    rule = s3.ReplicationConfigurationRules(
        Id="to-us-west-2",
        Status="Enabled",
        Priority=1,
        Filter=s3.ReplicationRuleFilter(Prefix=""),
        DeleteMarkerReplication=s3.DeleteMarkerReplication(Status="Enabled"),
        Destination=s3.ReplicationConfigurationRulesDestination(
            Bucket=Sub(f"{BUCKET_ARN}us-west-2-an"), Metrics=s3.Metrics(Status="Enabled")
        ),
    )
    replication = s3.ReplicationConfiguration(Role=GetAtt("ReplicationRole", "Arn"), Rules=[rule])
    own = f"{BUCKET_ARN}${{AWS::Region}}-an"
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
            [Sub(f"{BUCKET_ARN}us-west-2-an/*")],
        ),
    ]
    template.add_resource([bucket(ReplicationConfiguration=replication), policy()])
    template.add_resource(role("ReplicationRole", "s3.amazonaws.com", "replicate", statements))
    bucket_outputs(template)
    return template


def table():
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
            TableName=Sub("tap-${EnvironmentSuffix}-global"),
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


def service():
    template = start("tap: function behind a URL that writes to the global table")
    template.add_parameter(
        Parameter(
            "Role",
            Type="String",
            Description="Which of the system's regions this is",
            AllowedValues=["primary", "secondary"],
        )
    )
    table_arn = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/tap-${EnvironmentSuffix}-global"
    statements = [
        allow("ReadAndWriteItems", "dynamodb", ["GetItem", "PutItem", "DeleteItem"], [Sub(table_arn)]),
        allow("WriteLogs", "logs", ["CreateLogStream", "PutLogEvents"], [GetAtt("LogGroup", "Arn")]),
    ]
    template.add_resource(
        [
            awslambda.Function(
                "Function",
                FunctionName=Sub("tap-${EnvironmentSuffix}-${Role}"),
                Runtime="python3.14",
                Handler="index.handler",
                MemorySize=256,
                Timeout=10,
                Role=GetAtt("ExecutionRole", "Arn"),
                LoggingConfig=awslambda.LoggingConfig(LogGroup=Ref("LogGroup")),
                Environment=awslambda.Environment(
                    Variables={
                        "TABLE_NAME": Sub("tap-${EnvironmentSuffix}-global"),
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
            logs.LogGroup(
                "LogGroup", LogGroupName=Sub("/aws/lambda/tap-${EnvironmentSuffix}-${Role}"), RetentionInDays=30, **GONE
            ),
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
for path, make in TEMPLATES.items():
    (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{path}.yaml").write_text(make().to_yaml(), encoding="utf-8")
