"""The resource types the fake knows: names, attributes, and what cfn-lint's copy of AWS's schema says of them.

A type or attribute that is not here is refused loudly. Which properties exist, are create-only or tagged is read from
the schema; physical ids and attributes are written down here.
"""

import functools
import importlib.util
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fake_aws.refusals import Unsupported

Properties = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource is made."""

    account: str
    region: str
    stack: str

    def arn(self, service: str, rest: str, *, region: str | None = None) -> str:
        """Return an ARN of this account."""
        return f"arn:aws:{service}:{self.region if region is None else region}:{self.account}:{rest}"


Attributes = Callable[[Place, str, Properties], dict[str, str]]


@dataclass(frozen=True, slots=True)
class ResourceType:
    """What the fake must know of a type beside its schema."""

    name_property: str | None
    """The property that names it, where it can be named."""
    unique_in: str | None
    """`world`, `account` or `region`: where no two may have one name; None where the id is made by AWS."""
    attributes: Attributes
    physical: Callable[[Place, str, Properties, str], str] | None = None
    """(place, logical id, properties, random suffix) -> physical id, where it is not the name."""
    named_like: str | None = None
    """Another type from whose names this one's must differ too."""


def _none(_: Place, __: str, ___: Properties) -> dict[str, str]:
    return {}


def _table(place: Place, name: str, _: Properties) -> dict[str, str]:
    arn = place.arn("dynamodb", f"table/{name}")
    return {"Arn": arn, "StreamArn": f"{arn}/stream/2026-01-01T00:00:00.000", "TableId": f"id-of-{name}"}


def _bucket(place: Place, name: str, _: Properties) -> dict[str, str]:
    return {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{place.region}.amazonaws.com",
        "DualStackDomainName": f"{name}.s3.dualstack.{place.region}.amazonaws.com",
    }


def _role(place: Place, name: str, properties: Properties) -> dict[str, str]:
    path = properties.get("Path", "/")
    return {"Arn": place.arn("iam", f"role{path}{name}", region=""), "RoleId": f"AROA{name.upper()[:16]}"}


def _url(place: Place, function_arn: str, _: Properties) -> dict[str, str]:
    host = "".join(letter for letter in function_arn.rpartition(":")[2].lower() if letter.isalnum())
    return {"FunctionUrl": f"https://{host}.lambda-url.{place.region}.on.aws/", "FunctionArn": function_arn}


def _function_arn(place: Place, _: str, properties: Properties, __: str) -> str:
    target = str(properties["TargetFunctionArn"])
    return target if target.startswith("arn:") else place.arn("lambda", f"function:{target}")


def _queue(place: Place, url: str, _: Properties) -> dict[str, str]:
    name = url.rpartition("/")[2]
    return {"Arn": place.arn("sqs", name), "QueueName": name, "QueueUrl": url}


def _queue_url(place: Place, logical_id: str, properties: Properties, suffix: str) -> str:
    name = properties.get("QueueName", f"{place.stack}-{logical_id}-{suffix}")
    return f"https://sqs.{place.region}.amazonaws.com/{place.account}/{name}"


def _managed_policy_arn(place: Place, logical_id: str, properties: Properties, suffix: str) -> str:
    name = properties.get("ManagedPolicyName", f"{place.stack}-{logical_id}-{suffix}")
    return place.arn("iam", f"policy{properties.get('Path', '/')}{name}", region="")


def _key(place: Place, key: str, _: Properties) -> dict[str, str]:
    return {"Arn": place.arn("kms", f"key/{key}"), "KeyId": key}


def _key_id(_: Place, logical_id: str, properties: Properties, suffix: str) -> str:
    several = str(properties.get("MultiRegion", False)).lower() == "true"
    return f"{'mrk-' if several else ''}{logical_id.lower()[:8]}-{suffix.lower()}"


def _stack_set_id(place: Place, logical_id: str, properties: Properties, suffix: str) -> str:
    return f"{properties['StackSetName']}:{uuid.uuid5(uuid.NAMESPACE_URL, f'{place}/{logical_id}/{suffix}')}"


def _signed_url(place: Place, logical_id: str, _: Properties, suffix: str) -> str:
    arn = quote(place.arn("cloudformation", f"stack/{place.stack}/{logical_id}/{suffix}"), safe="")
    return f"https://cloudformation-waitcondition-{place.region}.s3.amazonaws.com/{arn}?X-Amz-Signature={suffix}"


