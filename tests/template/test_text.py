import json
from typing import Any

import pytest
import yaml
from cfn_flip import to_json
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import BadInput
from builder.template import parse_template, write_template
from components.templates import THREE, template, templates

ALL = [*templates().items(), *templates(regions=THREE, function={"url_auth": "AWS_IAM"}).items()]


def read_back(text: bytes) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(to_json(text.decode()))  # type: ignore[no-untyped-call] # cfn_flip has no types
    return read


def lines(text: bytes) -> list[str]:
    return text.decode().splitlines()


@pytest.mark.parametrize("made", [made for _, made in ALL], ids=[stack for stack, _ in ALL])
class TestEveryTemplate:
    def test_reads_back_as_the_same_template(self, made: dict[str, Any]) -> None:
        assert read_back(write_template(made)) == made
        assert parse_template(write_template(made), "t.yaml") == made

    def test_is_in_the_order_people_read(self, made: dict[str, Any]) -> None:
        sections = [line.split(":")[0] for line in lines(write_template(made)) if line[:1].isalpha()]

        assert sections == ["AWSTemplateFormatVersion", "Description", "Parameters", "Resources", "Outputs"]

    def test_has_no_anchors_and_no_long_forms(self, made: dict[str, Any]) -> None:
        text = write_template(made).decode()
        tokens = list(yaml.scan(text, Loader=yaml.SafeLoader))

        assert not [token for token in tokens if isinstance(token, yaml.AnchorToken | yaml.AliasToken)]
        assert "Fn::" not in text
        assert "Ref:" not in text

    def test_parts_blocks_by_one_blank_line(self, made: dict[str, Any]) -> None:
        written = lines(write_template(made))
        starts = [place for place, line in enumerate(written) if line.startswith("  ") and line[2:3].isalpha()]

        for place in starts:
            # The first block of a section follows its heading at once.
            assert written[place - 1] == "" or written[place - 1].endswith(":")
        assert written[0] == "AWSTemplateFormatVersion: '2010-09-09'"
        assert written[1] == ""


def test_a_resource_says_type_and_deletion_before_its_properties() -> None:
    text = write_template(template("us-east-1/table")).decode()

    assert text.index("Type: AWS::DynamoDB") < text.index("DeletionPolicy") < text.index("Properties:")


def test_intrinsics_are_short_and_unquoted() -> None:
    text = write_template(template("us-east-1/service")).decode()

    assert "TargetFunctionArn: !Ref Function\n" in text
    assert "FunctionName: !Sub tap-${EnvironmentSuffix}-${BornAs}\n" in text
    assert "Value: !GetAtt FunctionUrl.FunctionUrl\n" in text


def test_the_handler_is_readable_in_the_template() -> None:
    handler = "def handler(event, context):\n\n    return 1\n"

    text = write_template(template("us-east-1/service", handler)).decode()

    assert "ZipFile: |\n          def handler(event, context):\n\n              return 1\n" in text


@pytest.mark.parametrize(
    "handler",
    [
        "one line",
        "no newline\nat the end",
        "\n\nleading and trailing\n\n\n",
        "  indented first line\nthen not\n",
        "trailing space \nand\ttab\t\n",
        "# --- \n...\n---\nkey: value\n",
        "Resources:\n  Bucket:\n    Type: x\n",
        "café 漢字 🙂\n",
        "\N{ZERO WIDTH NO-BREAK SPACE}bom\r\nand carriage return\n",
        "no",
        "1e3",
    ],
)
def test_any_handler_survives(handler: str) -> None:
    made = template("us-east-1/service", handler)

    assert read_back(write_template(made))["Resources"]["Function"]["Properties"]["Code"] == {"ZipFile": handler}


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1))
def test_any_text_survives(text: str) -> None:
    made = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"Text": text, "List": [text]}}}}

    assert yaml.safe_load(write_template(made)) == made


def test_the_same_template_is_the_same_bytes() -> None:
    assert write_template(template("us-east-1/table")) == write_template(template("us-east-1/table"))


def test_other_people_s_templates_are_read_too() -> None:
    text = """
AWSTemplateFormatVersion: 2010-09-09
Conditions: {Both: !And [!Condition One, !Equals [a, !Ref B]]}
Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {Arn: !GetAtt Nested.Outputs.Arn, Tags: !If [Both, !GetAtt [A, B], []]}}
  Macro: !Transform {Name: AWS::Include, Parameters: {Location: here}}
"""

    assert parse_template(text, "t.yaml") == read_back(text.encode())
    assert parse_template(json.dumps({"Resources": {}}), "t.json") == {"Resources": {}}


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"a: [", "is no YAML"),
        (b"\xff\xfe\xfa", "line 1: the byte 0xff is not UTF-8"),
        (b"- a", "is no template"),
        (b"", "is no"),
    ],
)
def test_what_is_no_template_is_refused_by_name(data: bytes, fault: str) -> None:
    with pytest.raises(BadInput, match=f"^t.yaml: {fault}"):
        parse_template(data, "t.yaml")
