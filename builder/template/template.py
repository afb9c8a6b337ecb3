"""A template as data: the references and the results of its values, its sections and outputs; pure.

First references, and `Binding`: the results of values as far as they are known before a deployment. Then the `Template`
itself, read from a text or from GetTemplate's answer.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from builder.errors import BadInput, Stopped
from builder.graph import as_circle, find_circle
from builder.template.text import parse_template

TemplatePath = tuple[str | int, ...]
"""The keys and indexes to a value."""
PLACEHOLDER = r"\$\{[^!}][^}]*\}"
"""What Fn::Sub replaces in a text, as a regular expression; `${!Literal}` is none."""
NO_VALUE = {"Ref": "AWS::NoValue"}
Find = Callable[[str, str], str | None]
"""Returns the value of Ref of a name, or of Fn::GetAtt if an attribute is given too; None if it is unknown."""
_PLACEHOLDER = re.compile(PLACEHOLDER)


def placeholders(text: str) -> list[str]:
    """Return the names in a text that Fn::Sub replaces, in order."""
    return [match[2:-1] for match in _PLACEHOLDER.findall(text)]


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text with these placeholders replaced; any other stays."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[0][2:-1], match[0]), text)


def in_account(text: str, account: str) -> str:
    """Return a text with the account's number where Fn::Sub puts it; any other placeholder stays."""
    return fill(text, {"AWS::AccountId": account})


def is_known(value: object) -> bool:
    """Return whether all of a value is known before a deployment: whether it has no function in it."""
    match value:
        case Mapping():
            functions = (key == "Ref" or str(key).startswith("Fn::") for key in value)
            return not any(functions) and all(is_known(inner) for inner in value.values())
        case list():
            return all(is_known(inner) for inner in value)
    return True


def names_in(value: object) -> Iterator[str]:
    """Yield the references of a value, in the order of its text: logical ids, parameters and pseudo parameters.

    For another stack's output it yields the function's own name. Conditions are no references.
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


def conditions_in(value: object) -> Iterator[str]:
    """Yield the names of the conditions that a value, or another condition, depends on."""
    match value:
        case {"Fn::If": [str(name), *others]}:
            yield name
            yield from conditions_in(others)
        case {"Condition": str(name)}:
            yield name
        case {"Fn::Not": list(parts)} | {"Fn::And": list(parts)} | {"Fn::Or": list(parts)}:
            yield from (part for part in parts if isinstance(part, str))
            yield from conditions_in(parts)
        case Mapping():
            for item in value.values():
                yield from conditions_in(item)
        case list():
            for item in value:
                yield from conditions_in(item)


def at(value: object, *path: str | int) -> object:
    """Return the value at a path; None if there is none."""
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
    """Return the elements of a list; a single value counts as a list of one, None as an empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


@dataclass(frozen=True, slots=True)
class Binding:
    """A template's functions with values for its names: every result is None if it is unknown."""

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
        """Yield every known text below a value, with its path, except what a condition certainly excludes."""
        match value:
            case {"Fn::If": [str(name), then, otherwise]} if (holds := self.truth(name)) is not None:
                yield from self.texts(then if holds else otherwise, (*path, "Fn::If", 1 if holds else 2))
                return
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
        """Return whether a condition, given by its name or in full, holds."""
        match condition:
            case str(name) | {"Condition": str(name)}:
                return self.truth(self.conditions.get(name))
            case {"Fn::Equals": [first, second]}:
                texts = self.text(first), self.text(second)
                # Values that a deployment fills in, such as the environment's suffix, may still become equal.
                open_ = any(text is None or _PLACEHOLDER.search(text) for text in texts)
                return True if None not in texts and texts[0] == texts[1] else None if open_ else False
            case {"Fn::Not": [inner]}:
                return _opposite(self.truth(inner))
            case {"Fn::And": list(inner)}:
                return _all([self.truth(part) for part in inner])
            case {"Fn::Or": list(inner)}:
                return _opposite(_all([_opposite(self.truth(part)) for part in inner]))
        return None

    def condition(self, condition: object) -> object:
        """Return a condition, given by its name or in full, as far as it can be known: others stand in it in full."""
        match condition:
            case str(name) | {"Condition": str(name)}:
                return self.condition(self.conditions.get(name))
            case Mapping() if condition.keys() <= {"Fn::Not", "Fn::And", "Fn::Or"}:
                return {name: [self.condition(part) for part in as_list(parts)] for name, parts in condition.items()}
        return self.value(condition)

    def value(self, value: object) -> Any:  # noqa: ANN401 - JSON
        """Return a value as far as it is known; an unknown one keeps its function, with its arguments bound.

        What a condition excludes is left out. An undecided condition, and a map without a known key, are in it in full
        instead of by their names.
        """
        match value:
            case {"Fn::If": [str(name), then, otherwise]}:
                holds = self.truth(name)
                if holds is None:
                    return {"Fn::If": [self.condition(name), self.value(then), self.value(otherwise)]}
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