def _stack_id(place: Place, logical_id: str, properties: Properties, suffix: str) -> str:
    name = f"{place.stack[: 128 - len(logical_id) - len(suffix) - 2]}-{logical_id}-{suffix}"
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"{place}/{logical_id}/{suffix}")
    return place.arn("cloudformation", f"stack/{name}/{number}")


def _replica_id(_: Place, __: str, properties: Properties, ___: str) -> str:
    return f"{properties['TableName']}-{properties['Region']}"


_CUSTOM = {"Custom::DynamoDBReplica": frozenset({"ServiceToken", "TableName", "Region"})}
"""Custom resources, with the properties that they have."""
STACK_TYPE = "AWS::CloudFormation::Stack"
TYPES: dict[str, ResourceType] = {
    STACK_TYPE: ResourceType(None, None, _none, _stack_id),
    "Custom::DynamoDBReplica": ResourceType(None, None, _none, _replica_id),
    "AWS::CloudFormation::WaitConditionHandle": ResourceType(None, None, _none, _signed_url),
    "AWS::CloudFormation::StackSet": ResourceType(
        "StackSetName", None, lambda _, set_id, __: {"StackSetId": set_id}, _stack_set_id
    ),
    "AWS::DynamoDB::GlobalTable": ResourceType("TableName", "region", _table),
    "AWS::DynamoDB::Table": ResourceType("TableName", "region", _table, named_like="AWS::DynamoDB::GlobalTable"),
    "AWS::S3::Bucket": ResourceType("BucketName", "world", _bucket),
    "AWS::S3::BucketPolicy": ResourceType("Bucket", None, _none),
    "AWS::IAM::Role": ResourceType("RoleName", "account", _role),
    "AWS::IAM::Policy": ResourceType(
        None, None, lambda _, name, __: {"Id": name}, lambda place, lid, _, end: f"{place.stack[:5]}-{lid[:4]}-{end}"
    ),
    "AWS::IAM::ManagedPolicy": ResourceType(
        "ManagedPolicyName",
        "account",
        lambda _, arn, __: {"PolicyArn": arn, "PolicyId": f"ANPA{arn.rpartition('/')[2].upper()[:16]}"},
        _managed_policy_arn,
    ),
    "AWS::Lambda::Function": ResourceType(
        "FunctionName", "region", lambda place, name, _: {"Arn": place.arn("lambda", f"function:{name}")}
    ),
    "AWS::Lambda::Url": ResourceType(None, None, _url, _function_arn),
    "AWS::Lambda::Permission": ResourceType(None, None, lambda _, name, __: {"Id": name}),
    "AWS::Logs::LogGroup": ResourceType(
        "LogGroupName", "region", lambda place, name, _: {"Arn": place.arn("logs", f"log-group:{name}:*")}
    ),
    "AWS::KMS::Key": ResourceType(None, None, _key, _key_id),
    "AWS::KMS::ReplicaKey": ResourceType(
        None, None, _key, lambda _, __, properties, ___: str(properties["PrimaryKeyArn"]).rpartition("/")[2]
    ),
    "AWS::CloudWatch::Alarm": ResourceType(
        "AlarmName", "region", lambda place, name, _: {"Arn": place.arn("cloudwatch", f"alarm:{name}")}
    ),
    "AWS::CloudWatch::Dashboard": ResourceType("DashboardName", "account", _none),
    "AWS::FIS::ExperimentTemplate": ResourceType(
        None, None, lambda _, name, __: {"Id": name}, lambda _, __, ___, suffix: f"EXT{suffix.lower()}"
    ),
    "AWS::KMS::Alias": ResourceType("AliasName", "region", _none),
    "AWS::EC2::KeyPair": ResourceType(
        "KeyName", "region", lambda place, name, _: {"KeyPairId": f"key-{place.account}{name}"}
    ),
    "AWS::EC2::VPC": ResourceType(
        None, None, lambda _, vpc, __: {"VpcId": vpc}, lambda _, lid, __, suffix: f"vpc-{lid.lower()}{suffix.lower()}"
    ),
    "AWS::SQS::Queue": ResourceType("QueueName", "region", _queue, _queue_url),
    "AWS::SSM::Parameter": ResourceType(
        "Name",
        "region",
        lambda _, __, properties: {"Type": str(properties["Type"]), "Value": str(properties["Value"])},
    ),
    "AWS::SNS::Subscription": ResourceType(
        None,
        None,
        lambda _, arn, __: {"Arn": arn},
        lambda _, lid, properties, end: f"{properties['TopicArn']}:{lid.lower()}-{end}",
    ),
    "Org::Service::Store": ResourceType("Name", "region", _none),
    "AWS::SNS::TopicPolicy": ResourceType(None, None, lambda _, name, __: {"Id": name}),
    "AWS::SNS::Topic": ResourceType(
        "TopicName",
        "region",
        lambda _, arn, __: {"TopicArn": arn, "TopicName": arn.rpartition(":")[2]},
        lambda place, lid, properties, end: place.arn(
            "sns", str(properties.get("TopicName", f"{place.stack}-{lid}-{end}"))
        ),
    ),
}


