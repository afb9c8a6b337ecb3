"""A value of a template in one world, and its path: Fn::If followed, AWS::NoValue gone, the rest unknown.

A world says of each condition whether it holds. What only a deployment can know (a parameter, another resource's
attribute, a secret) stays unknown, and every question about it is answered so that no rule reports it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

World = Mapping[str, bool]
Path = tuple[str | int, ...]

_NO_VALUE = {"Ref": "AWS::NoValue"}


class Missing(Enum):
    """Why a node has no value to look at."""

    ABSENT = auto()
    """The template has nothing there."""
    UNKNOWN = auto()
    """Something may stand there, but nobody can tell what before the deployment."""


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a template; `value` is as in the file, an intrinsic function other than Fn::If included."""

    value: object
    path: Path
    world: World

    @property
    def absent(self) -> bool:
        """True if the template surely says nothing here."""
        return self.value is Missing.ABSENT

    @property
    def present(self) -> bool:
        """True if the template surely says something here, known or not."""
        return not isinstance(self.value, Missing)

    @property
    def mapping(self) -> Mapping[str, object] | None:
        """The keys and values of a literal object; None for all else."""
        return self.value if isinstance(self.value, dict) and not is_function(self.value) else None

    @property
    def text(self) -> str | None:
        """A literal scalar as text (`true`, `15`); None for all else, for secrets resolved at deployment too."""
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if isinstance(self.value, str | int | float):
            text = str(self.value)
            return None if "{{resolve:" in text else text
        return None

    def get(self, *keys: str) -> "Node":
        """Return the node below, one step a key."""
        node = self
        for key in keys:
            node = node._child(key)
        return node

    def items(self) -> tuple["Node", ...] | None:
        """Return a list's present elements; () where there is none, None where the list can't be known.

        A single value where a list is usual counts as a list of one, as IAM's policies have it.
        """
        match self.value:
            case Missing.ABSENT:
                return ()
            case Missing.UNKNOWN:
                return None
            case list() as values:
                nodes = [_settle(value, (*self.path, index), self.world) for index, value in enumerate(values)]
                present = tuple(node for node in nodes if not node.absent)
                return None if any(node.value is Missing.UNKNOWN for node in present) else present
            case dict() as value if is_function(value):
                return None
            case _:
                return (self,)

    def texts(self) -> tuple[str, ...] | None:
        """Return a list's elements as texts; None as soon as one of them can't be known."""
        nodes = self.items()
        values = tuple(node.text for node in nodes or ())
        return None if nodes is None or None in values else tuple(text for text in values if text is not None)

    def walk(self) -> Iterator["Node"]:
        """Yield this node and all below, functions as leaves."""
        yield self
        if (mapping := self.mapping) is not None:
            for key in mapping:
                yield from self._child(key).walk()
        elif isinstance(self.value, list):
            for index, value in enumerate(self.value):
                yield from _settle(value, (*self.path, index), self.world).walk()

    def _child(self, key: str) -> "Node":
        path = (*self.path, key)
        mapping = self.mapping
        if mapping is None:
            return Node(Missing.ABSENT if self.absent else Missing.UNKNOWN, path, self.world)
        if key in mapping:
            return _settle(mapping[key], path, self.world)
        # A macro beside the other keys puts in whatever it likes.
        return Node(Missing.UNKNOWN if "Fn::Transform" in mapping else Missing.ABSENT, path, self.world)


def is_function(value: object) -> bool:
    """Return whether a value is an intrinsic function's call; `Condition` is one only where conditions are defined."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    name = next(iter(value))
    return isinstance(name, str) and (name == "Ref" or name.startswith("Fn::"))


def _settle(value: object, path: Path, world: World) -> Node:
    """Follow every Fn::If on the way to a value."""
    while isinstance(value, dict) and len(value) == 1 and "Fn::If" in value:
        choice = value["Fn::If"]
        name = choice[0] if isinstance(choice, list) and len(choice) == 3 else None
        if not isinstance(name, str) or name not in world:
            return Node(Missing.UNKNOWN, path, world)
        branch = 1 if world[name] else 2
        value, path = choice[branch], (*path, "Fn::If", branch)
    return Node(Missing.ABSENT if value is None or value == _NO_VALUE else value, path, world)
