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


def _said(properties: Properties) -> Properties:
    return {name: value for name, value in properties.items() if value is not None}


def _each(items: list[Properties] | None, turn: Callable[[Properties], Properties]) -> list[Properties] | None:
    return None if items is None else [turn(each) for each in items]


def _number(value: Json) -> int | None:
    return None if value is None else int(value)


# -- lifecycle ---------------------------------------------------------------------------------------------------------


def lifecycle(said: Properties) -> list[Properties]:
    """Return lifecycle rules as S3 has them."""
    if said.get("TransitionDefaultMinimumObjectSize", "all_storage_classes_128K") != "all_storage_classes_128K":
        raise Unsupported(f"TransitionDefaultMinimumObjectSize {said['TransitionDefaultMinimumObjectSize']}")
    return [_rule(each) for each in said.get("Rules", [])]


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
    return _said(
        {
            "ID": rule.get("Id"),
            "Status": rule["Status"],
            "Filter": _rule_filter(rule),
            "Expiration": _said(expiration) or None,
            "NoncurrentVersionExpiration": _numbers(old),
            "Transitions": _each(rule.get("Transitions"), _transition),
            "NoncurrentVersionTransitions": _each(rule.get("NoncurrentVersionTransitions"), _old_transition),
            "AbortIncompleteMultipartUpload": _numbers(rule.get("AbortIncompleteMultipartUpload")),
        }
    )


def _numbers(said: Properties | None) -> Properties | None:
    return None if said is None else {name: int(value) for name, value in said.items()}


