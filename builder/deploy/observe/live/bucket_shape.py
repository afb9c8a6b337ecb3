"""A bucket that was read, with the properties that AWS::S3::Bucket would state; pure.

The definition has what our templates state of a bucket. A policy, rules and all else that S3 keeps in one piece
must equal the template's, or is an obstacle: it is never replaced. Everything else stays, and is noted.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.deploy.observe.live.record import LiveResource, TemplateSide, own_tags, tag_list
from builder.deploy.observe.live.taken_back import losses_of_bucket
from builder.deploy.resources.holder import Properties
from builder.resource_types import BUCKET
from builder.template import as_list, at
from builder.terms import Region

DEFAULT = TemplateSide(properties={"LifecycleConfiguration": {}, "ReplicationConfiguration": {}}, makes_policy=True)
"""What is assumed where no template is given: it has rules and a policy of its own."""
_OWN = ("BucketName", "Tags")
"""Properties that the definition always has: all tags are one document."""
_NEVER_READ = ("AbacStatus", "AccessControl", "MetadataConfiguration", "MetadataTableConfiguration")
"""Properties that are not read from a bucket."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A setting that S3 keeps in one piece: a template replaces it, or leaves it where it does not state it."""

    property: str
    """The template's property."""
    noun: str
    members: tuple[str, ...]
    """The members of S3's answer that show whether the setting exists."""
    off: tuple[object, ...] = ()
    """Values that count as no setting."""


KEPT: Mapping[str, Kept] = {
    "get_bucket_accelerate_configuration": Kept(
        "AccelerateConfiguration", "transfer acceleration", ("Status",), ("Suspended",)
    ),
    "get_bucket_cors": Kept("CorsConfiguration", "CORS rules", ("CORSRules",)),
    "get_bucket_logging": Kept("LoggingConfiguration", "access logs", ("LoggingEnabled",)),
    "get_bucket_notification_configuration": Kept(
        "NotificationConfiguration",
        "notifications",
        (
            "TopicConfigurations",
            "QueueConfigurations",
            "LambdaFunctionConfigurations",
            "EventBridgeConfiguration",
        ),
    ),
    "get_bucket_request_payment": Kept("", "payment by requesters", ("Payer",), ("BucketOwner",)),
    "get_bucket_website": Kept(
        "WebsiteConfiguration",
        "website",
        ("IndexDocument", "ErrorDocument", "RedirectAllRequestsTo", "RoutingRules"),
    ),
    "list_bucket_analytics_configurations": Kept(
        "AnalyticsConfigurations", "analytics", ("AnalyticsConfigurationList",)
    ),
    "list_bucket_intelligent_tiering_configurations": Kept(
        "IntelligentTieringConfigurations", "intelligent tiering", ("IntelligentTieringConfigurationList",)
    ),
    "list_bucket_inventory_configurations": Kept(
        "InventoryConfigurations", "inventories", ("InventoryConfigurationList",)
    ),
    "list_bucket_metrics_configurations": Kept(
        "MetricsConfigurations", "request metrics", ("MetricsConfigurationList",)
    ),
}
"""Settings that are kept in one piece, by the call that reads each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBucket:
    """What S3 shows of a bucket: each call's answer by the call's name, empty where the setting does not exist."""

    name: str
    region: Region
    answers: Mapping[str, Mapping[str, Any]]

    def of(self, *path: str | int) -> Any:  # noqa: ANN401 - JSON
        """Return the value at a path that begins with the call's name."""
        return at(self.answers, *path)


def as_live(seen: SeenBucket, side: TemplateSide = DEFAULT) -> LiveResource:
    """Return a bucket as near to a template as the bucket allows, with the obstacles to this template."""
    definition = _definition(seen, side)
    if side is not DEFAULT:
        # The next update would remove what the import states and the template does not.
        definition = {name: value for name, value in definition.items() if name in {*side.properties, *_OWN}}
    return LiveResource(
        type=BUCKET,
        name=seen.name,
        region=seen.region,
        identifier={"BucketName": seen.name},
        definition=definition,
        obstacles=(*_obstacles(seen, side), *_replaced(seen, side)),
        notes=tuple(_notes(seen, side)),
        losses=() if side is DEFAULT else tuple(losses_of_bucket(definition, side.properties)),
        unversioned=seen.of("get_bucket_versioning", "Status") is None,
    )


