"""Resources that several tests deploy, each with the properties a test wants to be different."""

from typing import Any

from local.account import PRIMARY, SECONDARY, Account

TABLE = "tap-test-global"


def table(*replicas: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """A global table with the given replicas, by default one in each of the two regions."""
    return {
        "Table": {
            "Type": "AWS::DynamoDB::GlobalTable",
            "Properties": {
                "TableName": TABLE,
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
                "Replicas": list(replicas) or [{"Region": PRIMARY}, {"Region": SECONDARY}],
                **properties,
            },
        }
    }


def bucket(name: str, **properties: Any) -> dict[str, Any]:
    """A versioned bucket."""
    defaults = {"BucketName": name, "VersioningConfiguration": {"Status": "Enabled"}}
    given = {key: value for key, value in {**defaults, **properties}.items() if value is not None}
    return {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": given}}


def replication(destination: str, **rule: Any) -> dict[str, Any]:
    """A configuration with one rule, that replicates everything."""
    defaults = {
        "Id": "all",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{destination}"},
    }
    given = {key: value for key, value in {**defaults, **rule}.items() if value is not None}
    return {"Role": "arn:aws:iam::123456789012:role/replication", "Rules": [given]}


def function(name: str, code: str = "def handler(event, context):\n    return {'statusCode': 200}\n") -> dict[str, Any]:
    """A Python function."""
    return {
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": name,
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": "arn:aws:iam::123456789012:role/execution",
                "Code": {"ZipFile": code},
            },
        }
    }


def log_group(name: str, **properties: Any) -> dict[str, Any]:
    """A log group."""
    return {"LogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, **properties}}}


HANDLE = {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
"""A resource that does nothing: a stack may not be empty."""


def kept(resources: dict[str, Any]) -> dict[str, Any]:
    """The same resources, which stay when their stack lets them go."""
    policies = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    return {name: {**resource, **policies} for name, resource in resources.items()}


def names(account: Account) -> tuple[str, str]:
    """Names of a source and a destination bucket that no other account has: they are shared by all."""
    return f"source-{account.id}", f"destination-{account.id}"
