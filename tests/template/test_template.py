from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import BadInput, Stopped
from builder.template import DeclaredOutputs, Template, properties_of, read_deployed, read_template

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
    properties = properties_of(read_template(SHORT).resource("Table"))
    assert properties == {
        "TableName": {"Fn::Sub": "tap-${Suffix}"},
        "Stream": {"Fn::GetAtt": ["Other", "Nested.Arn"]},
        "Name": {"Fn::If": ["Big", {"Fn::Join": ["-", ["a", "b"]]}, {"Ref": "AWS::NoValue"}]},
        "Mapped": {"Fn::FindInMap": {"Map": "M"}},
        "Condition": {"Condition": "Big"},
        "Policy": {"Version": "2012-10-17"},
    }


def test_json_is_read_as_text_and_as_botocore_gives_it() -> None:
    assert read_template('{"Resources": {}}') == read_template({"Resources": {}}) == Template({"Resources": {}})


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


def test_a_default_is_as_describestacks_shows_it() -> None:
    template = read_template("Parameters: {A: {Default: 11.10}, B: {Default: true}, C: {Default: 0060}, D: {}, E: 7}")
    assert template.defaults == {"A": "11.10", "B": "true", "C": "0060"}


def test_what_is_no_resource_is_left_out() -> None:
    assert Template({"Resources": {"A": {"Type": "T"}, "B": 1}}).resources() == {"A": {"Type": "T"}}
    assert Template({"Resources": []}).resources() == Template().resources() == {}
    assert Template({"Resources": {"B": 1}}).resource("B") == Template().resource("B") == {}
    assert properties_of({"Properties": "x"}) == {}


def test_what_is_read_from_ssm_and_what_a_macro_makes_is_told() -> None:
    template = read_template("""
        Transform: [AWS::LanguageExtensions, {Name: AWS::Include}]
        Parameters:
          Image: {Type: 'AWS::SSM::Parameter::Value<String>'}
          Name: {Type: 'AWS::SSM::Parameter::Name'}
        Resources: {A: {Type: T, Properties: {Fn::Transform: {Name: M}}}}
    """)
    assert template.from_ssm == ("Image",)
    assert template.transforms == ("AWS::LanguageExtensions", {"Name": "AWS::Include"})
    assert template.calls("Fn::Transform")
    assert not template.calls("Fn::If")
    assert read_template("Transform: AWS::Include").transforms == ("AWS::Include",)
    assert Template({"Transform": None}).transforms == Template().transforms == ()


LOOP = "Fn::ForEach::%s"


def looped(collection: object, key: str = "Url${Region}", **more: Any) -> dict[str, Any]:
    body = {"Value": {"Fn::Sub": "https://${Region}"}, "Condition": "Is${Region}"}
    outputs = {"Plain": {"Value": "x"}, LOOP % "Regions": ["Region", collection, {key: body}]}
    return {"Transform": "AWS::LanguageExtensions", "Outputs": outputs, **more}


@pytest.mark.parametrize("collection", [["A", "B"], {"Ref": "All"}, [{"Ref": "First"}, "B"]])
def test_the_outputs_of_a_loop_are_known_by_name(collection: object) -> None:
    outputs = Template(looped(collection)).outputs({"All": "A, B", "First": "A"})
    assert outputs.complete
    assert list(outputs.by_name) == ["Plain", "UrlA", "UrlB"]
    assert outputs.by_name["UrlB"] == {"Value": {"Fn::Sub": "https://B"}, "Condition": "IsB"}


def test_a_loop_in_a_loop_and_a_name_without_its_hyphens() -> None:
    inner = {LOOP % "Inner": ["Kind", ["x", "y"], {"&{Region}${Kind}": {"Value": "${Region} ${Kind}"}}]}
    template = {"Outputs": {LOOP % "Outer": ["Region", ["us-east-1"], inner]}}
    assert Template(template).outputs({}).by_name == {
        "useast1x": {"Value": "us-east-1 x"},
        "useast1y": {"Value": "us-east-1 y"},
    }


@pytest.mark.parametrize(
    "template",
    [
        looped({"Ref": "Unknown"}),
        looped({"Fn::FindInMap": ["A", "B", "C"]}),
        looped(["A"], Transform=["AWS::LanguageExtensions", "MyMacro"]),
        looped(["A"], Transform={"Name": "AWS::Include", "Parameters": {}}),
        {"Outputs": {"Fn::Transform": {"Name": "AWS::Include"}, "A": {}}},
        {"Outputs": {LOOP % "X": "no loop"}},
    ],
)
def test_what_only_a_deployment_tells_is_not_said_to_be_all(template: dict[str, Any]) -> None:
    assert not Template(template).outputs({}).complete


@pytest.mark.parametrize("version", ["2020-07-23", "2024-09-16"])
def test_the_rotation_of_secrets_adds_a_stack_and_no_output(version: str) -> None:
    template = Template({"Transform": f"AWS::SecretsManager-{version}", "Outputs": {"A": {"Value": "x"}}})
    assert template.outputs({}).complete
    assert not template.adds_no_stack


@pytest.mark.parametrize(
    ("conditions", "circle"),
    [
        ("A: {Condition: A}", "A -> A"),
        (
            "A: !Not [{Condition: B}], B: !Or [{Condition: C}, !Equals [a, b]], C: !And [{Condition: A}]",
            "A -> C -> B -> A",
        ),
        ("A: B, B: A", "A -> B -> A"),
    ],
)
def test_conditions_in_a_circle_are_refused(conditions: str, circle: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_template(f"Conditions: {{{conditions}}}", "us-east-1/a.yaml")
    assert str(refused.value).startswith(f"us-east-1/a.yaml: has conditions that go in a circle: {circle}")


def test_a_condition_that_several_others_need_is_no_circle() -> None:
    text = "Conditions: {A: !Equals [a, b], B: !Not [{Condition: A}], C: !And [{Condition: A}, {Condition: B}]}"
    assert list(read_template(text).conditions) == ["A", "B", "C"]


@pytest.mark.parametrize("template", [{}, {"Outputs": None}, {"Outputs": {}, "Transform": "AWS::LanguageExtensions"}])
def test_a_template_without_outputs_has_none(template: dict[str, Any]) -> None:
    assert Template(template).outputs({}) == DeclaredOutputs({}, complete=True)
