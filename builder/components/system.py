"""The topology of the system that dr.yaml asks for: the built-in components' stacks, then the user's own; pure.

It is made here, above `builder.topology`, which has its records and knows no component.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from builder.assembly.components import Component, choose
from builder.components.bucket import stacks as bucket
from builder.components.function import stacks as function
from builder.components.key import stacks as key
from builder.components.own.stacks import make_own
from builder.components.table import stacks as table
from builder.config import Config, LoadedConfig
from builder.config.document import ConfigFault, errors_of
from builder.errors import BadInput, gathered
from builder.template import in_account
from builder.terms import StackId
from builder.topology import Stack, Topology
from builder.topology.names import SUFFIX, PhysicalName

# Of the roles that dr.yaml names for a fleet.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_ROLE_CHARACTERS = 64


class _BuiltIn(Protocol):
    """What the `stacks` of a component that has a key of its own in dr.yaml say."""

    def make_stacks(self, config: Config) -> tuple[Stack, ...]: ...

    def make_components(self, config: Config) -> dict[str, Component]: ...

    def make_names(self, config: Config) -> Iterator[PhysicalName]: ...


_BUILT_IN: Mapping[str, _BuiltIn] = {"bucket": bucket, "table": table, "function": function}
"""In the order in which their stacks are listed."""
_COMPONENTS = ("table", "function", "bucket")
_SHOWN = ("function", "table", "bucket")
"""In which their outputs are: the URLs first, since that is what people look for."""


def make_topology(loaded: LoadedConfig) -> Topology:
    """Return every stack, what of them is looked at, and what they put out.

    Raises BadInput, or Several of them, for what is wrong between the stacks.
    """
    config = loaded.config
    watching, watches = _watching(config)
    built_in = (
        *key.make_stacks(config),
        *(stack for part in _BUILT_IN.values() for stack in part.make_stacks(config)),
        *watching,
    )
    keys = {
        name: f"{kind}:" if name == kind else f"{kind}s:"
        for kind in _COMPONENTS
        for name in getattr(config, f"{kind}s_by_name")
    }
    keys |= {name: f"{name}:" for name in watches}
    components = {name: each for kind in _COMPONENTS for name, each in _BUILT_IN[kind].make_components(config).items()}
    components |= watches
    own = make_own(config, built_in, keys)
    outputs = dict(_outputs(config, built_in))
    faults = [*own.faults]
    faults += [
        ConfigFault(("outputs", name), "is built in here: take another name") for name in own.outputs if name in outputs
    ]
    if not built_in and not own.stacks:
        what = "asks for no stack: write `table:`, `bucket:` or `function:`, or `stacks:` of your own"
        faults.append(ConfigFault((), what))
    if faults:
        raise gathered(errors_of(faults, loaded.lines))
    choose({**components, **own.components}, config.drill.components, loaded.lines.where(("drill", "components")))
    return Topology(
        stacks=(*built_in, *own.stacks),
        components={**components, **own.components},
        outputs={**outputs, **own.outputs},
    )


def _watching(config: Config) -> tuple[tuple[Stack, ...], dict[str, Component]]:
    """Return the stacks of the drill's experiment and of alarms, and the alarms; most systems have neither."""
    if config.drill.fis is None and config.alarms is None:
        return (), {}
    from builder.components.alarms import stacks as alarms  # noqa: PLC0415
    from builder.components.drill import stacks as drill  # noqa: PLC0415

    return (*drill.make_stacks(config), *alarms.make_stacks(config)), alarms.make_components(config)


def _outputs(config: Config, stacks: tuple[Stack, ...]) -> Iterator[tuple[str, tuple[StackId, str]]]:
    """Yield each component's public outputs, those that follow the roles first, in the regions' order."""
    for component in _SHOWN:
        ours = sorted(
            (stack for stack in stacks if stack.component == component),
            key=lambda stack: config.regions.all.index(stack.region),
        )
        named = [(name, stack.id, output) for stack in ours for name, output in stack.outputs]
        for name, source, output in sorted(named, key=lambda entry: "." in entry[0]):
            yield name, (source, output)


def check_names(loaded: LoadedConfig, other_suffix: str | None = None) -> None:
    """Check the names of every environment in dr.yaml, and those with `other_suffix`.

    Raises BadInput, or Several of them, one for each environment whose names would be too long.
    """
    config = loaded.config
    suffixes = {name: loaded.lines.where(("environments", name)) for name in config.environments}
    suffixes |= {config.environment: loaded.lines.where(("environment",))}
    if other_suffix and other_suffix not in suffixes:
        suffixes[other_suffix] = f"environment '{other_suffix}'"
    names = [*key.make_names(config), *(name for part in _BUILT_IN.values() for name in part.make_names(config))]
    errors = [
        BadInput(where=where, what=what)
        for suffix, where in suffixes.items()
        for what in (
            *([_too_long(config.project, suffix, names)]),
            *(_long_role(role, suffix) for role in _role_names(config)),
        )
        if what
    ]
    if errors:
        raise gathered(errors)


def _too_long(project: str, suffix: str, names: list[PhysicalName]) -> str | None:
    """Return what is wrong with the name that is the furthest over its limit."""
    bound = [(name, in_account(name.text.replace(SUFFIX, suffix), "0" * 12)) for name in names]
    name, text = max(bound, key=lambda pair: len(pair[1]) - pair[0].most, default=(None, ""))
    if name is None or len(text) <= name.most:
        return None
    parts = [project, suffix, *([name.of] if name.of else [])]
    room = sum(map(len, parts)) - (len(text) - name.most)
    if name.is_existing:
        return f"the {name.kind} '{text}' would have {len(text)} characters of {name.most}: take a shorter suffix"
    *others, last = (f"'{part}'" for part in parts)
    return (
        f"the {name.kind} '{text}' would have {len(text)} characters of {name.most}: "
        f"{', '.join(others)} and {last} can have {room} together"
    )


def _role_names(config: Config) -> tuple[str, ...]:
    roles = (config.fleet.administration_role, config.fleet.execution_role) if config.fleet else ()
    return tuple(role for role in roles if role)


def _long_role(role: str, suffix: str) -> str | None:
    name = role.replace(SUFFIX, suffix)
    if len(name) <= _ROLE_CHARACTERS:
        return None
    return (
        f"the fleet's role '{name}' would have {len(name)} characters of {_ROLE_CHARACTERS}: "
        "take a shorter name or suffix"
    )
