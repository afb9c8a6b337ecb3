"""What a template says of a bucket, as S3 has it, and what S3 has, for whoever compares it with a template.

S3's words are not turned back into a template's: a property that S3 has otherwise stands as `AS_S3_HAS_IT`.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Types_Amazon_Simple_Storage_Service.html
"""

from collections.abc import Callable
from typing import Any

from fake_aws.cloudformation.compare import same
from fake_aws.json_value import Json
from fake_aws.refusals import Unsupported
from fake_aws.s3.records import Bucket

Properties = dict[str, Any]
AS_S3_HAS_IT = "As S3 has it"
BLOCKED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
DEFAULTS: dict[str, Properties] = {
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": {
            "Rules": [
                {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False},
            ]
        }
    },
    "PublicAccessBlockConfiguration": {"PublicAccessBlockConfiguration": BLOCKED},
    "OwnershipControls": {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}},
    "RequestPayment": {"Payer": "BucketOwner"},
}
"""What every new bucket has, by the property that says otherwise, in the words of the call that reads it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
"""
UNSAYABLE = frozenset({"Acl", "RequestPayment"})
"""What a bucket has and no property says."""


def on(value: Json) -> bool:
    """Return whether a flag is on; a parameter gives it as text."""
    return str(value).lower() == "true"


def _not_none(properties: Properties) -> Properties:
    return {name: value for name, value in properties.items() if value is not None}


def _each(items: list[Properties] | None, turn: Callable[[Properties], Properties]) -> list[Properties] | None:
    return None if items is None else [turn(each) for each in items]


def _number(value: Json) -> int | None:
    return None if value is None else int(value)


# -- lifecycle ---------------------------------------------------------------------------------------------------------


def lifecycle(properties: Properties) -> list[Properties]:
    """Return lifecycle rules as S3 has them."""
    if properties.get("TransitionDefaultMinimumObjectSize", "all_storage_classes_128K") != "all_storage_classes_128K":
        raise Unsupported(f"TransitionDefaultMinimumObjectSize {properties['TransitionDefaultMinimumObjectSize']}")
    return [_rule(each) for each in properties.get("Rules", [])]


def _rule(rule: Properties) -> Properties:
    if unknown := rule.keys() & {"NoncurrentVersionTransition", "Transition"}:
        raise Unsupported(f"a lifecycle rule with {sorted(unknown)}, which a list has replaced")
    expiration = {
        "Days": _number(rule.get("ExpirationInDays")),
        "Date": rule.get("ExpirationDate"),
        "ExpiredObjectDeleteMarker": on(rule["ExpiredObjectDeleteMarker"])
        if "ExpiredObjectDeleteMarker" in rule
        else None,
    }
    old = rule.get("NoncurrentVersionExpiration")
    if "NoncurrentVersionExpirationInDays" in rule:
        old = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    return _not_none(
        {
            "ID": rule.get("Id"),
            "Status": rule["Status"],
            "Filter": _rule_filter(rule),
            "Expiration": _not_none(expiration) or None,
            "NoncurrentVersionExpiration": _numbers(old),
            "Transitions": _each(rule.get("Transitions"), _transition),
            "NoncurrentVersionTransitions": _each(rule.get("NoncurrentVersionTransitions"), _old_transition),
            "AbortIncompleteMultipartUpload": _numbers(rule.get("AbortIncompleteMultipartUpload")),
        }
    )


def _numbers(properties: Properties | None) -> Properties | None:
    return None if properties is None else {name: int(value) for name, value in properties.items()}


