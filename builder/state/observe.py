"""The status of one region of one account within a deadline: what does not answer is a line, and hides nothing else.

First its function, URL, table and bucket, each by itself; then the region with its stacks; then all regions.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from builder import client
from builder.assembly.components import one_way_replications
from builder.aws import Clients, call, together
from builder.client.wire import Wire
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.observe.deployment import inside
from builder.deploy.observe.objects import read_rules
from builder.deploy.observe.stacks import (
    ObservedStack,
    SiteView,
    observe_policy,
    observe_resources,
    observe_template,
    of_deployment,
    whose,
)
from builder.deploy.resources import regions_of
from builder.errors import AwsError, BuilderError
from builder.resource_types import ALARM, BUCKET, FUNCTION, TABLES, TOPIC
from builder.state.alarms import alarm_names, find_alarms, observe_topic, topics_of_alarms
from builder.state.records import (
    BucketState,
    FunctionState,
    ReplicaState,
    RuleState,
    SiteState,
    StackState,
    Status,
    UrlState,
)
from builder.template import Comparison, compare_template, properties_of, read_template, same_policy
from builder.terms import Region, Site, StackName

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef
    from mypy_boto3_s3.type_defs import ReplicationRuleOutputTypeDef


T = TypeVar("T")
# The time that a read needs to return the rest of its results.
_MARGIN_S = 0.3


@dataclass(slots=True)
class PartialAnswers:
    """Collects a line for each read that did not answer, or was refused, so that the others still count."""

    within_s: float | None = None
    """The seconds that all of it may take, from now on; None for no limit."""
    silent: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _deadline: float | None = field(init=False)

    def __post_init__(self) -> None:
        self._deadline = None if self.within_s is None else asyncio.get_running_loop().time() + self.within_s

    @property
    def until(self) -> float | None:
        """The deadline for optional reads, by the loop's clock (URLs, other regions' metrics)."""
        return None if self._deadline is None else self._deadline - _MARGIN_S

    async def ask(self, where: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Return the result of the work; None if it failed, which becomes a line."""
        try:
            async with asyncio.timeout_at(self._deadline):
                return await work
        except TimeoutError:
            self.silent.append(f"{where}: no answer within {self.within_s} s")
        except BuilderError as error:
            answered = error.answered if isinstance(error, AwsError) else True
            (self.refused if answered else self.silent).append(str(error))
        return None

    async def each(self, works: Iterable[tuple[str, Coroutine[Any, Any, T]]]) -> tuple[T, ...]:
        """Return the answers of the works that succeed; each work comes with its place."""
        answers = await asyncio.gather(*(self.ask(where, work) for where, work in works))
        return tuple(answer for answer in answers if answer is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionContext:
    """What every read of a region's resource needs."""

    clients: Clients
    region: Region
    now: datetime
    endpoint: str | None = None
    """The endpoint of function URLs in place of their own names, which are in the Host header."""
    health: Mapping[str, str] = field(default_factory=dict)
    """The health check's path, by the host of each URL of a component."""
    until: float | None = None
    """The deadline for optional reads, by the loop's clock (URLs, other regions' metrics)."""

    def at(self, region: Region) -> "RegionContext":
        """Return the same context for another region."""
        return replace(self, region=region)


# S3 and DynamoDB publish metrics each minute, as well as they can.
_WINDOW = timedelta(minutes=15)
_PERIOD_S = 60


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric, by its namespace, name and dimensions."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str = "Average"


async def observe_metric(context: RegionContext, metric: Metric) -> float | None:
    """Return the newest value of the last quarter of an hour; None if nothing was published."""
    query: MetricDataQueryTypeDef = {
        "Id": "newest",
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
            },
            "Period": _PERIOD_S,
            "Stat": metric.statistic,
        },
    }
    answer = await call(
        f"{context.region}: {metric.name}",
        context.clients.cloudwatch(context.region).get_metric_data,
        MetricDataQueries=[query],
        StartTime=context.now - _WINDOW,
        EndTime=context.now,
    )
    points = [
        point
        for result in answer["MetricDataResults"]
        for point in zip(result["Timestamps"], result["Values"], strict=True)
    ]
    return max(points)[1] if points else None


