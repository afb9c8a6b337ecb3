"""Resources that move from one owner to another, in the texts of their templates; pure.

Release and import take three changes: references made literal and the data retained (`released`), the resource removed
(`without`), and added elsewhere (`with_resources`). Each edits only the text's places of the change, and is checked
against the same change of the data.
"""

import copy
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import yaml

from builder.errors import BadInput
from builder.template.places import (
    Edit,
    Unspliceable,
    compose,
    cut,
    dumped,
    insert_pairs,
    is_json,
    keep_items,
    keep_pairs,
    line_break,
    margin_of,
    node_at,
    place_of,
    span_of,
    without_pair,
)
from builder.template.references import (
    Reference,
    Unmovable,
    escaped,
    filled_literally,
    listed,
    path_shown,
    references_to,
)
from builder.template.splice import put_values
from builder.template.template import Template, TemplatePath, as_list, at, read_template
from builder.template.text import in_order, parse_template, write_block

Literals = Mapping[tuple[str, str | None], str]
"""The value of Ref of a resource, or of Fn::GetAtt if an attribute is given."""
_Make = Callable[[yaml.Node], Iterator[Edit]]

_POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")
_RETAIN = "Retain"
# A stack needs a resource, and this type creates nothing.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-waitconditionhandle.html
_PLACEHOLDER = {"Placeholder": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
_VERSION = "2010-09-09"
_TAGS = re.compile(r"\A(?:[!&]\S*\s+)*")


def is_placeholder_only(template: Template) -> bool:
    """Return whether a template has only the placeholder of `without`."""
    return template.section("Resources") == _PLACEHOLDER


def is_retained(template: Template, name: str) -> bool:
    """Return whether a resource's policies retain it when it is removed and when it is replaced."""
    return all(template.resource(name).get(policy) == _RETAIN for policy in _POLICIES)


def released(text: str, names: Collection[str], literals: Literals) -> str:
    """Return the text with these resources retained, and other references to them made literal.

    Parts that are so already keep their text, and so do references inside the resources themselves. Raises Unmovable,
    also if the value of a reference is not given, and BadInput for a text that is no template.
    Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatereplacepolicy.html
    """
    template = _read(text, names)
    for name in sorted(names):
        for policy in _POLICIES:
            if isinstance(template.resource(name).get(policy), Mapping | list):
                raise Unmovable(f"gives {name} its {policy} by a function: it has to be the word {_RETAIN}")
    references = references_to(template, names)
    values = _values(references, literals)
    needing = dict.fromkeys(reference.path[:2] for reference in references if reference.is_dependency)

    def make(root: yaml.Node, *, quoted: bool) -> Iterator[Edit]:
        for path, known in values.items():
            node, there = node_at(root, path), at(template.data, *path)
            if isinstance(there, str):
                yield _sub_edit(text, node, there, known, quoted=quoted)
            else:
                start, end = span_of(text, node)
                yield Edit(start, end, dumped(next(iter(known.values())), text))
        for path in needing:
            yield _without_dependencies(text, node_at(root, path), names)
        for name in names:
            yield from _retain(text, node_at(root, ("Resources", name)))

    meant = _released_data(template, names, values, needing)
    made = _changed(text, meant, lambda root: make(root, quoted=False), lambda root: make(root, quoted=True))
    for reference in references_to(read_template(made), names):
        raise Unmovable(f"says {reference.name} at {path_shown(reference.path)} as Fn::Sub does not")
    return made


def _read(text: str, names: Collection[str]) -> Template:
    template = read_template(text)
    for name in sorted(names):
        if not template.resource(name):
            raise Unmovable(f"has no resource {name}")
    return template


def _values(references: Collection[Reference], literals: Literals) -> dict[TemplatePath, dict[str, str]]:
    """Return the values of the names at each place, with names as Fn::Sub has them."""
    values: dict[TemplatePath, dict[str, str]] = {}
    for reference in references:
        if reference.is_dependency:
            continue
        shown = f"{reference.name}.{reference.attribute}" if reference.attribute else reference.name
        value = literals.get((reference.name, reference.attribute))
        if value is None:
            raise Unmovable(f"refers to {shown} at {path_shown(reference.path)}, and what that comes to is not known")
        values.setdefault(reference.path, {})[shown] = value
    return values


def _released_data(
    template: Template,
    names: Collection[str],
    values: Mapping[TemplatePath, Mapping[str, str]],
    needing: Collection[TemplatePath],
) -> dict[str, Any]:
    meant = copy.deepcopy(dict(template.data))
    for path, known in values.items():
        holder: Any = at(meant, *path[:-1])
        there = holder[path[-1]]
        holder[path[-1]] = filled_literally(there, known) if isinstance(there, str) else next(iter(known.values()))
    for path in needing:
        body: Any = at(meant, *path)
        kept = [needed for needed in as_list(body.pop("DependsOn")) if needed not in names]
        if kept:
            body["DependsOn"] = kept
    for name in names:
        meant["Resources"][name].update(dict.fromkeys(_POLICIES, _RETAIN))
    return meant


def _sub_edit(text: str, node: yaml.Node, there: str, known: Mapping[str, str], *, quoted: bool) -> Edit:
    """Return the edit of a text of Fn::Sub: of the names alone, or of all of it if these cannot be found in it.

    Within quotation marks a name may be written in other characters, and a value may need quotation marks.
    """
    if not isinstance(node, yaml.ScalarNode):
        raise Unspliceable
    start, end = span_of(text, node)
    start += len(text[start:end]) - len(_TAGS.sub("", text[start:end], count=1))
    # The first line of a block may have a comment.
    begin = text.index("\n", start) if node.style in {"|", ">"} else start
    body = text[begin:end]
    for name, value in known.items():
        mark, written = f"${{{name}}}", escaped(value)
        if node.style == '"':
            written = dumped(written, text)[1:-1]
        elif node.style == "'":
            written = written.replace("'", "''")
        quoted = quoted or not written.isascii() or body.count(mark) != there.count(mark)
        body = body.replace(mark, written)
    return Edit(start, end, dumped(filled_literally(there, known), text)) if quoted else Edit(begin, end, body)


def _without_dependencies(text: str, node: yaml.Node, names: Collection[str]) -> Edit:
    if not isinstance(node, yaml.MappingNode) or (place := place_of(node, "DependsOn")) is None:
        raise Unspliceable
    value = node.value[place][1]
    if isinstance(value, yaml.SequenceNode):
        stays = [item.value not in names for item in value.value]
        if any(stays):
            return keep_items(text, value, stays, ())
    return without_pair(text, node, place)


def _retain(text: str, node: yaml.Node) -> Iterator[Edit]:
    """Yield the edits that retain a resource."""
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise Unspliceable
    shown = dumped(_RETAIN, text) if is_json(text) else _RETAIN
    missing = []
    for policy in _POLICIES:
        place = place_of(node, policy)
        if place is None:
            missing.append(f"{dumped(policy, text) if is_json(text) else policy}: {shown}")
        elif (value := node.value[place][1]).value != _RETAIN:
            start, end = span_of(text, value)
            yield Edit(start, end, shown if end > start else f" {shown}")
    if missing:
        yield insert_pairs(text, node, place_of(node, "Type") or 0, missing)


def without(text: str, names: Collection[str]) -> str:
    """Return the text without these resources, and with a placeholder if it would have none.

    What only they used stays. CloudFormation removes a resource by its deployed policy, so `released` is deployed
    before. Raises Unmovable, also if anything still refers to them, and BadInput for a text that is no template.
    """
    template = _read(text, names)
    for reference in references_to(template, names):
        raise Unmovable(f"still refers to {reference.name} at {path_shown(reference.path)}")
    left = {name: body for name, body in template.section("Resources").items() if name not in names}
    comes = {} if left else _PLACEHOLDER
    if not comes.keys().isdisjoint(template.section("Parameters")):
        raise Unmovable(f"has a parameter of the name that the placeholder would have: {listed(comes)}")

    def make(root: yaml.Node) -> Iterator[Edit]:
        node = node_at(root, ("Resources",))
        if not isinstance(node, yaml.MappingNode):
            raise Unspliceable
        shown = [_pair(text, node, name, body) for name, body in comes.items()]
        yield from keep_pairs(text, node, [key.value not in names for key, _ in node.value], shown)

    return _changed(text, dict(template.data) | {"Resources": {**left, **comes}}, make)


def with_resources(text: str | None, resources: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the text with these resources after its own; for None a new template with only these.

    They are plain data, written in ASCII and in the order of their names and keys, so that equal data are equal bytes.
    Raises Unmovable, also for a name that exists, and BadInput for a text that is no template.
    """
    added = {name: in_order(_sorted(resources[name])) for name in sorted(resources)}
    if text is None:
        return _new(added)
    template = read_template(text)
    own = template.section("Resources")
    for name in added:
        if name in own or name in template.parameters:
            raise Unmovable(f"has something of the name {name} already")
    if not added:
        return text
    try:
        meant = dict(template.data) | {"Resources": {**own, **added}}
        return _changed(text, meant, lambda root: iter((_addition(text, root, added),)))
    except Unmovable:
        # No line can follow a block whose last line has no end; or the text may have braces instead of a block.
        places: dict[TemplatePath, Any] = {("Resources", name): body for name, body in added.items()}
        return _in_braces(text, places if own else {("Resources",): added})


def _new(resources: Mapping[str, Any]) -> str:
    head = f"AWSTemplateFormatVersion: '{_VERSION}'\n\nResources:"
    lines = _indented(write_block(resources), "  ", "\n")
    try:
        return _checked(f"{head}\n{lines}", {"AWSTemplateFormatVersion": _VERSION, "Resources": resources})
    except Unspliceable:
        # A number that YAML and JSON write differently.
        return _in_braces(f"{head} {{}}\n", {("Resources",): resources})


def _in_braces(text: str, values: Mapping[TemplatePath, Any]) -> str:
    try:
        return put_values(text, values)
    except Unspliceable as error:
        raise _unchangeable() from error


def _addition(text: str, root: yaml.Node, added: Mapping[str, Any]) -> Edit:
    """Return the edit that adds resources after the existing ones, written in lines as they are."""
    sections, node = node_at(root, ()), node_at(root, ("Resources",))
    if not isinstance(node, yaml.MappingNode) or not isinstance(sections, yaml.MappingNode) or not node.value:
        raise Unspliceable
    first, last = node.value[0][0], len(node.value) - 1
    if not node.flow_style:
        indent = " " * first.start_mark.column
        lines = _indented(write_block(added), indent, line_break(text))
        return insert_pairs(text, node, last, [lines.removeprefix(indent).removesuffix(line_break(text))])
    margin, outer = margin_of(text, first), margin_of(text, sections.value[place_of(sections, "Resources") or 0][0])
    if margin is None:
        raise Unspliceable
    unit = margin.removeprefix(outer or "") or "  "
    pairs = [
        f"{dumped(name, text)}: {dumped(body, text, unit)}".replace("\n", line_break(text) + margin)
        for name, body in added.items()
    ]
    return insert_pairs(text, node, last, pairs)


def _pair(text: str, node: yaml.MappingNode, name: str, body: object) -> str:
    return f"{dumped(name, text) if node.flow_style else name}: {dumped(body, text)}"


def _sorted(value: object) -> Any:  # noqa: ANN401 - JSON
    match value:
        case Mapping():
            return {key: _sorted(value[key]) for key in sorted(value)}
        case list() | tuple():
            return [_sorted(item) for item in value]
    return value


def _indented(lines: str, margin: str, ending: str) -> str:
    return "".join((margin if line else "") + line + ending for line in lines.removesuffix("\n").split("\n"))


def _changed(text: str, meant: Mapping[str, Any], *ways: _Make) -> str:
    """Return the text changed in the first of these ways whose data is `meant`.

    Raises Unmovable if none is.
    """
    for make in ways:
        try:
            root = compose(text)
            if root is not None:
                return _checked(cut(text, 0, len(text), make(root)), meant)
        except Unmovable:
            raise
        except Unspliceable:
            continue
    raise _unchangeable()


def _checked(made: str, meant: Mapping[str, Any]) -> str:
    try:
        if parse_template(made, "") == meant:
            return made
    except BadInput as error:
        raise Unspliceable from error
    raise Unspliceable


def _unchangeable() -> Unmovable:
    return Unmovable("is written in a way that cannot be changed at one place alone, as with anchors and aliases")
