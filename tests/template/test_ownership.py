"""Resources let go of, removed and added in the texts of templates: what is written to the byte, what is refused."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

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

VALUES = {
    ("Table", None): "orders",
    ("Table", "Arn"): "arn:aws:dynamodb:::table/orders",
    ("Table", "StreamArn"): "arn:stream",
    ("Table2", None): "others",
    ("Bucket", None): "files",
    ("Bucket", "Arn"): "arn:aws:s3:::files",
}
BLOCK = """\
# Orders.
Resources:
  Table:  # the table
    Type: AWS::DynamoDB::GlobalTable  # global
    # Where it stands.
    Properties:
      TableName: !Sub orders-${AWS::Region}

  Function:
    Type: AWS::Lambda::Function
    DependsOn: Table
    Properties:
      Role: !Sub "${Table.Arn}/index/*" # of the index
      Environment:
        Variables:
          TABLE: !Ref Table # by name
          ARN:
            Fn::GetAtt:
              - Table
              - Arn
          LONG:
            Ref: Table
          STREAM: !GetAtt Table.StreamArn
          FLOW: [!Ref Table, !GetAtt [Table, Arn], {Ref: Table}, !Ref Tables]
          TEXT: !Sub
            - |  # ${Table}
              ${Table} and ${!Table}
                ${Table.Arn} ${Other} ${Own}
            - Own: !Ref Table
              Other.Arn: x
  Tables:
    Type: AWS::SNS::Topic
    DependsOn:
      - Table  # first
      # then
      - Function
  Last:
    Type: AWS::SNS::Topic
    DependsOn: [Tables, Table]
Outputs:
  Name:
    Value: !Ref Table"""
RELEASED = """\
# Orders.
Resources:
  Table:  # the table
    Type: AWS::DynamoDB::GlobalTable  # global
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    # Where it stands.
    Properties:
      TableName: !Sub orders-${AWS::Region}

  Function:
    Type: AWS::Lambda::Function
    Properties:
      Role: !Sub "arn:aws:dynamodb:::table/orders/index/*" # of the index
      Environment:
        Variables:
          TABLE: "orders" # by name
          ARN:
            "arn:aws:dynamodb:::table/orders"
          LONG:
            "orders"
          STREAM: "arn:stream"
          FLOW: ["orders", "arn:aws:dynamodb:::table/orders", "orders", !Ref Tables]
          TEXT: !Sub
            - |  # ${Table}
              orders and ${!Table}
                arn:aws:dynamodb:::table/orders ${Other} ${Own}
            - Own: "orders"
              Other.Arn: x
  Tables:
    Type: AWS::SNS::Topic
    DependsOn:
      # then
      - Function
  Last:
    Type: AWS::SNS::Topic
    DependsOn: [Tables]
Outputs:
  Name:
    Value: "orders\""""


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


