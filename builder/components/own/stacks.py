"""`stacks:`, `components:` and `outputs:` of dr.yaml, each stack in each of its regions with its values; pure.

What is wrong is collected with its place in the file, so that one reading tells all of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from builder.assembly.components import Bucket, Component, FunctionComponent, OutputOf, Table
from builder.assembly.manifest import (
    LONGEST_SUFFIX,
    MOST_TAGS,
    NAME_CHARACTERS,
    ByEnvironment,
    NeutralValue,
    UsePreviousValue,
    bind,
)
from builder.components.own import options
from builder.components.own.options import OutputValue, RegionsChoice, Value, parts_of
from builder.config import Config, LoadedConfig
from builder.config.document import ConfigFault, KeyPath
from builder.errors import did_you_mean
from builder.graph import as_circle, find_circle
from builder.template import canonical_policy
from builder.terms import Region, StackId
from builder.topology import Stack, names, stack_id

OWN = "own"


@dataclass(frozen=True, slots=True)
class OwnSystem:
    """What the file asks for of the user's own, and what is wrong with it."""

    stacks: tuple[Stack, ...] = ()
    components: Mapping[str, Component] = field(default_factory=dict)
    outputs: Mapping[str, tuple[StackId, str]] = field(default_factory=dict)
    faults: tuple[ConfigFault, ...] = ()


def make_own(config: Config, built_in: Sequence[Stack], taken: Mapping[str, str]) -> OwnSystem:
    """Return the user's own stacks, components and outputs.

    `taken` are the names of the built-in components, each with the key that makes it.
    """
    resolver = _Resolver(config, built_in)
    stacks = tuple(resolver.stacks(built_in))
    components = resolver.components(taken)
    outputs = resolver.outputs()
    needs = {stack.id: tuple(need for need in stack.needs if need in resolver.stack_names) for stack in stacks}
    circle = None if resolver.faults else find_circle(needs)
    if circle:
        what = f"need each other in a circle: {as_circle(circle)}"
        resolver.faults.append(ConfigFault(("stacks", circle[0].partition("/")[2]), what))
    return OwnSystem(stacks, components, outputs, tuple(resolver.faults))


def policy_of(loaded: LoadedConfig, stack: Stack) -> str | None:
    """Return the stack policy that dr.yaml names for one of the user's own stacks, in its one form."""
    own = loaded.config.stacks.get(stack.name) if stack.component == OWN else None
    return canonical_policy(loaded.files[own.stack_policy]) if own is not None and own.stack_policy else None