_INSPECT = "aws cloudformation get-template    shows it"
# AWS's own transforms, by what they add to a template; any other may add anything.
_ADD_NO_STACK = frozenset({"AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"})
# These add a nested stack with a function that rotates a secret, and update it.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-secretsmanager.html
_ADD_NO_OUTPUT = _ADD_NO_STACK | {"AWS::SecretsManager-2020-07-23", "AWS::SecretsManager-2024-09-16"}


@dataclass(frozen=True, slots=True)
class DeclaredOutputs:
    """The outputs of a template."""

    by_name: Mapping[str, object]
    """Name to body, including those of an Fn::ForEach."""
    complete: bool
    """Whether all names are known; not if a macro, or a list known only at deployment, creates some."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template, functions in their long forms; a missing or invalid section is empty."""

    data: Mapping[str, Any] = field(default_factory=dict)

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a section as it is written."""
        listed = self.data.get(name)
        return listed if isinstance(listed, Mapping) else {}

    def resources(self, *types: str) -> dict[str, Mapping[str, Any]]:
        """Return the resources of these types by logical id, without types all of them; skip what is no resource."""
        resources = _bodies(self.section("Resources"))
        return {name: body for name, body in resources.items() if body.get("Type") in types} if types else resources

    def resource(self, name: str) -> Mapping[str, Any]:
        """Return a resource by its logical id; empty if there is none."""
        body = self.section("Resources").get(name)
        return body if isinstance(body, Mapping) else {}

    def written_resources(self) -> Iterator[tuple[TemplatePath, Mapping[str, Any]]]:
        """Yield each resource with its path once, as it is written: also one that an Fn::ForEach repeats."""
        return _written(self.section("Resources"), ("Resources",))

    @property
    def parameters(self) -> dict[str, Mapping[str, Any]]:
        """The parameters' declarations, by name."""
        return _bodies(self.section("Parameters"))

    @property
    def conditions(self) -> Mapping[str, Any]:
        """The conditions by name."""
        return self.section("Conditions")

    def default(self, name: str) -> str | None:
        """Return the default of a parameter, as DescribeStacks shows it; None if it has none."""
        body = self.section("Parameters").get(name)
        default = body.get("Default") if isinstance(body, Mapping) else None
        return None if default is None else str(default).lower() if isinstance(default, bool) else str(default)

    @property
    def defaults(self) -> dict[str, str]:
        """The default of each parameter that has one."""
        defaults = ((name, self.default(name)) for name in self.section("Parameters"))
        return {str(name): value for name, value in defaults if value is not None}

    @property
    def no_echo(self) -> frozenset[str]:
        """The parameters whose values AWS hides.

        Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
        """
        values = {name: str(body.get("NoEcho", "")).lower() for name, body in self.parameters.items()}
        return frozenset(name for name, value in values.items() if value == "true")

    @property
    def from_ssm(self) -> tuple[str, ...]:
        """The parameters whose values each change set reads again from SSM.

        Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
        """
        types = {name: str(body.get("Type")) for name, body in self.parameters.items()}
        return tuple(name for name, type_name in types.items() if type_name.startswith("AWS::SSM::Parameter::Value<"))

    @property
    def transforms(self) -> tuple[Any, ...]:
        """The transforms of the whole template, each a name or a call with parameters."""
        return tuple(as_list(self.data.get("Transform")))

    @property
    def called_transforms(self) -> frozenset[str | None]:
        """The names of its transforms, embedded ones too; None for one whose name is not literal."""
        calls = [
            *self.transforms,
            *(call for argument in _call_arguments(self.data, "Fn::Transform") for call in as_list(argument)),
        ]
        names = (call.get("Name") if isinstance(call, Mapping) else call for call in calls)
        return frozenset(name if isinstance(name, str) else None for name in names)

    @property
    def adds_no_stack(self) -> bool:
        """Whether its transforms add no nested stack to those that it has itself."""
        return self._has_only(_ADD_NO_STACK)

    def _has_only(self, transforms: Collection[str]) -> bool:
        return all(isinstance(name, str) and name in transforms for name in self.transforms)

    def calls(self, function: str) -> bool:
        """Return whether a function, such as Fn::Transform, is called anywhere."""
        return any(True for _ in _call_arguments(self.data, function))

    def outputs(self, values: Mapping[str, str]) -> DeclaredOutputs:
        """Return its outputs, every Fn::ForEach expanded; `values` are those of its parameters, as far as known.

        Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach-example-outputs.html
        """
        outputs = dict(_each(self.section("Outputs"), values))
        by_name = {name: body for name, body in outputs.items() if name is not None}
        return DeclaredOutputs(by_name, complete=self._has_only(_ADD_NO_OUTPUT) and None not in outputs)

    def bind(self, values: Mapping[str, str | None]) -> Binding:
        """Return its binding to values of its parameters, and of the pseudo parameters that are given.

        A parameter without a value has its default; the value None makes it unknown.
        """
        known: dict[str, str | None] = {**self.defaults, **values}
        return Binding(self.conditions, self.section("Mappings"), lambda name, of: None if of else known.get(name))


