"""What values refer to and come to: by table, and by properties that hold for any value."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.template import (
    NO_VALUE,
    Binding,
    Template,
    TemplatePath,
    at,
    conditions_in,
    fill,
    in_account,
    is_known,
    names_in,
    read_template,
)

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("templates/**/*.yaml"), *ROOT.glob("tests/golden/**/*.yaml")])
ODD = """
Parameters: {Stage: {Default: prod}, Count: {Default: 7}, Live: {Default: true}, Open: {Type: String}}
Mappings: {Sizes: {prod: {Memory: 512, Zones: [a, !Ref Stage]}}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsOn: !Equals [!Ref Live, 'true']
  IsOpen: !Equals [!Ref Open, x]
  Nested: !And [!Condition IsProd, !Not [!Or [!Condition IsOpen, !Not [!Condition IsOn]]]]
  Surely: !Or [!Condition IsOpen, !Not [!Not [!Condition IsProd]]]
  Never: !And [!Condition IsOpen, !Not [!Condition IsProd]]
  IsSuffix: !Equals [!Ref Stage, !Sub '${AWS::AccountId}']
"""
VALUES = {"AWS::Region": "us-east-1"}


def bound(**values: str | None) -> Binding:
    return read_template(ODD).bind({**VALUES, **values})


def value(text: str) -> Any:
    return read_template(f"Resources: {{A: {{Type: T, Properties: {{P: {text}}}}}}}").resource("A")["Properties"]["P"]


def test_a_text_is_known_where_its_parameters_are() -> None:
    binding = Template().bind({"Suffix": "dev"})
    assert binding.text("plain") == "plain"
    assert binding.text({"Ref": "Suffix"}) == "dev"
    assert binding.text({"Fn::Sub": "tap-${Suffix}-${!Literal}"}) == "tap-dev-${!Literal}"
    for unknown in ({"Ref": "Other"}, {"Fn::Sub": "${AWS::Region}"}, {"Fn::Sub": ["${A}", {}]}, None):
        assert binding.text(unknown) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!Ref Stage", "prod"),
        ("!Ref Count", "7"),
        ("!Ref Live", "true"),
        ("!Ref Open", None),
        ("!Ref AWS::Region", "us-east-1"),
        ("!Sub '${Stage}-${AWS::Region}-${!Stage}'", "prod-us-east-1-${!Stage}"),
        ("!Sub ['${A}-${Stage}', {A: !Sub ['${B}${B}', {B: !Ref Count}]}]", "77-prod"),
        ("!Sub ['${A}', {A: !Ref Open}]", None),
        ("!Sub 'nothing ${} to put in'", "nothing ${} to put in"),
        ("!Sub '${Stage.Arn}'", None),
        ("!Join ['-', [a, !Ref Stage, 1]]", "a-prod-1"),
        ("!Join ['-', [a, !Ref Open]]", None),
        ("!If [IsProd, a, b]", None),
        ("!FindInMap [Sizes, !Ref Stage, Memory]", None),
    ],
)
def test_a_value_is_known_as_text_where_all_that_it_takes_is(text: str, expected: str | None) -> None:
    assert bound().text(value(text)) == expected


def test_a_parameter_that_waits_has_no_value_though_it_has_a_default() -> None:
    assert bound(Stage="dev").text({"Ref": "Stage"}) == "dev"
    assert bound(Stage=None).text({"Ref": "Stage"}) is None


@pytest.mark.parametrize(
    ("name", "holds"),
    [("IsProd", True), ("IsOpen", None), ("Nested", None), ("Surely", True), ("Never", False), ("Nobody", None)],
)
def test_a_condition_holds_as_far_as_those_in_it_tell(name: str, holds: bool | None) -> None:  # noqa: FBT001
    assert bound().truth(name) is holds
    assert bound().truth({"Condition": name}) is holds
    assert bound(Open="y").truth("Nested") is True


@pytest.mark.parametrize(("stage", "holds"), [("prod", None), ("${AWS::AccountId}", True)])
def test_what_a_deployment_fills_in_may_come_to_be_equal(stage: str, holds: bool | None) -> None:  # noqa: FBT001
    binding = bound(Stage=stage, **{"AWS::AccountId": "${AWS::AccountId}"})
    assert binding.truth("IsSuffix") is holds


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("!If [IsProd, a, b]", [(("Fn::If", 1), "a")]),
        ("!If [Never, a, [b, !Ref Stage]]", [(("Fn::If", 2, 0), "b"), (("Fn::If", 2, 1), "prod")]),
        ("!If [IsOpen, a, b]", [(("Fn::If", 0), "IsOpen"), (("Fn::If", 1), "a"), (("Fn::If", 2), "b")]),
    ],
)
def test_texts_are_those_that_no_condition_leaves_out(text: str, texts: list[tuple[TemplatePath, str]]) -> None:
    assert list(bound().texts(value(text))) == texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!If [IsProd, !Sub '${Stage}', b]", "prod"),
        ("!If [Never, a, !If [IsProd, [1, !If [IsProd, !Ref AWS::NoValue, 2]], b]]", [1]),
        ("{A: !If [IsProd, !Ref AWS::NoValue, a], B: !Ref AWS::NoValue, C: true}", {"C": True}),
        ("!If [IsOpen, !Ref Stage, b]", {"Fn::If": [{"Fn::Equals": [{"Ref": "Open"}, "x"]}, "prod", "b"]}),
        ("!FindInMap [Sizes, !Ref Stage, Memory]", 512),
        ("!FindInMap [Sizes, prod, Zones]", ["a", "prod"]),
        ("!FindInMap [Nothing, !Ref Open, c]", {"Fn::FindInMap": [None, None, "c"]}),
        ("!Select [0, !Split [',', !Ref Stage]]", {"Fn::Select": [0, {"Fn::Split": [",", "prod"]}]}),
        ("{Fn::Later: {Of: [!Ref Stage, !Ref Open]}}", {"Fn::Later": {"Of": ["prod", {"Ref": "Open"}]}}),
        ("!Sub '${Stage}-${Open}'", {"Fn::Sub": "${Stage}-${Open}"}),
        ("1.5", 1.5),
    ],
)
def test_what_can_be_decided_is_and_all_else_keeps_its_function(text: str, expected: object) -> None:
    assert bound().value(value(text)) == expected


def test_references_are_told_in_the_order_of_the_text() -> None:
    listed = "!GetAtt Two.Some.Thing, !Sub ['${Three.Arn}-${V}-${!No}', {V: !Ref Four}]"
    names = names_in(value(f"{{A: !Ref One, B: [{listed}], C: !If [X, a, b]}}"))
    assert list(names) == ["One", "Two", "Three", "Four"]


def test_what_another_stack_puts_out_is_told_by_its_function() -> None:
    call = {"Fn::GetStackOutput": {"StackName": {"Ref": "Other"}, "OutputName": "O"}}
    assert list(names_in(call)) == ["Fn::GetStackOutput", "Other"]


NAMES = st.sampled_from(["Stage", "Count", "Open", "AWS::Region", "Table"])
TEXTS = st.one_of(st.text(max_size=5), st.builds("a${{{}}}${{!b}}".format, NAMES))


def calls(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values with functions, known and unknown, well made and not."""
    return st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["A", "B", "Fn::Later", "Fn::If", "Ref"]), inner, max_size=2),
        st.builds(lambda name: {"Ref": name}, NAMES),
        st.builds(lambda name: {"Fn::GetAtt": [name, "Arn"]}, NAMES),
        st.builds(lambda text: {"Fn::Sub": text}, TEXTS),
        st.builds(lambda text, value: {"Fn::Sub": [text, {"Table": value}]}, TEXTS, inner),
        st.builds(lambda parts: {"Fn::Join": ["-", parts]}, st.lists(inner, max_size=3)),
        st.builds(lambda value, other: {"Fn::If": ["IsProd", value, other]}, inner, inner),
        st.builds(lambda value, other: {"Fn::If": ["IsOpen", value, other]}, inner, inner),
        st.just(NO_VALUE),
    )


