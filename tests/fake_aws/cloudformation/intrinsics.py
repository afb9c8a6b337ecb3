"""Evaluates a template's functions, with what is known at that moment.

While a change set is made, what will only be known after another resource changed is an `Unresolved` text: it remembers
what it waits for, and shows as AWS shows it.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from fake_aws.cloudformation.template import Template
from fake_aws.json_value import Json
from fake_aws.refusals import Unsupported, validation_error

KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
_SUBSTITUTION = re.compile(r"\$\{(!?)([^}]+)\}")
_ABSENT = object()


class Unresolved(str):
    """A text of which a part is not known before the change; `causes` are names, or `Name.Attribute`."""

    __slots__ = ("causes",)
    causes: frozenset[str]

    def __new__(cls, text: str, causes: frozenset[str]) -> Self:
        made = super().__new__(cls, text)
        made.causes = causes
        return made

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return this one: like any text it never changes."""
        return self


Lookup = Callable[[str, str | None], Any]
"""What a resource's name, or one of its attributes, stands for."""


@dataclass(frozen=True, slots=True)
class Evaluator:
    """One template with its inputs, in one stack."""

    template: Template
    parameters: Mapping[str, str]
    account: str
    region: str
    stack_name: str
    stack_id: str
    lookup: Lookup
    exported: Callable[[str], str | None] | None = None
    """What an export of the region stands for; None for one that is not there."""

    def has(self, item: Mapping[str, Any]) -> bool:
        """Return whether a resource or output is there at all, by its Condition."""
        return "Condition" not in item or self.condition(item["Condition"])

    def condition(self, name: str) -> bool:
        """Return what a condition of the template comes to."""
        if name not in self.template.conditions:
            raise validation_error(f"Template format error: Unresolved condition dependency {name}")
        return self._truth(self.template.conditions[name])

    def value(self, value: Json) -> Json:
        """Return the value with its functions evaluated; absent members (AWS::NoValue) are left out."""
        evaluated = self._value(value)
        return None if evaluated is _ABSENT else evaluated

    def _value(self, value: Json) -> Json:
        if isinstance(value, list):
            return [evaluated for item in value if (evaluated := self._value(item)) is not _ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref":
                return self._ref(argument)
            if str(key).startswith("Fn::"):
                return self._function(key, argument)
        return {key: evaluated for key, item in value.items() if (evaluated := self._value(item)) is not _ABSENT}

    def _function(self, key: str, argument: Json) -> Json:
        functions: dict[str, Callable[[Json], Json]] = {
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::If": self._if,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
            "Fn::ImportValue": self._import_value,
            "Fn::Base64": lambda text: base64.b64encode(str(self._value(text)).encode()).decode(),
        }
        if key in {"Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not"}:
            return self._truth({key: argument})
        if key not in functions:
            raise Unsupported(f"the fake does not know the function {key}")
        return functions[key](argument)

    def _ref(self, name: str) -> Json:
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::StackName": self.stack_name,
            "AWS::StackId": self.stack_id,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": _ABSENT,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.template.parameters:
            given = self.parameters[name]
            kind = self.template.parameters[name]["Type"]
            if "List" not in kind:
                return given
            return [given] if isinstance(given, Unresolved) else given.split(",")
        if name in self.template.resources:
            return self.lookup(name, None)
        raise Unsupported(f"the fake does not know what Ref {name} is")

    def _get_att(self, argument: Json) -> Json:
        name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        if name not in self.template.resources:
            raise validation_error(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
        return self.lookup(name, attribute)

    def _sub(self, argument: Json) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument
        parts: list[Any] = []
        end = 0
        for match in _SUBSTITUTION.finditer(text):
            literal, name = match[1], match[2].strip()
            parts.append(text[end : match.start()])
            if literal:
                parts.append("${" + name + "}")
            elif name in given:
                parts.append(self._value(given[name]))
            elif "." in name and not name.startswith("AWS::"):
                parts.append(self._get_att(name.split(".", 1)))
            else:
                parts.append(self._ref(name))
            end = match.end()
        return concatenate([*parts, text[end:]], "")

    def _join(self, argument: Json) -> str:
        delimiter, items = argument
        return concatenate(self._value(items), delimiter)

    def _if(self, argument: Json) -> Json:
        name, then, otherwise = argument
        return self._value(then if self.condition(name) else otherwise)

    def _select(self, argument: Json) -> Json:
        index, items = int(self._value(argument[0])), self._value(argument[1])
        if isinstance(items, Unresolved):
            if index == 0 or not items.causes & self.template.parameters.keys():
                return items
            items = [items]  # a nested stack's parameter, of which nothing is known yet
        if index >= len(items):
            raise validation_error(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
        return items[index]

    def _split(self, argument: Json) -> Json:
        delimiter, text = argument
        evaluated = self._value(text)
        return evaluated if isinstance(evaluated, Unresolved) else evaluated.split(delimiter)

    def _find_in_map(self, argument: Json) -> Json:
        name, first, second = (self._value(part) for part in argument)
        try:
            return self.template.mappings[name][first][second]
        except KeyError:
            raise validation_error(f"Template error: Unable to get mapping for {name}::{first}::{second}") from None

    def _import_value(self, argument: Json) -> str:
        name = str(self._value(argument))
        if self.exported is None:
            raise Unsupported(f"the fake does not know exports here: {name}")
        value = self.exported(name)
        if value is None:
            raise validation_error(f"No export named {name} found.")
        return value

    def _truth(self, value: Json) -> bool:
        if not isinstance(value, dict) or len(value) != 1:
            raise Unsupported(f"the fake does not know the condition {value!r}")
        ((key, argument),) = value.items()
        match key:
            case "Fn::Equals":
                left, right = (self._value(part) for part in argument)
                return str(left) == str(right)
            case "Fn::And":
                return all(self._truth(part) for part in argument)
            case "Fn::Or":
                return any(self._truth(part) for part in argument)
            case "Fn::Not":
                return not self._truth(argument[0])
            case "Condition":
                return self.condition(argument)
        raise Unsupported(f"the fake does not know the condition function {key}")


def concatenate(parts: list[Any], delimiter: str) -> str:
    """Return the parts as one text; unresolved if any part is."""
    text = delimiter.join(_text(part) for part in parts)
    causes = frozenset[str]().union(*(part.causes for part in parts if isinstance(part, Unresolved)))
    return Unresolved(text, causes) if causes else text


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise validation_error("Template error: every Fn::Join object requires two parameters of text")


def causes(value: Json) -> frozenset[str]:
    """Return everything that a value waits for, however deep."""
    if isinstance(value, Unresolved):
        return value.causes
    if isinstance(value, dict):
        return frozenset[str]().union(*(causes(item) for item in value.values()))
    if isinstance(value, list):
        return frozenset[str]().union(*(causes(item) for item in value))
    return frozenset()