class TestReleased:
    def test_every_reference_is_literal_and_nothing_else_is_touched(self) -> None:
        assert released(BLOCK, ["Table"], VALUES) == RELEASED
        assert released(crlf(BLOCK), ["Table"], VALUES) == crlf(RELEASED)

    def test_what_is_released_stays_as_it_is(self) -> None:
        assert released(RELEASED, ["Table"], {}) == RELEASED
        assert references_to(read_template(RELEASED), ["Table"]) == ()
        assert is_retained(read_template(RELEASED), "Table")
        assert not is_retained(read_template(BLOCK), "Table")

    @pytest.mark.parametrize(
        ("needs", "left"),
        [
            ("DependsOn: Table", ""),
            ("DependsOn: [Table]  # why", ""),
            ("DependsOn:\n      - Table\n      - Table", ""),
            ("DependsOn:\n    - B\n    - Table", "    DependsOn:\n    - B\n"),
            ("DependsOn:\n      - Table\n      # B\n      - B", "    DependsOn:\n      # B\n      - B"),
            ("DependsOn: [ Table , B ]", "    DependsOn: [ B ]"),
            ("DependsOn: [B,\n      Table]", "    DependsOn: [B]"),
            ("'DependsOn' : \"Table\"", ""),
            ("DependsOn: [TableB, Tabl, B]", "    DependsOn: [TableB, Tabl, B]"),
        ],
    )
    def test_a_dependency_goes_with_its_line_and_the_line_before_keeps_its_end(self, needs: str, left: str) -> None:
        head = (
            "Resources:\n  Table: {Type: T, UpdateReplacePolicy: Retain, DeletionPolicy: Retain}\n  A:\n    Type: T\n"
        )
        assert released(f"{head}    {needs}", ["Table"], {}) == head + left
        more = "\n    Properties: {}\n"
        assert released(f"{head}    {needs}{more}", ["Table"], {}) == head + left.removesuffix("\n") + (
            more if left else more[1:]
        )

    @pytest.mark.parametrize("policy", ["", " ~", " null", " Delete", " 'Snapshot'", ' "RetainExceptOnCreate"'])
    def test_a_policy_is_replaced_where_it_stands(self, policy: str) -> None:
        text = "Resources:\n  Table:\n    DeletionPolicy:{} # data\n    UpdateReplacePolicy: 'Retain'\n    Type: T\n"
        made = released(text.format(policy), ["Table"], {})
        assert made == text.format(" Retain")

    def test_json_stays_json_in_its_own_lines(self) -> None:
        text = """{
\t"Resources": {
\t\t"Table": {
\t\t\t"Type": "T",
\t\t\t"DeletionPolicy": "Delete"
\t\t},
\t\t"A": {"Type": "T", "DependsOn": ["Table", "B"], "Properties": {"N": {"Fn::GetAtt": ["Table", "Arn"]}}},
\t\t"B": {"Type": "T", "DependsOn": "Table", "Properties": {"N": {"Fn::Sub": "\\u0024{Table} \\"${Table.Arn}\\""}}},
\t\t"C": {"Type": "T", "Properties": {}, "DependsOn": ["Table"]}
\t}
}
"""
        assert (
            released(text, ["Table"], VALUES)
            == """{
\t"Resources": {
\t\t"Table": {
\t\t\t"Type": "T",
\t\t\t"UpdateReplacePolicy": "Retain",
\t\t\t"DeletionPolicy": "Retain"
\t\t},
\t\t"A": {"Type": "T", "DependsOn": ["B"], "Properties": {"N": "arn:aws:dynamodb:::table/orders"}},
\t\t"B": {"Type": "T", "Properties": {"N": {"Fn::Sub": "orders \\"arn:aws:dynamodb:::table/orders\\""}}},
\t\t"C": {"Type": "T", "Properties": {}}
\t}
}
"""
        )


class TestWithout:
    def test_only_the_resource_goes(self) -> None:
        gone = without(RELEASED, ["Table"])
        lines = RELEASED.splitlines(keepends=True)
        assert gone == "".join([*lines[:2], *lines[9:]])
        assert without(crlf(RELEASED), ["Table"]) == crlf(gone)

    def test_where_nothing_would_be_left_a_placeholder_is(self) -> None:
        text = "Resources:\n  A:\n    Type: T\n  # Between.\n  'B':\n    Type: T"
        assert without(text, ["A", "B"]) == (
            'Resources:\n  Placeholder: {"Type": "AWS::CloudFormation::WaitConditionHandle"}\n  # Between.\n'
        )
        for style in (text, json.dumps(parse_template(text, "")), "Resources: {A: {Type: T}, B: {Type: T},}"):
            assert is_placeholder_only(read_template(without(style, ["B", "A"])))
            assert not is_placeholder_only(read_template(without(style, ["B"])))


