import pytest

from builder.deploy import Cancelled, Done, PlanOptions, PlanRequest, StackFailed, execute_unreviewed
from builder.errors import Stopped
from builder.terms import StackId
from deploy.chained import KEY_TEMPLATE, KEYS, make_deployment, make_stack
from deploy.rig import Rig

BY_DEPLOY = PlanRequest(options=PlanOptions(by="deploy"))


def test_what_was_not_started_leaves_nothing_behind(rig: Rig) -> None:
    rig.world.script.fails("CREATE", "Table", reason="Limit")
    plan = rig.plan(request=BY_DEPLOY)
    ended = {
        outcome.stack: outcome
        for outcome in rig.watched(lambda emit: execute_unreviewed(plan, rig.planned[plan.id], rig.clients, emit))
    }
    assert isinstance(ended[StackId("us-east-1/table")], StackFailed)
    assert isinstance(ended[StackId("us-west-2/service")], Cancelled)
    rig.world.settle()
    assert not rig.world.stack("tap-dev-service", region="us-west-2").exists


def test_what_was_executed_stays(rig: Rig) -> None:
    plan = rig.plan(request=BY_DEPLOY)
    ended = rig.watched(lambda emit: execute_unreviewed(plan, rig.planned[plan.id], rig.clients, emit))
    assert all(isinstance(outcome, Done) for outcome in ended)
    assert set(rig.statuses().values()) == {"CREATE_COMPLETE"}


def test_a_refused_plan_is_deleted_whole(rig: Rig) -> None:
    topic = "  Topic: {Type: AWS::SNS::Topic}\n"
    rig.deploy(make_deployment(make_stack(KEYS, KEY_TEMPLATE.replace("Outputs:", f"{topic}Outputs:"))))
    plan = rig.plan(make_deployment(make_stack(KEYS, f"Resources:\n{topic}")), BY_DEPLOY)
    with pytest.raises(Stopped, match=f"{KEYS}/Key"):
        rig.watched(lambda emit: execute_unreviewed(plan, rig.planned[plan.id], rig.clients, emit))
    listed = rig.clients.cloudformation(plan.steps[0].region).list_change_sets(StackName=plan.steps[0].name)
    assert [summary for summary in listed["Summaries"] if summary["ExecutionStatus"] == "AVAILABLE"] == []
