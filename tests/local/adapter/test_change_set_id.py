import json

import pytest
from botocore.exceptions import ClientError

from local.account import Account, deploy, update
from local.adapter.templates import bucket, log_group


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
