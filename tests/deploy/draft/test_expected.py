from dataclasses import replace
from typing import Any

import pytest

from builder.deploy.draft.expected import beyond, expect_changes
from builder.deploy.records import PropertyChange, ResourceChange
from builder.template import Template, read_template
from builder.terms import LogicalId

BEFORE = """\
Parameters: {Size: {Type: Number}}
Resources:
  Role: {Type: AWS::IAM::Role, Properties: {Path: /a/}}
  Function: {Type: AWS::Lambda::Function, Properties: {MemorySize: !Ref Size, Role: !GetAtt Role.Arn, Timeout: 3}}
  Url: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: !Sub "${Function.Arn}", AuthType: NONE}}
  Old: {Type: AWS::SNS::Topic}
"""


def expected(after: str, parameters: tuple[str, ...] = (), *, tags: bool = False) -> dict[tuple[str, str], list[str]]:
    changes = expect_changes(read_template(BEFORE), read_template(after), parameters, tags=tags)
    return {(change.action, change.logical_id): [prop.path for prop in change.properties] for change in changes}


def test_the_same_template_changes_nothing() -> None:
    assert expected(BEFORE) == {}


def test_a_changed_property_is_named_with_all_that_may_follow_from_it() -> None:
    assert expected(BEFORE.replace("Path: /a/", "Path: /b/")) == {
        ("Modify", "Role"): ["/Properties/Path"],
        ("Modify", "Function"): ["/Properties/Role"],
        ("Modify", "Url"): ["/Properties/TargetFunctionArn"],
    }


def test_a_new_value_of_a_parameter_changes_what_refers_to_it() -> None:
    assert expected(BEFORE, ("Size",))["Modify", "Function"] == ["/Properties/MemorySize"]


def test_resources_come_and_go() -> None:
    after = BEFORE.replace("Old: {Type: AWS::SNS::Topic}", "New: {Type: AWS::SNS::Topic}")
    assert expected(after) == {("Remove", "Old"): [], ("Add", "New"): []}


def test_attributes_beside_the_properties_count() -> None:
    after = BEFORE.replace("Old: {Type: AWS::SNS::Topic}", "Old: {Type: AWS::SNS::Topic, DeletionPolicy: Retain}")
    assert expected(after) == {("Modify", "Old"): ["/DeletionPolicy"]}


def test_another_type_under_the_same_name_may_change_everything() -> None:
    after = BEFORE.replace("Old: {Type: AWS::SNS::Topic}", "Old: {Type: AWS::SQS::Queue}")
    assert expected(after) == {("Modify", "Old"): ["/"]}


def test_new_tags_of_the_stack_may_show_on_every_resource() -> None:
    assert expected(BEFORE, tags=True)["Modify", "Old"] == ["/Properties/Tags"]


def test_a_replica_that_goes_is_a_loss_already_when_it_is_expected() -> None:
    table: dict[str, Any] = {"Type": "AWS::DynamoDB::GlobalTable", "Properties": {"Replicas": [{"Region": "r1"}]}}
    more = {**table, "Properties": {"Replicas": [{"Region": "r1"}, {"Region": "r2"}]}}
    (change,) = expect_changes(Template({"Resources": {"T": more}}), Template({"Resources": {"T": table}}))
    assert change.losses == ("its replica in r2, with what was written there and nowhere else yet",)


MODIFIED = ResourceChange(
    action="Modify",
    logical_id=LogicalId("Function"),
    type="AWS::Lambda::Function",
    properties=(PropertyChange(path="/Properties/MemorySize"),),
)


def shown(*paths: str, **fields: Any) -> ResourceChange:
    return replace(MODIFIED, properties=tuple(PropertyChange(path=path) for path in paths), **fields)


@pytest.mark.parametrize("path", ["/Properties/MemorySize", "/Properties/MemorySize/0", "Properties.MemorySize"])
def test_a_path_at_or_below_an_expected_one_is_within_it(path: str) -> None:
    assert beyond([MODIFIED], [shown(path)]) == ()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (shown("/Properties/Timeout"), "Modify Function: /Properties/Timeout"),
        (shown("/Properties/MemorySizes"), "Modify Function: /Properties/MemorySizes"),
        (shown(replacement="True"), "Function (AWS::Lambda::Function) would be replaced"),
        (shown(losses=("all",)), "Function (AWS::Lambda::Function) loses all"),
        (shown(action="Remove"), "Remove Function (AWS::Lambda::Function)"),
        (shown(logical_id=LogicalId("Other")), "Modify Other (AWS::Lambda::Function)"),
    ],
)
def test_anything_else_is_beyond_what_was_expected(change: ResourceChange, line: str) -> None:
    assert beyond([MODIFIED], [change]) == (line,)


def test_less_than_expected_is_fine() -> None:
    assert beyond([MODIFIED], []) == ()


def test_anything_may_change_where_everything_was_expected_to() -> None:
    everything = replace(MODIFIED, properties=(PropertyChange(path="/"),))
    assert beyond([everything], [shown("/Properties/Timeout")]) == ()
