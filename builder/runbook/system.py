"""The stacks, tables, buckets, functions, keys and alarms of a deployment, read from an assembly by their names; pure.

Names are those of one environment. The account is `${ACCOUNT}` if dr.yaml pins none. A name that only AWS knows is a
variable of the shell, with the command that asks AWS for it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from builder.assembly.bound import Bound, bind_entries
from builder.assembly.components import Bucket, Component, FunctionComponent, OutputOf, Table, bind_components
from builder.assembly.manifest import Manifest, StackEntry, bind, bind_protection, bind_value
from builder.resource_types import BUCKET, FUNCTION, FUNCTION_URL, GLOBAL_TABLE, KEYS, LOG_GROUP, TABLES
from builder.resource_types.facts import NOUNS, holds_data
from builder.resource_types.fate import fate_on_deletion
from builder.runbook.records import RunbookRequest
from builder.template import as_list, at, in_account, is_open, properties_of
from builder.terms import AccountId, LogicalId, Region, StackId

ACCOUNT = "${ACCOUNT}"
_NO_DATA = (LOG_GROUP, *KEYS)
_Resource = tuple[Bound, LogicalId, Mapping[str, Any]]
"""A resource: the bound template that has it, its logical id, and its body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookStack:
    """A stack in one environment."""

    id: StackId
    region: Region
    name: str
    account: AccountId | None
    holds_data: bool
    retains_data: bool
    """Whether all resources with data stay when the stack is deleted."""
    is_protected: bool | None
    """Whether it has termination protection, None if the assembly does not say it."""
    denies_updates: bool
    """Whether its stack policy denies anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookTable:
    """A global table."""

    component: str
    name: str
    regions: tuple[Region, ...]
    owner: RunbookStack | None
    """The stack that has the table, None if it is none of the assembly's."""
    recovery: bool | None = None
    """Whether every replica can be restored to a point in time, None if no template says it."""
    days: str = "35"
    """How many days back the table can be restored."""
    key: Mapping[str, str] = field(default_factory=dict)
    """The attributes of its key with their types, the partition key first; empty if no template says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookBucket:
    """The buckets of a component, one in each region."""

    component: str
    names: Mapping[Region, str]
    ways: tuple[tuple[Region, Region], ...]
    one_way: tuple[tuple[Region, Region], ...]
    keeps_days: str | None
    """How many days an overwritten or deleted version is kept, None if no rule of the template deletes it."""
    is_versioned: bool | None
    """Whether the buckets keep versions, None if no template says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookFunction:
    """A function in several regions."""

    component: str
    names: Mapping[Region, str]
    reserved: Mapping[Region, str]
    """The reserved concurrency in the template, for each region that has one."""
    urls: Mapping[Region, str] = field(default_factory=dict)
    """The public output with the URL of each region, an empty text if the URL is no output."""
    health: str = "/health"

    @property
    def has_url(self) -> bool:
        """Whether the function has a URL."""
        return bool(self.urls)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookSystem:
    """The whole deployment."""

    request: RunbookRequest
    digest: str
    regions: tuple[Region, ...]
    """All regions, the primary first if there is one."""
    primary: Region | None
    stacks: tuple[RunbookStack, ...]
    tables: tuple[RunbookTable, ...]
    buckets: tuple[RunbookBucket, ...]
    functions: tuple[RunbookFunction, ...]
    alarms: Mapping[Region, tuple[str, ...]]
    keys: Mapping[Region, tuple[str, ...]]
    """The keys that encrypt tables and buckets, by alias, id or ARN."""
    unnamed: Mapping[str, tuple[str, ...]]
    """The variables for names that only AWS knows, each with the words of the command that asks for it."""
    other_data: tuple[tuple[RunbookStack, tuple[str, ...]], ...] = ()
    """The stacks with data that no component names, each with the nouns of that data."""

    @property
    def secondaries(self) -> tuple[Region, ...]:
        """All regions but the primary; none if there is no primary."""
        return tuple(region for region in self.regions if region != self.primary) if self.primary else ()

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """The accounts that stacks name, besides that of the credentials."""
        return tuple(dict.fromkeys(stack.account for stack in self.stacks if stack.account))

    def others(self, region: Region) -> tuple[Region, ...]:
        """Return all regions but this one."""
        return tuple(other for other in self.regions if other != region)


