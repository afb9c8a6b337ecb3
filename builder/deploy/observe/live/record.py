"""A table or a bucket as it is, whatever any template states."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from builder.deploy.resources.holder import Properties
from builder.terms import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveResource:
    """A table or a bucket that exists, as a template has to state it for an update to change nothing."""

    type: str
    name: str
    region: Region
    identifier: Mapping[str, str]
    """What an import finds it by, such as `{"TableName": "orders"}`."""
    definition: Properties
    """Its properties as they are, always in the same order."""
    obstacles: tuple[str, ...] = ()
    """Why no stack can import it, each with what to do about it."""
    notes: tuple[str, ...] = ()
    """What it has and its template does not state: it stays as it is."""
    losses: tuple[str, ...] = ()
    """What it has and the template takes from it, with the first update after its import."""
    unversioned: bool = False
    """Of a bucket: it never had versions, and would have them for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSide:
    """The resource in the template that is to import it; every value bound, as far as that is known."""

    properties: Properties
    stack_tags: Mapping[str, str] = field(default_factory=dict)
    """The tags that its stack passes on to it."""
    makes_policy: bool = False
    """Of a bucket: whether the template makes a policy for it."""
    policy: object = None
    """The document of that policy, where it is known."""


def own_tags(shown: object) -> dict[str, str]:
    """Return the tags that AWS shows, without AWS's own and the builder's.

    CloudFormation sets the builder's with the stack's own tags.
    """
    tags = {str(tag["Key"]): str(tag.get("Value", "")) for tag in shown} if isinstance(shown, list) else {}
    return {key: tags[key] for key in sorted(tags) if not key.startswith(("aws:", "builder:"))}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as a template has them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
