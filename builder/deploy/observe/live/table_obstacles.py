"""The obstacles to importing a table, each with its remedy, and what stays as it is; pure."""

from collections.abc import Iterator

from builder.deploy.observe.live.members import unknown_members
from builder.deploy.observe.live.table_seen import SeenReplica, SeenTable, by_name
from builder.deploy.resources.holder import Properties
from builder.template import as_list, at

_VERSION = "2019.11.21"
# What DynamoDB by default gives a table on demand.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html
_WARM = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000}
_MODES = frozenset({None, "ENABLED", "ENABLED_WITH_OVERRIDES"})
"""How the replicas of one account take over settings of each other."""


def obstacles_of(seen: SeenTable) -> Iterator[str]:
    """Yield the obstacles to any template."""
    table, region = seen.own.table, seen.own.region
    update = f"aws dynamodb update-table --region {region} --table-name {seen.name}"
    yield from _unsettled(seen)
    if at(table, "BillingModeSummary", "BillingMode") != "PAY_PER_REQUEST":
        yield (
            "it is billed by provisioned capacity, which a global table takes with auto scaling alone: "
            f"switch it to on demand first: {update} --billing-mode PAY_PER_REQUEST"
        )
    if table.get("MultiRegionConsistency") == "STRONG" or table.get("GlobalTableWitnesses"):
        yield (
            "it is strongly consistent between regions, where replicas neither come nor go by one, and time to live is "
            "not to be had: copy what is in it to a table that is eventually consistent, and say that one's name"
        )
    version = table.get("GlobalTableVersion") or _VERSION
    if seen.is_of_old or version != _VERSION:
        yield (
            f"it is a global table of version {'2017.11.29' if seen.is_of_old else version}, which CloudFormation does "
            f"not know: update it to version {_VERSION} in DynamoDB's console, Global tables"
        )
    yield from _of_other_accounts(seen)
    if table.get("VectorIndexes"):
        yield "it has vector indexes, which stay nobody's: delete them first, or keep the table where it is"
    for replica in seen.replicas:
        yield from _unsayable(seen.name, replica)
    for owner in seen.owners:
        for name in owner.replicating:
            yield (
                f"{owner.site.region}/{owner.stack_name} replicates it by {name} (Custom::DynamoDBReplica, of CDK), "
                "which deletes the replica as soon as it goes: give it `DeletionPolicy: Retain` there (in CDK by "
                "applyRemovalPolicy), and deploy that stack first"
            )


def _unsettled(seen: SeenTable) -> Iterator[str]:
    """Yield what has to end first, or be repaired."""
    for replica in seen.replicas:
        again = (
            f"aws dynamodb describe-table --region {replica.region} --table-name {seen.name}    tells when it is ACTIVE"
        )
        states = {"it": replica.table.get("TableStatus")}
        states |= {
            f"its index {index['IndexName']}": index.get("IndexStatus")
            for index in by_name(replica.table, "GlobalSecondaryIndexes")
        }
        for what, state in states.items():
            if state not in {"ACTIVE", None}:
                yield f"{what} is {state} in {replica.region}, and takes no other change: {again}"
        filled = [
            index["IndexName"] for index in by_name(replica.table, "GlobalSecondaryIndexes") if index.get("Backfilling")
        ]
        yield from (f"its index {name} is being filled in {replica.region}: {again}" for name in filled)
        status = at(replica.table, "SSEDescription", "Status")
        if status not in {"ENABLED", "DISABLED", None}:
            yield f"its encryption is {status} in {replica.region}: {again}"
    for region, shown in seen.members.items():
        if shown.get("ReplicaStatus") not in {"ACTIVE", None} and region not in seen.lost:
            yield (
                f"its replica in {region} is {shown['ReplicaStatus']}: aws dynamodb describe-table "
                f"--region {seen.own.region} --table-name {seen.name}    tells when it is ACTIVE"
            )
    for region in seen.missing:
        yield f"its replica in {region} is listed and not there: plan again once it has come or gone"