def read_system(manifest: Manifest, templates: Mapping[str, bytes], request: RunbookRequest) -> RunbookSystem:
    """Return the system that an assembly deploys. Raises BadInput for a template that cannot be read."""
    suffix = request.suffix
    entries = tuple(_bound(entry, suffix) for entry in manifest.stacks)
    bounds = bind_entries(replace(manifest, stacks=entries), templates)
    names = _Names(bounds, request.account)
    components = bind_components(manifest.components, lambda text: bind(text, suffix))
    roles = manifest.roles
    every = dict.fromkeys((*(roles.regions if roles else ()), *manifest.regions))
    stacks = {
        bound.entry.id: _stack(bound, entry, suffix) for bound, entry in zip(bounds, manifest.stacks, strict=True)
    }
    alarms = [component.alarms for component in components.values() if component.alarms]
    named = {resource for part in components.values() for resource in _named(part, names)}
    functions = {name: part.function for name, part in components.items() if part.function is not None}
    outputs = {source: name for name, source in reversed(tuple(manifest.outputs.items()))}
    return RunbookSystem(
        request=request,
        digest=manifest.digest(),
        regions=tuple(every),
        primary=roles.primary if roles else None,
        stacks=tuple(stacks.values()),
        tables=tuple(
            _table(name, part.table, names, stacks) for name, part in components.items() if part.table is not None
        ),
        buckets=tuple(
            _bucket(name, part.bucket, names) for name, part in components.items() if part.bucket is not None
        ),
        functions=(
            *(_function(name, part, names, outputs) for name, part in functions.items()),
            *_functions_without_url(names, [part.url for part in functions.values()]),
        ),
        alarms={region: tuple(name for each in alarms for name in each.names(region)) for region in every},
        keys={region: tuple(names.keys(region)) for region in every},
        unnamed=names.unnamed,
        other_data=tuple(
            (stacks[stack], kinds) for stack, kinds in _other_data(names, named, manifest, suffix).items()
        ),
    )


def _named(component: Component, names: "_Names") -> Iterator[tuple[StackId, LogicalId]]:
    """Yield the tables and buckets that a component names, by their stack and logical id."""
    table, bucket = component.table, component.bucket
    resources = [names.source(of) for of in (bucket.names.values() if bucket else ())]
    resources += [names.table(table)] if table else []
    yield from ((resource[0].entry.id, resource[1]) for resource in resources if resource is not None)


def _other_data(
    names: "_Names", named: Collection[tuple[StackId, LogicalId]], manifest: Manifest, suffix: str
) -> dict[StackId, tuple[str, ...]]:
    """Return the nouns of all other data by stack, except logs, keys, and buckets for code, which can be made again."""
    nouns: dict[StackId, tuple[str, ...]] = {}
    for bound, logical_id, body in names.every():
        kind = str(body.get("Type"))
        bucket = bind(manifest.artifacts_bucket or "", suffix).replace("{region}", bound.entry.region)
        is_named = (bound.entry.id, logical_id) in named
        is_for_code = kind == BUCKET and bound.name_of(body) == bucket
        if holds_data(kind) and kind not in _NO_DATA and not is_named and not is_for_code:
            nouns[bound.entry.id] = tuple(dict.fromkeys((*nouns.get(bound.entry.id, ()), NOUNS.get(kind, kind))))
    return nouns


def _bound(entry: StackEntry, suffix: str) -> StackEntry:
    values = {name: bind_value(value, suffix, entry.id) for name, value in entry.parameters.items()}
    return replace(entry, name=bind(entry.name, suffix), parameters=values)


def _stack(bound: Bound, entry: StackEntry, suffix: str) -> RunbookStack:
    protection, policy = bind_protection(entry, suffix)
    bodies = [body for _, body in bound.made(bound.template.resources()) if holds_data(str(body.get("Type")))]
    return RunbookStack(
        id=bound.entry.id,
        region=bound.entry.region,
        name=bound.entry.name,
        account=bound.entry.account,
        holds_data=bool(bodies),
        retains_data=bool(bodies) and all(fate_on_deletion(bound.binding.value(body)) == "Retain" for body in bodies),
        is_protected=protection,
        denies_updates=policy is not None and not is_open(policy),
    )


