from hypothesis import given
from hypothesis import strategies as st

from builder.deploy.template import properties_of, read_template, resolve, resources_of, write_template

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


def test_what_is_written_reads_the_same() -> None:
    read = read_template(SHORT)
    assert read_template(write_template(read)) == read
    assert list(read_template(write_template(read))) == list(read)


def test_json_is_read_as_text_and_as_botocore_gives_it() -> None:
    assert read_template('{"Resources": {}}') == read_template({"Resources": {}}) == {"Resources": {}}


@given(st.one_of(st.text(), st.none(), st.integers(), st.lists(st.integers())))
def test_what_is_no_template_is_an_empty_one(junk: object) -> None:
    assert isinstance(read_template(junk), dict)
    assert read_template("[1]") == read_template(": [") == {}


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
