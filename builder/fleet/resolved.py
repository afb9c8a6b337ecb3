"""A template as the stacks of one StackSet run it: parameters put in, conditions decided; pure.

Two such templates differ where the stacks would. Account and partition stay symbols: they are the same in both.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.assembly.bound import Bound
from builder.assembly.manifest import Entry
from builder.deploy.template import read_template, resources_of
from builder.terms import Region, StackId

_NOTHING = {"Ref": "AWS::NoValue"}


@dataclass(frozen=True, slots=True)
class _Reading:
    bound: Bound

    def truth(self, condition: object) -> bool | None:
        """Return whether a condition holds; None where that cannot be known before a deployment."""
        match condition:
            case str(name) | {"Condition": str(name)}:
                return self.truth(self.bound.section("Conditions").get(name))
            case {"Fn::Equals": [first, second]}:
                one, other = self.bound.text(first), self.bound.text(second)
                return None if one is None or other is None else one == other
            case {"Fn::Not": [inner]}:
                said = self.truth(inner)
                return None if said is None else not said
            case {"Fn::And": list(inner)}:
                return _all(self.truth(one) for one in inner)
            case {"Fn::Or": list(inner)}:
                said = _all(_opposite(self.truth(one)) for one in inner)
                return _opposite(said)
        return None

    def value(self, value: object) -> Any:  # noqa: ANN401 - JSON
        """Return a value as far as it can be known; what cannot be keeps its intrinsic, with its arguments read."""
        match value:
            case {"Fn::If": [str(name), then, otherwise]}:
                said = self.truth(name)
                if said is None:
                    return {
                        "Fn::If": [self.bound.section("Conditions").get(name), self.value(then), self.value(otherwise)]
                    }
                return self.value(then if said else otherwise)
            case {"Fn::FindInMap": [str(name), first, second, *_]}:
                return self._mapped(name, first, second)
        text = self.bound.text(value)
        if text is not None:
            return text
        match value:
            case Mapping():
                read = {name: self.value(inner) for name, inner in value.items() if inner != _NOTHING}
                return {name: inner for name, inner in read.items() if inner != _NOTHING}
            case list():
                return [read for inner in value if (read := self.value(inner)) != _NOTHING]
        return value

    def _mapped(self, name: str, first: object, second: object) -> Any:  # noqa: ANN401 - JSON
        mapping = self.bound.section("Mappings").get(name)
        keys = [self.bound.text(first), self.bound.text(second)]
        found: object = mapping
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        # Of one that cannot be looked up, the whole map tells whether it is still the same.
        return {"Fn::FindInMap": [mapping, *keys]} if found is None else self.value(found)


def resolve_template(body: str, parameters: Mapping[str, str], region: Region, where: str = "body") -> dict[str, Any]:
    """Return the template with everything in its resources known that can be; what no condition makes is not in it.

    Raises BadInput, `where` being its StackSet, for one that cannot be read.
    """
    template = read_template(body, where)
    reading = _Reading(Bound(_entry(body, parameters, region), "template", template))
    resources = {
        name: reading.value(_without_condition(one))
        for name, one in resources_of(template).items()
        if "Condition" not in one or reading.truth(one["Condition"]) is not False
    }
    return {**template, "Resources": resources}


def _without_condition(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name != "Condition"}


def _entry(body: str, parameters: Mapping[str, str], region: Region) -> Entry:
    return Entry(
        id=StackId("set"),
        region=region,
        name="${AWS::StackName}",
        template="template",
        sha256=hashlib.sha256(body.encode()).hexdigest(),
        parameters=dict(parameters),
    )


def _all(said: Iterator[bool | None]) -> bool | None:
    every = list(said)
    return False if False in every else None if None in every else True


def _opposite(said: bool | None) -> bool | None:  # noqa: FBT001 - it is a value here
    return None if said is None else not said
