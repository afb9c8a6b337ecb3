"""What an existing table or bucket loses by the template that imports it; pure.

The import itself changes nothing; the first update after it makes the resource what the template states. A value that
cannot be bound is left out: only that update shows it.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html
"""

import json
from collections.abc import Collection, Iterator, Mapping

from builder.deploy.resources.holder import Properties
from builder.deploy.resources.table_changes import is_on
from builder.template import as_list, at, is_known

_MOST_DAYS = 35
_SHOWN_CHARACTERS = 60
# Name and key are compared elsewhere, attributes change with indexes; only tables on demand are imported.
_OF_TABLE = frozenset({"TableName", "KeySchema", "AttributeDefinitions", "BillingMode", "LocalSecondaryIndexes"})
_COMPARED_APART = frozenset({"GlobalSecondaryIndexes", "TimeToLiveSpecification", "StreamSpecification", "Replicas"})
_OF_REPLICA = frozenset({"Region", "DeletionProtectionEnabled", "PointInTimeRecoverySpecification", "Tags"})
# S3's default encryption of every bucket.
_DEFAULT_ENCRYPTION = [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]


def losses_of_table(live: Properties, properties: Properties, lost: Collection[str] = ()) -> Iterator[str]:
    """Yield what a table and its replicas have and the template, by its `properties`, does not state.

    The `lost` regions were not read. The removal of a whole replica is shown by the update that removes it.
    """
    indexes = {str(at(index, "IndexName")): index for index in as_list(properties.get("GlobalSecondaryIndexes"))}
    for index in live.get("GlobalSecondaryIndexes", []):
        name = index["IndexName"]
        if name not in indexes:
            yield f"its index {name}: what queries it fails from then on"
        elif others := list(_others(index, indexes[name])):
            yield f"its index {name} as it is: the template says another {', '.join(others)}"
    yield from _expiry(live.get("TimeToLiveSpecification"), properties.get("TimeToLiveSpecification"))
    own = {name: value for name, value in live.items() if name not in _OF_TABLE | _COMPARED_APART}
    yield from (f"its {name}, {_shown(own[name])}" for name in _others(own, properties))
    replicas = {str(at(replica, "Region")): replica for replica in as_list(properties.get("Replicas"))}
    for replica in live.get("Replicas", []):
        region = str(replica["Region"])
        if region in replicas and region not in lost:
            yield from _losses_of_replica(replica, replicas[region], f"in {region}")


def _losses_of_replica(live: Properties, template_replica: object, where: str) -> Iterator[str]:
    if is_on(live.get("DeletionProtectionEnabled")) and _is_off(at(template_replica, "DeletionProtectionEnabled")):
        yield f"its deletion protection {where}"
    days, template_days = _days(live), _days(template_replica)
    if template_days is not None and days is not None and template_days < days:
        yield f"what its point-in-time recovery {where} goes back to, beyond {template_days} days"
    if gone := _tags(live, template_replica):
        yield f"its tags {', '.join(gone)} {where}"
    own = {name: value for name, value in live.items() if name not in _OF_REPLICA}
    yield from (f"its {name} {where}, {_shown(own[name])}" for name in _others(own, template_replica))


def losses_of_bucket(live: Properties, properties: Properties) -> Iterator[str]:
    """Yield what a bucket has and the template, by its `properties`, does not state."""
    if gone := _tags(live, properties):
        yield f"its tags {', '.join(gone)}"
    own = {name: value for name, value in live.items() if name not in {"BucketName", "Tags"}}
    if at(own, "BucketEncryption", "ServerSideEncryptionConfiguration") == _DEFAULT_ENCRYPTION:
        own.pop("BucketEncryption")
    if at(own, "VersioningConfiguration", "Status") == "Suspended":
        own.pop("VersioningConfiguration")
    yield from (f"its {name}, {_shown(own[name])}" for name in _others(own, properties))


def _expiry(live: object, template_expiry: object) -> Iterator[str]:
    by, to_be = at(live, "AttributeName"), at(template_expiry, "AttributeName")
    is_wanted = template_expiry is not None and not _is_off(at(template_expiry, "Enabled"))
    if by is not None and (not is_wanted or not _same(by, to_be)):
        yield f"its time to live by {by}: nothing expires by that any more"
    if is_wanted and (by is None or not _same(by, to_be)):
        yield f"items whose {to_be} lies in the past: they are deleted from then on"


def _days(replica: object) -> int | None:
    """Return how many days back recovery goes; None where that is unknown."""
    recovery = at(replica, "PointInTimeRecoverySpecification")
    enabled = at(recovery, "PointInTimeRecoveryEnabled")
    if not is_known(recovery):
        return None
    if not is_on(enabled):
        return 0
    days = str(at(recovery, "RecoveryPeriodInDays"))
    return int(days) if days.isdecimal() else _MOST_DAYS


def _tags(live: Properties, template: object) -> list[str]:
    listed = as_list(at(template, "Tags"))
    template_tags = {str(at(tag, "Key")): at(tag, "Value") for tag in listed}
    if not is_known(listed):
        return []
    return [tag["Key"] for tag in live.get("Tags", []) if not _same(tag["Value"], template_tags.get(tag["Key"]))]


def _others(live: Mapping[str, object], template: object) -> Iterator[str]:
    """Yield the properties that a template states otherwise, or not at all."""
    for name, value in live.items():
        template_value = at(template, name)
        if is_known(template_value) and not _same(value, template_value):
            yield name


def _same(live: object, template_value: object) -> bool:
    match live, template_value:
        case Mapping(), Mapping():
            return live.keys() == template_value.keys() and all(
                _same(live[name], template_value[name]) for name in live
            )
        case list(), list():
            return len(live) == len(template_value) and all(map(_same, live, template_value))
    return _text(live) == _text(template_value)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_off(value: object) -> bool:
    return is_known(value) and not is_on(value)


def _shown(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