def _of_other_accounts(seen: SeenTable) -> Iterator[str]:
    own = str(seen.own.table.get("TableArn", "")).split(":")
    for region, shown in seen.members.items():
        account = str(shown.get("ReplicaArn", "")).split(":")
        if len(account) > 4 and len(own) > 4 and account[4] != own[4]:
            yield (
                f"its replica in {region} is in the account {account[4]}, and is a stack's there: "
                "leave the table to the stacks that have it"
            )
    modes = {shown.get("GlobalTableSettingsReplicationMode") for shown in (seen.own.table, *seen.members.values())}
    for mode in sorted(str(mode) for mode in modes - _MODES):
        yield f"its settings are replicated by the mode {mode}: in one account that is ENABLED_WITH_OVERRIDES"


def _unsayable(name: str, replica: SeenReplica) -> Iterator[str]:
    """Yield what a region's table has and no template of this builder can state."""
    region = replica.region
    for member in unknown_members(replica.table):
        yield (
            f"DescribeTable shows {member} in {region}, of which this builder does not know what a template says: "
            "take a newer one, or leave the table where it is"
        )
    for arn in replica.policies:
        yield (
            f"{arn} has a policy of its own, which would be nobody's: say the same in policies of roles, then "
            f"aws dynamodb delete-resource-policy --region {region} --resource-arn {arn}"
        )
    if len(replica.kinesis) > 1:
        streams = ", ".join(str(stream.get("StreamArn")) for stream in replica.kinesis)
        yield (
            f"its changes in {region} go to {len(replica.kinesis)} streams of Kinesis, and a template names one: "
            f"leave one of {streams}: "
            f"aws dynamodb disable-kinesis-streaming-destination --region {region} --table-name {name}"
        )
    kind = at(replica.table, "SSEDescription", "SSEType")
    if kind not in {"KMS", None}:
        yield f"it is encrypted by {kind} in {region}, which no template says: switch to a key of DynamoDB's or of KMS"


def notes_of(seen: SeenTable) -> Iterator[str]:
    """Yield what the table has and the definition does not state."""
    table = seen.own.table
    for name, holder in (
        ("", table),
        *((index["IndexName"], index) for index in by_name(table, "GlobalSecondaryIndexes")),
    ):
        warm = {unit: at(holder, "WarmThroughput", unit) for unit in _WARM}
        if any(isinstance(units, int) and units > _WARM[unit] for unit, units in warm.items()):
            what = f"the warm throughput of its index {name}" if name else "its warm throughput"
            yield f"{what}, {warm['ReadUnitsPerSecond']:,} reads and {warm['WriteUnitsPerSecond']:,} writes a second"
    for replica in seen.replicas:
        if replica.table.get("DisassociationProtectionEnabled") is False:
            yield f"its replica in {replica.region} is not protected from leaving the table's other regions"
    for region in seen.lost:
        yield f"its replica in {region}, which was not asked: tags, recovery and protection there are not known"


def kept_for_good(live: Properties, properties: Properties) -> Iterator[str]:
    """Yield the properties that the template states otherwise and that a table cannot change."""
    has, asks = _words(live.get("KeySchema")), _words(properties.get("KeySchema"))
    if has != asks:
        yield (
            f"its key is {has or 'not shown'}, and the template's {asks or 'not said'}: a key is for good, so say the "
            "table's own under `key:` in dr.yaml"
        )
    local = [str(index["IndexName"]) for index in live.get("LocalSecondaryIndexes", [])]
    named = [str(at(index, "IndexName")) for index in as_list(properties.get("LocalSecondaryIndexes"))]
    if sorted(local) != sorted(named):
        yield (
            f"its local secondary indexes are {', '.join(local) or 'none'}, and the template's "
            f"{', '.join(named) or 'none'}: they come and go with the table alone, so copy what is in it to a table "
            "with others, or bring a template of your own"
        )
    stream, view = (at(side, "StreamSpecification", "StreamViewType") for side in (live, properties))
    if stream is not None and view != stream:
        yield (
            f"its stream shows {stream}, and the template's {view or 'is off'}: who reads it would lose it, so say "
            f"`stream: {stream}` in dr.yaml"
        )


def _words(schema: object) -> str:
    return ", ".join(f"{at(attribute, 'AttributeName')} ({at(attribute, 'KeyType')})" for attribute in as_list(schema))
