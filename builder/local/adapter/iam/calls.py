"""The API calls of a resource's handlers, as they are held against policies."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from builder.local.adapter.emulator import account_id, region_name
from builder.local.adapter.handlers import Properties


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call: the action, what it is on, and the condition keys it comes with."""

    action: str
    arn: str
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of a type's handlers: create(props, stack, logical id), update(id, old, new), delete(id, props)."""

    create: Callable[[Properties, str, str], Iterator[ApiCall]]
    update: Callable[[str, Properties, Properties], Iterator[ApiCall]]
    delete: Callable[[str, Properties], Iterator[ApiCall]]


def make_arn(service: str, resource: str, region: str | None = None) -> str:
    """Return the ARN of a resource of the request's account, in its region or another."""
    here = region or region_name()
    return f"arn:aws:{service}:{here}:{account_id()}:{resource}"


def each(service: str, arn: str, *names: str) -> Iterator[ApiCall]:
    """Return the calls of a service's actions on one resource."""
    return (ApiCall(f"{service}:{name}", arn) for name in names)


def changed(old: Properties, new: Properties) -> set[str]:
    """Return the names of the properties that an update changes."""
    return {name for name in {*old, *new} if old.get(name) != new.get(name)}
