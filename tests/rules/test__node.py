import pytest

from builder.rules._node import Missing, is_function
from rules.findings import make_node


def test_a_path_is_followed_by_key_and_remembered() -> None:
    node = make_node("{A: {B: {C: x}}}").get("A", "B", "C")
    assert (node.text, node.path, node.present) == ("x", ("A", "B", "C"), True)


@pytest.mark.parametrize("text", ["{}", "{A: !Ref AWS::NoValue}", "{A: !If [Is, !Ref AWS::NoValue, x]}"])
def test_what_is_not_said_is_absent_and_so_is_all_below(text: str) -> None:
    node = make_node(text, Is=True).get("A")
    assert node.absent
    assert node.get("B", "C").absent
    assert not node.present


@pytest.mark.parametrize("text", ["{A: !Ref Name}", "{A: !If [Unheard, 1, 2]}", "{A: [x]}", "{A: x}"])
def test_below_what_can_t_be_known_nothing_is_known(text: str) -> None:
    assert make_node(text).get("A", "B").value is Missing.UNKNOWN


def test_a_macro_among_the_keys_may_bring_any_other() -> None:
    node = make_node("{A: 1, Fn::Transform: {Name: Macro}}")
    assert node.get("A").text == "1"
    assert node.get("B").value is Missing.UNKNOWN


@pytest.mark.parametrize(("holds", "text", "path"), [(True, "x", ("A", "Fn::If", 1)), (False, "y", ("A", "Fn::If", 2))])
def test_a_choice_is_followed_into_its_branch(holds: bool, text: str, path: tuple[object, ...]) -> None:  # noqa: FBT001
    node = make_node("{A: !If [Is, x, y]}", Is=holds).get("A")
    assert (node.text, node.path) == (text, path)


def test_choices_within_choices_are_followed_too() -> None:
    assert make_node("{A: !If [Is, !If [Or, x, y], z]}", Is=True, Or=False).get("A").text == "y"


@pytest.mark.parametrize("choice", ["!If [Is]", "!If x", "!If [!Ref Is, 1, 2]"])
def test_a_choice_that_is_none_is_unknown(choice: str) -> None:
    assert make_node(f"{{A: {choice}}}", Is=True).get("A").value is Missing.UNKNOWN


@pytest.mark.parametrize(
    ("value", "text"),
    [("true", "true"), ("15", "15"), ("1.5", "1.5"), ("'a'", "a"), ("[a]", None), ("!Ref Name", None)],
)
def test_a_literal_has_a_text(value: str, text: str | None) -> None:
    assert make_node(f"{{A: {value}}}").get("A").text == text


def test_a_secret_has_none() -> None:
    assert make_node("{A: '{{resolve:ssm:name}}'}").get("A").text is None


def test_a_list_gives_what_is_there_in_its_world() -> None:
    node = make_node("{A: [a, !If [Is, b, !Ref AWS::NoValue], !Ref Name]}", Is=False).get("A")
    assert [item.path for item in node.items() or ()] == [("A", 0), ("A", 2)]
    assert make_node("{A: [a, !If [Is, b, !Ref AWS::NoValue]]}", Is=True).get("A").texts() == ("a", "b")


def test_a_single_value_is_a_list_of_one() -> None:
    assert make_node("{A: a}").get("A").texts() == ("a",)
    assert [item.path for item in make_node("{A: {B: 1}}").get("A").items() or ()] == [("A",)]


def test_what_is_not_said_is_a_list_of_none() -> None:
    assert make_node("{}").get("A").items() == ()
    assert make_node("{}").get("A").texts() == ()


@pytest.mark.parametrize("value", ["!Ref Name", "!If [Unheard, [a], [b]]", "[!If [Unheard, a, b]]"])
def test_a_list_that_can_t_be_known_is_none(value: str) -> None:
    assert make_node(f"{{A: {value}}}").get("A").items() is None
    assert make_node(f"{{A: {value}}}").get("A").texts() is None


def test_a_list_with_an_element_that_has_no_text_has_no_texts() -> None:
    assert make_node("{A: [a, !Ref Name]}").get("A").texts() is None


def test_walking_meets_every_place_and_looks_into_no_function() -> None:
    node = make_node("{A: [x, {B: !Ref Name}], C: !If [Is, y, z]}", Is=True)
    assert [place.path for place in node.walk()] == [(), ("A",), ("A", 0), ("A", 1), ("A", 1, "B"), ("C", "Fn::If", 1)]


@pytest.mark.parametrize("value", [{"Ref": "A"}, {"Fn::Sub": "x"}])
def test_a_function_is_a_mapping_of_its_name(value: object) -> None:
    assert is_function(value)


@pytest.mark.parametrize(
    "value", [{}, {"Ref": 1, "x": 2}, {"Condition": {"Bool": {}}}, {"Reference": "A"}, {1: 2}, "Ref", ["Ref"]]
)
def test_all_else_is_a_value(value: object) -> None:
    assert not is_function(value)
