import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builder.local.adapter.cloudformation.change_sets import ValueChange, find_changes
from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, update
from local.adapter.templates import bucket, log_group, table

_TEMPLATE = json.dumps({"Resources": log_group("/a")})


def _create(account: Account, stack: str, name: str, **options: Any) -> tuple[str, str]:
    """Make a change set, and return its ARN and its stack's."""
    request = {"ChangeSetType": "CREATE", "TemplateBody": _TEMPLATE, **options}
    made = account.cloudformation().create_change_set(StackName=stack, ChangeSetName=name, **request)
    return made["Id"], made["StackId"]


def _names(account: Account, stack: str) -> set[str]:
    return {
        change_set["ChangeSetName"]
        for change_set in account.cloudformation().list_change_sets(StackName=stack)["Summaries"]
    }


@pytest.mark.parametrize("by", ["change set's ARN", "both ARNs", "stack's ARN and a name", "names"])
def test_a_change_set_is_found_by(account: Account, by: str) -> None:
    change_set, stack = _create(account, "one", "first")
    _create(account, "two", "first")
    named: dict[str, Any] = {
        "change set's ARN": {"ChangeSetName": change_set},
        "both ARNs": {"ChangeSetName": change_set, "StackName": stack},
        "stack's ARN and a name": {"ChangeSetName": "first", "StackName": stack},
        "names": {"ChangeSetName": "first", "StackName": "one"},
    }[by]
    client = account.cloudformation()
    described = client.describe_change_set(**named)
    assert (described["ChangeSetId"], described["StackId"]) == (change_set, stack)
    client.execute_change_set(**named)
    client.delete_change_set(**named)
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        client.describe_change_set(**named)
    assert _names(account, "two") == {"first"}


def test_change_sets_are_listed_by_the_stacks_arn(account: Account) -> None:
    _, stack = _create(account, "one", "first")
    assert _names(account, stack) == _names(account, "one") == {"first"}


def test_a_name_alone_does_not_name_a_change_set(account: Account) -> None:
    _create(account, "one", "first")
    with pytest.raises(ClientError, match="StackName must be specified"):
        account.cloudformation().describe_change_set(ChangeSetName="first")


def test_an_unknown_stack_is_said_to_be_unknown(account: Account) -> None:
    with pytest.raises(ClientError, match=r"Stack \[none\] does not exist"):
        account.cloudformation().list_change_sets(StackName="none")
    with pytest.raises(ClientError, match=r"Stack \[none\] does not exist"):
        account.cloudformation().execute_change_set(StackName="none", ChangeSetName="first")


def test_a_deleted_stack_is_unknown_by_name(account: Account) -> None:
    deploy(account, "one", log_group("/a"))
    destroy(account, "one")
    with pytest.raises(ClientError, match="does not exist"):
        account.cloudformation().list_change_sets(StackName="one")


def test_a_second_change_set_of_a_new_stack_waits_beside_the_first(account: Account) -> None:
    first, stack = _create(account, "one", "first")
    second, same_stack = _create(account, "one", "second")
    assert stack == same_stack
    client = account.cloudformation()
    assert _names(account, stack) == {"first", "second"}
    assert [client.describe_change_set(ChangeSetName=change_set)["StackId"] for change_set in (first, second)] == [
        stack,
        stack,
    ]
    assert len(client.describe_stack_events(StackName=stack)["StackEvents"]) == 1


def test_executing_one_change_set_ends_the_stacks_others(account: Account) -> None:
    first, _ = _create(account, "one", "first")
    second, _ = _create(account, "one", "second")
    client = account.cloudformation()
    client.execute_change_set(ChangeSetName=second)
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        client.execute_change_set(ChangeSetName=first)


def test_a_refused_change_set_leaves_a_review_as_it_is(account: Account) -> None:
    _, stack = _create(account, "one", "first")
    with pytest.raises(ClientError, match="ValidationError"):
        _create(account, "one", "second", TemplateBody="Resources: {A: {Type: 'No::Such::Type'}}")
    assert _names(account, stack) == {"first"}
    with pytest.raises(ClientError, match="AlreadyExists"):
        _create(account, "one", "first")
    assert _names(account, stack) == {"first"}


def test_a_stack_that_exists_is_not_created_again(account: Account) -> None:
    deploy(account, "one", log_group("/a"))
    with pytest.raises(ClientError, match=r"ValidationError.*already exists"):
        _create(account, "one", "second")


def test_a_stack_that_rolled_back_cannot_be_updated(account: Account) -> None:
    assert deploy(account, "one", bucket("Not_A_Bucket")).status == "ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        _create(account, "one", "second", ChangeSetType="UPDATE")


def test_a_stack_in_review_cannot_be_updated(account: Account) -> None:
    _create(account, "one", "first")
    with pytest.raises(ClientError, match="is in REVIEW_IN_PROGRESS state"):
        _create(account, "one", "second", ChangeSetType="UPDATE")


def test_an_update_can_name_the_stack_by_its_arn(account: Account) -> None:
    stack = deploy(account, "one", log_group("/a")).stack["StackId"]
    assert update(account, stack, log_group("/a", RetentionInDays=7)).status == "UPDATE_COMPLETE"


def test_a_change_of_nothing_ends_failed_with_awss_reason(account: Account) -> None:
    deploy(account, "one", log_group("/a"))
    change_set, _ = _create(account, "one", "second", ChangeSetType="UPDATE")
    described = account.cloudformation().describe_change_set(ChangeSetName=change_set)
    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert described["StatusReason"].startswith("The submitted information didn't contain changes.")