# A function's cold start takes a second or two.
_PATIENCE_S = 4.0
_LEAST_S = 0.1
_HEALTH = "/health"


async def observe_url(context: RegionContext, url: str, auth: str) -> UrlState:
    """Return the URL's answer and its time; the request is signed if the URL requires it."""
    loop, path = asyncio.get_running_loop(), context.health.get(urlsplit(url).netloc, _HEALTH)
    with Wire(context.clients.credentials() if auth == "AWS_IAM" else None, context.endpoint) as wire:
        started = loop.time()
        limit_s = _PATIENCE_S if context.until is None else max(_LEAST_S, min(_PATIENCE_S, context.until - started))
        answer = await call(
            f"{context.region}: {url}",
            wire.send,
            client.RegionUrl(context.region, url),
            client.Request("GET", path, {}, None),
            limit_s=limit_s,
        )
        latency_ms = round((loop.time() - started) * 1000, 1)
    return UrlState(
        url=url,
        path=path,
        auth=auth,
        answer=answer.status if isinstance(answer, client.Answer) else None,
        latency_ms=latency_ms,
        problem=answer.value if isinstance(answer, client.Trouble) else "",
    )


async def observe_function(context: RegionContext, name: str) -> FunctionState:
    """Return the state of a function, and the answer of each of its URLs."""
    client, where = context.clients.functions(context.region), f"{context.region}: {name}"
    answer = await call(where, client.get_function_configuration, FunctionName=name)
    listed = await call(where, client.list_function_url_configs, FunctionName=name)
    urls = await together(
        observe_url(context, config["FunctionUrl"], config["AuthType"]) for config in listed["FunctionUrlConfigs"]
    )
    return FunctionState(
        function=name,
        state=answer.get("State", ""),
        last_update=answer.get("LastUpdateStatus", ""),
        runtime=answer.get("Runtime", ""),
        urls=tuple(urls),
    )


async def find_replica(context: RegionContext, table: str) -> ReplicaState:
    """Return the state of a replica; one that does not exist is ABSENT."""
    try:
        return await observe_replica(context, table)
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        return ReplicaState(table=table, status="ABSENT", items=0, bytes=0, point_in_time_recovery=False)


async def observe_replica(context: RegionContext, table: str) -> ReplicaState:
    """Return the state of a replica. Raises AwsError where it does not exist."""
    region = context.region
    client, where = context.clients.dynamodb(region), f"{region}: {table}"
    described = (await call(where, client.describe_table, TableName=table))["Table"]
    backups = await call(where, client.describe_continuous_backups, TableName=table)
    recovery = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    others = [replica["RegionName"] for replica in described.get("Replicas", []) if replica["RegionName"] != region]
    # Published in the region of the write; not for strong consistency.
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    latencies = await together(
        observe_metric(
            context, Metric("AWS/DynamoDB", "ReplicationLatency", {"TableName": table, "ReceivingRegion": other})
        )
        for other in others
    )
    return ReplicaState(
        table=table,
        status=described["TableStatus"],
        items=described.get("ItemCount", 0),
        bytes=described.get("TableSizeBytes", 0),
        point_in_time_recovery=recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
        latency_ms=dict(zip(others, latencies, strict=True)),
        indexes={
            index["IndexName"]: index.get("IndexStatus", "ACTIVE")
            for index in described.get("GlobalSecondaryIndexes", [])
        },
    )


async def observe_bucket(context: RegionContext, bucket: str) -> BucketState:
    """Return a bucket's versioning and rules, with the pending and failed replications of each."""
    client, where = context.clients.s3(context.region), f"{context.region}: {bucket}"
    versioning = await call(where, client.get_bucket_versioning, Bucket=bucket)
    rules = await read_rules(where, client, bucket)
    return BucketState(
        bucket=bucket,
        versioning=versioning.get("Status", "Off"),
        rules=tuple(await together(_observe_rule(context, bucket, rule) for rule in rules)),
    )


