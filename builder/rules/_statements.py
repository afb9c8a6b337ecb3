"""IAM policy statements in one world: what they allow and deny, so far as that can be known.

First names and ARNs that a deployment completes: what is known before it stands as it is, the rest as `${Name}`.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from builder.rules._node import Node

_HOLE = re.compile(r"\$\{([^!}][^}]*)\}")


def written(value: object) -> str | None:
    """Return a text with `${Name}` and `${Name.Attribute}` for what only a deployment knows; None for all else.

    Two texts with the same holes are the same text, whatever fills them. A secret resolved at deployment is no text.
    """
    match value:
        case str(text) | {"Fn::Sub": str(text)}:
            return None if "{{resolve:" in text else text
        case {"Fn::Sub": [str(text), dict(variables)]}:
            known = {name: written(variable) for name, variable in variables.items()}
            return None if None in known.values() else _HOLE.sub(lambda hole: known.get(hole[1]) or hole[0], text)
        case {"Fn::Join": [str(separator), list(parts)]}:
            texts = [written(part) for part in parts]
            return None if None in texts else separator.join(text for text in texts if text is not None)
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"${{{name}.{attribute}}}"
        case _:
            return None


def like(pattern: str, text: str) -> bool:
    """Return whether a text is one that a pattern stands for, by the wildcards `*` and `?` of IAM's policies."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None


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
        actions, excepted = self.node.get("Action").texts(), self.node.get("NotAction").texts()
        if actions is None or excepted is None or not (actions or excepted):
            return None
        if excepted:
            return not any(like(pattern.lower(), action.lower()) for pattern in excepted)
        return any(like(pattern.lower(), action.lower()) for pattern in actions)


def statements(document: Node) -> Iterator[Statement]:
    """Yield the statements of a policy document; none where they can't be known."""
    for node in document.get("Statement").items() or ():
        yield Statement(node)
