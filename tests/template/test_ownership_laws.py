"""What holds of every template in which resources change their owner, in every style and with every text."""

import copy
import difflib
import itertools
import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.template import (
    Unmovable,
    is_placeholder_only,
    is_retained,
    parse_template,
    read_template,
    references_to,
    released,
    with_resources,
    without,
)
from builder.template.references import filled_literally
from samples import sampled
from template.test_quoting import AMBIGUOUS, ANY, READERS
from template.written import Writer, literal

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for folder in ("templates", "tests/golden", "docs/examples")
    for path in (ROOT / folder).rglob("*")
    if path.suffix == ".yaml" and b"\nResources:" in path.read_bytes()
)
POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")
TEXT = st.one_of(AMBIGUOUS, ANY)


def literals(text: str, names: Collection[str]) -> dict[tuple[str, str | None], str]:
    """Return a value for each reference."""
    references = references_to(read_template(text), names)
    return {
        (reference.name, reference.attribute): literal(reference.name, reference.attribute) for reference in references
    }


def written(seed: int) -> tuple[frozenset[str], tuple[str, str, str]]:
    """Return the resources that go, and a template as it is, released, and without them."""
    writer = Writer(Random(seed))  # noqa: S311 - chance that can be repeated
    return writer.going, writer.template()


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["\n", "\r\n"]))
def test_in_every_style_of_yaml_each_byte_is_as_it_has_to_be(seed: int, ending: str) -> None:
    going, texts = written(seed)
    before, after, gone = (text.replace("\n", ending) for text in texts)
    assert released(before, going, literals(before, going)) == after
    assert released(after, going, {}) == after
    assert without(after, going) == gone


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([2, 4, "\t", None]))
def test_in_json_each_byte_is_as_it_has_to_be(seed: int, indent: int | str | None) -> None:
    going, texts = written(seed)
    before, after, gone = (json.dumps(parse_template(text, ""), indent=indent) for text in texts)
    assert released(before, going, literals(before, going)) == after
    assert released(after, going, {}) == after
    left = without(after, going)
    # The placeholder stands in one line.
    assert left == gone or (json.loads(left) == json.loads(gone) and is_placeholder_only(read_template(gone)))


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_json_without_spaces_is_changed_too(seed: int) -> None:
    going, texts = written(seed)
    before, after, gone = (json.dumps(parse_template(text, ""), separators=(",", ":")) for text in texts)
    made = released(before, going, literals(before, going))
    assert made.replace(" ", "") == after.replace(" ", "")
    assert without(made, going).replace(" ", "") == gone.replace(" ", "")


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_what_is_added_is_one_piece_and_all_around_it_is_as_it_was(seed: int) -> None:
    going, (before, _, gone) = written(seed)
    data = parse_template(before, "")["Resources"]
    added = {f"Added{name}": data[name] for name in going}
    for text in (gone.replace("\n", "\r\n") if seed % 2 else gone, json.dumps(parse_template(gone, ""), indent=2)):
        made = with_resources(text, added)
        assert parse_template(made, "")["Resources"] == parse_template(gone, "")["Resources"] | added
        start = common_start(text, made)
        end = common_start(text[start:][::-1], made[start:][::-1])
        assert start + end == len(text)
        assert made[start : len(made) - end].isascii()
        assert "\r\n" not in made or re.search(r"(?<!\r)\n", made) is None


def common_start(text: str, other: str) -> int:
    """Return how many characters at the beginning are the same."""
    return next((at for at, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), min(len(text), len(other)))


@pytest.mark.slow
@settings(deadline=None)
@given(TEXT, TEXT)
def test_every_reader_reads_every_text_that_is_added(text: str, key: str) -> None:
    properties = {"Text": text, "List": [text, [text]], "Map": {key: text, f"{key}.": 0.5}, "Numbers": [0, -12, 10**20]}
    resources = {"Topic": {"Type": "AWS::SNS::Topic", "DeletionPolicy": "Retain", "Properties": properties}}
    topics = {"Resources": resources}
    new = with_resources(None, resources)
    assert new.isascii()
    for written in (new, with_resources("Resources: {}", resources), with_resources("Resources:\n", resources)):
        for name, read in READERS.items():
            shown = (
                read(written)["Resources"] if name != "cfn-lint" else json.loads(json.dumps(read(written)["Resources"]))
            )
            assert shown == resources, name
    assert json.loads(with_resources('{"Resources":{}}', resources)) == topics
    assert parse_template(with_resources(None, {"A": {"Type": "T", "P": 1e-7}}), "")["Resources"]["A"]["P"] == 1e-7
    turned = {name: dict(reversed([*body.items()])) for name, body in resources.items()}
    assert with_resources(None, turned) == new


SUBS = [
    "!Sub a ${Table} ${Own}",
    "!Sub '${Table}: ''${Own}'''",
    '!Sub "\\u0024{Table} \\"${Own}\\""',
    '!Sub "${Table}, ${Own}\\\n      and ${Table}"',
    "!Sub |\n      ${Table}\n        ${Own}\n",
    "!Sub >-  # ${Table}\n      ${Table} and\n      ${Own}\n\n      on",
    "{'Fn::Sub': [\"${Table} ${Own}\", {Own: a}]}",
    "\n      Fn::Sub:\n        - >+\n          ${Own}${Table}\n\n        - {Own: b}",
]


