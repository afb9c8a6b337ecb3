from builder.deploy import Done, Plan, PlanOptions, PlanRequest, sweep
from builder.terms import Region
from deploy.rig import Rig, edited

BY_DEPLOY = PlanRequest(options=PlanOptions(by="deploy"))


def waiting(rig: Rig, stack: str, region: str) -> list[str]:
    listed = rig.clients.cloudformation(Region(region)).list_change_sets(StackName=stack)["Summaries"]
    return [one["ChangeSetName"] for one in listed if one["ExecutionStatus"] == "AVAILABLE"]


def update(rig: Rig, stack: str, wish: PlanRequest) -> Plan:
    return rig.plan(edited(rig.deployment, stack, "MemorySize: 256", "MemorySize: 512"), wish)


def test_what_an_earlier_deploy_left_is_cleared_and_a_review_is_not(standing: Rig) -> None:
    update(standing, "us-east-1/service", BY_DEPLOY)
    update(standing, "us-east-1/service", PlanRequest())
    last = update(standing, "us-west-2/service", BY_DEPLOY)
    assert all(isinstance(outcome, Done) for outcome in standing.execute(last))
    standing.run(lambda: sweep(standing.deployment, last, standing.clients))
    assert waiting(standing, "tap-dev-service", "us-east-1") == ["tap-dev-plan-3"]


def test_a_deploy_s_own_leftover_is_nobody_s_review(standing: Rig) -> None:
    update(standing, "us-east-1/service", BY_DEPLOY)
    other = edited(standing.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 1024")
    plan = standing.plan(other, BY_DEPLOY)
    assert plan.pending == ()
    assert all(isinstance(outcome, Done) for outcome in standing.execute(plan))
    assert waiting(standing, "tap-dev-service", "us-east-1") == []
