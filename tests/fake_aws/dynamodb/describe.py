"""How a table is shown in one of its regions: DescribeTable, and what is asked beside it.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html,
API_ReplicaDescription, API_DescribeContinuousBackups, API_DescribeTimeToLive, API_ListTagsOfResource,
API_ListContributorInsights, API_GetResourcePolicy, API_DescribeKinesisStreamingDestination and API_DescribeGlobalTable
"""

import json
from typing import TYPE_CHECKING, Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation.paging import page
from fake_aws.dynamodb import items
from fake_aws.dynamodb.changes import find
from fake_aws.dynamodb.definition import index_of, is_on, is_on_demand
from fake_aws.dynamodb.records import Replica, Table
from fake_aws.kms.effects import arn_of
from fake_aws.refusals import AwsRefusal, Unsupported

if TYPE_CHECKING:
    from fake_aws.world import World

_WARM = {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"}
_UNSHOWN = frozenset({"GlobalTableSourceArn", "GlobalTableWitnesses", "MultiRegionConsistency", "TableType"}) | {
    "VectorIndexes"
}
"""What a template may say of a table, and nobody plays here."""
_LABEL = "2026-01-01T00:00:00.000"


def table_named(request: Request, name: str, *, code: str = "ResourceNotFoundException") -> Table:
    """Return the region's table of a name, or by its ARN. Raises AwsRefusal."""
    if name.startswith("arn:") and name.split(":")[3] != request.region:
        raise AwsRefusal("ValidationException", f"Invalid TableArn: {name} is of another region")
    table = find(request.world, request.account, request.region, name.rpartition("table/")[2])
    if table is None:
        raise AwsRefusal(code, f"Requested resource not found: Table: {name} not found")
    return table


def describe_table(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeTable in the region it is asked in; `Replicas` are those of other regions."""
    return {"Table": shown(request.world, table_named(request, params["TableName"]), request.region)}


def shown(world: "World", table: Table, region: str) -> dict[str, Any]:
    """Return a TableDescription."""
    own, group = table.replicas[region], table.group
    if unknown := group.keys() & _UNSHOWN:
        raise Unsupported(f"what DescribeTable shows of {sorted(unknown)}")
    stream = {"StreamEnabled": True, "StreamViewType": table.stream} if table.stream else None
    table_class = own.settings.get("TableClass")
    return {
        "TableName": table.name,
        "TableArn": table.arn(region),
        "TableId": f"id-of-{table.name}-in-{region}",
        "TableStatus": own.status if own.status != "ACTIVE" else "UPDATING" if table.busy else "ACTIVE",
        "CreationDateTime": own.added,
        "KeySchema": group.get("KeySchema", []),
        "AttributeDefinitions": group.get("AttributeDefinitions", []),
        "ItemCount": len(own.items),
        "TableSizeBytes": items.size_of(own),
        "BillingModeSummary": {"BillingMode": group["BillingMode"]} if table.once_on_demand else None,
        "ProvisionedThroughput": _provisioned(table, group),
        "OnDemandThroughput": _most(group, own.settings),
        "WarmThroughput": _WARM,
        "GlobalSecondaryIndexes": [_index(table, name, region) for name in sorted(table.indexes)],
        "LocalSecondaryIndexes": group.get("LocalSecondaryIndexes") or None,
        "StreamSpecification": stream,
        "LatestStreamLabel": _LABEL if stream else None,
        "LatestStreamArn": f"{table.arn(region)}/stream/{_LABEL}" if stream else None,
        "SSEDescription": _encryption(world, table, own),
        "TableClassSummary": {"TableClass": table_class} if table_class else None,
        "DeletionProtectionEnabled": own.deletion_protection,
        "GlobalTableVersion": None if table.local else "2019.11.21",
        "Replicas": [_member(world, table, each) for _, each in sorted(table.replicas.items()) if each is not own],
    }


def _provisioned(table: Table, holder: dict[str, Any]) -> dict[str, int]:
    throughput = {} if is_on_demand(table) else holder.get("ProvisionedThroughput", {})
    units = {name: int(throughput.get(name, 0)) for name in ("ReadCapacityUnits", "WriteCapacityUnits")}
    return {"NumberOfDecreasesToday": 0, **units}


def _most(*holders: dict[str, Any]) -> dict[str, int] | None:
    """Return the most that is served on demand, written and read."""
    most = {}
    for settings, unit in (
        ("WriteOnDemandThroughputSettings", "MaxWriteRequestUnits"),
        ("ReadOnDemandThroughputSettings", "MaxReadRequestUnits"),
    ):
        limits: dict[str, Any] = next((holder[settings] for holder in holders if settings in holder), {})
        if unit in limits:
            most[unit] = int(limits[unit])
    return most or None


def _index(table: Table, name: str, region: str) -> dict[str, Any]:
    definition = index_of(table, name)
    status = table.indexes[name].statuses.get(region, "ACTIVE")
    listed = table.replicas[region].settings.get("GlobalSecondaryIndexes", [])
    own: dict[str, Any] = next((each for each in listed if each["IndexName"] == name), {})
    return {
        "IndexName": name,
        "IndexArn": f"{table.arn(region)}/index/{name}",
        "IndexStatus": status,
        "Backfilling": True if status == "CREATING" else None,
        "KeySchema": definition["KeySchema"],
        "Projection": definition["Projection"],
        "ProvisionedThroughput": _provisioned(table, definition),
        "OnDemandThroughput": _most(definition, own),
        "WarmThroughput": _WARM,
    }


def _encryption(world: "World", table: Table, replica: Replica) -> dict[str, Any] | None:
    if not is_on(table.group.get("SSESpecification", {}).get("SSEEnabled")):
        return None
    key = arn_of(world, table.account, replica.region, replica.key or "alias/aws/dynamodb")
    return {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}


def _member(world: "World", table: Table, replica: Replica) -> dict[str, Any]:
    table_class = replica.settings.get("TableClass")
    read = replica.settings.get("ReadOnDemandThroughputSettings")
    return {
        "RegionName": replica.region,
        "ReplicaStatus": replica.status,
        "ReplicaArn": table.arn(replica.region),
        "KMSMasterKeyId": arn_of(world, table.account, replica.region, replica.key) if replica.key else None,
        "OnDemandThroughputOverride": {"MaxReadRequestUnits": int(read["MaxReadRequestUnits"])} if read else None,
        "GlobalSecondaryIndexes": [{"IndexName": name} for name in sorted(table.indexes)] or None,
        "ReplicaTableClassSummary": {"TableClass": table_class} if table_class else None,
    }


def describe_time_to_live(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeTimeToLive: what it is, or on its way to."""
    expiry = table_named(request, params["TableName"]).expiry
    is_changing = request.world.now < expiry.until
    status = (
        ("ENABLING" if is_changing else "ENABLED") if expiry.enabled else "DISABLING" if is_changing else "DISABLED"
    )
    named = {"AttributeName": expiry.attribute} if status != "DISABLED" else {}
    return {"TimeToLiveDescription": {"TimeToLiveStatus": status, **named}}


def describe_continuous_backups(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeContinuousBackups; each region's replica has its own."""
    table = table_named(request, params["TableName"], code="TableNotFoundException")
    return {"ContinuousBackupsDescription": recovery(table.replicas[request.region])}


def recovery(replica: Replica) -> dict[str, Any]:
    """Return a ContinuousBackupsDescription."""
    specification = replica.settings.get("PointInTimeRecoverySpecification", {})
    point: dict[str, Any]
    if not is_on(specification.get("PointInTimeRecoveryEnabled")):
        point = {"PointInTimeRecoveryStatus": "DISABLED"}
    else:
        days = int(specification.get("RecoveryPeriodInDays", 35))
        point = {"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": days}
    return {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": point}


def list_tags_of_resource(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListTagsOfResource: those of the region's replica, a page of them."""
    replica = table_named(request, params["ResourceArn"]).replicas[request.region]
    listed, token = page(request, replica.settings.get("Tags", []), params.get("NextToken"))
    return {"Tags": [{"Key": each["Key"], "Value": str(each["Value"])} for each in listed], "NextToken": token}


def list_contributor_insights(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListContributorInsights: of the region's table and of its indexes, where they were ever switched on."""
    table = table_named(request, params["TableName"])
    rows = [
        {"TableName": table.name, **({"IndexName": name} if name else {}), **insights(table, request.region, name)}
        for name in ("", *sorted(table.indexes))
        if insights_specification(table, request.region, name)
    ]
    listed, token = page(request, rows, params.get("NextToken"))
    return {"ContributorInsightsSummaries": listed, "NextToken": token}


def describe_contributor_insights(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeContributorInsights, of the region's table or of an index of it."""
    table, index = table_named(request, params["TableName"]), params.get("IndexName", "")
    if index and index not in table.indexes:
        raise AwsRefusal("ResourceNotFoundException", f"Requested resource not found: Index: {index} not found")
    return {"TableName": table.name, "IndexName": index or None, **insights(table, request.region, index)}


def insights(table: Table, region: str, index: str) -> dict[str, Any]:
    """Return status and mode of a table's, or an index's, contributor insights."""
    specification = insights_specification(table, region, index)
    status = "ENABLED" if is_on(specification.get("Enabled")) else "DISABLED"
    return {"ContributorInsightsStatus": status, "ContributorInsightsMode": specification.get("Mode")}


def insights_specification(table: Table, region: str, index: str) -> dict[str, Any]:
    """Return what was said of a table's, or an index's, contributor insights."""
    settings = table.replicas[region].settings
    named = (each for each in settings.get("GlobalSecondaryIndexes", []) if each["IndexName"] == index)
    holder = next(named, {}) if index else settings
    specification: dict[str, Any] = holder.get("ContributorInsightsSpecification", {})
    return specification


def get_resource_policy(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetResourcePolicy, of a table or of its stream."""
    arn = params["ResourceArn"]
    table = table_named(request, arn.partition("/stream/")[0])
    settings = table.replicas[request.region].settings
    holder = settings.get("ReplicaStreamSpecification", {}) if "/stream/" in arn else settings
    policy = holder.get("ResourcePolicy", {}).get("PolicyDocument")
    if policy is None:
        raise AwsRefusal("PolicyNotFoundException", f"Resource-based policy not found for the provided ARN: {arn}")
    return {"Policy": policy if isinstance(policy, str) else json.dumps(policy), "RevisionId": "1"}


def describe_kinesis_streaming_destination(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeKinesisStreamingDestination."""
    table = table_named(request, params["TableName"])
    specification = table.replicas[request.region].settings.get("KinesisStreamSpecification")
    return {
        "TableName": table.name,
        "KinesisDataStreamDestinations": [{**specification, "DestinationStatus": "ACTIVE"}] if specification else [],
    }


def describe_global_table(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeGlobalTable, of version 2017.11.29: there is none."""
    name = params["GlobalTableName"]
    raise AwsRefusal("GlobalTableNotFoundException", f"Global table not found: Global table with name: '{name}'")