def properties_of(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a resource's properties; empty if it has none."""
    listed = resource.get("Properties")
    return listed if isinstance(listed, Mapping) else {}


def read_template(text: object, where: str = "template") -> Template:
    """Return a template, read from bytes or a text, or from botocore's parsed object of a JSON template.

    Raises BadInput for what is no template, and for conditions that need each other in a circle, which AWS refuses.
    """
    try:
        if isinstance(text, Mapping):
            return _checked(Template(text))
        return _read(text if isinstance(text, bytes) else str(text))
    except BadInput as error:
        raise BadInput(where=where, what=error.what) from error


@lru_cache(maxsize=256)
def _read(text: bytes | str) -> Template:
    # A plan reads each stack's template a dozen times, and nothing changes the result.
    return _checked(Template(parse_template(text, "template")))


def _checked(template: Template) -> Template:
    needs = {
        name: (body,) if isinstance(body, str) else tuple(conditions_in(body))
        for name, body in template.conditions.items()
    }
    if circle := find_circle(needs):
        raise BadInput(where="template", what=f"has conditions that go in a circle: {as_circle(circle)}")
    return template


def read_deployed(template: object, where: str, next_step: str = _INSPECT) -> Template:
    """Return a deployed template; `where` is its stack.

    Raises Stopped if it cannot be read: its contents are then unknown, which does not mean empty.
    """
    try:
        return read_template(template, where)
    except BadInput as error:
        what = f"the deployed template cannot be read, so nobody can tell what is in it: it {error.what}"
        raise Stopped(where=where, what=what, next_step=next_step) from error


def _bodies(section: Mapping[Any, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(name): body for name, body in section.items() if isinstance(body, Mapping)}


def _written(section: object, path: TemplatePath) -> Iterator[tuple[TemplatePath, Mapping[str, Any]]]:
    for name, body in section.items() if isinstance(section, Mapping) else ():
        if str(name).startswith("Fn::ForEach::"):
            yield from _written(at(body, 2), (*path, str(name), 2))
        elif isinstance(body, Mapping):
            yield (*path, str(name)), body


def _call_arguments(value: object, function: str) -> Iterator[object]:
    """Yield the arguments of each call of a function."""
    match value:
        case Mapping():
            if function in value:
                yield value[function]
            for inner in value.values():
                yield from _call_arguments(inner, function)
        case list():
            for inner in value:
                yield from _call_arguments(inner, function)


def _each(listed: Mapping[Any, object], values: Mapping[str, str]) -> Iterator[tuple[str | None, object]]:
    """Yield each name and body of an output; the name None stands for any that are unknown."""
    for key, body in listed.items():
        if not str(key).startswith("Fn::"):
            yield str(key), body
            continue
        match body:
            case [str(identifier), collection, Mapping() as fragment] if str(key).startswith("Fn::ForEach::"):
                items = _items(collection, values)
                for item in items or ():
                    yield from _each(_filled(fragment, identifier, item), values)
                if items is not None:
                    continue
        yield None, body


def _items(collection: object, values: Mapping[str, str]) -> list[str] | None:
    match collection:
        case {"Ref": str(name)}:
            text = values.get(name)
            return None if text is None else [part.strip() for part in text.split(",")]
        case list():
            items = [
                values.get(item["Ref"]) if isinstance(item, Mapping) and "Ref" in item else item for item in collection
            ]
            return [str(item) for item in items] if all(isinstance(item, str | int) for item in items) else None
    return None


def _filled(value: Any, identifier: str, item: str) -> Any:  # noqa: ANN401 - JSON
    """Return a fragment with an item in place of the identifier; after `&` with letters and digits alone."""
    match value:
        case str():
            bare = re.sub("[^A-Za-z0-9]", "", item)
            return value.replace(f"${{{identifier}}}", item).replace(f"&{{{identifier}}}", bare)
        case Mapping():
            return {
                _filled(str(name), identifier, item): _filled(inner, identifier, item) for name, inner in value.items()
            }
        case list():
            return [_filled(inner, identifier, item) for inner in value]
    return value