def in_other_region(name: str, region: Region | None, asked_in: Region) -> LiveResource:
    """Return a bucket that S3 shows to be in a region other than the one it was read in."""
    what = (
        f"it is in {region or 'another region'}, and the template's stack in {asked_in}: a bucket does not move, so "
        "make the region that it is in the primary, or copy what is in it"
    )
    return LiveResource(
        type=BUCKET,
        name=name,
        region=region or asked_in,
        identifier={"BucketName": name},
        definition={"BucketName": name},
        obstacles=(what,),
    )


def _definition(seen: SeenBucket, side: TemplateSide) -> Properties:
    status = seen.of("get_bucket_versioning", "Status")
    block = seen.of("get_public_access_block", "PublicAccessBlockConfiguration")
    owners = seen.of("get_bucket_ownership_controls", "OwnershipControls", "Rules")
    tags = own_tags(seen.of("get_bucket_tagging", "TagSet"))
    template_keys = {str(at(tag, "Key")) for tag in as_list(side.properties.get("Tags"))}
    properties: dict[str, Any] = {
        "BucketName": seen.name,
        "BucketEncryption": _encryption(seen, side.properties.get("BucketEncryption")),
        "LifecycleConfiguration": (
            side.properties.get("LifecycleConfiguration") if _rules(seen) and _same_rules(seen, side) else None
        ),
        "OwnershipControls": {"Rules": [{"ObjectOwnership": rule.get("ObjectOwnership")} for rule in owners or []]},
        "PublicAccessBlockConfiguration": {name: block[name] for name in sorted(block)} if block else None,
        "VersioningConfiguration": {"Status": status} if status else None,
        "Tags": tag_list(
            {key: value for key, value in tags.items() if key in template_keys or side.stack_tags.get(key) != value}
        ),
    }
    return {name: value for name, value in properties.items() if value not in (None, [], {}, {"Rules": []})}