ANY = st.recursive(st.one_of(TEXTS, st.integers(), st.booleans(), st.none()), calls, max_leaves=12)


@given(ANY)
def test_what_is_known_as_text_has_the_same_value(any_value: Any) -> None:
    binding = bound()
    text = binding.text(any_value)
    if isinstance(any_value, Mapping) and text is not None:
        assert binding.value(any_value) == text
    for path, known in binding.texts(any_value):
        assert binding.text(at(any_value, *path)) == known


@given(ANY)
def test_a_reference_stands_in_the_text_of_its_value(any_value: Any) -> None:
    assert all(repr(name)[1:-1] in repr(any_value) for name in names_in(any_value))


@given(ANY)
def test_only_what_a_value_refers_to_changes_what_it_comes_to(any_value: Any) -> None:
    if "Count" not in names_in(any_value):
        assert bound().text(any_value) == bound(Count="8").text(any_value)


@given(st.text())
def test_a_text_without_values_stays_as_it_is(text: str) -> None:
    assert fill(text, {}) == text
    assert fill(f"{text}${{A}}${{!A}}", {"A": "b"}).endswith("b${!A}")


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(ROOT)) for file in FILES])
def test_every_reference_of_a_shipped_template_is_to_something_of_it(file: Path) -> None:
    template = read_template(file.read_bytes(), file.name)
    known = {*template.resources(), *template.parameters}
    named = {name for section in ("Resources", "Outputs") for name in names_in(template.section(section))}
    assert {name for name in named if not name.startswith("AWS::")} <= known


def test_the_account_s_number_is_put_in_and_nothing_else() -> None:
    text = "${AWS::AccountId}-${AWS::Region}-${!AWS::AccountId}-${AWS::AccountId}"
    assert in_account(text, "${ACCOUNT}") == "${ACCOUNT}-${AWS::Region}-${!AWS::AccountId}-${ACCOUNT}"


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ("text", True),
        (None, True),
        ({"Enabled": [True, {"Days": 3}]}, True),
        ({"Ref": "Name"}, False),
        ([{"Key": {"Fn::GetAtt": ["Key", "Arn"]}}], False),
        ({"Fn::ForEach::Each": []}, False),
    ],
)
def test_a_value_with_a_function_in_it_is_not_known(value: object, *, known: bool) -> None:
    assert is_known(value) is known


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"Fn::If": ["A", {"Fn::If": ["B", 1, 2]}, {"Ref": "C"}]}, ["A", "B"]),
        ({"Condition": "A"}, ["A"]),
        ({"Fn::Not": [{"Condition": "A"}]}, ["A"]),
        ({"Fn::And": ["A", {"Fn::Or": [{"Condition": "B"}, {"Fn::Equals": [{"Ref": "C"}, "D"]}]}]}, ["A", "B"]),
        ([{"Key": {"Fn::If": ["A", "x", {"Ref": "AWS::NoValue"}]}}], ["A"]),
        ("A", []),
    ],
)
def test_the_conditions_that_a_value_hangs_on(value: object, names: list[str]) -> None:
    assert [*conditions_in(value)] == names
