"""Every stack status is reached by a course of events: calls, time, and what the test's script lets fail."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from fake_aws import World
from fake_aws.test_statuses import STATUSES

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

BODY = """
Parameters: {Name: {Type: String, Default: one}}
Resources:
  First: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name}}
  Second: {Type: AWS::SNS::Topic, DependsOn: First, Properties: {DisplayName: !Ref Name}}
"""
MORE = BODY + "  Third: {Type: AWS::SNS::Topic, DependsOn: First}\n"
TWO = [{"ParameterKey": "Name", "ParameterValue": "two"}]
KEPT = """
Resources:
  Kept: {Type: AWS::Logs::LogGroup, DeletionPolicy: Retain, Properties: {LogGroupName: kept}}
  Topic: {Type: AWS::SNS::Topic, DependsOn: Kept}
"""
GROUP = {
    "ResourceType": "AWS::Logs::LogGroup",
    "LogicalResourceId": "Kept",
    "ResourceIdentifier": {"LogGroupName": "kept"},
}
IMPORT: dict[str, Any] = {"ChangeSetType": "IMPORT", "ResourcesToImport": [GROUP]}


@dataclass(frozen=True)
class App:
    """The stack `app` of a world, and the calls that begin an operation on it."""

    world: World
    cfn: "CloudFormationClient"
    plan: "Deploy"
    deploy: "Deploy"

    def execute(self, body: str = BODY, name: str = "second", *, disable: bool = False, **more: object) -> None:
        self.cfn.execute_change_set(ChangeSetName=self.plan(body, name=name, **more), DisableRollback=disable)

    def fails(self, *actions: tuple[str, str]) -> "App":
        for action, resource in actions:
            self.world.script.fails(action, resource, reason="no")
        return self

    def deployed(self, body: str = BODY) -> "App":
        self.deploy(body)
        return self

    def with_group(self) -> "App":
        self.world.by_hand("AWS::Logs::LogGroup", {"LogGroupName": "kept"})
        return self


def _import(app: App) -> None:
    app.with_group().execute(KEPT.partition("  Topic")[0], **IMPORT)


OPERATIONS: dict[str, tuple[Callable[[App], object], tuple[str, ...]]] = {
    "review": (lambda app: app.plan(), ("REVIEW_IN_PROGRESS",)),
    "creation": (lambda app: app.execute(), ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")),
    "creation fails": (
        lambda app: app.fails(("CREATE", "Second")).execute(),
        ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"),
    ),
    "creation fails and cannot be undone": (
        lambda app: app.fails(("CREATE", "Second"), ("DELETE", "First")).execute(),
        ("ROLLBACK_IN_PROGRESS", "ROLLBACK_FAILED"),
    ),
    "creation fails without rollback": (
        lambda app: app.fails(("CREATE", "Second")).execute(disable=True),
        ("CREATE_IN_PROGRESS", "CREATE_FAILED"),
    ),
    "update": (
        lambda app: app.deployed(MORE).execute(),
        ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"),
    ),
    "update fails": (
        lambda app: app.deployed().fails(("CREATE", "Third")).execute(MORE),
        (
            "UPDATE_IN_PROGRESS",
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
            "UPDATE_ROLLBACK_COMPLETE",
        ),
    ),
    "update fails and cannot be undone": (
        lambda app: app.deployed().fails(("UPDATE", "Second"), ("UPDATE_ROLLBACK", "First")).execute(Parameters=TWO),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"),
    ),
    "update fails without rollback": (
        lambda app: app.deployed().fails(("CREATE", "Third")).execute(MORE, disable=True),
        ("UPDATE_IN_PROGRESS", "UPDATE_FAILED"),
    ),
    "deletion": (
        lambda app: app.deployed().cfn.delete_stack(StackName="app"),
        ("DELETE_IN_PROGRESS", "DELETE_COMPLETE"),
    ),
    "deletion fails": (
        lambda app: app.deployed().fails(("DELETE", "First")).cfn.delete_stack(StackName="app"),
        ("DELETE_IN_PROGRESS", "DELETE_FAILED"),
    ),
    "import": (_import, ("IMPORT_IN_PROGRESS", "IMPORT_COMPLETE")),
    "import fails": (
        lambda app: _import(app.fails(("IMPORT", "Kept"))),
        ("IMPORT_IN_PROGRESS", "IMPORT_ROLLBACK_IN_PROGRESS", "IMPORT_ROLLBACK_COMPLETE"),
    ),
    "import fails and cannot be undone": (
        lambda app: _import(app.fails(("UPDATE", "Kept"), ("IMPORT_ROLLBACK", "Kept"))),
        ("IMPORT_ROLLBACK_IN_PROGRESS", "IMPORT_ROLLBACK_FAILED"),
    ),
}


@pytest.fixture
def app(world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy") -> App:
    return App(world, cfn, plan, deploy)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_course_of_events_leads_through_its_statuses(app: App, name: str) -> None:
    begin, statuses = OPERATIONS[name]
    begin(app)
    for status in statuses:
        while app.world.stack("app").status != status:
            due = app.world.schedule.next_due()
            assert due is not None, f"at rest in {app.world.stack('app').status}, never in {status}"
            app.world.pass_time(due - app.world.now)
    assert app.world.schedule.next_due() is None


def test_the_courses_lead_through_every_status() -> None:
    assert {status for _, statuses in OPERATIONS.values() for status in statuses} == set(STATUSES)


def test_a_creation_that_is_rolled_back_leaves_what_is_to_be_retained(app: App) -> None:
    app.fails(("CREATE", "Topic"))
    assert app.deploy(KEPT) == "ROLLBACK_COMPLETE"
    resources = app.cfn.describe_stack_resources(StackName="app")["StackResources"]
    assert [(each["LogicalResourceId"], each["ResourceStatus"]) for each in resources] == [
        ("Kept", "DELETE_SKIPPED"),
        ("Topic", "DELETE_COMPLETE"),
    ]
    app.cfn.delete_stack(StackName="app")
    app.world.settle()
    assert app.world.stack("app").status == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match=r"current status of \[FAILED\]"):
        app.deploy(KEPT)
    assert app.deploy(KEPT, name="second", ImportExistingResources=True) == "CREATE_COMPLETE"


def test_a_creation_can_be_told_to_leave_nothing(app: App) -> None:
    app.fails(("CREATE", "Topic"))
    app.cfn.execute_change_set(ChangeSetName=app.plan(KEPT), RetainExceptOnCreate=True)
    app.world.settle()
    assert app.world.stack("app").status == "ROLLBACK_COMPLETE"
    assert (app.world.names, app.world.unmanaged) == (set(), {})


def test_a_failed_creation_told_to_delete_its_stack_may_fail_at_that_too(app: App) -> None:
    app.fails(("CREATE", "Second"), ("DELETE", "First"))
    assert app.deploy(OnStackFailure="DELETE", body=BODY) == "DELETE_FAILED"


def test_a_stack_in_review_is_deleted_with_its_change_sets(app: App) -> None:
    arn = app.plan()
    app.cfn.delete_stack(StackName="app")
    app.world.settle()
    assert app.world.stack("app").status == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="does not exist"):
        app.cfn.describe_change_set(ChangeSetName=arn)


def test_what_holds_on_is_left_behind_when_its_stack_is_told_so(app: App) -> None:
    app.deploy(BODY)
    app.world.script.fails("DELETE", "First", reason="held", times=None)
    for more, status in (({}, "DELETE_FAILED"), ({"RetainResources": ["First"]}, "DELETE_COMPLETE")):
        app.cfn.delete_stack(StackName="app", **more)  # type: ignore[arg-type]  # keywords by case
        app.world.settle()
        assert app.world.stack("app").status == status
    assert len(app.world.unmanaged) == 1
