"""What each verb asks of AWS by itself, and what it has to be allowed for that, read from the table in calls.yaml."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

import yaml

from builder.policy.document import Verb


class On(Enum):
    """What an action is allowed on; `caller` knows which ARNs that is."""

    ANYTHING = auto()
    STACKS = auto()
    """The assembly's, by name: a stack that is not there yet has no tag."""
    TAGGED_STACKS = auto()
    """Every stack that carries the deployment's tag, in any region: also those that the assembly no longer has."""
    UNTAGGED_STACKS = auto()
    """The assembly's, by name, without that tag: nothing of theirs was ever executed."""
    NEW_CHANGE_SETS = auto()
    """The assembly's stacks, for change sets of our names, with the service role where there is one."""
    OUR_CHANGE_SETS = auto()
    """The assembly's stacks, for change sets of our names."""
    CHANGE_SETS = auto()
    """Change sets of our names, by their own ARNs."""
    SERVICE_ROLE = auto()
    ARTIFACTS = auto()
    CHILD_TEMPLATES = auto()
    """The templates of nested stacks, where they lie in S3."""
    BUCKETS = auto()
    OBJECTS = auto()
    TABLES = auto()
    FUNCTIONS = auto()
    FUNCTION_ROLES = auto()
    """The roles that the functions run with."""
    EXPERIMENTS = auto()
    """The experiment by which replication is paused, and what is begun from it."""
    SIGNED_FUNCTIONS = auto()
    """Those with a URL that wants signed requests, or may want them."""
    ACCOUNT_ROLES = auto()
    """The roles by which stacks of other accounts are reached."""
    STACK_SETS = auto()
    """The fleet's, with what their operations reach."""
    INSTANCE_ROLES = auto()
    """The role in each of the fleet's accounts."""
    ORGANIZATION = auto()
    """As a whole, where sets follow it."""
    UNITS = auto()
    """The organization's units, where sets follow them."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation, as botocore names it, with the actions that AWS checks for it."""

    service: str
    operation: str
    because: str
    needs: tuple[tuple[str, On], ...] = ()


_TABLE = yaml.load(Path(__file__).with_name("calls.yaml").read_bytes(), Loader=yaml.CSafeLoader)


def _read(rows: Sequence[str | Mapping[str, Any]]) -> Iterator[Call]:
    for row in rows:
        match row:
            case str():
                yield from _read(_TABLE["shared"][row])
            case {"all of": verb, "only": operations}:
                yield from (call for call in _read(_TABLE["verbs"][verb]) if call.operation in operations.split())
            case {"all of": verb}:
                yield from _read(_TABLE["verbs"][verb])
            case _:
                yield _read_call(**row)


def _read_call(call: str, because: str, *, at: str = "", by: str = "", needs: Mapping[str, str] | None = None) -> Call:
    service, _, operation = call.partition(":")
    needed = needs or dict.fromkeys(by.split() or (call,), at)
    pairs = tuple((action, On[name]) for action, names in needed.items() for name in names.split())
    return Call(service, operation, because, pairs)


CALLS = {Verb(verb): tuple(_read(rows)) for verb, rows in _TABLE["verbs"].items()}
FAULT_CALLS = {fault: tuple(_read(rows)) for fault, rows in _TABLE["faults"].items()}
"""What a drill calls for a kind of fault, beyond what every drill does; reserved concurrency is every drill's."""
