import json
from typing import Any

import pytest

from builder.local.adapter.property_values import Leaf, find_leaves
from local.account import PRIMARY, SECONDARY, Account, deploy
from local.adapter.templates import bucket, log_group, table

_UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"


def _describe(account: Account, resources: dict[str, Any], *, kind: Any = "UPDATE", values: bool = True) -> list[Any]:
    """Return the resource changes of a change set on the stack `one`."""
    client = account.cloudformation()
    made = client.create_change_set(
        StackName="one",
        ChangeSetName="described",
        ChangeSetType=kind,
        TemplateBody=json.dumps({"Resources": resources}),
    )
    described = client.describe_change_set(
        StackName=made["StackId"], ChangeSetName="described", IncludePropertyValues=values
    )
    return [change["ResourceChange"] for change in described["Changes"]]


def test_a_changed_property_shows_what_it_was_and_will_be(account: Account) -> None:
    deploy(account, "one", log_group("/a", RetentionInDays=7))
    (change,) = _describe(account, log_group("/a", RetentionInDays=30))
    (detail,) = change["Details"]
    assert detail["Target"] == {
        "Attribute": "Properties",
        "Name": "RetentionInDays",
        "RequiresRecreation": "Never",
        "Path": "/Properties/RetentionInDays",
        "BeforeValue": "7",
        "AfterValue": "30",
        "AttributeChangeType": "Modify",
    }
    assert json.loads(change["BeforeContext"])["Properties"]["RetentionInDays"] == 7
    assert json.loads(change["AfterContext"])["Properties"]["RetentionInDays"] == 30


def test_a_replica_added_to_a_list_is_one_path(account: Account) -> None:
    deploy(account, "one", table({"Region": PRIMARY}))
    (change,) = _describe(account, table())
    (detail,) = change["Details"]
    assert detail["Target"]["Path"] == "/Properties/Replicas/1"
    assert detail["Target"]["AttributeChangeType"] == "Add"
    assert json.loads(detail["Target"]["AfterValue"]) == {"Region": SECONDARY}
    assert "BeforeValue" not in detail["Target"]


def test_two_places_in_one_property_are_two_details(account: Account) -> None:
    deploy(account, "one", table())
    protected = table(*({"Region": region, "DeletionProtectionEnabled": True} for region in (PRIMARY, SECONDARY)))
    (change,) = _describe(account, protected)
    paths = [detail["Target"]["Path"] for detail in change["Details"]]
    assert paths == [f"/Properties/Replicas/{index}/DeletionProtectionEnabled" for index in (0, 1)]


def test_without_asking_there_are_no_values(account: Account) -> None:
    deploy(account, "one", log_group("/a"))
    (change,) = _describe(account, log_group("/a", RetentionInDays=30), values=False)
    assert "BeforeContext" not in change
    assert [set(detail["Target"]) for detail in change["Details"]] == [{"Attribute", "Name", "RequiresRecreation"}]


def test_what_is_added_and_what_is_removed_have_one_side_each(account: Account) -> None:
    deploy(account, "one", log_group("/a"))
    added, removed = _describe(account, bucket(f"any-{account.id}"))
    assert (added["Action"], removed["Action"]) == ("Add", "Remove")
    assert "BeforeContext" not in added
    assert "AfterContext" not in removed
    assert json.loads(removed["BeforeContext"]) == {"Properties": {"LogGroupName": "/a"}}


def test_a_new_stack_has_no_before(account: Account) -> None:
    (change,) = _describe(account, log_group("/a"), kind="CREATE")
    assert json.loads(change["AfterContext"]) == {"Properties": {"LogGroupName": "/a"}}
    assert "BeforeContext" not in change


def test_a_property_that_is_left_out_does_not_stop_it(account: Account) -> None:
    left_out = log_group("/a", KmsKeyId={"Ref": "AWS::NoValue"})
    (change,) = _describe(account, left_out, kind="CREATE")
    assert json.loads(change["AfterContext"])["Properties"]["LogGroupName"] == "/a"


def test_an_attribute_of_a_resource_has_no_value(account: Account) -> None:
    deploy(account, "one", log_group("/a"))
    (change,) = _describe(account, {"LogGroup": {**log_group("/a")["LogGroup"], "DeletionPolicy": "Retain"}})
    (detail,) = change["Details"]
    assert detail["Target"] == {"Attribute": "DeletionPolicy", "RequiresRecreation": "Never"}


@pytest.mark.parametrize(
    ("before", "after", "leaves"),
    [
        pytest.param({"a": 1}, {"a": 1}, [], id="same"),
        pytest.param({"a": 1}, {"a": 2, "b": [True]}, [Leaf("/a", "1", "2"), Leaf("/b", None, "[true]")], id="object"),
        pytest.param(["x", "y"], ["x"], [Leaf("/1", "y", None)], id="shorter-list"),
        pytest.param({"Ref": "A"}, "a", [Leaf("", _UNKNOWN, "a")], id="no-longer-a-reference"),
        pytest.param({"Fn::GetAtt": ["A", "x"]}, {"Fn::GetAtt": ["B", "x"]}, [Leaf("", *(2 * [_UNKNOWN]))], id="calls"),
        pytest.param({"a": 1}, "text", [Leaf("", '{"a":1}', "text")], id="another-type"),
    ],
)
def test_leaves_are_the_places_that_differ(before: object, after: object, leaves: list[Leaf]) -> None:
    assert list(find_leaves(before, after, "")) == leaves


def test_a_value_that_is_not_to_be_echoed_is_masked_also_where_it_is_used(account: Account) -> None:
    client = account.cloudformation()
    template = {
        "Parameters": {"Password": {"Type": "String", "NoEcho": True}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Password"}}}},
    }
    made = client.create_change_set(
        StackName="one",
        ChangeSetName="described",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Password", "ParameterValue": "open-sesame"}],
    )
    described = client.describe_change_set(ChangeSetName=made["Id"], IncludePropertyValues=True)
    assert json.loads(described["Changes"][0]["ResourceChange"]["AfterContext"])["Properties"] == {
        "DisplayName": "****"
    }
