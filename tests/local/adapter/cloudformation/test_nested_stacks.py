"""Nested stacks where things fail; what both stand-ins do alike is in tests/contract."""

import json
from typing import Any

import pytest

from local.account import Account, Outcome, deploy, destroy, update
from local.adapter.templates import bucket, log_group

_STACK = "AWS::CloudFormation::Stack"


def _bad(after: str) -> dict[str, Any]:
    """Return what fails to be created once something else is there."""
    rule = {"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::nested-no-bucket"}}
    properties = {
        "VersioningConfiguration": {"Status": "Enabled"},
        "ReplicationConfiguration": {"Role": "arn:aws:iam::111122223333:role/r", "Rules": [rule]},
    }
    return {"Bad": {"Type": "AWS::S3::Bucket", "DependsOn": after, "Properties": properties}}


def _put(account: Account, key: str, resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """Store a template; returns a child that has it."""
    name = f"nested-{account.id}"
    if name not in [bucket["Name"] for bucket in account.s3().list_buckets()["Buckets"]]:
        account.s3().create_bucket(Bucket=name)
    account.s3().put_object(Bucket=name, Key=key, Body=json.dumps({"Resources": resources, **sections}))
    return {"Type": _STACK, "Properties": {"TemplateURL": f"https://{name}.s3.us-east-1.amazonaws.com/{key}"}}


def _statuses(account: Account) -> dict[str, str]:
    """Return the status of every stack, by the logical id it ends in, or its name."""
    stacks = account.cloudformation().describe_stacks()["Stacks"]
    return {
        stack["StackName"].split("-")[-2] if "ParentId" in stack else stack["StackName"]: stack["StackStatus"]
        for stack in stacks
    }


def _groups(account: Account) -> set[str]:
    return {group["logGroupName"] for group in account.logs().describe_log_groups()["logGroups"]}


def test_a_creation_that_fails_leaves_no_child(account: Account) -> None:
    outcome = deploy(account, "app", {"Child": _put(account, "c", log_group("/c") | _bad("LogGroup"))})
    assert outcome.status == "ROLLBACK_COMPLETE"
    assert outcome.reason.startswith("Embedded stack arn:aws:cloudformation:us-east-1:")
    assert outcome.reason.endswith("was not successfully created: The following resource(s) failed to create: [Bad]. ")
    assert _statuses(account) == {"app": "ROLLBACK_COMPLETE"}
    assert _groups(account) == set()


def test_a_creation_left_as_it_is_is_deleted_with_its_failed_child(account: Account) -> None:
    child = _put(account, "c", log_group("/c") | _bad("LogGroup"))
    outcome = deploy(account, "app", {"Child": child}, OnStackFailure="DO_NOTHING")
    assert outcome.status == "CREATE_FAILED"
    assert _statuses(account) == {"app": "CREATE_FAILED", "Child": "CREATE_FAILED"}
    assert _groups(account) == {"/c"}
    assert destroy(account, "app").status == "DELETE_COMPLETE"
    assert _statuses(account) == {}
    assert _groups(account) == set()


@pytest.mark.parametrize("include", [True, False])
def test_a_failure_beside_it_takes_a_grandchild_s_change_back(account: Account, *, include: bool) -> None:
    def system(version: str, **more: Any) -> dict[str, Any]:
        leaf = _put(account, f"leaf-{version}", log_group(f"/{version}"))
        return {"Child": _put(account, f"child-{version}", {"ValueChange": leaf}), **more}

    assert deploy(account, "app", system("one"), IncludeNestedStacks=include).status == "CREATE_COMPLETE"
    failed = deploy(account, "app", system("two", **_bad("Child")), kind="UPDATE", IncludeNestedStacks=include)
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert set(_statuses(account).values()) == {"UPDATE_ROLLBACK_COMPLETE"}
    assert _groups(account) == {"/one"}
    assert (
        deploy(account, "app", system("three"), kind="UPDATE", IncludeNestedStacks=include).status == "UPDATE_COMPLETE"
    )
    assert _groups(account) == {"/three"}


def test_the_child_s_own_failure_is_rolled_back_by_the_child(account: Account) -> None:
    deploy(account, "app", {"Child": _put(account, "one", log_group("/one"))})
    outcome = update(account, "app", {"Child": _put(account, "two", log_group("/two") | _bad("LogGroup"))})
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    assert (
        "was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: The foll" in outcome.reason
    )
    assert _statuses(account) == {"app": "UPDATE_ROLLBACK_COMPLETE", "Child": "UPDATE_ROLLBACK_COMPLETE"}
    assert _groups(account) == {"/one"}


def test_executing_one_change_set_ends_the_children_of_the_others(account: Account) -> None:
    client = account.cloudformation()
    body = json.dumps({"Resources": {"Child": _put(account, "c", log_group("/c"))}})
    made = [
        client.create_change_set(
            StackName="app", ChangeSetName=name, ChangeSetType="CREATE", TemplateBody=body, IncludeNestedStacks=True
        )["Id"]
        for name in ("first", "second")
    ]
    assert len(client.describe_stacks()["Stacks"]) == 3
    client.execute_change_set(ChangeSetName=made[0])
    while any(stack["StackStatus"].endswith("PROGRESS") for stack in client.describe_stacks()["Stacks"]):
        pass
    assert _statuses(account) == {"app": "CREATE_COMPLETE", "Child": "CREATE_COMPLETE"}


def test_deleting_a_stack_in_review_ends_its_children(account: Account) -> None:
    client = account.cloudformation()
    body = json.dumps({"Resources": {"Child": _put(account, "c", log_group("/c"))}})
    client.create_change_set(
        StackName="app", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=body, IncludeNestedStacks=True
    )
    assert destroy(account, "app").status == "DELETE_COMPLETE"
    assert _statuses(account) == {}


def test_what_a_change_set_shows_is_executed_though_the_bucket_has_something_else_by_then(account: Account) -> None:
    client, child = account.cloudformation(), _put(account, "c", log_group("/reviewed"))
    made = client.create_change_set(
        StackName="app",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps({"Resources": {"Child": child}}),
        IncludeNestedStacks=True,
    )
    _put(account, "c", log_group("/unseen"))
    client.execute_change_set(ChangeSetName=made["Id"])
    while client.describe_stacks(StackName="app")["Stacks"][0]["StackStatus"] != "CREATE_COMPLETE":
        pass
    assert _groups(account) == {"/reviewed"}


def test_a_child_that_a_stack_gives_up_with_something_left_in_it_stays(account: Account) -> None:
    name, topic = f"left-{account.id}", {"Topic": {"Type": "AWS::SNS::Topic"}}
    deploy(account, "app", {"Child": _put(account, "c", bucket(name)), **topic})
    account.s3().put_object(Bucket=name, Key="k", Body=b"x")
    outcome: Outcome = update(account, "app", topic)
    assert outcome.status == "UPDATE_COMPLETE"
    assert _statuses(account) == {"app": "UPDATE_COMPLETE", "Child": "DELETE_FAILED"}


def test_children_have_the_tags_of_their_parent(account: Account) -> None:
    tags = [{"Key": "team", "Value": "blue"}]
    child = _put(account, "c", bucket(f"tagged-{account.id}"))
    deploy(account, "app", {"Child": child}, Tags=tags, IncludeNestedStacks=True)
    again = account.cloudformation().create_change_set(
        StackName="app",
        ChangeSetName="again",
        ChangeSetType="UPDATE",
        TemplateBody=json.dumps({"Resources": {"Child": child}}),
        IncludeNestedStacks=True,
    )
    assert account.cloudformation().describe_change_set(ChangeSetName=again["Id"])["Status"] == "FAILED"
    stacks = account.cloudformation().describe_stacks()["Stacks"]
    assert [stack["Tags"] for stack in stacks] == [tags, tags]
    bucket_tags = account.s3().get_bucket_tagging(Bucket=f"tagged-{account.id}")["TagSet"]
    assert {"Key": "team", "Value": "blue"} in bucket_tags


def test_what_a_child_gives_up_is_still_there_after_a_failure_beside_it(account: Account) -> None:
    kept, name = log_group("/kept"), f"kept-{account.id}"
    deploy(account, "app", {"Child": _put(account, "one", kept | bucket(name))})
    account.s3().put_object(Bucket=name, Key="k", Body=b"x")
    group = account.logs()
    group.create_log_stream(logGroupName="/kept", logStreamName="written")
    failed = update(account, "app", {"Child": _put(account, "two", log_group("/new")), **_bad("Child")})
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert _groups(account) == {"/kept"}
    assert [stream["logStreamName"] for stream in group.describe_log_streams(logGroupName="/kept")["logStreams"]] == [
        "written"
    ]
    assert account.s3().get_object(Bucket=name, Key="k")["Body"].read() == b"x"
    again = account.cloudformation().create_change_set(
        StackName="app",
        ChangeSetName="again",
        TemplateBody=json.dumps({"Resources": {"Child": _put(account, "one", kept | bucket(name))}}),
        IncludeNestedStacks=True,
    )
    assert account.cloudformation().describe_change_set(ChangeSetName=again["Id"])["Status"] == "FAILED"


def test_what_a_child_gives_up_goes_once_its_root_is_complete(account: Account) -> None:
    name = f"goes-{account.id}"
    deploy(account, "app", {"Child": _put(account, "one", log_group("/a") | bucket(name))})
    account.s3().put_object(Bucket=name, Key="k", Body=b"x")
    assert update(account, "app", {"Child": _put(account, "two", log_group("/b"))}).status == "UPDATE_COMPLETE"
    assert _groups(account) == {"/b"}
    stacks = account.cloudformation().describe_stacks()["Stacks"]
    child = next(stack for stack in stacks if "ParentId" in stack)
    left = account.cloudformation().list_stack_resources(StackName=child["StackId"])["StackResourceSummaries"]
    assert {resource["LogicalResourceId"]: resource["ResourceStatus"] for resource in left} == {
        "LogGroup": "UPDATE_COMPLETE",
        "Bucket": "DELETE_FAILED",
    }
    events = account.cloudformation().describe_stack_events(StackName="app")["StackEvents"]
    root = [event["ResourceStatus"] for event in events if event["LogicalResourceId"] == "app"]
    assert root[:2] == ["UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"]
