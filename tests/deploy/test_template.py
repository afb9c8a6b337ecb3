import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import BadInput, Stopped
from builder.template.template import (
    Comparison,
    as_shown,
    compare_template,
    defaults_of,
    masked,
    properties_of,
    read_deployed,
    read_template,
    resolve,
    resources_of,
)

SHORT = """\
Parameters: {Suffix: {Type: String}}
Conditions: {Big: !Equals [!Ref Suffix, prod]}
Resources:
  Table:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      TableName: !Sub tap-${Suffix}
      Stream: !GetAtt Other.Nested.Arn
      Name: !If [Big, !Join ["-", [a, b]], !Ref AWS::NoValue]
      Mapped: !FindInMap {Map: M}
      Condition: !Condition Big
      Policy: {Version: 2012-10-17}
"""


def test_short_forms_are_read_into_long_ones() -> None:
    properties = properties_of(resources_of(read_template(SHORT))["Table"])
    assert properties == {
        "TableName": {"Fn::Sub": "tap-${Suffix}"},
        "Stream": {"Fn::GetAtt": ["Other", "Nested.Arn"]},
        "Name": {"Fn::If": ["Big", {"Fn::Join": ["-", ["a", "b"]]}, {"Ref": "AWS::NoValue"}]},
        "Mapped": {"Fn::FindInMap": {"Map": "M"}},
        "Condition": {"Condition": "Big"},
        "Policy": {"Version": "2012-10-17"},
    }


def test_json_is_read_as_text_and_as_botocore_gives_it() -> None:
    assert read_template('{"Resources": {}}') == read_template({"Resources": {}}) == {"Resources": {}}


@given(st.one_of(st.text(), st.none(), st.integers(), st.lists(st.integers())))
def test_what_is_no_template_is_refused_and_is_never_an_empty_one(junk: object) -> None:
    with pytest.raises(BadInput, match=r"^us-east-1/table: is no"):
        read_template(junk, "us-east-1/table")
    with pytest.raises(Stopped, match=r"^us-east-1/table: the deployed template cannot be read"):
        read_deployed(junk, "us-east-1/table")


@pytest.mark.parametrize("text", [": [", "[1]", "", "a: *b", "{" * 5000, '{"a": ' * 5000, "!!int x", "{!Ref a: b}"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        read_template(text)


S, D, N = Comparison.SAME, Comparison.DIFFERENT, Comparison.NOT_KNOWN


def shown(sent: str) -> object:
    """A template as boto3 gives GetTemplate's answer: masked, and JSON as objects."""
    text = re.sub("[^\x00-\x7f]", "?", sent)
    return json.loads(text) if sent.startswith("{") else text


@pytest.mark.parametrize(
    ("desired", "deployed", "known"),
    [
        ("a: b\n", "a: b\n", S),
        ("a: b\n", "a: b # why\n", D),
        ("a: Störung", "a: Störung", N),
        ("a: Störung", "a: Stürung", N),
        ("a: Störung", "a: St?rung", N),
        ("a: Störung", "a: Stoerung", D),
        ("a: 🙂", "a: é", N),
        ('a: "St\\xF6rung"', 'a: "St\\xF6rung"', S),
        ('a: "St\\xF6rung"', 'a: "St\\xFCrung"', D),
        ('{"a": 1, "b": [1, 2]}', '{ "b": [1, 2], "a": 1 }', S),
        ('{"b": [1, 2]}', '{"b": [2, 1]}', D),
        ('{"a": 1}', '{"a": true}', D),
        ('{"a": 1}', '{"a": 1.0}', D),
        ('{"a": 11.10}', '{"a": 11.10}', N),
        ('{"a": 11.1}', '{"a": 11.1}', S),
        ('{"a": "ö"}', '{"a": "ü"}', N),
        ('{"a": "\\u00f6"}', '{"a": "\\u00f6"}', S),
        ('{"a": "\\u00f6"}', '{"a": "\\u00fc"}', N),
        ('{"ö": 1, "z": 2}', '{"z": 2, "ö": 1}', N),
        ('{"a": "🙂"}', '{"a": "??"}', D),
        ('{"a": 1}', "a: 1", D),
        ("a: 1", '{"a": 1}', D),
    ],
)
def test_two_templates_are_the_same_as_far_as_gettemplate_shows_it(
    desired: str, deployed: str, known: Comparison
) -> None:
    assert compare_template(desired, shown(deployed)) is known
    assert (as_shown(shown(desired)) == as_shown(shown(deployed))) is (known is not D) or "u00f" in desired
    # Where nothing is masked, as on the embedded AWS, what is equal is known to be.
    assert compare_template(desired, desired) is (N if "11.10" in desired else S)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])), st.text())
def test_what_is_said_to_be_the_same_is_the_same(desired: str, deployed: str) -> None:
    for text in (deployed, desired, masked(desired)):
        if compare_template(desired, masked(text)) is S:
            assert desired == masked(text)
        elif masked(desired) == masked(text):
            assert compare_template(desired, masked(text)) is N


def test_a_default_is_as_describestacks_shows_it() -> None:
    template = read_template("Parameters: {A: {Default: 11.10}, B: {Default: true}, C: {Default: 0060}, D: {}, E: 7}")
    assert defaults_of(template) == {"A": "11.10", "B": "true", "C": "0060"}


def test_what_is_no_resource_is_left_out() -> None:
    assert resources_of({"Resources": {"A": {"Type": "T"}, "B": 1}}) == {"A": {"Type": "T"}}
    assert resources_of({"Resources": []}) == resources_of({}) == {}
    assert properties_of({"Properties": "x"}) == {}


def test_a_text_is_known_where_its_parameters_are() -> None:
    values = {"Suffix": "dev"}
    assert resolve("plain", values) == "plain"
    assert resolve({"Ref": "Suffix"}, values) == "dev"
    assert resolve({"Fn::Sub": "tap-${Suffix}-${!Literal}"}, values) == "tap-dev-${!Literal}"
    for unknown in ({"Ref": "Other"}, {"Fn::Sub": "${AWS::Region}"}, {"Fn::Sub": ["${A}", {}]}, None, 7):
        assert resolve(unknown, values) is None
