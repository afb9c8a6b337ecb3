"""What the fake's own tests share: a world, and a client of it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from fake_aws import World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

TOPIC = """
Parameters:
  EnvironmentSuffix: {Type: String, Default: dev}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Sub "of ${EnvironmentSuffix}"}
Outputs:
  Arn: {Value: !Ref Topic}
"""


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def cfn(world: World) -> "CloudFormationClient":
    return world.session().client("cloudformation", region_name="us-east-1")


Deploy = Callable[..., str]


@pytest.fixture
def plan(world: World, cfn: "CloudFormationClient") -> Deploy:
    """Make a change set and let it be made; returns its ARN."""

    def make(body: str = TOPIC, name: str = "first", stack: str = "app", **more: object) -> str:
        kind = "UPDATE" if world.stack(stack).exists and world.stack(stack).status != "REVIEW_IN_PROGRESS" else "CREATE"
        made = cfn.create_change_set(
            **{"StackName": stack, "ChangeSetName": name, "TemplateBody": body, "ChangeSetType": kind, **more}  # type: ignore[arg-type]  # a test's keywords
        )
        world.pass_time(10)
        return made["Id"]

    return make


@pytest.fixture
def deploy(world: World, cfn: "CloudFormationClient", plan: Deploy) -> Deploy:
    """Make a change set, execute it and wait until all is quiet; returns the stack's status."""

    def run(body: str = TOPIC, name: str = "first", stack: str = "app", **more: object) -> str:
        cfn.execute_change_set(ChangeSetName=plan(body, name, stack, **more))
        world.settle()
        return world.stack(stack).status

    return run


@pytest.fixture
def stack_set(cfn: "CloudFormationClient") -> str:
    return cfn.create_stack_set(StackSetName="net", TemplateBody=TOPIC)["StackSetId"]


Create = Callable[..., str]


@pytest.fixture
def create(cfn: "CloudFormationClient", stack_set: str, world: World) -> Create:
    """Make instances and let them be made; returns the operation's id."""

    def make(*accounts: str, regions: tuple[str, ...] = ("us-east-1",), **preferences: Any) -> str:
        made = cfn.create_stack_instances(
            StackSetName="net",
            Accounts=list(accounts),
            Regions=list(regions),
            OperationPreferences=preferences,  # type: ignore[arg-type]  # a test's keywords
        )
        world.settle()
        return made["OperationId"]

    return make