class _Resolver:
    """What stands where, while bindings are followed; `faults` grows."""

    def __init__(self, config: Config, built_in: Sequence[Stack]) -> None:
        self._config = config
        self.faults: list[ConfigFault] = []
        self.stack_names: dict[StackId, str] = {stack.id: stack.stack_name for stack in built_in}
        self._regions: dict[str, list[Region]] = {}
        for stack in built_in:
            self._regions.setdefault(stack.name, []).append(stack.region)
        for name, own in config.stacks.items():
            self._regions[name] = list(self._chosen(own.regions))
            stack_name = own.name or names.stack_name(config.project, name)
            self.stack_names |= {stack_id(region, name): stack_name for region in self._regions[name]}

    def stacks(self, built_in: Sequence[Stack]) -> Iterator[Stack]:
        """Yield each stack in each of its regions."""
        ours = {
            stack.name: stack.component if stack.of in ("", stack.component) else f"{stack.component}s"
            for stack in built_in
        }
        owners = {(stack.region, stack.stack_name): stack.id for stack in built_in}
        for name, own in self._config.stacks.items():
            if name in ours:
                what = f"is the name of a stack that `{ours[name]}:` makes: take another one"
                self.faults.append(ConfigFault(("stacks", name), what))
            stack_name = own.name or names.stack_name(self._config.project, name)
            length = len(bind(stack_name, LONGEST_SUFFIX))
            if length > NAME_CHARACTERS:
                what = f"the stack's name has {length} characters with the longest suffix: {NAME_CHARACTERS} at most"
                self.faults.append(ConfigFault(("stacks", name, *(["name"] if own.name else [])), what))
            if (tags := len(own.tags.keys() | self._config.tags.keys())) > MOST_TAGS:
                what = f"{tags} tags with those of every stack, and a stack has room for {MOST_TAGS}"
                self.faults.append(ConfigFault(("stacks", name, "tags"), what))
            for region in self._chosen(own.regions):
                stack = self._stack(name, own, region)
                owner = owners.setdefault((region, stack.stack_name), stack.id)
                if owner != stack.id:
                    what = f"'{stack.stack_name}' in {region} is the name of {owner} already"
                    self.faults.append(ConfigFault(("stacks", name, "name"), what))
                yield stack

    def _stack(self, name: str, own: options.OwnStackConfig, region: Region) -> Stack:
        place = ("stacks", name)
        needs: dict[StackId, None] = {}
        for number, need in enumerate(own.needs):
            if source := self._source(need, region, (*place, "needs", number)):
                needs[source] = None
        parameters = {}
        for key, value in own.parameters.items():
            resolved = self._value(value, region, (*place, "parameters", key), needs)
            if resolved is not None:
                parameters[key] = resolved
        return Stack(
            component=OWN,
            name=name,
            region=region,
            stack_name=self.stack_names[stack_id(region, name)],
            needs=tuple(needs),
            parameters=parameters,
            tags=own.tags,
            termination_protection=own.termination_protection,
        )

    def _value(self, value: Value, region: Region, place: KeyPath, needs: dict[StackId, None]) -> NeutralValue | None:
        """Return what a parameter is given in a region, and add the stacks that it needs for that."""
        match value:
            case str():
                return value
            case tuple():
                return ",".join(value)
            case options.OutputValue():
                output = self._output(value, region, place)
                needs |= {output.output[0]: None} if output else {}
                return output
            case options.StackValue():
                source = self._source(value.stack, region, (*place, "stack"))
                needs |= {source: None} if source else {}
                return self.stack_names[source] if source else None
            case options.PreviousValue():
                return UsePreviousValue()
            case options.EnvironmentsValue():
                return self._by_environment(value, region, place, needs)
        chosen = self._choice(value, region, place)
        return self._value(chosen[0], region, chosen[1], needs) if chosen else None

    def _choice(
        self, value: options.RegionsValue | options.RolesValue, region: Region, place: KeyPath
    ) -> tuple[Value, KeyPath] | None:
        """Return what holds in a region, and where the file says it."""
        regions = self._config.regions
        if isinstance(value, options.RegionsValue):
            if region in value.regions:
                return value.regions[region], (*place, "regions", region)
            what = f"says nothing for {region}, where the stack stands"
            self.faults.append(ConfigFault((*place, "regions"), what))
            return None
        if region not in regions.all:
            self.faults.append(ConfigFault((*place, "roles"), f"{region} is neither the primary nor a secondary"))
            return None
        if region == regions.primary:
            return value.roles.primary, (*place, "roles", "primary")
        return value.roles.secondaries, (*place, "roles", "secondaries")

    def _by_environment(
        self, value: options.EnvironmentsValue, region: Region, place: KeyPath, needs: dict[StackId, None]
    ) -> NeutralValue | None:
        texts: dict[str, str] = {}
        for name, inner in value.environments.items():
            there = (*place, "environments", name)
            resolved = self._value(inner, region, there, needs)
            if isinstance(resolved, str):
                texts[name] = resolved
            elif resolved is not None:
                what = "is no text: what a stack needs is the same in every environment, so bind it outside of this"
                self.faults.append(ConfigFault(there, what))
        return ByEnvironment(environments=texts)

    def _output(self, value: OutputValue, region: Region | None, place: KeyPath) -> OutputOf | None:
        binding, _, output = value.output.rpartition(".")
        source = self._source(binding, region, (*place, "output"))
        return OutputOf((source, output)) if source else None

    def _source(self, binding: str, region: Region | None, place: KeyPath) -> StackId | None:
        """Return the stack that a binding names; without a region the one in the same region, or the only one."""
        named_region, name = parts_of(binding)
        regions = self._regions.get(name)
        if regions is None:
            what = f"'{binding}': there is no stack {name}{did_you_mean(name, self._regions)}"
        elif named_region is None and region is None and len(regions) == 1:
            return stack_id(regions[0], name)
        elif (source_region := named_region or region) in regions:
            return stack_id(Region(str(source_region)), name)
        else:
            others = ", ".join(f"{other}/{name}" for other in regions)
            where = f"is not in {source_region}" if source_region else "is in several regions"
            what = f"'{binding}': {name} {where}; there is {others}"
        self.faults.append(ConfigFault(place, what))
        return None

    def _chosen(self, choice: RegionsChoice) -> tuple[Region, ...]:
        regions = self._config.regions
        match choice:
            case "all":
                return regions.all
            case "primary":
                return (regions.primary,)
            case "secondaries":
                return regions.secondaries
        return tuple(choice)

    def components(self, taken: Mapping[str, str]) -> dict[str, Component]:
        """Return what of the user's own is looked at, called and drilled."""
        made = {}
        for name, own in self._config.components.items():
            place: KeyPath = ("components", name)
            kinds = [kind for kind in ("table", "function", "bucket") if getattr(own, kind) is not None]
            if len(kinds) != 1:
                what = f"says {' and '.join(kinds) or 'nothing'}, and a component is a table, a function or a bucket"
                self.faults.append(ConfigFault(place, what))
                continue
            if name in taken:
                self.faults.append(ConfigFault(place, f"is built in here: `{taken[name]}` makes it; take another name"))
            place = (*place, kinds[0])
            component = (
                self._table(own.table, place)
                if own.table
                else self._function(own.function, place)
                if own.function
                else self._bucket(own.bucket, place)
                if own.bucket
                else None
            )
            if component:
                made[name] = component
        return made

    def _in_system(self, choice: RegionsChoice, place: KeyPath) -> tuple[Region, ...]:
        chosen = self._chosen(choice)
        for region in chosen:
            if region not in self._config.regions.all:
                what = f"{region} is neither the primary nor a secondary"
                self.faults.append(ConfigFault((*place, "regions"), what))
        return chosen

    def _table(self, table: options.OwnTableConfig, place: KeyPath) -> Component | None:
        regions = self._in_system(table.regions, place)
        name = self._value(table.name, self._config.regions.primary, (*place, "name"), {})
        if not isinstance(name, str | OutputOf):
            if name is not None:
                self.faults.append(ConfigFault((*place, "name"), "is neither a text nor an output"))
            return None
        return Component(table=Table(name=name, regions=regions))

    def _function(self, function: options.OwnFunctionConfig, place: KeyPath) -> Component | None:
        url = self._per_region(function.url, function.regions, place, "url")
        return Component(function=FunctionComponent(url=url, health=function.health)) if url else None

    def _bucket(self, bucket: options.OwnBucketConfig, place: KeyPath) -> Component | None:
        pair = {"primary": bucket.primary, "secondary": bucket.secondary}
        if (bucket.name is None) == (None in pair.values()):
            what = "says neither `name` nor both of `primary` and `secondary`, or all of them: say one way"
            self.faults.append(ConfigFault(place, what))
            return None
        if bucket.name:
            bucket_names = self._per_region(bucket.name, bucket.regions, place, "name")
        else:
            regions = self._config.regions
            bucket_names = {}
            for role, region in (("primary", regions.primary), ("secondary", regions.secondaries[0])):
                value = pair[role]
                output = self._output(value, region, (*place, role)) if value else None
                if output:
                    bucket_names[region] = output
        ways = tuple(_ways(bucket.replication, tuple(bucket_names)))
        return Component(bucket=Bucket(names=bucket_names, replication=ways)) if bucket_names else None

    def _per_region(
        self, value: OutputValue, choice: RegionsChoice, place: KeyPath, key: str
    ) -> dict[Region, OutputOf]:
        outputs = {region: self._output(value, region, (*place, key)) for region in self._in_system(choice, place)}
        return {region: output for region, output in outputs.items() if output}

    def outputs(self) -> dict[str, tuple[StackId, str]]:
        """Return the outputs that the file names."""
        outputs = {name: self._output(value, None, ("outputs", name)) for name, value in self._config.outputs.items()}
        return {name: output.output for name, output in outputs.items() if output}


def _ways(replication: str, regions: Sequence[Region]) -> Iterator[tuple[Region, Region]]:
    for number, source in enumerate(regions):
        for destination in regions:
            if source != destination and (replication == "two-way" or (replication == "one-way" and number == 0)):
                yield source, destination
