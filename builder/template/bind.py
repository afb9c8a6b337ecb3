"""What the values of a template refer to, and what they come to as far as that is known before a deployment; pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TemplatePath = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""
PLACEHOLDER = r"\$\{[^!}][^}]*\}"
"""What Fn::Sub replaces in a text, as a regular expression; `${!Literal}` is none."""
NO_VALUE = {"Ref": "AWS::NoValue"}
Find = Callable[[str, str], str | None]
"""Returns what Ref of a name comes to, or Fn::GetAtt where an attribute is said too; None where that is not known."""
_PLACEHOLDER = re.compile(PLACEHOLDER)


def placeholders(text: str) -> list[str]:
    """Return the names in a text that Fn::Sub replaces, in order."""
    return [match[2:-1] for match in _PLACEHOLDER.findall(text)]


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text with these placeholders replaced; any other stays."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[0][2:-1], match[0]), text)


def names_in(value: object) -> Iterator[str]:
    """Yield what a value refers to, in the order of its text: logical ids, parameters and pseudo parameters.

    For what another stack puts out the function's own name. Conditions are no references.
    """
    if isinstance(value, list | tuple):
        for item in value:
            yield from names_in(item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _names_of_pair(str(key), item)


def _names_of_pair(key: str, value: object) -> Iterator[str]:
    match key, value:
        case ("Ref", str(name)) | ("Fn::GetAtt", [str(name), *_]):
            yield name
        case "Fn::Sub", str(text) | [str(text), *_]:
            variables = at(value, 1)
            own = variables if isinstance(variables, Mapping) else {}
            yield from (name.partition(".")[0] for name in placeholders(text) if name not in own)
            yield from names_in(variables)
        case "Fn::GetStackOutput", _:
            yield key
            yield from names_in(value)
        case _:
            yield from names_in(value)


def at(value: object, *path: str | int) -> object:
    """Return what a path leads to; None where it leads nowhere."""
    for step in path:
        match value:
            case Mapping():
                value = value.get(step)
            case list() if isinstance(step, int) and step < len(value):
                value = value[step]
            case _:
                return None
    return value


def as_list(value: object) -> list[Any]:
    """Return the elements of a list; a single value counts as a list of one, and nothing as none."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


@dataclass(frozen=True, slots=True)
class Binding:
    """A template's functions with values for its names: every answer is None where it cannot be known."""

    conditions: Mapping[str, object]
    mappings: Mapping[str, object]
    find: Find

    def text(self, value: object) -> str | None:
        """Return a value as text, references resolved; None too for Fn::If and Fn::FindInMap, which `value` decides."""
        match value:
            case bool():
                return str(value).lower()
            case str() | int() | float():
                return str(value)
            case {"Ref": str(name)}:
                return self.find(name, "")
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self.find(name, attribute)
            case {"Fn::Sub": str(text)}:
                return self._substitute(text, {})
            case {"Fn::Sub": [str(text), Mapping() as variables]}:
                return self._substitute(text, variables)
            case {"Fn::Join": [str(separator), list(parts)]}:
                texts = [self.text(part) for part in parts]
                return None if None in texts else separator.join(text for text in texts if text is not None)
        return None

    def texts(self, value: object, path: TemplatePath = ()) -> Iterator[tuple[TemplatePath, str]]:
        """Yield every text below a value that can be known, with its place."""
        text = self.text(value)
        if text is not None:
            yield path, text
        elif isinstance(value, Mapping):
            for key, item in value.items():
                yield from self.texts(item, (*path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.texts(item, (*path, index))

    def truth(self, condition: object) -> bool | None:
        """Return whether a condition holds, said by its name or in full."""
        match condition:
            case str(name) | {"Condition": str(name)}:
                return self.truth(self.conditions.get(name))
            case {"Fn::Equals": [first, second]}:
                texts = self.text(first), self.text(second)
                return None if None in texts else texts[0] == texts[1]
            case {"Fn::Not": [inner]}:
                return _opposite(self.truth(inner))
            case {"Fn::And": list(inner)}:
                return _all([self.truth(part) for part in inner])
            case {"Fn::Or": list(inner)}:
                return _opposite(_all([_opposite(self.truth(part)) for part in inner]))
        return None

    def value(self, value: object) -> Any:  # noqa: ANN401 - JSON
        """Return a value as far as it can be known; what cannot be keeps its function, with its arguments bound.

        What no condition lets be is left out. A condition that cannot be decided, and a map in which cannot be looked
        up, stand there in full instead of by their names.
        """
        match value:
            case {"Fn::If": [str(name), then, otherwise]}:
                holds = self.truth(name)
                if holds is None:
                    return {"Fn::If": [self.conditions.get(name), self.value(then), self.value(otherwise)]}
                return self.value(then if holds else otherwise)
            case {"Fn::FindInMap": [str(name), first, second, *_]}:
                keys = [self.text(first), self.text(second)]
                mapped = (
                    None if None in keys else at(self.mappings.get(name), *(key for key in keys if key is not None))
                )
                return {"Fn::FindInMap": [self.mappings.get(name), *keys]} if mapped is None else self.value(mapped)
            case Mapping() if (text := self.text(value)) is not None:
                return text
            case Mapping():
                bound = {key: self.value(inner) for key, inner in value.items()}
                return {key: inner for key, inner in bound.items() if inner != NO_VALUE}
            case list():
                return [bound for inner in value if (bound := self.value(inner)) != NO_VALUE]
        return value

    def _substitute(self, text: str, variables: Mapping[str, object]) -> str | None:
        values: dict[str, str] = {}
        for placeholder in placeholders(text):
            name, _, attribute = placeholder.partition(".")
            value = self.text(variables[placeholder]) if placeholder in variables else self.find(name, attribute)
            if value is None:
                return None
            values[placeholder] = value
        return fill(text, values)


def _all(truths: list[bool | None]) -> bool | None:
    return False if False in truths else None if None in truths else True


def _opposite(truth: bool | None) -> bool | None:  # noqa: FBT001 - it is a value here
    return None if truth is None else not truth