@pytest.mark.slow
@settings(deadline=None)
@given(TEXT)
def test_any_value_is_said_within_any_text_and_beside_it(value: str) -> None:
    for sub, after in itertools.product(SUBS, ["", "\n    R: 1  # é\n"]):
        text = f"Resources:\n  Table:\n    Type: T\n  A:\n   Properties:\n    Q: !Ref Table  # q\n    P: {sub}{after}"
        try:
            made = released(text, ["Table"], {("Table", None): value})
        except Unmovable:
            # Braces that would become a name.
            assert "$" in value or "{" in value
            continue
        properties = parse_template(made, "")["Resources"]["A"]["Properties"]
        there = parse_template(text, "")["Resources"]["A"]["Properties"]["P"]["Fn::Sub"]
        meant = there if isinstance(there, str) else there[0]
        shown = properties["P"]["Fn::Sub"]
        assert comes_to(shown if isinstance(shown, str) else shown[0], {}) == comes_to(meant, {"Table": value})
        assert properties["Q"] == value
        assert made.replace("é", "").isascii()
        assert made.endswith(after)


def comes_to(text: str, values: Mapping[str, str]) -> list[str | tuple[str]]:
    """Return what a text of Fn::Sub comes to, letter by letter, and the names that have no value."""
    made: list[str | tuple[str]] = []
    while text:
        inside = re.match(r"\$\{([^}]*)\}", text)
        if inside is None:
            made, text = [*made, text[0]], text[1:]
            continue
        name, text = inside[1], text[inside.end() :]
        made += f"${{{name[1:]}}}" if name.startswith("!") else values.get(name, [(name,)])
    return made


@given(st.lists(st.sampled_from(["$", "{", "}", "!", "A", "${A}", "${!A}", "${B}"])).map("".join), st.text("${}!AB"))
def test_no_value_is_taken_for_a_name(text: str, value: str) -> None:
    try:
        made = filled_literally(text, {"A": value})
    except Unmovable:
        assert not value or {"$", "{"} & set(value)
        return
    assert comes_to(made, {}) == comes_to(text, {"A": value})


@pytest.mark.slow
def test_resources_of_every_template_here_are_released_removed_and_added_again() -> None:
    assert len(FILES) > 30
    for path in sampled(FILES, 16):
        text = path.read_text()
        template = read_template(text)
        for name in template.resources():
            made = released(text, [name], literals(text, [name]))
            data = parse_template(made, "")
            assert data == model(template.data, {name}), path
            assert released(made, [name], {}) == made
            assert references_to(read_template(made), [name]) == ()
            assert is_retained(read_template(made), name)
            hold_lines(text, made, name)
            left = without(made, [name])
            assert parse_template(left, "")["Resources"].keys() == data["Resources"].keys() - {name} or (
                is_placeholder_only(read_template(left))
            )
            again = parse_template(with_resources(left, {name: data["Resources"][name]}), "")["Resources"]
            again.pop("Placeholder", None)
            assert again == data["Resources"]


def hold_lines(text: str, made: str, name: str) -> None:
    """Hold that no line has changed but those that say something of a resource."""
    gone = [line for line in difflib.ndiff(text.splitlines(), made.splitlines()) if line.startswith("- ")]
    own = re.compile(rf"\b{name}\b|DependsOn|DeletionPolicy|UpdateReplacePolicy|Fn::|Type")
    assert [line for line in gone if not own.search(line)] == []


def model(data: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return data released in the plainest way."""
    made: dict[str, Any] = copy.deepcopy(dict(data))
    made["Resources"] = {
        name: body | dict.fromkeys(POLICIES, "Retain") if name in names else _body(body, names)
        for name, body in made["Resources"].items()
    }
    return made | ({"Outputs": _literal(made["Outputs"], names)} if "Outputs" in made else {})


def _body(body: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    needs = body.pop("DependsOn", [])
    kept = [needed for needed in ([needs] if isinstance(needs, str) else needs) if needed not in names]
    made: dict[str, Any] = _literal(body, names)
    return made | ({"DependsOn": needs if isinstance(needs, str) else kept} if kept else {})


def _literal(value: Any, names: Collection[str]) -> Any:
    match value:
        case {"Ref": str(name)} if name in names:
            return literal(name, None)
        case {"Fn::GetAtt": [str(name), str(attribute)]} if name in names:
            return literal(name, attribute)
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": _literal_text(text, names)}
        case {"Fn::Sub": [str(text), own]}:
            return {"Fn::Sub": [_literal_text(text, names), _literal(own, names)]}
        case dict():
            return {key: _literal(inner, names) for key, inner in value.items()}
        case list():
            return [_literal(inner, names) for inner in value]
    return value


def _literal_text(text: str, names: Collection[str]) -> str:
    for name in names:
        text = text.replace(f"${{{name}}}", literal(name, None))
        text = re.sub(rf"\$\{{({name})\.([^}}]*)\}}", lambda match: literal(match[1], match[2]), text)
    return text
