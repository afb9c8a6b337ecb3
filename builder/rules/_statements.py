"""IAM policy statements in one world: what they allow and deny, so far as that can be known.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from builder.rules._node import Node
from builder.rules._pattern import like


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `node` is where it stands."""

    node: Node

    @property
    def effect(self) -> str | None:
        """Allow, Deny, or None where that can't be known."""
        return self.node.get("Effect").text

    @property
    def conditional(self) -> bool:
        """True unless the statement surely holds without further conditions."""
        return not self.node.get("Condition").absent

    def covers(self, action: str) -> bool | None:
        """Return whether the actions named, wildcards followed, hold this one; None where that can't be known."""
        said, excepted = self.node.get("Action").texts(), self.node.get("NotAction").texts()
        if said is None or excepted is None or not (said or excepted):
            return None
        if excepted:
            return not any(like(pattern.lower(), action.lower()) for pattern in excepted)
        return any(like(pattern.lower(), action.lower()) for pattern in said)


def statements(document: Node) -> Iterator[Statement]:
    """Yield the statements of a policy document; none where they can't be known."""
    for node in document.get("Statement").items() or ():
        yield Statement(node)