async def _observe_rule(context: RegionContext, bucket: str, rule: "ReplicationRuleOutputTypeDef") -> RuleState:
    destination = rule["Destination"]["Bucket"].rpartition(":")[2]
    dimensions = {"SourceBucket": bucket, "DestinationBucket": destination, "RuleId": rule.get("ID", "")}
    pending, failed = await asyncio.gather(
        _pending(context, destination, dimensions),
        observe_metric(context, Metric("AWS/S3", "OperationsFailedReplication", dimensions, "Sum")),
    )
    return RuleState(
        id=rule.get("ID", ""), status=rule["Status"], destination=destination, pending=pending, failed=failed
    )


async def _pending(context: RegionContext, destination: str, dimensions: dict[str, str]) -> float | None:
    """Read the pending replications in the destination's region, which publishes them; None if it is too slow.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
    """
    metric = Metric("AWS/S3", "OperationsPendingReplication", dimensions, "Maximum")
    s3 = context.clients.s3(context.region)
    try:
        async with asyncio.timeout_at(context.until):
            head = await call(f"{context.region}: {destination}", s3.head_bucket, Bucket=destination)
            return await observe_metric(context.at(Region(head.get("BucketRegion", context.region))), metric)
    except (AwsError, TimeoutError):
        return None


WITHIN_S = 4.5
"""The seconds that a region may take; it does not wait for the other ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveOptions:
    """How a site is observed."""

    clients: Clients
    now: datetime
    endpoint: str | None = None
    """The endpoint of function URLs in place of their own names."""


async def observe_site(deployment: Deployment, site: Site, options: ObserveOptions) -> SiteState:
    """Return the state of one region. It takes no longer than the deadline, and raises no AwsError."""
    part, role = PartialAnswers(within_s=WITHIN_S), _role(deployment, site.region)
    clients, region = options.clients.of(site), site.region
    listed = await part.ask(region, SiteView(options.clients, site).every_stack())
    if listed is None:
        silent, refused = tuple(part.silent), tuple(part.refused)
        return SiteState(region=region, account=site.account, role=role, silent=silent, refused=refused, is_seen=False)
    ours = of_deployment(listed, deployment.name)
    desired = {stack.name: stack for stack in deployment.stacks if stack.site == site}
    nested = inside(ours, listed)
    existing = [stack for stack in (*ours, *nested) if stack.may_hold]
    shown = [(stack, None if stack.parent else desired.get(stack.name)) for stack in (*ours, *nested)]
    context = RegionContext(
        clients=clients,
        region=region,
        now=options.now,
        endpoint=options.endpoint,
        health=_health(deployment, region, {stack.name: stack.outputs for stack in ours}),
        until=part.until,
    )
    named = await part.each((f"{region}/{stack.name}", _resources(options.clients, stack)) for stack in existing)
    by_type = [resource for resources in named for resource in resources]
    tables = dict.fromkeys((*_named(by_type, *TABLES), *copied_tables(deployment, region)))
    alarms = alarm_names(deployment, region, _named(by_type, ALARM))
    topics = topics_of_alarms(deployment, _named(by_type, TOPIC))
    stacks, replicas, buckets, functions, alarm_states, topic_states = await asyncio.gather(
        part.each((f"{region}/{stack.name}", _stack(options.clients, stack, entry)) for stack, entry in shown),
        part.each((f"{region}: {name}", find_replica(context, name)) for name in tables),
        part.each((f"{region}: {name}", observe_bucket(context, name)) for name in _named(by_type, BUCKET)),
        part.each((f"{region}: {name}", observe_function(context, name)) for name in _named(by_type, FUNCTION)),
        part.each((f"{region}: alarms", find_alarms(options.clients, site, names)) for names in (alarms,) if names),
        part.each((f"{region}: {topic}", observe_topic(options.clients, site, topic)) for topic in topics),
    )
    seen, there = (
        {stack.name for stack in ours},
        {stack.name: stack for stack in listed if stack.may_hold and not whose(stack, deployment.name)},
    )
    absent = tuple(_not_ours(name, there.get(name)) for name in desired if name not in seen)
    return SiteState(
        region=region,
        account=site.account,
        role=role,
        stacks=(*stacks, *absent),
        replicas=replicas,
        buckets=buckets,
        functions=functions,
        alarms=tuple(alarm for answered in alarm_states for alarm in answered),
        topics=topic_states,
        silent=tuple(part.silent),
        refused=tuple(part.refused),
    )


def _not_ours(name: StackName, stack: ObservedStack | None) -> StackState:
    """Return the row of an assembly's stack that is missing, or is not the deployment's yet."""
    if stack is None:
        return StackState(name=name, status="ABSENT", template="")
    return StackState(name=name, status=stack.status, last_change=stack.last_change, template="not ours yet")


def copied_tables(deployment: Deployment, region: Region) -> tuple[str, ...]:
    """Return the tables with a replica in a region, by the assembly: their stack's region may be the lost one."""
    tables = [component.table for component in deployment.components.values() if component.table]
    names = [table.name for table in tables if isinstance(table.name, str) and region in table.regions]
    return tuple(dict.fromkeys((*names, *_copies(deployment, region))))


