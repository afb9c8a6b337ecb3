"""What a table or bucket that stands has, and the template that is to have it takes from it; pure.

The import itself changes nothing; the first update after it forces the template on what stands. What a template cannot
be bound to is not told: it is shown by that update alone.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html
"""

import json
from collections.abc import Collection, Iterator, Mapping

from builder.deploy.observe.live.record import Properties
from builder.deploy.resources.table_changes import is_on
from builder.template import as_list, at

_MOST_DAYS = 35
_SHOWN_CHARACTERS = 60
# Its name and key are compared elsewhere, attributes come and go with indexes, and on demand is all that is taken in.
_OF_TABLE = frozenset({"TableName", "KeySchema", "AttributeDefinitions", "BillingMode", "LocalSecondaryIndexes"})
_TOLD_APART = frozenset({"GlobalSecondaryIndexes", "TimeToLiveSpecification", "StreamSpecification", "Replicas"})
_OF_REPLICA = frozenset({"Region", "DeletionProtectionEnabled", "PointInTimeRecoverySpecification", "Tags"})
# S3 encrypts every bucket so, whatever it is told.
_DEFAULT_ENCRYPTION = [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]


def losses_of_table(live: Properties, wanted: Properties, lost: Collection[str] = ()) -> Iterator[str]:
    """Yield what a table has and its template does not say, of what is its own and of its replicas.

    Nobody has asked the `lost` regions. A replica that goes as a whole is told by the update that removes it.
    """
    indexes = {str(at(one, "IndexName")): one for one in as_list(wanted.get("GlobalSecondaryIndexes"))}
    for index in live.get("GlobalSecondaryIndexes", []):
        name = index["IndexName"]
        if name not in indexes:
            yield f"its index {name}: what queries it fails from then on"
        elif others := list(_others(index, indexes[name])):
            yield f"its index {name} as it is: the template says another {', '.join(others)}"
    yield from _expiry(live.get("TimeToLiveSpecification"), wanted.get("TimeToLiveSpecification"))
    own = {name: value for name, value in live.items() if name not in _OF_TABLE | _TOLD_APART}
    yield from (f"its {name}, {_shown(own[name])}" for name in _others(own, wanted))
    replicas = {str(at(one, "Region")): one for one in as_list(wanted.get("Replicas"))}
    for replica in live.get("Replicas", []):
        region = str(replica["Region"])
        if region in replicas and region not in lost:
            yield from _losses_of_replica(replica, replicas[region], f"in {region}")


def _losses_of_replica(live: Properties, wanted: object, where: str) -> Iterator[str]:
    if is_on(live.get("DeletionProtectionEnabled")) and _is_off(at(wanted, "DeletionProtectionEnabled")):
        yield f"its deletion protection {where}"
    days, asked = _days(live), _days(wanted)
    if asked is not None and days is not None and asked < days:
        yield f"what its point-in-time recovery {where} goes back to, beyond {asked} days"
    if gone := _tags(live, wanted):
        yield f"its tags {', '.join(gone)} {where}"
    own = {name: value for name, value in live.items() if name not in _OF_REPLICA}
    yield from (f"its {name} {where}, {_shown(own[name])}" for name in _others(own, wanted))


def losses_of_bucket(live: Properties, wanted: Properties) -> Iterator[str]:
    """Yield what a bucket has and its template does not say."""
    if gone := _tags(live, wanted):
        yield f"its tags {', '.join(gone)}"
    own = {name: value for name, value in live.items() if name not in {"BucketName", "Tags"}}
    if at(own, "BucketEncryption", "ServerSideEncryptionConfiguration") == _DEFAULT_ENCRYPTION:
        own.pop("BucketEncryption")
    if at(own, "VersioningConfiguration", "Status") == "Suspended":
        own.pop("VersioningConfiguration")
    yield from (f"its {name}, {_shown(own[name])}" for name in _others(own, wanted))


def _expiry(live: object, wanted: object) -> Iterator[str]:
    by, to_be = at(live, "AttributeName"), at(wanted, "AttributeName")
    is_wanted = wanted is not None and not _is_off(at(wanted, "Enabled"))
    if by is not None and (not is_wanted or not _same(by, to_be)):
        yield f"its time to live by {by}: nothing expires by that any more"
    if is_wanted and (by is None or not _same(by, to_be)):
        yield f"items whose {to_be} lies in the past: they are deleted from then on"


def _days(replica: object) -> int | None:
    """Return how many days back recovery goes; None where nobody knows."""
    recovery = at(replica, "PointInTimeRecoverySpecification")
    enabled = at(recovery, "PointInTimeRecoveryEnabled")
    if not _is_known(recovery):
        return None
    if not is_on(enabled):
        return 0
    days = str(at(recovery, "RecoveryPeriodInDays"))
    return int(days) if days.isdecimal() else _MOST_DAYS


def _tags(live: Properties, wanted: object) -> list[str]:
    listed = as_list(at(wanted, "Tags"))
    said = {str(at(one, "Key")): at(one, "Value") for one in listed}
    if not _is_known(listed):
        return []
    return [one["Key"] for one in live.get("Tags", []) if not _same(one["Value"], said.get(one["Key"]))]


def _others(live: Mapping[str, object], wanted: object) -> Iterator[str]:
    """Yield the properties that a template says otherwise, or not at all."""
    for name, value in live.items():
        said = at(wanted, name)
        if _is_known(said) and not _same(value, said):
            yield name


def _same(live: object, wanted: object) -> bool:
    match live, wanted:
        case Mapping(), Mapping():
            return live.keys() == wanted.keys() and all(_same(live[name], wanted[name]) for name in live)
        case list(), list():
            return len(live) == len(wanted) and all(map(_same, live, wanted))
    return _text(live) == _text(wanted)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_off(value: object) -> bool:
    return _is_known(value) and not is_on(value)


def _is_known(value: object) -> bool:
    """Return whether nothing in a value hangs on what only CloudFormation can tell."""
    match value:
        case Mapping():
            return not any(name == "Ref" or str(name).startswith("Fn::") for name in value) and all(
                map(_is_known, value.values())
            )
        case list():
            return all(map(_is_known, value))
    return True


def _shown(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
