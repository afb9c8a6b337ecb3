"""What every rule of this project is to cfn-lint."""

from collections.abc import Iterator
from dataclasses import dataclass

# cfn-lint documents both names here and exports neither in so many words.
from cfnlint.rules import CloudFormationLintRule, RuleMatch  # type: ignore[attr-defined]
from cfnlint.template.template import Template

from builder.rules._node import Node, Path


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one place of a template."""

    path: Path
    message: str


class Rule(CloudFormationLintRule):
    """A rule that looks at a template in each world it can be deployed into.

    Without an id of its own cfn-lint passes it over; the rules are its children, one a module.
    """

    topics: tuple[str, ...] = ()
    """What cfn-lint calls tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tags = list(self.topics)

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Return each fault once, however many worlds show it."""
        return [RuleMatch(list(fault.path), fault.message) for fault in dict.fromkeys(self.faults(cfn))]

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield what is wrong, the same thing perhaps more than once."""
        raise NotImplementedError


def fault(node: Node, message: str) -> Fault:
    """Return a fault of the place where a node stands, or would stand."""
    return Fault(node.path, message)
