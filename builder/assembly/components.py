"""The roles and components of an assembly, which are observed, called and drilled, stated in one place; pure.

A component is a table, a function or a bucket in its regions, or the alarms that watch them. Only here is anything
found by the name of a stack or of an output, for a manifest of version 1, which has no components.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

from pydantic import ConfigDict

from builder.errors import BadInput, did_you_mean
from builder.terms import Region, StackId

T = TypeVar("T")

STRICT = ConfigDict(extra="forbid")
_NAME = re.compile("[A-Za-z][A-Za-z0-9_-]*")
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_TABLE_NAME = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
# https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
_TOPIC_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
_ALARM_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class OutputOf:
    """The value of a stack's output, known only once that stack exists."""

    __pydantic_config__ = STRICT
    output: tuple[StackId, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The primary region, and the secondaries; clients fail over to the first secondary."""

    __pydantic_config__ = STRICT
    primary: Region
    secondaries: tuple[Region, ...] = ()

    @property
    def regions(self) -> tuple[Region, ...]:
        """All regions, the primary first."""
        return self.primary, *self.secondaries


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A global table, with one name and a replica in each region."""

    __pydantic_config__ = STRICT
    name: str | OutputOf
    """Its name; it may contain `${EnvironmentSuffix}`."""
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionComponent:
    """The same function in several regions, each with its own URL."""

    __pydantic_config__ = STRICT
    url: Mapping[Region, OutputOf]
    health: str = "/health"
    """The path of the health check below each URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Buckets that replicate, one in each region."""

    __pydantic_config__ = STRICT
    names: Mapping[Region, OutputOf]
    replication: tuple[tuple[Region, Region], ...] = ()
    """Each direction: from, to."""
    batch_roles: Mapping[Region, OutputOf] = field(default_factory=dict)
    """The roles by which `backfill` replicates objects from before a rule, by the source's region."""

    @property
    def one_way(self) -> tuple[tuple[Region, Region], ...]:
        """The directions without replication back."""
        return tuple((source, to) for source, to in self.replication if (to, source) not in self.replication)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """The names of CloudWatch alarms by region, and of the topic that they notify in each region."""

    __pydantic_config__ = STRICT
    topic: str
    """Its name, the same in every region; it may contain `${EnvironmentSuffix}`, as the alarms' names may."""
    service: Mapping[Region, tuple[str, ...]]
    """The alarms for a region that does not serve as it should."""
    replication: Mapping[Region, tuple[str, ...]] = field(default_factory=dict)
    """The alarms for replication that lags, out of the region or into it."""

    @property
    def regions(self) -> tuple[Region, ...]:
        """Every region with an alarm."""
        return tuple(dict.fromkeys((*self.service, *self.replication)))

    def names(self, region: Region) -> tuple[str, ...]:
        """Return the alarms of a region."""
        return *self.service.get(region, ()), *self.replication.get(region, ())

    def bound(self, bind: Callable[[str], str]) -> "Alarms":
        """Return the alarms with each text bound to an environment."""
        service, replication = (
            {region: tuple(map(bind, names)) for region, names in kind.items()}
            for kind in (self.service, self.replication)
        )
        return Alarms(topic=bind(self.topic), service=service, replication=replication)

    def without(self, skipped: Collection[Region]) -> "Alarms":
        """Return the alarms without these regions."""
        service, replication = (
            {region: names for region, names in kind.items() if region not in skipped}
            for kind in (self.service, self.replication)
        )
        return replace(self, service=service, replication=replication)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A table, a function, buckets or alarms: exactly one of these."""

    __pydantic_config__ = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1, "maxProperties": 1})
    table: Table | None = None
    function: FunctionComponent | None = None
    bucket: Bucket | None = None
    alarms: Alarms | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that it has; in a manifest exactly one."""
        return tuple(kind.name for kind in fields(self) if getattr(self, kind.name) is not None)

    @property
    def outputs(self) -> Mapping[str, OutputOf]:
        """Every output that it takes values from, by the value's place within the component."""
        bindings: dict[str, OutputOf] = {}
        if self.table and isinstance(self.table.name, OutputOf):
            bindings["table.name"] = self.table.name
        if self.function:
            bindings |= {f"function.url.{region}": url for region, url in self.function.url.items()}
        if self.bucket:
            bindings |= {f"bucket.names.{region}": name for region, name in self.bucket.names.items()}
            bindings |= {f"bucket.batch_roles.{region}": role for region, role in self.bucket.batch_roles.items()}
        return bindings

    @property
    def regions(self) -> tuple[Region, ...]:
        """Every region that it is in."""
        return (
            *(self.table.regions if self.table else ()),
            *(self.function.url if self.function else ()),
            *(self.bucket.names if self.bucket else ()),
            *(self.alarms.regions if self.alarms else ()),
        )


Components = Mapping[str, Component]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneWay:
    """A direction in which a component's objects are replicated, without replication back."""

    component: str
    source: Region
    destination: Region


def one_way_replications(components: Components) -> tuple[OneWay, ...]:
    """Return every direction without replication back."""
    return tuple(
        OneWay(component=name, source=source, destination=destination)
        for name, component in components.items()
        if component.bucket
        for source, destination in component.bucket.one_way
    )


def one_of_each(components: Components, where: str) -> Component:
    """Return the table, the function, the bucket and the alarms of a system as one record, as far as there are any.

    Of several of a kind it is the one with the kind's name. Raises BadInput where none has it; `where` is their owner.
    """
    return Component(
        table=_only(
            "table", {name: component.table for name, component in components.items() if component.table}, where
        ),
        function=_only(
            "function",
            {name: component.function for name, component in components.items() if component.function},
            where,
        ),
        bucket=_only(
            "bucket", {name: component.bucket for name, component in components.items() if component.bucket}, where
        ),
        alarms=_only(
            "alarms", {name: component.alarms for name, component in components.items() if component.alarms}, where
        ),
    )


def choose(components: Components, names: Collection[str], where: str) -> Components:
    """Return the components: of the named ones' kinds only these, of other kinds all.

    Raises BadInput for an unknown name, and for two of a kind; `where` is where they are named.
    """
    kinds: dict[str, str] = {}
    for name in names:
        if name not in components:
            what = f"'{name}': there is no such component{did_you_mean(name, components)}"
            raise BadInput(where=where, what=what)
        (kind,) = components[name].kinds
        if kinds.setdefault(kind, name) != name:
            raise BadInput(where=where, what=f"'{kinds[kind]}' and '{name}' are both a {kind}: name one of a kind")
    return {name: each for name, each in components.items() if name in names or kinds.keys().isdisjoint(each.kinds)}


def _only(kind: str, named: Mapping[str, T], where: str) -> T | None:
    if len(named) > 1 and kind not in named:
        what = f"has {len(named)} components that are a {kind}, {', '.join(named)}, and none of them is named {kind}"
        next_step = "--component NAME    says which; for drills `drill: {components: [NAME]}` in dr.yaml does"
        raise BadInput(where=where, what=what, next_step=next_step)
    return named[kind] if kind in named else next(iter(named.values()), None)


def stacks_of_functions(components: Components) -> tuple[StackId, ...]:
    """Return the stacks with functions behind URLs, each once."""
    functions = (component.function for component in components.values() if component.function)
    return tuple(dict.fromkeys(of.output[0] for function in functions for of in function.url.values()))


def bind_components(components: Components, bound: Callable[[str], str]) -> Components:
    """Return the components with each text bound to an environment."""
    return {name: _bind(component, bound) for name, component in components.items()}


def _bind(component: Component, bound: Callable[[str], str]) -> Component:
    table, alarms = component.table, component.alarms
    if table and isinstance(table.name, str):
        table = replace(table, name=bound(table.name))
    return replace(component, table=table, alarms=alarms.bound(bound) if alarms else None)


def narrow_components(components: Components, stacks: Collection[StackId], skipped: Collection[Region]) -> Components:
    """Return the components without these regions, and without what only removed stacks show."""
    narrowed = {name: _narrow(component, stacks, skipped) for name, component in components.items()}
    return {name: component for name, component in narrowed.items() if component.regions}


def _narrow(component: Component, stacks: Collection[StackId], skipped: Collection[Region]) -> Component:
    def staying(bindings: Mapping[Region, OutputOf]) -> dict[Region, OutputOf]:
        return {region: of for region, of in bindings.items() if of.output[0] in stacks}

    table, function, bucket = component.table, component.function, component.bucket
    if table:
        known = isinstance(table.name, str) or table.name.output[0] in stacks
        table = replace(table, regions=tuple(region for region in table.regions if known and region not in skipped))
    if function:
        function = replace(function, url=staying(function.url))
    if bucket:
        names = staying(bucket.names)
        bucket = replace(
            bucket,
            names=names,
            replication=tuple(way for way in bucket.replication if names.keys() >= set(way)),
            batch_roles=staying(bucket.batch_roles),
        )
    alarms = component.alarms.without(skipped) if component.alarms else None
    return Component(table=table, function=function, bucket=bucket, alarms=alarms)


def replica_regions(components: Components) -> tuple[Region, ...]:
    """Return the regions of every table: a replica may be in a region without a stack."""
    return tuple(dict.fromkeys(region for each in components.values() if each.table for region in each.table.regions))


def faults_of_roles(roles: Roles, regions: Collection[Region]) -> Iterator[str]:
    """Yield each fault of the roles in an assembly with these regions, the fault's place first."""
    places = [("primary", roles.primary)]
    places += [(f"secondaries.{number}", region) for number, region in enumerate(roles.secondaries)]
    before: dict[Region, str] = {}
    for place, region in places:
        if region not in regions:
            known = ", ".join(dict.fromkeys(regions))
            yield f"roles.{place}: neither a stack nor a replica is in {region}; they are in {known}"
        if region in before:
            yield f"roles.{place}: {region} is {before[region]} already"
        before.setdefault(region, f"roles.{place}")


def faults_of_components(
    components: Components, roles: Roles | None, stacks: Mapping[StackId, Region], longest: Callable[[str], str]
) -> Iterator[str]:
    """Yield each fault of the components, its place first; `stacks` has the region of each stack.

    `longest` binds a text to the longest possible environment suffix.
    """
    for name, component in components.items():
        place = f"components.{name}"
        if not _NAME.fullmatch(name):
            yield f"{place}: is no name for a component: letters, digits, hyphens and underscores, a letter first"
        if len(component.kinds) != 1:
            kinds = " and ".join(component.kinds) or "nothing"
            yield f"{place}: says {kinds}, and a component is a table, a function, a bucket or alarms"
        yield from (f"{place}.{fault}" for fault in _faults_of_outputs(component, stacks))
        yield from (f"{place}.{fault}" for fault in _faults_of_regions(component, roles, stacks))
        yield from (f"{place}.{fault}" for fault in _faults_of_values(component, longest))


def _faults_of_outputs(component: Component, stacks: Mapping[StackId, Region]) -> Iterator[str]:
    for place, value in component.outputs.items():
        stack, _ = value.output
        region = place.rpartition(".")[2]
        if stack not in stacks:
            yield f"{place}: is taken from {stack}, which is not in the assembly"
        elif place != "table.name" and stacks[stack] != region:
            yield f"{place}: is taken from {stack}, which is in {stacks[stack]}"


def _faults_of_regions(component: Component, roles: Roles | None, stacks: Mapping[StackId, Region]) -> Iterator[str]:
    known = roles.regions if roles else tuple(dict.fromkeys(stacks.values()))
    otherwise = "is neither the primary nor a secondary; these are" if roles else "has no stack; these have"
    for place, regions in _named_regions(component):
        if not regions:
            yield f"{place}: names no region"
        for region in dict.fromkeys(regions):
            if region not in known:
                yield f"{place}: {region} {otherwise} {', '.join(known)}"
            if regions.count(region) > 1:
                yield f"{place}: {region} is there more than once"


def _named_regions(component: Component) -> Iterator[tuple[str, tuple[Region, ...]]]:
    if component.table:
        yield "table.regions", component.table.regions
    if component.function:
        yield "function.url", tuple(component.function.url)
    if component.bucket:
        yield "bucket.names", tuple(component.bucket.names)
    if component.alarms:
        if component.alarms.service or not component.alarms.replication:
            yield "alarms.service", tuple(component.alarms.service)
        if component.alarms.replication:
            yield "alarms.replication", tuple(component.alarms.replication)


def _faults_of_values(component: Component, longest: Callable[[str], str]) -> Iterator[str]:
    table, function, bucket = component.table, component.function, component.bucket
    if table and isinstance(table.name, str) and not _TABLE_NAME.fullmatch(longest(table.name)):
        yield (
            f"table.name: '{table.name}' cannot be a table's name: "
            "3 to 255 letters, digits, underscores, dots and hyphens, the environment suffix included"
        )
    if function and not re.fullmatch(r"/[!-~]*", function.health):
        yield f"function.health: '{function.health}' is no path: a slash first, and what a URL cannot have as %XX"
    for number, way in enumerate(bucket.replication if bucket else ()):
        place = f"bucket.replication.{number}"
        source, destination = way
        if source == destination:
            yield f"{place}: leads from {source} to itself"
        if bucket and way in bucket.replication[:number]:
            yield f"{place}: {source} to {destination} is there already"
        unknown = [region for region in dict.fromkeys(way) if bucket and region not in bucket.names]
        if unknown:
            yield f"{place}: the component has no bucket in {', '.join(unknown)}"
    if component.alarms:
        yield from _faults_of_alarms(component.alarms, longest)


def _faults_of_alarms(alarms: Alarms, longest: Callable[[str], str]) -> Iterator[str]:
    if not _TOPIC_NAME.fullmatch(longest(alarms.topic)):
        yield (
            f"alarms.topic: '{alarms.topic}' cannot be a topic's name: "
            "1 to 256 letters, digits, underscores and hyphens, the environment suffix included"
        )
    for kind, by_region in (("service", alarms.service), ("replication", alarms.replication)):
        for region, names in by_region.items():
            for name in dict.fromkeys(names):
                place = f"alarms.{kind}.{region}"
                if not 1 <= len(longest(name)) <= _ALARM_CHARACTERS:
                    yield f"{place}: '{name}' cannot be an alarm's name: 1 to {_ALARM_CHARACTERS} characters"
                if alarms.names(region).count(name) > 1:
                    yield f"{place}: '{name}' is there more than once"


@dataclass(frozen=True, slots=True)
class DerivedRoles:
    """The roles and outputs of a manifest of version 1, from the outputs' names."""

    roles: Roles | None
    components: Components = field(default_factory=dict)


def derive(outputs: Mapping[str, tuple[StackId, str]], stacks: Mapping[StackId, Region]) -> DerivedRoles:
    """Return the roles and components of a manifest of version 1, for reading it only.

    Its renderer named the outputs `primaryLambdaUrl`, `secondaryLambdaUrl`, `globalTableName`, `primaryBucketName` and
    `secondaryBucketName`, the secondaries' being those of the first, and with several secondaries `lambdaUrl.<region>`
    and `bucketName.<region>`. Others wrote manifests by hand: `call` took every output that ends in `LambdaUrl`. A
    missing output gives no component; a region is that of the stack, whatever the output's name.
    """
    known = {name: OutputOf(of) for name, of in outputs.items() if of[0] in stacks}

    def by_region(*forms: str) -> dict[Region, OutputOf]:
        bindings: dict[Region, OutputOf] = {}
        for form in forms:
            for name in (output for output in known if re.fullmatch(form, output)):
                bindings.setdefault(stacks[known[name].output[0]], known[name])
        return bindings

    urls = by_region("primaryLambdaUrl", "secondaryLambdaUrl", r"lambdaUrl\..*", ".*LambdaUrl")
    buckets = by_region("primaryBucketName", "secondaryBucketName", r"bucketName\..*")
    here = next(iter(by_region("primaryLambdaUrl", "primaryBucketName")), None)
    there = by_region("secondaryLambdaUrl", "secondaryBucketName", r"lambdaUrl\..*", r"bucketName\..*")
    roles = Roles(primary=here, secondaries=tuple(region for region in there if region != here)) if here else None
    if roles:
        urls, buckets = _in_order(urls, roles), _in_order(buckets, roles)
    components: dict[str, Component] = {}
    if table := known.get("globalTableName"):
        regions = roles.regions if roles else (stacks[table.output[0]],)
        components["table"] = Component(table=Table(name=table, regions=regions))
    if urls:
        components["function"] = Component(function=FunctionComponent(url=urls))
    if buckets:
        ways = tuple((here, region) for region in buckets if here in buckets and region != here) if here else ()
        components["bucket"] = Component(bucket=Bucket(names=buckets, replication=ways))
    return DerivedRoles(roles, components)


def _in_order(of: Mapping[Region, T], roles: Roles) -> dict[Region, T]:
    """Return the mapping in the roles' order, without regions that have no role."""
    return {region: of[region] for region in roles.regions if region in of}
