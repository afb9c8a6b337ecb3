"""References to a template's resources, and texts of Fn::Sub whose names are replaced by values; pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from builder.template.places import Unspliceable
from builder.template.template import Template, TemplatePath, as_list, at, fill, placeholders

# This transform only adds functions, of which only Fn::ForEach hides references.
_KNOWN_TRANSFORMS = frozenset({"AWS::LanguageExtensions"})
_HIDING = ("Fn::ForEach", "Fn::Transform")
_SUB_PART = re.compile(r"\$\{(!?)([^}]*)\}")


class Unmovable(Unspliceable):
    """A template in which a resource cannot be released, removed or added.

    Its text gives the reason, and begins with a verb whose subject is the template.
    """


@dataclass(frozen=True, slots=True)
class Reference:
    """A place at which a template refers to one of its resources."""

    name: str
    attribute: str | None
    """None for Ref and for DependsOn."""
    path: TemplatePath
    """The path to the function, within Fn::Sub to its text, within DependsOn to the name."""

    @property
    def is_dependency(self) -> bool:
        """Whether it is in DependsOn, and so has no value."""
        return self.path[0] == "Resources" and self.path[2] == "DependsOn"


def references_to(template: Template, names: Collection[str]) -> tuple[Reference, ...]:
    """Return the references to these resources from other resources and from outputs, in their order.

    A resource's metadata and policies count as its properties do: CloudFormation resolves functions there too. A text
    of Fn::Sub that names the same attribute twice counts once. Raises Unmovable if they cannot be known: for
    transforms, Fn::ForEach, and names that functions return.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
    """
    unknown = template.called_transforms - _KNOWN_TRANSFORMS
    if unknown:
        transforms = ", ".join(sorted(name or "a transform without a name" for name in unknown))
        raise Unmovable(f"is made by {transforms}, so that nobody can know what refers to {listed(names)} in the end")
    return tuple(_in_template(template, frozenset(names)))


def listed(names: Collection[str]) -> str:
    """Return names as a text, in order."""
    return ", ".join(sorted(names))


def path_shown(path: TemplatePath) -> str:
    """Return a path as a text."""
    return "/".join(str(step) for step in path)


def _in_template(template: Template, names: frozenset[str]) -> Iterator[Reference]:
    for name, body in template.section("Resources").items():
        if name in names:
            continue
        path: TemplatePath = ("Resources", name)
        if str(name).startswith(_HIDING):
            raise _unknown(str(name), path, names)
        if not isinstance(body, Mapping):
            continue
        needs = body.get("DependsOn")
        for index, needed in enumerate(as_list(needs)):
            if isinstance(needed, str) and needed in names:
                yield Reference(needed, None, (*path, "DependsOn", *([index] if isinstance(needs, list) else [])))
        yield from _in_value({key: value for key, value in body.items() if key != "DependsOn"}, path, names)
    yield from _in_value(template.section("Outputs"), ("Outputs",), names)


def _in_value(value: object, path: TemplatePath, names: frozenset[str]) -> Iterator[Reference]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _in_value(item, (*path, index), names)
    elif isinstance(value, Mapping):
        function, argument = next(iter(value.items())) if len(value) == 1 else ("", None)
        match function:
            case "Ref":
                yield from _in_ref(argument, path, names)
            case "Fn::GetAtt":
                yield from _in_get_att(argument, path, names)
            case "Fn::Sub":
                yield from _in_sub(argument, (*path, function), names)
            case _:
                for key, item in value.items():
                    if str(key).startswith(_HIDING):
                        raise _unknown(str(key), (*path, key), names)
                    yield from _in_value(item, (*path, key), names)


def _in_ref(name: object, path: TemplatePath, names: frozenset[str]) -> Iterator[Reference]:
    if not isinstance(name, str):
        raise _unknown("Ref", path, names)
    if name in names:
        yield Reference(name, None, path)


def _in_get_att(argument: object, path: TemplatePath, names: frozenset[str]) -> Iterator[Reference]:
    name, *attribute = argument.split(".", 1) if isinstance(argument, str) else as_list(argument) or [None]
    if not isinstance(name, str):
        raise _unknown("Fn::GetAtt", path, names)
    if name in names:
        if not attribute or not all(isinstance(part, str) for part in attribute):
            raise _unknown("Fn::GetAtt", path, names)
        yield Reference(name, ".".join(attribute), path)


def _in_sub(argument: object, path: TemplatePath, names: frozenset[str]) -> Iterator[Reference]:
    own: object = None
    if isinstance(argument, list):
        own = at(argument, 1)
        yield from _in_value(own, (*path, 1), names)
        argument, path = at(argument, 0), (*path, 0)
    if not isinstance(argument, str):
        raise _unknown("Fn::Sub", path, names)
    for placeholder in dict.fromkeys(placeholders(argument)):
        name, _, attribute = placeholder.partition(".")
        if name in names and not (isinstance(own, Mapping) and placeholder in own):
            yield Reference(name, attribute or None, path)


def _unknown(function: str, path: TemplatePath, names: frozenset[str]) -> Unmovable:
    where = path_shown(path)
    return Unmovable(f"has {function} at {where}, of which nobody can know whether it refers to {listed(names)}")


def filled_literally(text: str, values: Mapping[str, str]) -> str:
    """Return a text of Fn::Sub with values in place of these names, escaped so that no value is read as a name.

    Raises Unmovable for a value that cannot be written there.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html
    """
    made = fill(text, {name: escaped(value) for name, value in values.items()})
    if _meaning(made, {}) != _meaning(text, values):
        raise Unmovable(f"has an Fn::Sub in which a value cannot be said that has braces: {text!r}")
    return made


def escaped(value: str) -> str:
    """Return a value as it is written in the text of Fn::Sub."""
    return value.replace("${", "${!")


def _meaning(text: str, values: Mapping[str, str]) -> str:
    """Return the result of a text of Fn::Sub; names without a value stay, with marks that no template has."""

    def part(match: re.Match[str]) -> str:
        return f"${{{match[2]}}}" if match[1] else values.get(match[2], f"\0{match[2]}\0")

    return _SUB_PART.sub(part, text)