def _rule_filter(rule: Properties) -> Properties:
    parts: Properties = {"Prefix": rule["Prefix"]} if rule.get("Prefix") else {}
    parts |= {name: int(rule[name]) for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan") if name in rule}
    tags = rule.get("TagFilters", [])
    if len(parts) + len(tags) > 1:
        return {"And": {**parts, **({"Tags": tags} if tags else {})}}
    return {"Tag": tags[0]} if tags else parts or {"Prefix": ""}


def _transition(properties: Properties) -> Properties:
    return _not_none(
        {
            "Days": _number(properties.get("TransitionInDays")),
            "Date": properties.get("TransitionDate"),
            "StorageClass": properties["StorageClass"],
        }
    )


def _old_transition(properties: Properties) -> Properties:
    return _not_none(
        {
            "NoncurrentDays": int(properties["TransitionInDays"]),
            "NewerNoncurrentVersions": _number(properties.get("NewerNoncurrentVersions")),
            "StorageClass": properties["StorageClass"],
        }
    )


# -- replication -------------------------------------------------------------------------------------------------------


def replication(properties: Properties) -> Properties:
    """Return replication rules as S3 has them."""
    return {"Role": properties["Role"], "Rules": [_replication_rule(each) for each in properties["Rules"]]}


def _replication_rule(rule: Properties) -> Properties:
    where = dict(rule["Destination"])
    for name, number in (("ReplicationTime", "Time"), ("Metrics", "EventThreshold")):
        if number in where.get(name, {}):
            where[name] = {**where[name], number: {"Minutes": int(where[name][number]["Minutes"])}}
    return _not_none(
        {
            "ID": rule.get("Id"),
            "Priority": _number(rule.get("Priority")),
            "Prefix": rule.get("Prefix"),
            "Filter": _replication_filter(rule["Filter"]) if "Filter" in rule else None,
            "Status": rule["Status"],
            "SourceSelectionCriteria": rule.get("SourceSelectionCriteria"),
            "Destination": where,
            "DeleteMarkerReplication": rule.get("DeleteMarkerReplication"),
        }
    )


def _replication_filter(properties: Properties) -> Properties:
    if "And" in properties:
        both = properties["And"]
        return {"And": _not_none({"Prefix": both.get("Prefix"), "Tags": both.get("TagFilters")})}
    return _not_none({"Prefix": properties.get("Prefix"), "Tag": properties.get("TagFilter")})


# -- everything else that is read back ---------------------------------------------------------------------------------


def _encryption(properties: Properties) -> Properties:
    rules = [
        _not_none(
            {
                "ApplyServerSideEncryptionByDefault": each.get("ServerSideEncryptionByDefault"),
                "BucketKeyEnabled": on(each.get("BucketKeyEnabled", False)),
                "BlockedEncryptionTypes": each.get("BlockedEncryptionTypes"),
            }
        )
        for each in properties["ServerSideEncryptionConfiguration"]
    ]
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def _public_access(properties: Properties) -> Properties:
    return {"PublicAccessBlockConfiguration": {name: on(properties.get(name, False)) for name in BLOCKED}}


def _cors(properties: Properties) -> Properties:
    names = {"Id": "ID", "MaxAge": "MaxAgeSeconds", "ExposedHeaders": "ExposeHeaders"}
    rules = [{names.get(name, name): value for name, value in each.items()} for each in properties["CorsRules"]]
    return {
        "CORSRules": [
            each | ({"MaxAgeSeconds": int(each["MaxAgeSeconds"])} if "MaxAgeSeconds" in each else {}) for each in rules
        ]
    }


def _website(properties: Properties) -> Properties:
    return _not_none(
        {
            "ErrorDocument": {"Key": properties["ErrorDocument"]} if "ErrorDocument" in properties else None,
            "IndexDocument": {"Suffix": properties["IndexDocument"]} if "IndexDocument" in properties else None,
            "RedirectAllRequestsTo": properties.get("RedirectAllRequestsTo"),
            "RoutingRules": _each(properties.get("RoutingRules"), _route),
        }
    )


def _route(properties: Properties) -> Properties:
    return _not_none({"Condition": properties.get("RoutingRuleCondition"), "Redirect": properties["RedirectRule"]})


def _logging(properties: Properties) -> Properties:
    return {
        "LoggingEnabled": _not_none(
            {
                "TargetBucket": properties.get("DestinationBucketName"),
                "TargetPrefix": properties.get("LogFilePrefix", ""),
                "TargetObjectKeyFormat": properties.get("TargetObjectKeyFormat"),
            }
        )
    }


def _notifications(properties: Properties) -> Properties:
    kinds = (
        ("LambdaConfigurations", "Function", "LambdaFunctionConfigurations", "LambdaFunctionArn"),
        ("QueueConfigurations", "Queue", "QueueConfigurations", "QueueArn"),
        ("TopicConfigurations", "Topic", "TopicConfigurations", "TopicArn"),
    )
    configuration: Properties = {}
    for kind, target, shown, arn in kinds:
        for number, each in enumerate(properties.get(kind, [])):
            rules = each.get("Filter", {}).get("S3Key", {}).get("Rules")
            notification = {"Id": f"{target.lower()}-{number}", arn: each[target], "Events": [each["Event"]]}
            notification |= {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}
            configuration.setdefault(shown, []).append(notification)
    if on(
        properties.get("EventBridgeConfiguration", {}).get(
            "EventBridgeEnabled", "EventBridgeConfiguration" in properties
        )
    ):
        configuration["EventBridgeConfiguration"] = {}
    return configuration


SETTINGS: dict[str, Callable[[Properties], Properties]] = {
    "AccelerateConfiguration": lambda properties: {"Status": properties["AccelerationStatus"]},
    "BucketEncryption": _encryption,
    "CorsConfiguration": _cors,
    "LoggingConfiguration": _logging,
    "NotificationConfiguration": _notifications,
    "OwnershipControls": lambda properties: {"OwnershipControls": {"Rules": properties["Rules"]}},
    "PublicAccessBlockConfiguration": _public_access,
    "WebsiteConfiguration": _website,
}
"""By property, what the call that reads it answers."""
_APART = {
    "LifecycleConfiguration": lifecycle,
    "ReplicationConfiguration": replication,
    "VersioningConfiguration": lambda properties: properties.get("Status"),
}


def is_as_s3_has_it(value: Json) -> bool:
    """Return whether a property is in S3's words already."""
    return isinstance(value, dict) and AS_S3_HAS_IT in value


def in_s3_words(name: str, value: Json) -> Json:
    """Return a property as S3 has it; one that nobody here turns into S3's words as it is."""
    if is_as_s3_has_it(value):
        return value[AS_S3_HAS_IT]
    turn: Callable[[Json], Json] | None = SETTINGS.get(name) or _APART.get(name)
    return value if turn is None else turn(value)


def live(bucket: Bucket) -> Properties:
    """Return what a bucket really has, by property; what S3 has in other words than a template as `AS_S3_HAS_IT`."""
    held: Properties = {name: value for name, value in bucket.settings.items() if DEFAULTS.get(name) != value}
    held |= {"LifecycleConfiguration": bucket.lifecycle} if bucket.lifecycle else {}
    held |= {"ReplicationConfiguration": bucket.replication} if bucket.replication else {}
    properties: Properties = {name: {AS_S3_HAS_IT: value} for name, value in held.items()}
    if bucket.versioning:
        properties["VersioningConfiguration"] = {"Status": bucket.versioning}
    if bucket.object_lock:
        properties["ObjectLockEnabled"] = True
        properties |= {"ObjectLockConfiguration": bucket.object_lock} if "Rule" in bucket.object_lock else {}
    tags = {key: value for key, value in bucket.tags.items() if not key.startswith("aws:")}
    if tags:
        properties["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {"BucketName": bucket.name, **properties, **bucket.unplayed}


def aligned(given: Properties, there: Properties) -> Properties:
    """Return what a bucket has in the words of a template where the two mean the same."""
    equal = {name: value for name, value in given.items() if _same(name, value, there)}
    return there | equal


def _same(name: str, value: Json, there: Properties) -> bool:
    desired, has = in_s3_words(name, value), in_s3_words(name, there[name]) if name in there else DEFAULTS.get(name)
    if name == "Tags":
        desired, has = (sorted(each or [], key=lambda tag: str(tag["Key"])) for each in (desired, has))
    if name == "NotificationConfiguration":
        desired, has = (_without_ids(each) for each in (desired, has))
    return same(has, desired) or not (desired or has)


def _without_ids(properties: Properties | None) -> Properties:
    return {
        kind: [{name: value for name, value in each.items() if name != "Id"} for each in listed] if listed else listed
        for kind, listed in (properties or {}).items()
    }
