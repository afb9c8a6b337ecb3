"""Values put into a template's text: any place of any template, and every other byte as it was."""

import json
from pathlib import Path

import pytest

from builder.template import TemplatePath, Unspliceable, lines_of, parse_template, put_values

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("templates/*/*.yaml"), *ROOT.glob("tests/golden/*/templates/*/*.yaml")])
VALUE = {"Ref": "Put", "Fn::Sub": "${A}: #"}


def places(text: str) -> list[TemplatePath]:
    """Every property of every resource, one that is not there, and a section that may not be."""
    resources = parse_template(text, "")["Resources"]
    known = [
        ("Resources", name, "Properties", key) for name, body in resources.items() for key in body.get("Properties", {})
    ]
    return [*known, *(("Resources", name, "Properties", "New", "Deep") for name in resources), ("Parameters", "New")]


def put(text: str, path: TemplatePath) -> None:
    """Put a value, and hold that what is before and behind its place is as it was."""
    made = put_values(text, {path: VALUE})
    first = next((at for at, (a, b) in enumerate(zip(text, made, strict=False)) if a != b), len(text))
    shown = json.dumps(VALUE)
    end = made.index(shown, max(0, first - len(shown))) + len(shown)
    assert text.endswith(made[end:].lstrip("}, \n")), path
    assert text[:first] == made[:first], path


@pytest.mark.slow
def test_a_value_is_put_at_places_of_every_template_in_yaml_and_in_json() -> None:
    for text in dict.fromkeys(file.read_text() for file in FILES[::3]):
        as_json = json.dumps(parse_template(text, ""))
        everywhere = places(text)
        for path in (*everywhere[::40], everywhere[-1]):
            put(text, path)
            put(as_json, path)


@pytest.mark.parametrize("text", ["", "- a\n", "A: &a 1\nB: *a\n", "Resources: {A: !If [a, {}, {}]}\n", "A: {B: 'x\n"])
def test_where_a_place_cannot_be_found_nothing_is_put(text: str) -> None:
    with pytest.raises(Unspliceable):
        put_values(text, {("Resources", "A", "Properties", "P"): 1})


def test_a_line_is_told_also_where_only_the_beginning_of_a_path_is_there() -> None:
    text = "Resources:\n  A:\n    Type: T\n    Properties:\n      P: 1\n"
    lines = lines_of(text, [("Resources", "A", "Properties", "P"), ("Resources", "A", "Properties", "Q"), ("X",)])
    assert list(lines.values()) == [5, 4, 1]


@pytest.mark.parametrize("text", ["A: 1\n", "{A: 1}", '{"A": 1}'])
def test_a_value_of_any_characters_is_put_in_ascii(text: str) -> None:
    made = put_values(text, {("A",): "é \N{DELETE}\U0001f642"})
    assert made.isprintable() or made.removesuffix("\n").isprintable()
    assert made.isascii()


def test_a_value_is_put_below_a_function_in_its_short_form() -> None:
    text = "A: !If [C, {B: !Sub ['${X}', {X: 1}]}, 2]  # c\n"
    made = put_values(text, {("A", "Fn::If", 1, "B", "Fn::Sub", 1, "X"): 3, ("A", "Fn::If", 2): 4})
    assert made == "A: !If [C, {B: !Sub ['${X}', {X: 3}]}, 4]  # c\n"