def test_events_carry_the_token_of_the_execution(account: Account) -> None:
    change_set, stack = _create(account, "one", "first")
    client = account.cloudformation()
    client.execute_change_set(ChangeSetName=change_set, ClientRequestToken="plan-7-step-1")
    events = client.describe_stack_events(StackName=stack)["StackEvents"]
    while (events[0]["ResourceType"], events[0]["ResourceStatus"]) != ("AWS::CloudFormation::Stack", "CREATE_COMPLETE"):
        events = client.describe_stack_events(StackName=stack)["StackEvents"]
    *executed, reviewed = events
    assert {event["ClientRequestToken"] for event in executed} == {"plan-7-step-1"}
    assert (reviewed["ResourceStatus"], reviewed.get("ClientRequestToken")) == ("REVIEW_IN_PROGRESS", None)


def test_change_sets_of_the_same_name_are_apart_in_two_regions(account: Account) -> None:
    change_set, _ = _create(account, "one", "first")
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        account.cloudformation(SECONDARY).describe_change_set(ChangeSetName=change_set)


def _template(*, days: int = 1) -> str:
    return json.dumps({"Resources": log_group("/a", RetentionInDays=days)})


def _change_set_id(account: Account, stack: str) -> str | None:
    return account.cloudformation().describe_stacks(StackName=stack)["Stacks"][0].get("ChangeSetId")


def test_a_stack_in_review_names_its_change_set(account: Account) -> None:
    made = account.cloudformation().create_change_set(
        StackName="one", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=_template()
    )
    assert _change_set_id(account, "one") == made["Id"]


def test_a_stack_names_the_change_set_that_was_executed_last(account: Account) -> None:
    created = deploy(account, "one", log_group("/a")).stack
    assert ":changeSet/create-" in created["ChangeSetId"]
    updated = update(account, "one", log_group("/a", RetentionInDays=1)).stack
    assert ":changeSet/update-" in updated["ChangeSetId"]


@pytest.mark.parametrize("by_arn", [True, False])
def test_it_does_so_however_the_change_set_was_named(account: Account, *, by_arn: bool) -> None:
    client = account.cloudformation()
    stack = deploy(account, "one", log_group("/a")).stack["StackId"]
    made = client.create_change_set(StackName=stack, ChangeSetName="second", TemplateBody=_template())
    assert _change_set_id(account, stack) != made["Id"]
    client.execute_change_set(StackName=stack if by_arn else "one", ChangeSetName="second")
    assert _change_set_id(account, stack) == made["Id"]


def test_a_rolled_back_stack_names_the_change_set_that_failed(account: Account) -> None:
    deploy(account, "one", log_group("/a"))
    failed = update(account, "one", {**log_group("/a"), **bucket("Not_A_Bucket")}).stack
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert ":changeSet/update-" in failed["ChangeSetId"]


def test_a_stack_made_without_change_set_names_none(account: Account) -> None:
    account.cloudformation().create_stack(StackName="one", TemplateBody=_template())
    assert _change_set_id(account, "one") is None


def test_a_direct_update_overtakes_the_change_sets_that_wait(account: Account) -> None:
    client = account.cloudformation()
    deploy(account, "one", log_group("/a"))
    waiting = client.create_change_set(StackName="one", ChangeSetName="waiting", TemplateBody=_template(days=7))["Id"]
    client.update_stack(StackName="one", TemplateBody=_template(days=30))
    assert _change_set_id(account, "one") is None
    assert client.describe_change_set(ChangeSetName=waiting)["ExecutionStatus"] == "OBSOLETE"
    with pytest.raises(ClientError, match="InvalidChangeSetStatus"):
        client.execute_change_set(ChangeSetName=waiting)


def test_a_refused_update_overtakes_nothing(account: Account) -> None:
    client = account.cloudformation()
    stack = deploy(account, "one", log_group("/a")).stack
    waiting = client.create_change_set(StackName="one", ChangeSetName="waiting", TemplateBody=_template(days=7))["Id"]
    with pytest.raises(ClientError, match="No updates are to be performed"):
        client.update_stack(StackName="one", UsePreviousTemplate=True)
    assert _change_set_id(account, "one") == stack["ChangeSetId"]
    assert client.describe_change_set(ChangeSetName=waiting)["ExecutionStatus"] == "AVAILABLE"


def test_an_unknown_stack_cannot_be_described(account: Account) -> None:
    with pytest.raises(ClientError, match="Stack with id none does not exist"):
        account.cloudformation().describe_stacks(StackName="none")


def test_every_stack_has_its_own_over_all_pages(account: Account) -> None:
    client = account.cloudformation()
    for number in range(101):
        client.create_change_set(
            StackName=f"stack-{number}", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=_template()
        )
    pages = [page["Stacks"] for page in client.get_paginator("describe_stacks").paginate()]
    assert [len(page) for page in pages] == [100, 1]
    assert len({stack["ChangeSetId"] for page in pages for stack in page}) == 101


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
        pytest.param(
            {"a": 1},
            {"a": 2, "b": [True]},
            [ValueChange("/a", "1", "2"), ValueChange("/b", None, "[true]")],
            id="object",
        ),
        pytest.param(["x", "y"], ["x"], [ValueChange("/1", "y", None)], id="shorter-list"),
        pytest.param({"Ref": "A"}, "a", [ValueChange("", _UNKNOWN, "a")], id="no-longer-a-reference"),
        pytest.param(
            {"Fn::GetAtt": ["A", "x"]}, {"Fn::GetAtt": ["B", "x"]}, [ValueChange("", *(2 * [_UNKNOWN]))], id="calls"
        ),
        pytest.param({"a": 1}, "text", [ValueChange("", '{"a":1}', "text")], id="another-type"),
    ],
)
def test_leaves_are_the_places_that_differ(before: object, after: object, leaves: list[ValueChange]) -> None:
    assert list(find_changes(before, after, "")) == leaves


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
