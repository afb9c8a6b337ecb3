"""What the schemas do not say of a resource type, in the table by_hand.yaml: what goes with it, its ARN, a word for it.

Something goes with a resource where deleting or replacing it loses what nobody can make again from a template.
Snapshots and backups that are resources themselves count; caches that refill by themselves do not.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from builder.resource_types.schemas import stateful_types


@dataclass(frozen=True, slots=True)
class ArnFormat:
    """How the name of a resource stands in its ARN.

    Source:
    https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
    """

    service: str
    resource: str
    """The ARN's last part."""
    is_global: bool = False
    """True where a name is good in every region."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One resource type."""

    lost: str = ""
    """What goes with it, as in `with it goes ...`; empty where nothing does."""
    data: bool = True
    """Whether that is data; False for an address that clients know."""
    noun: str = ""
    """What a picture calls it, of what people look for in one; roles and policies are left to the templates."""
    arn: ArnFormat | None = None


def at_stake(type_name: str) -> str:
    """Return what goes with a resource of this type, as in `with it goes ...`; empty where nothing does."""
    known = RESOURCE_TYPES.get(type_name)
    if known is not None:
        return known.lost
    return "all that it holds" if type_name in stateful_types() else ""


def holds_data(type_name: str) -> bool:
    """Return whether a resource of this type holds anything that a template cannot make again."""
    return bool(at_stake(type_name)) and RESOURCE_TYPES.get(type_name, ResourceType()).data


def _read(facts: dict[str, Any]) -> ResourceType:
    arn = facts.pop("arn", None)
    return ResourceType(**facts, arn=ArnFormat(**arn) if arn else None)


_TABLE = yaml.load(Path(__file__).with_name("by_hand.yaml").read_bytes(), Loader=yaml.CSafeLoader)
RESOURCE_TYPES = {name: _read(facts) for name, facts in _TABLE.items()}
ARN_FORMATS = {name: type_.arn for name, type_ in RESOURCE_TYPES.items() if type_.arn is not None}
NOUNS = {name: type_.noun for name, type_ in RESOURCE_TYPES.items() if type_.noun}