class TestWithResources:
    TABLE: Mapping[str, Any] = {
        "Properties": {"TableName": "on", "Days": 35, "On": True, "Tags": [{"Key": "é", "Value": "a: b\n#🙂\n"}]},
        "DeletionPolicy": "Retain",
        "Type": "AWS::DynamoDB::GlobalTable",
    }

    def test_a_new_template_is_the_same_bytes_for_the_same_data(self) -> None:
        made = with_resources(None, {"Table": self.TABLE})
        assert made == (
            "AWSTemplateFormatVersion: '2010-09-09'\n"
            "\n"
            "Resources:\n"
            "  Table:\n"
            "    Type: AWS::DynamoDB::GlobalTable\n"
            "    DeletionPolicy: Retain\n"
            "    Properties:\n"
            "      Days: 35\n"
            "      'On': true\n"
            "      TableName: 'on'\n"
            "      Tags:\n"
            '        - Key: "\\xE9"\n'
            '          Value: "a: b\\n#\\U0001F642\\n"\n'
        )
        assert with_resources(None, {"Table": dict(reversed([*self.TABLE.items()]))}) == made

    def test_yaml_gets_lines_and_json_gets_its_own_indentation(self) -> None:
        for text in (BLOCK, crlf(BLOCK), RELEASED):
            added = with_resources(text, {"More": self.TABLE})
            at = added.index("  More:")
            assert added[:at] + added[added.index("Outputs:") :] == text
        as_json = json.dumps({"Resources": {"A": {"Type": "T"}}, "Outputs": {}}, indent="\t")
        expected = {"Resources": {"A": {"Type": "T"}, "More": {"Type": "T", "Properties": {"B": [1]}}}, "Outputs": {}}
        assert with_resources(as_json, {"More": {"Type": "T", "Properties": {"B": [1]}}}) == json.dumps(
            expected, indent="\t"
        )

    @pytest.mark.parametrize(
        "text",
        [
            "Resources:",
            "Resources: {}",
            "Resources: {A: {Type: T}}",
            "Description: x\n",
            '{"Resources":{"A":{"Type":"T"}}}',
            '{"Resources": {}}',
            "Resources:\n  A:\n    Type: T\n    Metadata: |+\n      x\n\n\n",
            "Resources:\n  A:\n    Type: T\n    Metadata: |\n      x",
            "Resources:\n  A:\n    Type: T",
            "---\nResources:\n  A: {Type: T}\n...\n",
        ],
    )
    def test_it_is_there_in_whatever_the_text_is_written(self, text: str) -> None:
        data = parse_template(text, "")
        added = {"Table": self.TABLE, "B": {"Type": "T"}}
        made = with_resources(text, added)
        assert made.isascii()
        assert parse_template(made, "") == data | {"Resources": (data.get("Resources") or {}) | added}


RETAINED = "DeletionPolicy: Retain, UpdateReplacePolicy: Retain"
AWKWARD = {
    "A mark of the order of bytes": (
        "\ufeffResources: {Table: {Type: T}}",
        f"\ufeffResources: {{Table: {{Type: T, {RETAINED}}}}}",
    ),
    "and in JSON": (
        '\ufeff{"Resources": {"Table": {"Type": "T"}}}',
        '\ufeff{"Resources": {"Table": {"Type": "T", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}}}',
    ),
    "Tabs": ("A: !Ref\tTable\t# a", 'A: "orders"\t# a'),
    "Explicit keys": ("? A\n    : !Ref Table", '? A\n    : "orders"'),
    "A number for a key": ("A: {200: [!Ref Table]}", 'A: {200: ["orders"]}'),
    "Anchors without aliases": (
        "A: &a !Ref Table\n    B: !Sub &b '${Table}'",
        "A: \"orders\"\n    B: !Sub &b 'orders'",
    ),
    "A tag in a line of its own": ("A: !Sub\n      '${Table}'", "A: !Sub\n      'orders'"),
    "A plain text in several lines": (
        "A: !Sub ${Table}\n      and ${Table.Arn}",
        f"A: !Sub orders\n      and {VALUES['Table', 'Arn']}",
    ),
    "A tag in full": ("A: !<!Ref> Table", 'A: "orders"'),
    "Names that begin alike": (
        "A: !Sub '${Tab}${Table2}${Table2.Arn}${Table}'",
        "A: !Sub '${Tab}${Table2}${Table2.Arn}orders'",
    ),
    "A longer attribute": ("A: [!GetAtt [Table, Stream, Arn], !Ref Table2]", 'A: ["stream", !Ref Table2]'),
    "Characters beyond ASCII": ("A: [é, !Sub 'é ${Table}']  # é", "A: [é, !Sub 'é orders']  # é"),
}