def _encryption(seen: SeenBucket, template_encryption: object) -> dict[str, Any] | None:
    """Return how the bucket encrypts; settings that are off are stated where the template states them."""
    rules = []
    for place, shown in enumerate(seen.of("get_bucket_encryption", "ServerSideEncryptionConfiguration", "Rules") or []):
        template_rule = at(template_encryption, "ServerSideEncryptionConfiguration", place)
        rule = {
            "ServerSideEncryptionByDefault": dict(shown.get("ApplyServerSideEncryptionByDefault", {})),
            "BucketKeyEnabled": shown.get("BucketKeyEnabled", False),
            "BlockedEncryptionTypes": dict(shown.get("BlockedEncryptionTypes", {})),
        }
        off = {"BucketKeyEnabled": False, "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}
        rules.append(
            {
                name: value
                for name, value in rule.items()
                if value != {} and (at(template_rule, name) is not None or off.get(name) != value)
            }
        )
    return {"ServerSideEncryptionConfiguration": rules} if rules else None


def _obstacles(seen: SeenBucket, side: TemplateSide) -> Iterator[str]:
    """Yield the obstacles to the template, or to its copies in other regions."""
    at_bucket = f"--bucket {seen.name}"
    if (policy := seen.of("get_bucket_policy", "Policy")) and side.makes_policy:
        yield _policy_obstacle(seen, is_same=same_policy_document(policy, side.policy))
    replicates = "ReplicationConfiguration" in side.properties
    if rules := seen.of("get_bucket_replication", "ReplicationConfiguration", "Rules"):
        to = ", ".join(sorted({_destination(rule) for rule in rules}))
        if replicates and not _same_replication(rules, side):
            yield (
                f"it replicates to {to}, and the template's rules would replace that: aws s3api "
                f"delete-bucket-replication {at_bucket}; or leave it out of the pair"
            )
    if _rules(seen) and not _same_rules(seen, side) and "LifecycleConfiguration" in side.properties:
        names = ", ".join(str(rule.get("ID", "without an id")) for rule in _rules(seen))
        yield (
            f"it has lifecycle rules ({names}), which the template's would replace: aws s3api "
            f"delete-bucket-lifecycle {at_bucket}; the template expires old versions"
        )
    if seen.of("get_object_lock_configuration", "ObjectLockConfiguration", "ObjectLockEnabled") and replicates:
        yield (
            "it has Object Lock, and S3 replicates to no bucket without: nobody here can say it of its twins, so copy "
            "what is in it to a bucket that has none"
        )
    if seen.of("get_bucket_versioning", "MFADelete") == "Enabled":
        yield (
            "it has MFA delete, under which S3 takes no lifecycle rules: the account's root user switches it off: "
            f"aws s3api put-bucket-versioning {at_bucket} "
            "--versioning-configuration Status=Enabled,MFADelete=Disabled --mfa ..."
        )
    if others := _granted(seen):
        yield (
            f"its ACL grants rights to {', '.join(others)}, and S3 takes no BucketOwnerEnforced then: say them in "
            f"policies of roles, then: aws s3api put-bucket-acl {at_bucket} --acl private"
        )


def _replaced(seen: SeenBucket, side: TemplateSide) -> Iterator[str]:
    """Yield the template's properties that would replace settings of the bucket and cannot be compared with them."""
    for call, kept in KEPT.items():
        if kept.property in side.properties and _has(seen, call):
            yield (
                f"it has {kept.noun}, and so has the template: compare the two by hand, and take one of them away: "
                f"aws s3api {call.replace('_', '-')} --bucket {seen.name}    shows them"
            )
    for name in _NEVER_READ:
        if name in side.properties:
            yield f"the template says {name}, and nobody here can tell what the bucket has of it: leave it out at first"


def _notes(seen: SeenBucket, side: TemplateSide) -> Iterator[str]:
    twins = "buckets in other regions have none"
    if seen.of("get_bucket_policy", "Policy") and not side.makes_policy:
        yield f"its policy ({_statements(seen)})"
    if (
        seen.of("get_bucket_replication", "ReplicationConfiguration")
        and "ReplicationConfiguration" not in side.properties
    ):
        yield "its replication rules"
    if _rules(seen) and "LifecycleConfiguration" not in side.properties:
        yield "its lifecycle rules"
    if (
        seen.of("get_object_lock_configuration", "ObjectLockConfiguration", "ObjectLockEnabled")
        and "ReplicationConfiguration" not in side.properties
    ):
        yield f"its Object Lock; {twins}"
    yield from (
        f"its {kept.noun}; {twins}"
        for call, kept in KEPT.items()
        if _has(seen, call) and kept.property not in side.properties
    )


def _has(seen: SeenBucket, call: str) -> bool:
    kept = KEPT[call]
    answer = seen.answers.get(call, {})
    return any(answer.get(name) not in (None, [], *kept.off) for name in kept.members)


def _granted(seen: SeenBucket) -> list[str]:
    """Return who has rights by its ACL besides its owner, where ACLs are enabled."""
    rules = as_list(seen.of("get_bucket_ownership_controls", "OwnershipControls", "Rules"))
    if any(at(rule, "ObjectOwnership") == "BucketOwnerEnforced" for rule in rules):
        return []
    owner = seen.of("get_bucket_acl", "Owner", "ID")
    grantees = (at(grant, "Grantee") for grant in as_list(seen.of("get_bucket_acl", "Grants")))
    return sorted(
        {
            str(at(grantee, "URI") or at(grantee, "ID"))
            for grantee in grantees
            if at(grantee, "ID") != owner or at(grantee, "URI")
        }
    )


def _policy_obstacle(seen: SeenBucket, *, is_same: bool) -> str:
    """Return why a bucket policy is an obstacle to another policy, whatever its document.

    Source: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1068
    """
    fails = "CloudFormation creates none on a bucket that has one (`The bucket policy already exists`)"
    delete = f"aws s3api delete-bucket-policy --bucket {seen.name}"
    if is_same:
        return (
            f"it has the bucket policy of the template already ({_statements(seen)}), and {fails}, not even the same: "
            f"right before the same command, which puts it back: {delete}"
        )
    return (
        f"it has a bucket policy ({_statements(seen)}), and the template has its own: {fails}. State what it allows in "
        f"policies of roles, then let the stack that has it remove it, or: {delete}"
    )


def same_policy_document(shown: object, document: object) -> bool:
    """Return whether a policy, as S3 shows it, is equivalent to a template's document.

    A list of one item equals the item, the order of lists does not matter, and an unbound partition equals any.
    """
    try:
        read = json.loads(str(shown))
    except (ValueError, RecursionError):
        return False
    return isinstance(document, Mapping) and _canonical(read) == _canonical(document)


_PARTITION = re.compile(r"^arn:(aws[-a-z]*|\$\{AWS::Partition\}):")


def _canonical(value: object) -> object:
    if isinstance(value, Mapping):
        return {
            str(name): "*" if name == "Principal" and value[name] in _ANYBODY else _canonical(value[name])
            for name in value
        }
    if isinstance(value, list):
        items = sorted((_canonical(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
        return items[0] if len(items) == 1 else items
    text = _text(value)
    return _PARTITION.sub("arn::", text) if isinstance(text, str) else text


_ANYBODY = ("*", {"AWS": "*"}, {"AWS": ["*"]})


def _statements(seen: SeenBucket) -> str:
    text = str(seen.of("get_bucket_policy", "Policy"))
    try:
        statements = as_list(at(json.loads(text), "Statement"))
    except ValueError:
        return "which is no JSON"
    return ", ".join(
        str(at(statement, "Sid") or f"{at(statement, 'Effect')} without a Sid") for statement in statements
    )


def _rules(seen: SeenBucket) -> list[Mapping[str, Any]]:
    return list(seen.of("get_bucket_lifecycle_configuration", "Rules") or [])


def _destination(rule: object) -> str:
    return str(at(rule, "Destination", "Bucket")).rpartition(":")[2]


def _same_replication(rules: list[Mapping[str, Any]], side: TemplateSide) -> bool:
    """Return whether replication rules are the template's in all but the role.

    The role of the rules differs on a bucket that an earlier deployment of the same system retained: it was deleted.
    """
    template_rules = as_list(at(side.properties, "ReplicationConfiguration", "Rules"))
    in_template = sorted((str(at(rule, "Id")), str(at(rule, "Status")), _destination(rule)) for rule in template_rules)
    shown = sorted((str(rule.get("ID")), str(rule.get("Status")), _destination(rule)) for rule in rules)
    every = all(_is_for_all(at(rule, "Filter")) and not at(rule, "Destination", "Account") for rule in rules)
    return every and in_template == shown


def _same_rules(seen: SeenBucket, side: TemplateSide) -> bool:
    """Return whether the bucket's lifecycle rules equal the template's, as far as our templates state any."""
    template_rules = as_list(at(side.properties, "LifecycleConfiguration", "Rules"))
    in_template = [_as_s3_has_it(rule) for rule in template_rules if isinstance(rule, Mapping)]
    shown = [_plain(rule) for rule in _rules(seen)]
    return None not in in_template and sorted(map(str, in_template)) == sorted(map(str, shown))


# From the template's name of a part of a rule to S3's name.
_PARTS = {
    "Id": ("ID",),
    "Status": ("Status",),
    "ExpirationInDays": ("Expiration", "Days"),
    "ExpiredObjectDeleteMarker": ("Expiration", "ExpiredObjectDeleteMarker"),
    "NoncurrentVersionExpiration": ("NoncurrentVersionExpiration",),
    "AbortIncompleteMultipartUpload": ("AbortIncompleteMultipartUpload",),
    "Prefix": ("Prefix",),
}


def _as_s3_has_it(rule: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a template's rule in the form of `_plain`; None for a rule with parts that are not compared here."""
    if not rule.keys() <= _PARTS.keys():
        return None
    made: dict[str, Any] = {}
    for name, value in rule.items():
        *above, last = _PARTS[name]
        holder = made
        for part in above:
            holder = holder.setdefault(part, {})
        holder[last] = value
    return _plain(made)


def _plain(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule in one order, with every value as text, without a filter that matches every object."""
    settings = {
        name: value for name, value in rule.items() if not (name in {"Filter", "Prefix"} and _is_for_all(value))
    }
    return {name: _text(settings[name]) for name in sorted(settings)}


def _is_for_all(value: object) -> bool:
    return value in ("", {}, {"Prefix": ""}, None)


def _text(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _text(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_text(inner) for inner in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
