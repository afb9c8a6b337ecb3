"""A table or a bucket as it is, independent of any template."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from builder.deploy.resources.holder import Properties
from builder.terms import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveResource:
    """A table or bucket that exists, as a template has to state it for an update to change nothing."""

    type: str
    name: str
    region: Region
    identifier: Mapping[str, str]
    """What an import identifies it by, such as `{"TableName": "orders"}`."""
    definition: Properties
    """Its properties as they are, always in the same order."""
    obstacles: tuple[str, ...] = ()
    """Why no stack can import it, each with a remedy."""
    notes: tuple[str, ...] = ()
    """What it has and its template does not state: that stays."""
    losses: tuple[str, ...] = ()
    """What it has and the template removes with the first update after its import."""
    unversioned: bool = False
    """For a bucket: whether it never had versions, which it could not be without again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSide:
    """The resource in the template that is to import it, with every value bound, as far as known."""

    properties: Properties
    stack_tags: Mapping[str, str] = field(default_factory=dict)
    """The tags that its stack passes on to it."""
    makes_policy: bool = False
    """For a bucket: whether the template has a policy for it."""
    policy: object = None
    """The document of that policy, where it is known."""


def own_tags(shown: object) -> dict[str, str]:
    """Return the shown tags without AWS's own and the builder's.

    CloudFormation sets the builder's with the stack's tags.
    """
    tags = {str(tag["Key"]): str(tag.get("Value", "")) for tag in shown} if isinstance(shown, list) else {}
    return {key: tags[key] for key in sorted(tags) if not key.startswith(("aws:", "builder:"))}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as a template has them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
