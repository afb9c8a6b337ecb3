"""The table of what AWS's schemas say: it is as new as the installed cfn-lint, and answers what the code asks."""

import runpy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from builder.resource_types import NAMED_IAM
from builder.resource_types.facts import RESOURCE_TYPES, create_only, name_property, perhaps_create_only, stateful_types

SCRIPT = runpy.run_path(str(Path(__file__).parent.parent.parent / "scripts" / "resource_types.py"))


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    """What the script would write now."""
    made: dict[str, Any] = SCRIPT["make_table"]()
    return made


@pytest.mark.slow
def test_the_table_is_what_the_script_makes(table: dict[str, Any]) -> None:
    """Where it was made from another cfn-lint than is installed, of the types that we say something of by hand."""
    written = SCRIPT["_read"](SCRIPT["FILE"])
    if written["cfn-lint"] == version("cfn-lint"):
        assert SCRIPT["FILE"].read_text() == SCRIPT["write"](table), "stale: python scripts/resource_types.py"
    old, new = ({name: document["types"].get(name) for name in RESOURCE_TYPES} for document in (written, table))
    assert [*SCRIPT["differences"](old, new)] == [], "stale: python scripts/resource_types.py"


def test_what_is_new_gone_or_described_otherwise_is_told() -> None:
    before, after = {"A": {"name": "X"}, "B": {}, "C": {}}, {"A": {"name": "Y"}, "C": {}, "D": {}}
    assert [*SCRIPT["differences"](before, after)] == [
        'A: {"name": "X"} -> {"name": "Y"}',
        "B: {} -> not there",
        "D: not there -> {}",
    ]


@pytest.mark.parametrize(
    ("schema", "facts"),
    [
        ({"createOnlyProperties": ["/properties/A/B", "/properties/A", "/properties/C"]}, {"replaced_by": "A C"}),
        ({"conditionalCreateOnlyProperties": ["/properties/A"]}, {"perhaps_replaced_by": "A"}),
        # Another item may come without a replacement, though this part of each is never changed in place.
        ({"createOnlyProperties": ["/properties/List/*/Part"]}, {"perhaps_replaced_by": "List"}),
        ({"createOnlyProperties": ["/properties/List", "/properties/List/*/Part"]}, {"replaced_by": "List"}),
        ({}, {}),
    ],
)
def test_what_replaces_a_resource_is_said_once(schema: dict[str, Any], facts: dict[str, Any]) -> None:
    assert SCRIPT["_facts"]("AWS::Test::Thing", [schema]) == facts


@pytest.mark.parametrize(
    ("type_name", "name"),
    [
        ("AWS::S3::Bucket", "BucketName"),
        ("AWS::CloudFormation::StackSet", "StackSetName"),
        ("AWS::CloudFormation::Macro", "Name"),
        ("AWS::EC2::SecurityGroup", "GroupName"),
        ("AWS::EC2::VPC", ""),
        ("AWS::KMS::Key", ""),
        ("Custom::Thing", ""),
    ],
)
def test_a_template_may_name_some_resources(type_name: str, name: str) -> None:
    assert name_property(type_name) == name


def test_the_schemas_tell_what_holds_data() -> None:
    assert {"AWS::RDS::DBCluster", "AWS::S3::Bucket"} < stateful_types()
    assert "AWS::SNS::Topic" not in stateful_types()


def test_of_a_type_that_holds_nothing_it_is_known_as_well() -> None:
    assert (create_only("AWS::SNS::Topic"), perhaps_create_only("AWS::SNS::Topic")) == (("FifoTopic", "TopicName"), ())


def test_of_a_type_that_aws_does_not_have_nothing_is_known() -> None:
    assert create_only("Custom::Thing") == perhaps_create_only("Custom::Thing") == ()


def test_the_names_that_take_a_capability_are_those_of_the_schemas() -> None:
    assert {name: name_property(name) for name in NAMED_IAM} == NAMED_IAM