def _rule_filter(rule: Properties) -> Properties:
    parts: Properties = {"Prefix": rule["Prefix"]} if rule.get("Prefix") else {}
    parts |= {name: int(rule[name]) for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan") if name in rule}
    tags = rule.get("TagFilters", [])
    if len(parts) + len(tags) > 1:
        return {"And": {**parts, **({"Tags": tags} if tags else {})}}
    return {"Tag": tags[0]} if tags else parts or {"Prefix": ""}


def _transition(said: Properties) -> Properties:
    return _said(
        {
            "Days": _number(said.get("TransitionInDays")),
            "Date": said.get("TransitionDate"),
            "StorageClass": said["StorageClass"],
        }
    )


def _old_transition(said: Properties) -> Properties:
    return _said(
        {
            "NoncurrentDays": int(said["TransitionInDays"]),
            "NewerNoncurrentVersions": _number(said.get("NewerNoncurrentVersions")),
            "StorageClass": said["StorageClass"],
        }
    )


# -- replication -------------------------------------------------------------------------------------------------------


def replication(said: Properties) -> Properties:
    """Return replication rules as S3 has them."""
    return {"Role": said["Role"], "Rules": [_replication_rule(each) for each in said["Rules"]]}


def _replication_rule(rule: Properties) -> Properties:
    where = dict(rule["Destination"])
    for name, number in (("ReplicationTime", "Time"), ("Metrics", "EventThreshold")):
        if number in where.get(name, {}):
            where[name] = {**where[name], number: {"Minutes": int(where[name][number]["Minutes"])}}
    return _said(
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


def _replication_filter(said: Properties) -> Properties:
    if "And" in said:
        both = said["And"]
        return {"And": _said({"Prefix": both.get("Prefix"), "Tags": both.get("TagFilters")})}
    return _said({"Prefix": said.get("Prefix"), "Tag": said.get("TagFilter")})


# -- everything else that is read back ---------------------------------------------------------------------------------


def _encryption(said: Properties) -> Properties:
    rules = [
        _said(
            {
                "ApplyServerSideEncryptionByDefault": each.get("ServerSideEncryptionByDefault"),
                "BucketKeyEnabled": on(each.get("BucketKeyEnabled", False)),
                "BlockedEncryptionTypes": each.get("BlockedEncryptionTypes"),
            }
        )
        for each in said["ServerSideEncryptionConfiguration"]
    ]
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def _public_access(said: Properties) -> Properties:
    return {"PublicAccessBlockConfiguration": {name: on(said.get(name, False)) for name in BLOCKED}}


def _cors(said: Properties) -> Properties:
    names = {"Id": "ID", "MaxAge": "MaxAgeSeconds", "ExposedHeaders": "ExposeHeaders"}
    rules = [{names.get(name, name): value for name, value in each.items()} for each in said["CorsRules"]]
    return {
        "CORSRules": [
            each | ({"MaxAgeSeconds": int(each["MaxAgeSeconds"])} if "MaxAgeSeconds" in each else {}) for each in rules
        ]
    }


def _website(said: Properties) -> Properties:
    return _said(
        {
            "ErrorDocument": {"Key": said["ErrorDocument"]} if "ErrorDocument" in said else None,
            "IndexDocument": {"Suffix": said["IndexDocument"]} if "IndexDocument" in said else None,
            "RedirectAllRequestsTo": said.get("RedirectAllRequestsTo"),
            "RoutingRules": _each(said.get("RoutingRules"), _route),
        }
    )


def _route(said: Properties) -> Properties:
    return _said({"Condition": said.get("RoutingRuleCondition"), "Redirect": said["RedirectRule"]})


def _logging(said: Properties) -> Properties:
    return {
        "LoggingEnabled": _said(
            {
                "TargetBucket": said.get("DestinationBucketName"),
                "TargetPrefix": said.get("LogFilePrefix", ""),
                "TargetObjectKeyFormat": said.get("TargetObjectKeyFormat"),
            }
        )
    }


def _notifications(said: Properties) -> Properties:
    kinds = (
        ("LambdaConfigurations", "Function", "LambdaFunctionConfigurations", "LambdaFunctionArn"),
        ("QueueConfigurations", "Queue", "QueueConfigurations", "QueueArn"),
        ("TopicConfigurations", "Topic", "TopicConfigurations", "TopicArn"),
    )
    found: Properties = {}
    for kind, target, shown, arn in kinds:
        for number, each in enumerate(said.get(kind, [])):
            rules = each.get("Filter", {}).get("S3Key", {}).get("Rules")
            notification = {"Id": f"{target.lower()}-{number}", arn: each[target], "Events": [each["Event"]]}
            notification |= {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}
            found.setdefault(shown, []).append(notification)
    if on(said.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled", "EventBridgeConfiguration" in said)):
        found["EventBridgeConfiguration"] = {}
    return found


SETTINGS: dict[str, Callable[[Properties], Properties]] = {
    "AccelerateConfiguration": lambda said: {"Status": said["AccelerationStatus"]},
    "BucketEncryption": _encryption,
    "CorsConfiguration": _cors,
    "LoggingConfiguration": _logging,
    "NotificationConfiguration": _notifications,
    "OwnershipControls": lambda said: {"OwnershipControls": {"Rules": said["Rules"]}},
    "PublicAccessBlockConfiguration": _public_access,
    "WebsiteConfiguration": _website,
}
"""By property, what the call that reads it answers."""
_APART = {
    "LifecycleConfiguration": lifecycle,
    "ReplicationConfiguration": replication,
    "VersioningConfiguration": lambda said: said.get("Status"),
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
    found: Properties = {name: {AS_S3_HAS_IT: value} for name, value in held.items()}
    if bucket.versioning:
        found["VersioningConfiguration"] = {"Status": bucket.versioning}
    if bucket.object_lock:
        found["ObjectLockEnabled"] = True
        found |= {"ObjectLockConfiguration": bucket.object_lock} if "Rule" in bucket.object_lock else {}
    tags = {key: value for key, value in bucket.tags.items() if not key.startswith("aws:")}
    if tags:
        found["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {"BucketName": bucket.name, **found, **bucket.unplayed}


def aligned(given: Properties, there: Properties) -> Properties:
    """Return what a bucket has in the words of a template where the two mean the same."""
    equal = {name: value for name, value in given.items() if _same(name, value, there)}
    return there | equal


def _same(name: str, value: Json, there: Properties) -> bool:
    wanted, has = in_s3_words(name, value), in_s3_words(name, there[name]) if name in there else DEFAULTS.get(name)
    if name == "Tags":
        wanted, has = (sorted(each or [], key=lambda tag: str(tag["Key"])) for each in (wanted, has))
    if name == "NotificationConfiguration":
        wanted, has = (_without_ids(each) for each in (wanted, has))
    return same(has, wanted) or not (wanted or has)


def _without_ids(said: Properties | None) -> Properties:
    return {
        kind: [{name: value for name, value in each.items() if name != "Id"} for each in listed] if listed else listed
        for kind, listed in (said or {}).items()
    }
