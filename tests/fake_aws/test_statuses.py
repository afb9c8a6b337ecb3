"""A test can put a stack into any status, and each behaves as AWS says it does."""

import contextlib
from typing import TYPE_CHECKING, cast

import botocore.session
import pytest
from botocore.exceptions import ClientError

from fake_aws import World
from fake_aws.conftest import TOPIC

if TYPE_CHECKING:
    from botocore.model import StringShape
    from mypy_boto3_cloudformation import CloudFormationClient

_MODEL = botocore.session.Session().get_service_model("cloudformation")
STATUSES: list[str] = sorted(cast("StringShape", _MODEL.shape_for("StackStatus")).enum)
TAKE_CREATE = {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}
TAKE_UPDATE = {
    "CREATE_COMPLETE",
    "CREATE_FAILED",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_COMPLETE",
}


def test_there_are_23_statuses() -> None:
    assert len(STATUSES) == 23


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("kind", ["CREATE", "UPDATE"])
def test_a_stack_put_into_a_status_shows_it_and_takes_the_change_sets_it_should(
    world: World, cfn: "CloudFormationClient", status: str, kind: str
) -> None:
    stack_id = world.stack("app").put(status, reason="as the test says").id
    shown = cfn.describe_stacks(StackName=stack_id)["Stacks"][0]
    assert (shown["StackStatus"], shown["StackStatusReason"]) == (status, "as the test says")
    takes = status in (TAKE_CREATE if kind == "CREATE" else TAKE_UPDATE)
    with contextlib.nullcontext() if takes else pytest.raises(ClientError, match="ValidationError"):
        cfn.create_change_set(StackName="app", ChangeSetName="x", TemplateBody=TOPIC, ChangeSetType=kind)  # type: ignore[arg-type]  # both are kinds


def test_a_status_stays_unless_the_test_lets_it_go_on(world: World) -> None:
    stack = world.stack("app")
    stack.put("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    world.pass_time(3600)
    assert stack.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    stack.then("UPDATE_COMPLETE", after_s=60)
    world.pass_time(59)
    assert stack.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    world.pass_time(1)
    assert stack.status == "UPDATE_COMPLETE"


def test_a_failed_rollback_put_by_a_test_can_be_continued(world: World, cfn: "CloudFormationClient") -> None:
    world.stack("app").put("UPDATE_ROLLBACK_FAILED", failed=("Topic",), reason="no way back")
    assert cfn.describe_stack_resources(StackName="app")["StackResources"][0]["ResourceStatus"] == "UPDATE_FAILED"
    cfn.continue_update_rollback(StackName="app", ResourcesToSkip=["Topic"])
    world.settle()
    assert world.stack("app").status == "UPDATE_ROLLBACK_COMPLETE"


@pytest.mark.parametrize(
    ("status", "then"), [("UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE"), ("CREATE_FAILED", "ROLLBACK_COMPLETE")]
)
def test_a_failure_put_by_a_test_can_be_rolled_back(
    world: World, cfn: "CloudFormationClient", status: str, then: str
) -> None:
    world.stack("app").put(status, failed=("Topic",))
    cfn.rollback_stack(StackName="app", ClientRequestToken="back")
    assert world.stack("app").status.endswith("ROLLBACK_IN_PROGRESS")
    world.settle()
    assert world.stack("app").status == then


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_only_what_failed_without_rollback_can_be_rolled_back(
    world: World, cfn: "CloudFormationClient", status: str
) -> None:
    world.stack("app").put(status)
    with pytest.raises(ClientError, match=f"is in {status} state and can not be rolled back"):
        cfn.rollback_stack(StackName="app")


def test_only_a_failed_rollback_can_be_continued(world: World, cfn: "CloudFormationClient") -> None:
    world.stack("app").put("UPDATE_COMPLETE")
    with pytest.raises(ClientError, match="cannot be called from stack with UPDATE_COMPLETE status"):
        cfn.continue_update_rollback(StackName="app")


def test_a_deletion_that_failed_put_by_a_test_can_be_finished(world: World, cfn: "CloudFormationClient") -> None:
    world.stack("app").put("DELETE_FAILED", failed=("Topic",))
    cfn.delete_stack(StackName="app", RetainResources=["Topic"])
    world.settle()
    assert world.stack("app").status == "DELETE_COMPLETE"
