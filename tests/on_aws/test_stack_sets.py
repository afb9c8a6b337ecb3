"""What nobody could check of StackSets, in one account: it administers a set, and its own is the only target."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from builder.policy.rights import ON_ANYTHING, ON_INSTANCES
from on_aws.lab import EAST, Lab, Template, group, topic, unless_new
from on_aws.sweep import empty


@dataclass(frozen=True)
class Set:
    """A StackSet and its only instance."""

    lab: Lab

    @property
    def name(self) -> str:
        return self.lab.name("set")

    @property
    def where(self) -> dict[str, Any]:
        return {"StackSetName": self.name, "Accounts": [self.lab.account], "Regions": [EAST]}

    @property
    def roles(self) -> dict[str, str]:
        return {
            "AdministrationRoleARN": f"arn:aws:iam::{self.lab.account}:role/{self.lab.name('administers')}",
            "ExecutionRoleName": self.lab.name("executes"),
        }

    def define(self, template: Template) -> None:
        self.lab.cfn.create_stack_set(
            StackSetName=self.name,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=self.lab.tags,
            **self.roles,
        )

    def create(self) -> str:
        def ask() -> dict[str, Any]:
            operation: dict[str, Any] = self.lab.cfn.create_stack_instances(**self.where)
            return operation

        return self.over(self.lab.until(lambda: unless_new(ask), "the administration role"))

    def over(self, operation: dict[str, Any]) -> str:
        """Wait for an operation's end; return its status."""

        def observe() -> str | None:
            answer = self.lab.cfn.describe_stack_set_operation(
                StackSetName=self.name, OperationId=operation["OperationId"]
            )
            status = str(answer["StackSetOperation"]["Status"])
            return None if status in {"QUEUED", "RUNNING", "STOPPING"} else status

        return self.lab.until(observe, f"an operation on {self.name}")

    def instances(self) -> list[dict[str, Any]]:
        summaries: list[dict[str, Any]] = self.lab.cfn.list_stack_instances(StackSetName=self.name)["Summaries"]
        return summaries


@pytest.fixture
def stack_set(lab: Lab) -> Set:
    return let_in(lab, ["cloudformation:*"])


def let_in(lab: Lab, actions: list[str]) -> Set:
    """Make the roles of a set: one that may be taken for sets of this test alone, one with these actions on stacks."""
    sets = f"arn:aws:cloudformation:*:{lab.account}:stackset/{lab.name('')}*"
    condition = {"StringEquals": {"aws:SourceAccount": lab.account}, "ArnLike": {"aws:SourceArn": sets}}
    administers = role(
        lab.name("administers"),
        {"Principal": {"Service": "cloudformation.amazonaws.com"}, "Condition": condition},
        {"Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{lab.account}:role/{lab.name('executes')}"},
    )
    executes = role(
        lab.name("executes"),
        {"Principal": {"AWS": {"Fn::GetAtt": ["Administers", "Arn"]}}},
        {"Action": [*actions, "logs:*", "s3:*", "iam:*", "sns:*"], "Resource": "*"},
    )
    lab.deploy("roles", {"Resources": {"Administers": administers, "Executes": executes}})
    return Set(lab)


def role(name: str, trust: dict[str, Any], may: dict[str, Any]) -> dict[str, Any]:
    """Return a role, as a resource."""
    version, allow = {"Version": "2012-10-17"}, {"Effect": "Allow"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": name,
            "AssumeRolePolicyDocument": {**version, "Statement": {**allow, "Action": "sts:AssumeRole", **trust}},
            "Policies": [{"PolicyName": "all", "PolicyDocument": {**version, "Statement": {**allow, **may}}}],
        },
    }


def test_the_administration_role_is_shown_a_source_with_the_set_s_name(stack_set: Set) -> None:
    stack_set.define(group(stack_set.lab.name("group")))
    assert stack_set.create() == "SUCCEEDED", stack_set.instances()
    (stack,) = stack_set.lab.cfn.describe_stacks(StackName=stack_set.instances()[0]["StackId"])["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"


def test_an_update_brings_up_an_instance_whose_creation_failed(stack_set: Set) -> None:
    name = stack_set.lab.name("taken")
    stack_set.define(group(name))
    in_the_way = stack_set.lab.deploy("holds", group(name))
    assert stack_set.create() == "FAILED"
    stack_set.lab.delete(in_the_way["StackId"])
    assert stack_set.over(stack_set.lab.cfn.update_stack_instances(**stack_set.where)) == "SUCCEEDED"
    assert [each["Status"] for each in stack_set.instances()] == ["CURRENT"]


def test_a_deletion_is_repeated_for_what_an_earlier_one_left_inoperable(stack_set: Set) -> None:
    bucket = stack_set.lab.name("full")
    stack_set.define({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}}}})
    assert stack_set.create() == "SUCCEEDED", stack_set.instances()
    stack_set.lab.client("s3").put_object(Bucket=bucket, Key="in-the-way", Body=b"")
    deletion = {**stack_set.where, "RetainStacks": False}
    assert stack_set.over(stack_set.lab.cfn.delete_stack_instances(**deletion)) == "FAILED"
    assert [each["Status"] for each in stack_set.instances()] == ["INOPERABLE"]
    empty(stack_set.lab.session, bucket)
    assert stack_set.over(stack_set.lab.cfn.delete_stack_instances(**deletion)) == "SUCCEEDED"
    assert stack_set.instances() == []


def test_roles_in_a_set_s_stacks_begin_with_twenty_characters_of_the_stack_s_name(stack_set: Set) -> None:
    trust = {"Principal": {"Service": "lambda.amazonaws.com"}}
    unnamed = role("", trust, {"Action": "logs:PutLogEvents", "Resource": "*"})
    del unnamed["Properties"]["RoleName"]
    stack_set.define({"Resources": {"Role": unnamed}})
    assert stack_set.create() == "SUCCEEDED", stack_set.instances()
    (instance,) = stack_set.instances()
    (resource,) = stack_set.lab.cfn.list_stack_resources(StackName=instance["StackId"])["StackResourceSummaries"]
    assert resource["PhysicalResourceId"].startswith(instance["StackId"].split("/")[1][:20])


def test_an_instance_s_life_takes_no_more_than_the_actions_that_we_name(lab: Lab) -> None:
    stack_set = let_in(lab, [*ON_INSTANCES, *ON_ANYTHING])
    stack_set.define(topic())
    assert stack_set.create() == "SUCCEEDED", stack_set.instances()
    tags = [*lab.tags, {"Key": "more", "Value": "yes"}]
    changed = lab.cfn.update_stack_set(
        StackSetName=stack_set.name, TemplateBody=json.dumps(topic("two")), Tags=tags, **stack_set.roles
    )
    assert stack_set.over(changed) == "SUCCEEDED", stack_set.instances()
    assert stack_set.over(lab.cfn.delete_stack_instances(**stack_set.where, RetainStacks=False)) == "SUCCEEDED", (
        stack_set.instances()
    )
