"""Each property that a rehearsal changes behind CloudFormation's back is found by `drift`, and put back."""

import asyncio
import hashlib

import boto3
import pytest

from builder.assembly.manifest import Manifest, StackEntry
from builder.aws import Clients, Tempo
from builder.deploy import Deployment, PlanId, execute_unreviewed, find_deployed, make_deployment, make_plan
from builder.rehearsal import behind
from builder.rehearsal.behind import SETTINGS, Setting, change_by_hand
from builder.state import find_differences
from builder.state.differences import observe_drift
from builder.terms import Region, StackId

TEMPLATE = b"""
Resources:
  Parameter: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: here}}
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 30, MessageRetentionPeriod: 60}}
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: Told}}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !Sub arn:aws:iam::${AWS::AccountId}:role/any
      MemorySize: 128
      Timeout: 3
      Code: {ZipFile: "def handler(event, context): return {}"}
"""


@pytest.fixture
def clients(session: boto3.Session) -> Clients:
    return Clients.of_profile(None, tempo=Tempo.quick())


def deployment_of(template: bytes) -> Deployment:
    entry = StackEntry(
        id=StackId("us-east-1/all"),
        region=Region("us-east-1"),
        name="behind-all",
        template="all.yaml",
        sha256=hashlib.sha256(template).hexdigest(),
    )
    return make_deployment(Manifest(version=2, project="behind", stacks=(entry,)), {"all.yaml": template}, "dev")


async def changed_one_by_one(deployment: Deployment, clients: Clients, patch: pytest.MonkeyPatch) -> list[str]:
    """Return what is wrong with each property of the table that was changed and put back."""
    plan = await make_plan(deployment, clients, PlanId("once", "now"), lambda _: None)
    await execute_unreviewed(plan, deployment, clients, lambda _: None)
    stacks = {
        contents.id: contents.stack for contents in await find_deployed(deployment.name, deployment.sites, clients)
    }
    wrong = []
    for setting in SETTINGS:
        patch.setattr(behind, "SETTINGS", (setting,))
        hand = await change_by_hand(deployment, stacks, clients)
        assert hand is not None, setting.type
        if not hand.is_among((await find_differences(deployment, clients)).stacks):
            wrong.append(f"{setting.type}.{setting.name} is not found")
        await hand.put_back()
        if any(stack.resources for stack in await observe_drift(clients, (hand.stack,))):
            wrong.append(f"{setting.type}.{setting.name} is not put back")
    return wrong


def test_each_is_found_and_put_back(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asyncio.run(changed_one_by_one(deployment_of(TEMPLATE), clients, monkeypatch)) == []


def test_what_no_template_says_is_not_changed() -> None:
    deployment = deployment_of(b"Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: some}}}")
    assert list(behind._candidates(deployment)) == []


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: f"{setting.type}.{setting.name}")
def test_another_value_is_another_one(setting: Setting) -> None:
    for value in ("60", "345600", 128, 3):
        if isinstance(value, int) == (setting.type == "AWS::Lambda::Function"):
            assert str(setting.other(value)) != str(value)