def _copies(deployment: Deployment, region: Region) -> Iterator[str]:
    for stack in deployment.stacks:
        template = read_template(stack.template, stack.id)
        binding = template.bind(stack.values)
        for table in template.resources(*TABLES).values():
            name = binding.text(properties_of(table).get("TableName"))
            if name and region in regions_of(table):
                yield name


def _role(deployment: Deployment, region: Region) -> str:
    roles = deployment.roles
    if roles is None or region not in roles.regions:
        return ""
    return "primary" if region == roles.primary else "secondary"


def _health(deployment: Deployment, region: Region, outputs: Mapping[StackName, Mapping[str, str]]) -> dict[str, str]:
    """Return the health check's path of each component's function, by the host of its URL in the region."""
    places, paths = deployment.places, dict[str, str]()
    for function in (component.function for component in deployment.components.values() if component.function):
        if region in function.url and (place := places.get(function.url[region].output[0])):
            url = outputs.get(place.name, {}).get(function.url[region].output[1], "")
            paths[urlsplit(url).netloc] = function.health
    return paths


async def _resources(clients: Clients, stack: ObservedStack) -> tuple[tuple[str, str], ...]:
    return tuple(
        (resource.type, resource.physical_id)
        for resource in await observe_resources(clients, stack)
        if resource.physical_id
    )


def _named(resources: Iterable[tuple[str, str]], *types: str) -> tuple[str, ...]:
    return tuple(name for kind, name in resources if kind in types)


async def _stack(clients: Clients, stack: ObservedStack, desired: DesiredStack | None) -> StackState:
    # A nested stack's template is not compared: it is in a bucket, whose address the parent's template has.
    template = "orphan" if stack.parent is None else ""
    if desired is not None:
        template = (await _compare(clients, stack, desired)).value
    return StackState(
        name=stack.name,
        status=stack.status,
        drift=stack.drift,
        last_change=stack.last_change,
        template=template,
        policy=await _compare_policy(clients, stack, desired.stack_policy if desired is not None else None),
    )


async def _compare(clients: Clients, stack: ObservedStack, desired: DesiredStack) -> Comparison:
    if not stack.may_hold:
        return Comparison.DIFFERENT
    return compare_template(desired.template, await observe_template(clients, stack))


async def _compare_policy(clients: Clients, stack: ObservedStack, policy: str | None) -> str:
    if policy is None or not stack.may_hold:
        return ""
    return "same" if same_policy(policy, await observe_policy(clients, stack)) else "different"


async def observe_sites(deployment: Deployment, options: ObserveOptions) -> Status:
    """Return the state of every region; none waits for another, and one that does not answer is reported as such."""
    sites = await together(observe_site(deployment, site, options) for site in deployment.sites)
    return Status(deployment=deployment.name, sites=tuple(sites), one_way=one_way_replications(deployment.components))