class _Names:
    """Finds the resources of an assembly and their names. A name that only AWS knows becomes a variable."""

    def __init__(self, bounds: tuple[Bound, ...], account: AccountId | None) -> None:
        self._bounds = {bound.entry.id: bound for bound in bounds}
        self._account = account
        self.unnamed: dict[str, tuple[str, ...]] = {}

    def source(self, of: OutputOf) -> _Resource | None:
        """Return the resource that an output refers to, None unless it is a plain reference."""
        stack, output = of.output
        bound = self._bounds[stack]
        match at(bound.outputs().by_name, output, "Value"):
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), str()]} if name in bound.template.resources():
                return bound, LogicalId(name), bound.template.resource(name)
        return None

    def table(self, table: Table) -> _Resource | None:
        """Return the resource of a table, None if no template has it."""
        resource = self.source(table.name) if isinstance(table.name, OutputOf) else None
        by_name = (each for each in self.every(*TABLES) if each[0].name_of(each[2]) == table.name)
        return resource or next(by_name, None)

    def function(self, of: OutputOf) -> _Resource | None:
        """Return the function behind the URL that an output refers to, None if no template has it."""
        resource = self.source(of)
        if resource is None or resource[2].get("Type") != FUNCTION_URL:
            return resource if resource and resource[2].get("Type") == FUNCTION else None
        bound, _, url = resource
        match properties_of(url).get("TargetFunctionArn"):
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), str()]} if name in bound.template.resources():
                return bound, LogicalId(name), bound.template.resource(name)
        return None

    def every(self, *types: str) -> Iterator[_Resource]:
        """Yield every resource of these types, by default of all, that no condition leaves out."""
        for bound in self._bounds.values():
            for name, body in bound.made(bound.template.resources(*types)):
                yield bound, LogicalId(name), body

    def name(self, bound: Bound, logical_id: LogicalId, body: Mapping[str, Any]) -> str:
        """Return the name of a resource, or the variable for it."""
        known = bound.name_of(body)
        account = bound.entry.account or self._account
        if known is not None:
            known = in_account(known, account or ACCOUNT)
        if known and "${" not in known.replace(ACCOUNT, ""):
            return known
        words = f"{bound.entry.id}_{logical_id}"
        variable = "".join(character if character.isalnum() else "_" for character in words).upper()
        if not variable.isascii():
            variable = f"NAME_{len(self.unnamed) + 1}"
        self.unnamed[variable] = (
            *("aws", "cloudformation", "describe-stack-resource", "--stack-name", bound.entry.name),
            *("--logical-resource-id", logical_id, "--query", "StackResourceDetail.PhysicalResourceId"),
            *("--output", "text", "--region", bound.entry.region),
        )
        return f"${{{variable}}}"

    def keys(self, region: Region) -> Iterator[str]:
        """Yield the keys that encrypt tables and buckets of a region, each once, as far as they are known."""
        texts = [bound.text(key) for bound, of, key in self._keys() if of == region]
        # The alias is enough if the account in an ARN is not known.
        named = [text.rpartition(":")[2] if "${" in text else text for text in texts if text]
        yield from dict.fromkeys(name for name in named if name.startswith(("alias/", "arn:")) and "${" not in name)

    def _keys(self) -> Iterator[tuple[Bound, str | None, object]]:
        for bound, _, body in self.every(*TABLES):
            for replica in _replicas(body, bound.binding.value(properties_of(body))):
                of = bound.text(at(replica, "Region")) or bound.entry.region
                yield bound, of, at(replica, "SSESpecification", "KMSMasterKeyId")
        for bound, _, body in self.every(BUCKET):
            encryption = at(bound.binding.value(properties_of(body)), "BucketEncryption")
            for rule in as_list(at(encryption, "ServerSideEncryptionConfiguration")):
                yield bound, bound.entry.region, at(rule, "ServerSideEncryptionByDefault", "KMSMasterKeyID")


def _table(name: str, table: Table, names: _Names, stacks: Mapping[StackId, RunbookStack]) -> RunbookTable:
    resource = names.table(table)
    if resource is None:
        called = table.name if isinstance(table.name, str) else ""
        return RunbookTable(component=name, name=called, regions=table.regions, owner=None)
    bound, logical_id, body = resource
    bodies = bound.binding.value(properties_of(body))
    recovery = [_recovery(bound, replica) for replica in _replicas(body, bodies)]
    switched = [on for on, _ in recovery]
    return RunbookTable(
        component=name,
        name=names.name(bound, logical_id, body),
        regions=table.regions,
        owner=stacks[bound.entry.id],
        recovery=None if None in switched else all(switched),
        days=min((days for _, days in recovery if days.isdecimal()), key=int, default="35"),
        key=_key(bodies),
    )


