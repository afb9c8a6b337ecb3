from builder.deploy import Done, Plan, PlanOptions, PlanRequest, sweep
from builder.terms import Region
from deploy.rig import Rig, edited

BY_DEPLOY = PlanRequest(options=PlanOptions(by="deploy"))


def waiting(rig: Rig, stack: str, region: str) -> list[str]:
    listed = rig.clients.cloudformation(Region(region)).list_change_sets(StackName=stack)["Summaries"]
    return [summary["ChangeSetName"] for summary in listed if summary["ExecutionStatus"] == "AVAILABLE"]


def update(rig: Rig, stack: str, request: PlanRequest) -> Plan:
    return rig.plan(edited(rig.deployment, stack, "MemorySize: 256", "MemorySize: 512"), request)


def test_what_an_earlier_deploy_left_is_cleared_and_a_review_is_not(deployed: Rig) -> None:
    update(deployed, "us-east-1/service", BY_DEPLOY)
    update(deployed, "us-east-1/service", PlanRequest())
    last = update(deployed, "us-west-2/service", BY_DEPLOY)
    assert all(isinstance(outcome, Done) for outcome in deployed.execute(last))
    deployed.run(lambda: sweep(deployed.deployment, last, deployed.clients))
    assert waiting(deployed, "tap-dev-service", "us-east-1") == ["tap-dev-plan-3"]


def test_a_deploy_s_own_leftover_is_nobody_s_review(deployed: Rig) -> None:
    update(deployed, "us-east-1/service", BY_DEPLOY)
    other = edited(deployed.deployment, "us-east-1/service", "MemorySize: 256", "MemorySize: 1024")
    plan = deployed.plan(other, BY_DEPLOY)
    assert plan.pending == ()
    assert all(isinstance(outcome, Done) for outcome in deployed.execute(plan))
    assert waiting(deployed, "tap-dev-service", "us-east-1") == []