def known(type_name: str) -> ResourceType:
    """Return what the fake knows of a type, or refuse loudly."""
    if type_name not in TYPES:
        raise Unsupported(f"the fake does not know the resource type {type_name}")
    return TYPES[type_name]


def physical_id(type_name: str, place: Place, logical_id: str, properties: Properties, suffix: str) -> str:
    """Return the id a new resource gets: its given name, or one that AWS makes from the stack's."""
    about = known(type_name)
    if about.physical is not None:
        return about.physical(place, logical_id, properties, suffix)
    if about.name_property and about.name_property in properties:
        return str(properties[about.name_property])
    made = f"{place.stack}-{logical_id}-{suffix}"
    return made.lower()[:63] if type_name == "AWS::S3::Bucket" else made


_OF_US_EAST_1 = frozenset(
    {"AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::S3::Bucket", "AWS::S3::BucketPolicy"}
)


def needs_region(type_name: str) -> str | None:
    """Return the region whose control plane every change of such a resource needs, wherever its stack is.

    Source: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/global-services.html
    """
    return "us-east-1" if type_name in _OF_US_EAST_1 else None


@dataclass(frozen=True, slots=True)
class Schema:
    """What AWS's own schema says of a type's properties."""

    properties: frozenset[str]
    required: frozenset[str]
    create_only: frozenset[str] = frozenset()
    conditionally_create_only: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    identifier: frozenset[str] = frozenset()
    taggable: bool = False
    importable: bool = False
    """Whether it has a handler that reads it."""


@functools.cache
def schema(type_name: str) -> Schema:
    """Return the schema of a type the fake knows, from cfn-lint's data; a custom one's takes what its maker takes."""
    known(type_name)
    if type_name in _REGISTERED:
        return _REGISTERED[type_name]
    if type_name in _CUSTOM:
        return Schema(properties=_CUSTOM[type_name], required=frozenset({"ServiceToken"}))
    document = json.loads((_schemas() / "resources" / f"{_index()[type_name]}.json").read_text())
    read_only = _top(document.get("readOnlyProperties"))
    return Schema(
        properties=frozenset(document["properties"]) - read_only,
        required=frozenset(document.get("required", ())),
        create_only=_top(document.get("createOnlyProperties")),
        conditionally_create_only=_top(document.get("conditionalCreateOnlyProperties")),
        read_only=read_only,
        identifier=_top(document.get("primaryIdentifier")),
        taggable=bool((document.get("tagging") or {}).get("taggable")),
        importable="read" in document.get("handlers", {}),
    )


_REGISTERED = {
    "Org::Service::Store": Schema(
        properties=frozenset({"Name", "Size"}),
        required=frozenset(),
        create_only=frozenset({"Name"}),
        identifier=frozenset({"Name"}),
    )
}
"""The types that others have put into CloudFormation's registry: no builder knows them."""


def _top(paths: list[str] | None) -> frozenset[str]:
    return frozenset(path.split("/")[2] for path in paths or () if path.count("/") == 2)


@functools.cache
def _index() -> dict[str, str]:
    file_names: dict[str, str] = json.loads((_schemas() / "providers" / "us-east-1.json").read_text())
    return file_names


@functools.cache
def _schemas() -> Path:
    spec = importlib.util.find_spec("cfnlint")
    if spec is None or spec.origin is None:
        raise Unsupported("cfn-lint's schemas are not installed")
    return Path(spec.origin).parent / "data" / "schemas"
