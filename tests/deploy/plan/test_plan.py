import pytest

from builder.deploy import Plan, read_plan, write_plan
from builder.deploy.progress import Planned, Planning, Unchanged
from builder.errors import AwsError, Failed, Several, Stopped
from builder.terms import StackId
from deploy.rig import Rig, changed, edited
from fake_aws import Fault, Finding


def test_every_change_set_of_an_empty_account_stands_before_any_stack_does(rig: Rig) -> None:
    plan = rig.plan()
    assert [step.stack for step in plan.steps] == [stack.id for stack in rig.deployment.stacks]
    assert {step.type for step in plan.steps} == {"CREATE"}
    assert set(rig.statuses().values()) == {"REVIEW_IN_PROGRESS"}
    assert rig.operations("ExecuteChangeSet") == 0


def test_every_page_of_the_changes_is_in_the_plan(rig: Rig) -> None:
    assert rig.world.page_size == 2
    service = next(step for step in rig.plan().steps if step.stack == "us-west-2/service")
    assert {change.logical_id for change in service.changes} == {
        "Function",
        "FunctionUrl",
        "UrlPermission",
        "InvokePermission",
        "ExecutionRole",
        "LogGroup",
    }


def test_a_plan_survives_its_file(rig: Rig) -> None:
    plan = rig.plan()
    assert read_plan(write_plan(plan), "plan.json") == plan


def test_a_deployment_without_changes_needs_no_change_set(deployed: Rig) -> None:
    plan = deployed.plan()
    assert plan.steps == ()
    assert len(plan.unchanged) == 5
    assert deployed.operations("CreateChangeSet") == 0


def test_an_update_touches_only_what_differs_and_shows_the_values(deployed: Rig) -> None:
    plan = deployed.plan(edited(deployed.deployment, "us-west-2/service", "MemorySize: 256", "MemorySize: 512"))
    (step,) = plan.steps
    (change,) = step.changes
    assert (step.type, step.risk, change.logical_id) == ("UPDATE", "update", "Function")
    assert [(p.before, p.after) for p in change.properties if "MemorySize" in p.path] == [("256", "512")]
    assert step.found.status == "CREATE_COMPLETE"


def test_a_change_set_that_turns_out_empty_is_deleted_and_the_stack_is_unchanged(deployed: Rig) -> None:
    plan = deployed.plan(edited(deployed.deployment, "us-east-1/table", "Resources:", "# a remark\nResources:"))
    assert plan.steps == ()
    assert deployed.events_of(Planning) == [Planning(StackId("us-east-1/table"), "UPDATE")]
    assert deployed.events_of(Unchanged) == [Unchanged(StackId("us-east-1/table"))]
    assert deployed.operations("DeleteChangeSet") == 1


def test_what_cloudformation_drops_from_the_values_is_still_in_the_plan(deployed: Rig) -> None:
    deployed.world.script.drops_with_values("Function")
    plan = deployed.plan(edited(deployed.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 512"))
    assert [change.logical_id for change in plan.steps[0].changes] == ["Function"]


def test_a_template_that_cloudformation_refuses_takes_the_whole_plan_back(rig: Rig) -> None:
    broken = edited(rig.deployment, "us-east-1/table", "!Ref EnvironmentSuffix", "!Ref Nowhere")
    with pytest.raises(AwsError, match="Nowhere"):
        rig.plan(broken)
    rig.world.settle()
    assert not any(rig.world.stack(stack.name, region=stack.region).exists for stack in rig.deployment.stacks)


def test_a_change_set_that_fails_tells_why_with_the_findings_and_their_paths(rig: Rig) -> None:
    rig.world.script.fails_change_set("AWS::EarlyValidation::PropertyValidation failed", stack="tap-dev-table")
    with pytest.raises(Failed, match="EarlyValidation"):
        rig.plan()
    rig.world.settle()
    assert not any(rig.world.stack(stack.name, region=stack.region).exists for stack in rig.deployment.stacks)


def test_warnings_of_early_validation_are_in_the_plan(rig: Rig) -> None:
    finding = Finding(
        validation="PROPERTY_VALIDATION",
        hook="AWS::EarlyValidation::PropertyValidation",
        mode="WARN",
        path="/Resources/Table/Properties/TableName",
        reason="is taken",
        logical_id="Table",
        type="AWS::DynamoDB::GlobalTable",
    )
    rig.world.script.finds(finding, stack="tap-dev-table")
    step = next(step for step in rig.plan().steps if step.stack == "us-east-1/table")
    assert step.findings == ("WARN Table /Resources/Table/Properties/TableName is taken",)


def test_all_stacks_that_need_a_person_are_named_at_once(rig: Rig) -> None:
    for name in ("tap-dev-table", "tap-dev-service"):
        stack = rig.world.stack(name)
        stack.deploy(tags={"builder:deployment": "tap-dev"})
        stack.put("UPDATE_ROLLBACK_FAILED")
    with pytest.raises(Several) as caught:
        rig.plan()
    assert "us-east-1/table" in str(caught.value)
    assert "us-east-1/service" in str(caught.value)
    assert caught.value.exit_code == 4
    assert rig.operations("CreateChangeSet") == 0


def test_somebody_s_stack_of_the_same_name_stops_the_plan(rig: Rig) -> None:
    rig.world.stack("tap-dev-table").deploy(tags={"builder:deployment": "another-dev"})
    with pytest.raises(Stopped, match="is of the deployment another-dev"):
        rig.plan()


def test_anothers_pending_review_is_named(deployed: Rig) -> None:
    first: Plan = deployed.plan(edited(deployed.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 512"))
    second = deployed.plan(edited(deployed.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 1024"))
    assert [review.change_set for review in second.pending] == [first.steps[0].change_set]
    assert [review.allow for review in second.pending] == ["us-east-1/service/tap-dev-plan-2"]
    assert deployed.operations("DeleteChangeSet") == 0


def test_a_lost_answer_to_create_change_set_is_read_up(rig: Rig) -> None:
    rig.world.faults.add(Fault.LOSE_ANSWER, operation="CreateChangeSet", nth=2)
    plan = rig.plan()
    assert len(plan.steps) == 5
    assert len(rig.events_of(Planned)) == 5


def test_a_change_set_of_the_same_name_that_is_not_ours_is_not_taken_for_ours(rig: Rig) -> None:
    rig.plan()
    rig.plans = 0  # another run that made the same plan id
    other = changed(rig.deployment, "us-east-1/table", sha256="e" * 64)
    with pytest.raises(AwsError, match="AlreadyExists"):
        rig.plan(other)