@pytest.mark.parametrize("case", AWKWARD)
def test_awkward_texts_are_changed_at_the_place_alone(case: str) -> None:
    before, after = AWKWARD[case]
    if not before.startswith("\ufeff"):
        head = f"Resources:\n  Table: {{Type: T, {RETAINED}}}\nOutputs:\n  Out:\n    "
        before, after = head + before, head + after
    assert released(before, ["Table"], {**VALUES, ("Table", "Stream.Arn"): "stream"}) == after


REFUSED: list[tuple[str, str]] = [
    ("Resources: {A: {Type: T}}", "has no resource Table"),
    ("Transform: AWS::Serverless-2016-10-31\nResources: {Table: {Type: T}}", "is made by AWS::Serverless-2016-10-31"),
    ("Resources: {Table: {Type: T}, 'Fn::ForEach::Loop': [A, [], {}]}", "has Fn::ForEach::Loop at Resources"),
    ("Resources: {Table: {Type: T}, A: {Type: T, Properties: {P: {Ref: {Ref: X}}}}}", "has Ref at Resources/A"),
    ("Resources: {Table: {Type: T}, A: {Type: T, Properties: {P: !GetAtt [Table, !Ref X]}}}", "has Fn::GetAtt at"),
    ("Resources: {Table: {Type: T, DeletionPolicy: !FindInMap [A, B, C]}}", "gives Table its DeletionPolicy by a func"),
    ("Resources: {Table: {Type: T}, A: {Type: T, Properties: {P: !GetAtt Table.Id}}}", "refers to Table.Id at"),
    ("Resources: {Table: &a {Type: T}, A: *a}", "is written in a way"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_cannot_be_released_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Unmovable, match=f"^{why}"):
        released(text, ["Table"], VALUES)


def test_what_something_refers_to_is_not_removed_and_what_is_there_is_not_added() -> None:
    with pytest.raises(Unmovable, match=r"^still refers to Table at Resources/Function/DependsOn"):
        without(BLOCK, ["Table"])
    with pytest.raises(Unmovable, match=r"^has something of the name Table already"):
        with_resources(BLOCK, {"Table": {"Type": "T"}})


def test_references_are_told_with_their_places() -> None:
    references = references_to(read_template(BLOCK), ["Table"])
    properties: tuple[Any, ...] = ("Resources", "Function", "Properties")
    variables = (*properties, "Environment", "Variables")
    assert [(reference.name, reference.attribute, reference.path) for reference in references] == [
        ("Table", None, ("Resources", "Function", "DependsOn")),
        ("Table", "Arn", (*properties, "Role", "Fn::Sub")),
        ("Table", None, (*variables, "TABLE")),
        ("Table", "Arn", (*variables, "ARN")),
        ("Table", None, (*variables, "LONG")),
        ("Table", "StreamArn", (*variables, "STREAM")),
        ("Table", None, (*variables, "FLOW", 0)),
        ("Table", "Arn", (*variables, "FLOW", 1)),
        ("Table", None, (*variables, "FLOW", 2)),
        ("Table", None, (*variables, "TEXT", "Fn::Sub", 1, "Own")),
        ("Table", None, (*variables, "TEXT", "Fn::Sub", 0)),
        ("Table", "Arn", (*variables, "TEXT", "Fn::Sub", 0)),
        ("Table", None, ("Resources", "Tables", "DependsOn", 0)),
        ("Table", None, ("Resources", "Last", "DependsOn", 1)),
        ("Table", None, ("Outputs", "Name", "Value")),
    ]
    assert [reference.is_dependency for reference in references].count(True) == 3
