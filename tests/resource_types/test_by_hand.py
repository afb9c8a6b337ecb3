import re
from pathlib import Path

import pytest

from builder.deploy.resources import HOLDERS
from builder.policy.resource import ACTION_ARNS
from builder.resource_types.facts import (
    RESOURCE_TYPES,
    ResourceType,
    at_stake,
    holds_data,
    is_unknown,
    key_property,
    may_hold_data,
    service_prefix,
    stateful_types,
)
from builder.rules.deletion_policy import HOLD_DATA
from schemas import all_types, schema_of

ROOT = Path(__file__).parent.parent.parent
FOLDERS = (ROOT / "templates", ROOT / "tests" / "golden", ROOT / "tests" / "assembly" / "cdk")
GUARDED = [name for name in RESOURCE_TYPES if at_stake(name)]
ADDRESSES = {"AWS::KMS::Alias", "AWS::Lambda::Url"}
# A nested stack's own template says what is in it, and an instance's cluster has the data.
DATA_ELSEWHERE = {"AWS::CloudFormation::Stack", "AWS::DocDB::DBInstance", "AWS::Neptune::DBInstance"}


def test_every_type_is_one_that_aws_has_somewhere() -> None:
    known = all_types()
    assert set(RESOURCE_TYPES) <= known


def test_the_table_is_in_order() -> None:
    assert list(RESOURCE_TYPES) == sorted(RESOURCE_TYPES)


def test_every_type_with_a_module_of_its_own_is_guarded() -> None:
    assert set(HOLDERS) <= set(GUARDED)


def test_every_type_says_what_goes_with_it() -> None:
    assert len(GUARDED) == 98
    assert all(holds_data(name) for name in GUARDED if name not in ADDRESSES)


def test_what_aws_counts_among_what_holds_data_is_guarded() -> None:
    assert {name for name in stateful_types() if not holds_data(name)} == DATA_ELSEWHERE


NOT_ASKED = {
    "AWS::CloudFormation::StackSet": "the template of its stacks says what becomes of what is in them",
    "AWS::SSM::Parameter": "most hold no more than the template says",
    "AWS::Serverless::SimpleTable": "SAM makes a table of it before a rule looks",
}


def test_our_own_rule_asks_a_policy_of_what_is_guarded_and_of_nothing_else() -> None:
    hold_data = {name for name in {*RESOURCE_TYPES, *stateful_types()} if holds_data(name)}
    assert set(HOLD_DATA) == hold_data - NOT_ASKED.keys()
    assert hold_data >= NOT_ASKED.keys()


def test_what_aws_alone_counts_among_it_is_guarded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RESOURCE_TYPES, "AWS::EC2::Volume")
    assert (at_stake("AWS::EC2::Volume"), holds_data("AWS::EC2::Volume")) == ("all that it holds", True)


def test_a_row_that_says_nothing_of_it_takes_no_guard_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RESOURCE_TYPES, "AWS::EC2::Volume", ResourceType(noun="volume"))
    assert (at_stake("AWS::EC2::Volume"), holds_data("AWS::EC2::Volume")) == ("all that it holds", True)


@pytest.mark.parametrize(
    "type_name", ["AWS::NextYear::Store", "AWS::S3::NextYear", "Org::Service::Store", "Org2::A::B"]
)
def test_what_is_in_neither_table_is_guarded_though_nobody_knows_what_it_holds(type_name: str) -> None:
    assert is_unknown(type_name)
    assert at_stake(type_name) == "what it holds (this version does not know what that is)"
    assert (holds_data(type_name), may_hold_data(type_name)) == (False, True)


@pytest.mark.parametrize(
    "type_name",
    [
        *("Custom::Thing", "Custom::S3AutoDeleteObjects", "Custom::CDKBucketDeployment", "Custom::LogRetention"),
        *("AWS::CloudFormation::CustomResource", "AWS::CloudFormation::WaitConditionHandle", "AWS::CDK::Metadata"),
        *("Org::Service::Use::MODULE", "AWS::Serverless::Connector", "AWS::Serverless::NextYear", "AWS::IAM::Policy"),
        *("Alexa::ASK::Skill", "", "None", "AWS::S3", "Org::Service::Store::", "a::b::c d"),
    ],
)
def test_what_is_known_to_hold_nothing_or_is_no_type_of_a_resource_is_not(type_name: str) -> None:
    assert not is_unknown(type_name)
    assert (at_stake(type_name), holds_data(type_name), may_hold_data(type_name)) == ("", False, False)


@pytest.mark.parametrize("type_name", ["AWS::S3::Bucket", "AWS::EC2::Volume", "AWS::Serverless::SimpleTable"])
def test_what_is_known_to_hold_data_is_not_unknown(type_name: str) -> None:
    assert not is_unknown(type_name)
    assert holds_data(type_name)
    assert may_hold_data(type_name)


def test_no_type_that_aws_has_now_is_unknown() -> None:
    assert [name for name in all_types() if is_unknown(name)] == []


def test_no_template_here_or_of_cdk_has_an_unknown_type() -> None:
    texts = [path for folder in FOLDERS for path in sorted(folder.rglob("*"))]
    types = {
        type_name
        for path in texts
        if path.name.endswith((".yaml", ".template.json"))
        for type_name in re.findall(r"\"?Type\"?: \"?(\w+::[\w:]+)", path.read_text(encoding="utf-8"))
    }
    assert "AWS::DynamoDB::GlobalTable" in types
    assert [type_name for type_name in sorted(types) if is_unknown(type_name)] == []


@pytest.mark.parametrize("type_name", ACTION_ARNS)
def test_the_handlers_of_a_type_call_the_service_that_it_is_said_to_be_of(type_name: str) -> None:
    handlers = schema_of(type_name)["handlers"]
    services = {action.partition(":")[0] for handler in handlers.values() for action in handler["permissions"]}
    assert service_prefix(type_name) in services


@pytest.mark.parametrize("type_name", [name for name in RESOURCE_TYPES if key_property(name)])
def test_the_property_that_names_a_key_is_in_the_schema(type_name: str) -> None:
    schema = schema_of(type_name)
    assert f"'{key_property(type_name)}'" in str(schema)


@pytest.mark.parametrize("type_name", [name for name, known in RESOURCE_TYPES.items() if known.local_paths])
def test_the_properties_that_may_name_a_file_are_in_the_schema(type_name: str) -> None:
    properties = schema_of(type_name)["properties"]
    assert {path[0] for path in RESOURCE_TYPES[type_name].local_paths} <= properties.keys()


def test_what_goes_with_another_names_a_type_that_is_in_the_table() -> None:
    assert {known.goes_with for known in RESOURCE_TYPES.values()} - {""} <= RESOURCE_TYPES.keys()
