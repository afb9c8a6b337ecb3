"""What the options of a component are in each environment: those that differ become parameters of its template; pure.

    functions: {api: {memory_mb: 256}}
    environments: {prod: {functions: {api: {memory_mb: 1024}}}}

The template has the parameter MemoryMb then, the same bytes in every environment, and its stack is given the value of
the environment that it is deployed to. What no environment says otherwise is no parameter.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from builder.assembly.manifest import ByEnvironment
from builder.components.options import Section
from builder.config import Config
from builder.config.model import EnvironmentConfig

_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Option:
    """An option that differs between environments."""

    name: str
    """Its key in dr.yaml."""
    key: str | None = None
    """Of an option that holds keys with values, such as variables, the one that differs."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """By environment; `default` is of those that say nothing."""
    parameter: str = ""
    """The template's parameter that holds it."""


def varying_options(config: Config, kind: str, name: str) -> tuple[Option, ...]:
    """Return the options of a component that differ between the environments of dr.yaml, sorted by name and key."""
    base = config.options(kind, name)
    values: dict[tuple[str, str], dict[str, Any]] = {}
    for suffix, environment in config.environments.items():
        here = environment.options(kind, name)
        for place, value in _values(base, here, environment):
            values.setdefault(place, {_DEFAULT: _default(base, *place)})[suffix] = value
    # A variable may be called SUFFIX.
    taken = {"EnvironmentSuffix"}
    return tuple(
        Option(option, key or None, values[option, key], _parameter(option, key, taken))
        for option, key in sorted(values)
    )


def parameters_of(config: Config, kind: str, name: str) -> dict[str, ByEnvironment]:
    """Return what a component's stacks are given for the options that differ between environments."""
    return given(varying_options(config, kind, name))


def given(options: Iterable[Option]) -> dict[str, ByEnvironment]:
    """Return what a stack is given for options that are parameters of its template."""
    return {
        option.parameter: ByEnvironment({suffix: as_text(value) for suffix, value in option.values.items()})
        for option in options
    }


def as_text(value: object) -> str:
    """Return a value as a parameter's text; nothing is the empty one."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _values(
    base: Section, here: Section | None, environment: EnvironmentConfig
) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield each value that an environment sets, for a component, for all of its kind, or by being productive."""
    own = {name: getattr(here, name) for name in sorted(here.model_fields_set)} if here else {}
    of_all = {name: getattr(environment, name, None) for name in base.in_production}
    every = {name: value for name, value in of_all.items() if value is not None}
    for name, value in {**(base.in_production if environment.production else {}), **every, **own}.items():
        if isinstance(value, Mapping):
            yield from (((name, key), inner) for key, inner in value.items())
        else:
            yield (name, ""), value


def _default(base: Section, name: str, key: str) -> Any:  # noqa: ANN401 - whatever the option holds
    value = getattr(base, name)
    return value.get(key) if key else value


def _parameter(name: str, key: str, taken: set[str]) -> str:
    words = f"{name}_{key}".split("_")
    plain = parameter = "".join(word[:1].upper() + word[1:].lower() for word in words)
    number = 2
    while parameter in taken:
        parameter, number = f"{plain}{number}", number + 1
    taken.add(parameter)
    return parameter
