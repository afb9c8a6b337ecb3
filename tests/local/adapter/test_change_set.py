import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import SECONDARY, Account, deploy, destroy, update
from local.adapter.templates import bucket, log_group

_TEMPLATE = json.dumps({"Resources": log_group("/a")})


def _create(account: Account, stack: str, name: str, **options: Any) -> tuple[str, str]:
    """Make a change set, and return its ARN and its stack's."""
    wanted = {"ChangeSetType": "CREATE", "TemplateBody": _TEMPLATE, **options}
    made = account.cloudformation().create_change_set(StackName=stack, ChangeSetName=name, **wanted)
    return made["Id"], made["StackId"]


def _names(account: Account, stack: str) -> set[str]:
    return {one["ChangeSetName"] for one in account.cloudformation().list_change_sets(StackName=stack)["Summaries"]}


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
    assert [client.describe_change_set(ChangeSetName=one)["StackId"] for one in (first, second)] == [stack, stack]
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
