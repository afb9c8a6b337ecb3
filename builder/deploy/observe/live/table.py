"""Reading a table in all of its regions concurrently, each by its own API; nothing is changed."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from builder.aws import Clients, call, pages, together
from builder.deploy.observe.live.owner import observe_owner
from builder.deploy.observe.live.record import LiveResource, TemplateSide, own_tags
from builder.deploy.observe.live.table_seen import ON, ReplicaKey, SeenReplica, SeenTable
from builder.deploy.observe.live.table_shape import as_live, fit_table
from builder.deploy.resources.holder import Properties
from builder.deploy.resources.table_changes import describe_table
from builder.errors import AwsError
from builder.template import at
from builder.terms import Region, Site

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

_FLOWING = frozenset({"ENABLING", "ACTIVE", "UPDATING"})


async def observe_table(  # noqa: PLR0913 - by keyword but for three
    clients: Clients,
    site: Site,
    name: str,
    *,
    properties: Properties | None = None,
    stack_tags: Mapping[str, str] | None = None,
    lost: Collection[Region] = (),
) -> LiveResource | None:
    """Return a table as it is in a region and in all regions of its replicas; None where that region has no table.

    `properties` are the bound ones of the template that is to have it, and `stack_tags` those of its stack: then the
    definition is as near to the template as the table allows, and obstacles to this template are listed too.
    `lost` regions are not called; their replicas are in the definition as this region shows them.
    Raises AwsError, also where a read is not allowed.
    """
    at_site = clients.of(site)
    own = await describe_table(at_site, site.region, name)
    if own is None:
        return None
    seen = await _read_table(clients, site, own, [Region(region) for region in lost])
    live = as_live(seen)
    if properties is None:
        return live
    keys = {str(replica.region): replica.key for replica in seen.replicas if replica.key is not None}
    return fit_table(live, TemplateSide(properties=properties, stack_tags=stack_tags or {}), keys, lost)


async def _read_table(
    clients: Clients, site: Site, own: "TableDescriptionTypeDef", lost: Collection[Region]
) -> SeenTable:
    at_site, name = clients.of(site), own["TableName"]
    others = sorted({Region(replica["RegionName"]) for replica in own.get("Replicas", [])} - {site.region})
    to_read = [region for region in others if region not in lost]
    described = await together(describe_table(at_site, region, name) for region in to_read)
    found_tables = {region: table for region, table in zip(to_read, described, strict=True) if table is not None}
    tables = {site.region: own, **found_tables}
    replicas = await together(_read_replica(at_site, region, name, table) for region, table in tables.items())
    owners = await together(observe_owner(clients, Site(site.account, region), name) for region in tables)
    expiry = await call(f"{site.region}: {name}", at_site.dynamodb(site.region).describe_time_to_live, TableName=name)
    return SeenTable(
        name=name,
        replicas=tuple(replicas),
        expiry=expiry["TimeToLiveDescription"],
        owners=tuple(owner for owner in owners if owner is not None),
        lost=tuple(region for region in others if region in lost),
        missing=tuple(region for region in to_read if region not in tables),
        is_of_old=await _is_of_old(at_site, site.region, own),
    )


async def _read_replica(clients: Clients, region: Region, name: str, table: "TableDescriptionTypeDef") -> SeenReplica:
    arn = table["TableArn"]
    streams = [table["LatestStreamArn"]] if at(table, "StreamSpecification", "StreamEnabled") else []
    reads = await together(
        (
            _recovery(clients, region, name),
            _tags(clients, region, arn),
            _insights(clients, region, name),
            _kinesis(clients, region, name),
            _policies(clients, region, (arn, *streams)),
            _key(clients, region, str(at(table, "SSEDescription", "KMSMasterKeyArn") or "")),
        )
    )
    return SeenReplica(region=region, table=table, **{name: value for read in reads for name, value in read.items()})


async def _recovery(clients: Clients, region: Region, name: str) -> dict[str, Any]:
    answer = await call(f"{region}: {name}", clients.dynamodb(region).describe_continuous_backups, TableName=name)
    return {"recovery": answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})}


async def _tags(clients: Clients, region: Region, arn: str) -> dict[str, Any]:
    listing = pages(f"{region}: {arn}", clients.dynamodb(region).list_tags_of_resource, ResourceArn=arn)
    return {"tags": own_tags([tag async for page in listing for tag in page.get("Tags", [])])}


async def _insights(clients: Clients, region: Region, name: str) -> dict[str, Any]:
    listing = pages(f"{region}: {name}", clients.dynamodb(region).list_contributor_insights, TableName=name)
    shown = [summary async for page in listing for summary in page.get("ContributorInsightsSummaries", [])]
    on = [summary for summary in shown if summary.get("ContributorInsightsStatus") in ON]
    return {"insights": {summary.get("IndexName", ""): summary.get("ContributorInsightsMode", "") for summary in on}}


async def _kinesis(clients: Clients, region: Region, name: str) -> dict[str, Any]:
    describe = clients.dynamodb(region).describe_kinesis_streaming_destination
    answer = await call(f"{region}: {name}", describe, TableName=name)
    shown = answer.get("KinesisDataStreamDestinations", [])
    return {"kinesis": tuple(stream for stream in shown if stream.get("DestinationStatus") in _FLOWING)}


async def _policies(clients: Clients, region: Region, arns: Collection[str]) -> dict[str, Any]:
    client = clients.dynamodb(region)
    have: list[str] = []
    for arn in arns:
        try:
            await call(f"{region}: {arn}", client.get_resource_policy, ResourceArn=arn)
            have.append(arn)
        except AwsError as error:
            if error.code != "PolicyNotFoundException":
                raise
    return {"policies": tuple(have)}


async def _key(clients: Clients, region: Region, arn: str) -> dict[str, Any]:
    """Return the key; only its manager tells whether it is DynamoDB's own key in the account.

    Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html
    """
    if not arn:
        return {"key": None}
    client, where = clients.service("kms", region), f"{region}: {arn}"
    shown = (await call(where, client.describe_key, KeyId=arn))["KeyMetadata"]
    is_aws = shown.get("KeyManager") == "AWS"
    aliases = (
        []
        if is_aws
        else [alias async for page in pages(where, client.list_aliases, KeyId=arn) for alias in page["Aliases"]]
    )
    return {"key": ReplicaKey(arn, is_aws, tuple(str(alias["AliasName"]) for alias in aliases))}


async def _is_of_old(clients: Clients, region: Region, table: "TableDescriptionTypeDef") -> bool:
    """Return whether a table is in a global table of version 2017.11.29, which DescribeTable does not show.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables.DetermineVersion.html
    """
    stream = table.get("StreamSpecification", {})
    if table.get("GlobalTableVersion") or table.get("Replicas") or stream.get("StreamViewType") != "NEW_AND_OLD_IMAGES":
        return False
    name = table["TableName"]
    try:
        await call(f"{region}: {name}", clients.dynamodb(region).describe_global_table, GlobalTableName=name)
    except AwsError as error:
        if error.code == "GlobalTableNotFoundException":
            return False
        raise
    return True
