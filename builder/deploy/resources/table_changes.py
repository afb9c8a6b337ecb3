"""The changes of a table that DynamoDB refuses or delays, for global tables and for those of a single region.

First the changes that it refuses though a change set shows them as in place, and those that take two updates; pure.
Then what has to end in a table before it can be changed again.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from builder.aws import Clients, call, together
from builder.deploy.resources.holder import Properties, Refusal, Singly
from builder.errors import AwsError
from builder.template import as_list, at, is_known
from builder.terms import Region

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

INDEXES = Singly("GlobalSecondaryIndexes", "IndexName", "global secondary index", most=20)
"""One index is added or removed in an update, best with no other change: a rolled back update may leave a new one.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
"""
TIME_TO_LIVE = "TimeToLiveSpecification"
_GONE = "ResourceNotFoundException"
# Statuses of a table, a replica, an index and a time to live that soon end. Others may stay, such as
# INACCESSIBLE_ENCRYPTION_CREDENTIALS.
_PASSING = frozenset({"CREATING", "UPDATING", "DELETING", "ENABLING", "DISABLING"})


def index_refusals(before: Properties, after: Properties) -> tuple[Refusal, ...]:
    """Return every index whose name would be given to a different one, and every key whose type would change.

    Values that are known only after a deployment are not judged.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
    """
    return (*_other_indexes(before, after), *_other_types(before, after))


def table_refusals(before: Properties, after: Properties) -> tuple[Refusal, ...]:
    """Return what DynamoDB refuses in a change of a global table.

    Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
    and https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
    """
    return (
        *index_refusals(before, after),
        *_other_stream(before, after),
        *_other_consistency(before, after),
        *_protected_replicas(before, after),
    )


def held_expiry(before: Properties, after: Properties) -> Mapping[str, Any]:
    """Return a time to live that is off, to be set first where the attribute changes or leaves the template.

    DynamoDB takes another attribute only while time to live is off; and by reports of CloudFormation's users, a
    template that no longer states it leaves it on, or is refused.
    Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html
    """
    was, will = before.get(TIME_TO_LIVE), after.get(TIME_TO_LIVE, {})
    if not isinstance(was, Mapping) or not is_on(was.get("Enabled")) or not is_known(was) or not is_known(will):
        return {}
    if at(will, "AttributeName") == was.get("AttributeName"):
        return {}
    return {TIME_TO_LIVE: {"AttributeName": was.get("AttributeName"), "Enabled": False}}


def is_on(value: object) -> bool:
    """Return whether a boolean property is true; a change set may show it as text."""
    return str(value).lower() == "true"


def _other_indexes(before: Properties, after: Properties) -> Iterator[Refusal]:
    was, will = _indexes(before), _indexes(after)
    for name in (name for name in was if name in will):
        old, new = was[name], will[name]
        part = "key" if old.get("KeySchema") != new.get("KeySchema") else "projection"
        known = all(is_known(at(side, key)) for side in (old, new) for key in ("KeySchema", "Projection"))
        if known and (part == "key" or _projected(old) != _projected(new)):
            yield Refusal(
                f"the index {name} cannot get another {part}: DynamoDB keeps an index as it was made",
                "give it another name: the new index is made first, and then the old one goes",
            )


def _other_types(before: Properties, after: Properties) -> Iterator[Refusal]:
    was, will = _types(before), _types(after)
    own = set(_key(before))
    users = {name: sorted(known for known, index in _indexes(before).items() if name in _key(index)) for name in was}
    for name, kind in was.items():
        if will.get(name, kind) == kind or not is_known(will[name]):
            continue
        if name in own:
            yield Refusal(
                f"{name} is {kind} in the table's key and cannot become {will[name]}: a key stays as it was made",
                "make another table beside it, and copy what is in this one",
            )
        elif users[name]:
            yield Refusal(
                f"{name} is {kind} in the key of the index {users[name][0]} and cannot become {will[name]} meanwhile",
                f"remove {', '.join(users[name])} in a deployment of its own first",
            )


def _other_stream(before: Properties, after: Properties) -> Iterator[Refusal]:
    was, will = (side.get("StreamSpecification") for side in (before, after))
    if was is None or not is_known(was) or not is_known(will) or not _is_replicated(before, after):
        return
    old_view, view = at(was, "StreamViewType"), at(will, "StreamViewType")
    if old_view != view:
        becomes = "be switched off" if will is None else f"become {view}"
        yield Refusal(
            f"its stream shows {old_view} and cannot {becomes}: replication runs over it",
            f"leave it {old_view}; another table beside this one can have another stream",
        )


def _other_consistency(before: Properties, after: Properties) -> Iterator[Refusal]:
    was, will = (side.get("MultiRegionConsistency", "EVENTUAL") for side in (before, after))
    if was != will and is_known(was) and is_known(will) and len(_replicas(before)) > 1:
        yield Refusal(
            f"its consistency between regions is {was} and cannot become {will} while it has replicas",
            "make another table beside it, and copy what is in this one",
        )


def _protected_replicas(before: Properties, after: Properties) -> Iterator[Refusal]:
    staying = _replicas(after)
    if not all(isinstance(at(replica, "Region"), str) for replica in as_list(after.get("Replicas"))):
        return
    for region, replica in _replicas(before).items():
        if region not in staying and is_on(replica.get("DeletionProtectionEnabled")):
            yield Refusal(
                f"its replica in {region} has deletion protection, and DynamoDB does not delete it",
                "switch that off in a deployment of its own first",
            )


def _is_replicated(before: Properties, after: Properties) -> bool:
    return max(len(as_list(before.get("Replicas"))), len(as_list(after.get("Replicas")))) > 1


def _replicas(properties: Properties) -> dict[str, Mapping[str, Any]]:
    listed = [item for item in as_list(properties.get("Replicas")) if isinstance(item, Mapping)]
    return {str(replica.get("Region")): replica for replica in listed}


def _indexes(properties: Properties) -> dict[str, Mapping[str, Any]]:
    listed = [item for item in as_list(properties.get(INDEXES.property)) if isinstance(item, Mapping)]
    return {name: index for index in listed if isinstance(name := index.get(INDEXES.named_by), str)}


def _projected(index: Mapping[str, Any]) -> tuple[object, frozenset[str]]:
    names = as_list(at(index, "Projection", "NonKeyAttributes"))
    return at(index, "Projection", "ProjectionType"), frozenset(str(name) for name in names)


def _types(properties: Properties) -> dict[str, object]:
    listed = as_list(properties.get("AttributeDefinitions"))
    return {str(at(attribute, "AttributeName")): at(attribute, "AttributeType") for attribute in listed}


def _key(holder: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(at(attribute, "AttributeName")) for attribute in as_list(holder.get("KeySchema")))


async def busy_table(clients: Clients, region: Region, table: str, touched: frozenset[str]) -> str:
    """Return what is under way in a table in any of its regions, or in its time to live where that is to be changed.

    CloudFormation completes an update while a new index is still filled from the table; until then DynamoDB refuses
    another index, an added or removed replica, and the table's deletion. A region shows only its own indexes.
    Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.OnlineOps.html and
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html
    """
    own = await describe_table(clients, region, table)
    if own is None:
        return ""
    regions = sorted({replica["RegionName"] for replica in own.get("Replicas", [])} - {region})
    others = await together(describe_table(clients, Region(other), table) for other in regions)
    lines = [
        *_changes_under_way(region, own),
        *(
            line
            for name, other in zip(regions, others, strict=True)
            if other
            for line in _changes_under_way(name, other)
        ),
    ]
    if TIME_TO_LIVE in touched:
        lines += await _expiry(clients, region, table)
    return "; ".join(lines)


def _changes_under_way(region: str, table: "TableDescriptionTypeDef") -> Iterator[str]:
    indexes = [index for index in table.get("GlobalSecondaryIndexes", []) if index.get("IndexStatus") in _PASSING]
    for index in indexes:
        filled = ", and filled from the table" if index.get("Backfilling") else ""
        yield f"its index {index.get('IndexName')} is {index.get('IndexStatus')} in {region}{filled}"
    if not indexes and table.get("TableStatus") in _PASSING:
        yield f"it is {table.get('TableStatus')} in {region}"


async def _expiry(clients: Clients, region: Region, table: str) -> list[str]:
    client = clients.dynamodb(region)
    answer = await call(f"{region}: {table}", client.describe_time_to_live, TableName=table)
    status = answer["TimeToLiveDescription"].get("TimeToLiveStatus", "DISABLED")
    return [f"its time to live is {status}, which takes up to an hour"] if status in _PASSING else []


async def describe_table(clients: Clients, region: Region, table: str) -> "TableDescriptionTypeDef | None":
    """Return a table's description in a region; None where there is none."""
    try:
        answer = await call(f"{region}: {table}", clients.dynamodb(region).describe_table, TableName=table)
    except AwsError as error:
        if error.code == _GONE:
            return None
        raise
    return answer["Table"]
