"""What nobody could check of stacks in stacks."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from on_aws.lab import Lab, Template, rows, topic
from on_aws.people import Person

Put = Callable[[str, Template], str]


@pytest.fixture
def put(lab: Lab) -> Put:
    """Store a template in a bucket; returns its URL."""
    bucket = lab.name("templates")
    lab.deploy("bucket", {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}}}})

    def store(key: str, template: Template) -> str:
        lab.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(template).encode())
        return f"https://{bucket}.s3.us-east-1.amazonaws.com/{key}"

    return store


def nest(**urls: str) -> Template:
    """Return the template of a root with these children and a topic."""
    children = {
        name: {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}} for name, url in urls.items()
    }
    return {"Resources": topic()["Resources"] | children}


def test_events_of_children_carry_the_token_of_their_root_s_operation(lab: Lab, put: Put) -> None:
    token = lab.name("token")
    planned = lab.plan("root", nest(Child=put("child.json", topic())), IncludeNestedStacks=True)
    assert lab.execute(planned, ClientRequestToken=token) == "CREATE_COMPLETE"
    assert _tokens(lab, lab.name("root")) == {token}
    child = lab.cfn.describe_stack_resource(StackName=lab.name("root"), LogicalResourceId="Child")
    number = child["StackResourceDetail"]["PhysicalResourceId"]
    events = [each for each in _events(lab, number) if each["ResourceStatus"] != "REVIEW_IN_PROGRESS"]
    assert {each.get("ClientRequestToken") for each in events} == {token}


def test_a_row_without_a_change_set_is_a_child_that_was_not_looked_into(lab: Lab, put: Put) -> None:
    both = nest(Stays=put("stays.json", topic()), Moves=put("moves.json", topic()))
    lab.execute(lab.plan("root", both, IncludeNestedStacks=True))
    put("moves.json", topic("two"))
    both["Resources"]["Topic"] = topic("two")["Resources"]["Topic"]
    listed = rows(lab.plan("root", both, "UPDATE", IncludeNestedStacks=True))
    assert "ChangeSetId" in listed["Moves"]
    # Of a child that stays nothing is asked; it need not be listed at all.
    assert "ChangeSetId" not in listed.get("Stays", {})


def test_our_policy_is_enough_for_nested_change_sets(lab: Lab, put: Put, person: Person) -> None:
    stacks = f"arn:aws:cloudformation:*:{lab.account}:stack/{lab.name('root')}*"
    actions = ("CreateChangeSet", "DeleteChangeSet", "DescribeChangeSet", "DescribeStacks", "ExecuteChangeSet")
    somebody = person(
        allow([f"cloudformation:{action}" for action in (*actions, "TagResource")], stacks),
        allow(["s3:GetObject"], f"arn:aws:s3:::{lab.name('templates')}/*"),
        # What the children hold is made by the caller too.
        allow(["sns:*"], "*"),
    )
    root = nest(Child=put("child.json", topic()))
    planned = somebody.plan("root", root, IncludeNestedStacks=True)
    assert planned["Status"] == "CREATE_COMPLETE", planned["StatusReason"]
    child = somebody.cfn.describe_change_set(ChangeSetName=rows(planned)["Child"]["ChangeSetId"])
    assert set(rows(child)) == {"Topic"}
    assert somebody.execute(planned) == "CREATE_COMPLETE"


def allow(actions: list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _events(lab: Lab, stack: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = lab.cfn.describe_stack_events(StackName=stack)["StackEvents"]
    return events


def _tokens(lab: Lab, stack: str) -> set[str | None]:
    return {each.get("ClientRequestToken") for each in _events(lab, stack)} - {None}