def _replicas(body: Mapping[str, Any], bodies: Mapping[str, Any]) -> list[object]:
    listed = bodies.get("Replicas") if body.get("Type") == GLOBAL_TABLE else [bodies]
    return listed if isinstance(listed, list) else []


def _recovery(bound: Bound, replica: object) -> tuple[bool | None, str]:
    specification = at(replica, "PointInTimeRecoverySpecification")
    on, days = at(specification, "PointInTimeRecoveryEnabled"), at(specification, "RecoveryPeriodInDays")
    text = "false" if on is None else bound.text(on)
    return (None if text is None else text == "true"), str(bound.text(days)) if days is not None else ""


def _key(properties: Mapping[str, Any]) -> dict[str, str]:
    types = {
        str(at(definition, "AttributeName")): str(at(definition, "AttributeType"))
        for definition in properties.get("AttributeDefinitions", ())
    }
    schema = properties.get("KeySchema", ())
    named = [
        str(at(element, "AttributeName"))
        for element in sorted(schema, key=lambda element: str(at(element, "KeyType")) != "HASH")
    ]
    return {name: types[name] for name in named if name in types}


def _bucket(name: str, bucket: Bucket, names: _Names) -> RunbookBucket:
    resources = {region: names.source(of) for region, of in bucket.names.items()}
    made = [resource for resource in resources.values() if resource is not None and resource[2].get("Type") == BUCKET]
    bodies = [bound.binding.value(properties_of(body)) for bound, _, body in made]
    return RunbookBucket(
        component=name,
        names={region: names.name(*resource) for region, resource in resources.items() if resource is not None},
        ways=bucket.replication,
        one_way=bucket.one_way,
        keeps_days=min((days for body in bodies for days in _kept_days(body)), key=int, default=None),
        is_versioned=all(at(body, "VersioningConfiguration", "Status") == "Enabled" for body in bodies)
        if len(bodies) == len(resources)
        else None,
    )


def _kept_days(properties: Mapping[str, Any]) -> Iterator[str]:
    """Yield the days after which each enabled rule deletes versions that are not current any more."""
    rules = at(properties, "LifecycleConfiguration", "Rules")
    for rule in rules if isinstance(rules, list) else ():
        days = str(at(rule, "NoncurrentVersionExpiration", "NoncurrentDays"))
        if at(rule, "Status") == "Enabled" and days.isdecimal():
            yield days


def _function(
    name: str,
    function: FunctionComponent,
    names: _Names,
    outputs: Mapping[tuple[StackId, str], str],
) -> RunbookFunction:
    resources = {
        region: resource for region, of in function.url.items() if (resource := names.function(of)) is not None
    }
    return RunbookFunction(
        component=name,
        names={region: names.name(*resource) for region, resource in resources.items()},
        reserved=dict(_reserved(resources)),
        urls={region: outputs.get(of.output, "") for region, of in function.url.items()},
        health=function.health,
    )


def _reserved(resources: Mapping[Region, _Resource]) -> Iterator[tuple[Region, str]]:
    for region, (bound, _, body) in resources.items():
        reserved = properties_of(bound.binding.value(body)).get("ReservedConcurrentExecutions")
        if reserved is not None and (text := bound.text(reserved)) is not None:
            yield region, text


def _functions_without_url(names: _Names, called: list[Mapping[Region, OutputOf]]) -> tuple[RunbookFunction, ...]:
    """Return the functions that no component calls. Those with the same logical id in several regions are one."""
    behind = {
        (resource[0].entry.id, resource[1])
        for urls in called
        for of in urls.values()
        if (resource := names.function(of)) is not None
    }
    alone: dict[str, dict[Region, _Resource]] = {}
    for resource in names.every(FUNCTION):
        bound, logical_id, _ = resource
        if (bound.entry.id, logical_id) not in behind:
            part = bound.entry.id.removeprefix(f"{bound.entry.region}/")
            alone.setdefault(f"{part}/{logical_id}", {})[bound.entry.region] = resource
    return tuple(
        RunbookFunction(
            component=name,
            names={region: names.name(*resource) for region, resource in resources.items()},
            reserved=dict(_reserved(resources)),
        )
        for name, resources in alone.items()
    )
