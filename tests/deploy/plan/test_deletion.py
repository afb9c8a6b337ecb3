from dataclasses import replace

import pytest

from builder.deploy import Done, PlanRequest
from builder.deploy.observe.stacks import observe_stack
from builder.deploy.plan.deletions import check_as_planned
from builder.deploy.progress import Started
from builder.errors import Stopped
from builder.terms import Region, StackId
from deploy.chained import KEY_TEMPLATE, KEYS, make_deployment, make_stack
from deploy.rig import ACCOUNT, Rig, edited

TABLE = StackId("us-east-1/table")
ORPHANED = PlanRequest(remove_orphans=True)


def fewer(rig: Rig, *gone: str) -> None:
    stacks = tuple(
        replace(stack, needs=tuple(need for need in stack.needs if need not in gone))
        for stack in rig.deployment.stacks
        if stack.id not in gone
    )
    rig.deployment = replace(rig.deployment, stacks=stacks)


def test_orphans_are_left_alone_unless_somebody_wants_them_gone(deployed: Rig) -> None:
    fewer(deployed, "us-west-2/service")
    plan = deployed.plan()
    assert plan.is_empty
    assert [orphan.stack for orphan in plan.orphans] == ["us-west-2/tap-dev-service"]


def test_orphans_go_after_everything_else_and_the_youngest_first(deployed: Rig) -> None:
    fewer(deployed, "us-west-2/service", "us-west-2/storage")
    plan = deployed.plan(request=ORPHANED)
    allow = {hit.allow for hit in plan.guards}
    assert allow == {
        "us-west-2/tap-dev-service/LogGroup",
        "us-west-2/tap-dev-service/FunctionUrl",
        "us-west-2/tap-dev-storage/Bucket",
    }
    with pytest.raises(Stopped, match="us-west-2/tap-dev-storage/Bucket"):
        deployed.execute(plan)
    deployed.clients.s3(Region("us-west-2")).put_object(Bucket=f"tap-dev-{ACCOUNT}-us-west-2-an", Key="left", Body=b"x")
    assert all(isinstance(outcome, Done) for outcome in deployed.execute(plan, allow))
    started = [str(event.stack) for event in deployed.events_of(Started)]
    assert started == ["us-west-2/tap-dev-service", "us-west-2/tap-dev-storage"]
    assert not deployed.world.stack("tap-dev-storage", region="us-west-2").exists


def test_orphans_that_are_gone_already_are_done(deployed: Rig) -> None:
    fewer(deployed, "us-west-2/service")
    plan = deployed.plan(request=ORPHANED)
    allow = {hit.allow for hit in plan.guards}
    deployed.execute(plan, allow)
    assert deployed.execute(plan, allow) == (Done(StackId("us-west-2/tap-dev-service"), "executed before"),)
    assert deployed.operations("DeleteStack") == 1


def test_an_orphan_that_moved_since_is_not_deleted(deployed: Rig) -> None:
    complete = deployed.deployment
    fewer(deployed, "us-west-2/service")
    plan = deployed.plan(request=ORPHANED)
    deployed.deploy(edited(complete, "us-west-2/service", "MemorySize: 256", "MemorySize: 512"))
    with pytest.raises(Stopped, match="has moved"):
        deployed.execute(plan, {hit.allow for hit in plan.guards})
    assert deployed.operations("DeleteStack") == 0


def failed_creation(rig: Rig) -> None:
    rig.world.script.fails("CREATE", "Table", reason="Subscriber limit exceeded")
    rig.deploy()
    assert rig.world.stack("tap-dev-table").status == "ROLLBACK_COMPLETE"
    rig.events.clear()


@pytest.mark.slow
def test_what_a_failed_creation_left_is_deleted_and_made_anew(rig: Rig) -> None:
    failed_creation(rig)
    plan = rig.plan()
    (deletion,) = plan.deletions
    assert (deletion.stack, deletion.resources) == (TABLE, ())
    deferred = next(step for step in plan.deferred if step.stack == TABLE)
    assert (deferred.type, [change.action for change in deferred.changes]) == ("CREATE", ["Add"])
    assert plan.guards == ()
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
    assert set(rig.statuses().values()) == {"CREATE_COMPLETE"}
    started = [str(event.stack) for event in rig.events_of(Started)]
    assert started.index(TABLE) < started.index("us-west-2/service")


@pytest.mark.slow
def test_a_plan_that_was_cut_off_between_deletion_and_creation_goes_on(rig: Rig) -> None:
    failed_creation(rig)
    plan = rig.plan()
    rig.clients.cloudformation(Region("us-east-1")).delete_stack(StackName="tap-dev-table")
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
    assert all(outcome == Done(outcome.stack, "executed before") for outcome in rig.execute(plan))


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE"])
def test_a_failed_creation_that_still_holds_data_needs_a_person(rig: Rig, status: str) -> None:
    rig.deployment = make_deployment(make_stack(KEYS, KEY_TEMPLATE))
    rig.deploy()
    rig.world.stack("tap-dev-keys").put(status, reason="it was told to keep what it had")
    with pytest.raises(Stopped, match=r"still holds\n  Key \(AWS::KMS::Key\)"):
        rig.plan()
    assert rig.operations("DeleteStack") == 0


def test_a_failed_creation_with_what_nobody_knows_is_deleted_once_that_is_allowed(rig: Rig) -> None:
    rig.deployment = make_deployment(make_stack(KEYS, "Resources:\n  Store: {Type: Org::Service::Store}\n"))
    rig.deploy()
    rig.world.stack("tap-dev-keys").put("CREATE_FAILED", reason="it was told to keep what it had")
    plan = rig.plan()
    (hit,) = plan.guards
    assert "with it goes what it holds (this version does not know what that is)" in hit.why
    with pytest.raises(Stopped, match=hit.allow):
        rig.execute(plan)
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan, {hit.allow}))


def test_an_orphan_that_holds_more_than_was_planned_is_not_deleted_also_where_nobody_knows_it(rig: Rig) -> None:
    template = "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n"
    rig.deployment = make_deployment(make_stack(TABLE, KEY_TEMPLATE), make_stack(KEYS, template))
    rig.deploy()
    fewer(rig, KEYS)
    (deletion,) = rig.plan(request=ORPHANED).deletions
    more = make_stack(KEYS, template + "  Store: {Type: Org::Service::Store}\n")
    rig.deploy(make_deployment(make_stack(TABLE, KEY_TEMPLATE), more))
    observed = rig.run(lambda: observe_stack(rig.clients, deletion.site, deletion.name))
    assert observed is not None
    with pytest.raises(Stopped, match=r"has what may hold data, and that the plan does not show:\n  Store \(Org::Serv"):
        rig.run(lambda: check_as_planned(deletion, observed, rig.clients))


def test_a_protected_orphan_has_to_be_allowed_to_lose_that_too(deployed: Rig) -> None:
    fewer(deployed, "us-west-2/service")
    client = deployed.clients.cloudformation(Region("us-west-2"))
    client.update_termination_protection(StackName="tap-dev-service", EnableTerminationProtection=True)
    plan = deployed.plan(request=ORPHANED)
    allow = {hit.allow for hit in plan.guards}
    lift = "us-west-2/tap-dev-service/TerminationProtection"
    assert lift in allow
    with pytest.raises(Stopped, match="protected from deletion"):
        deployed.execute(plan, allow - {lift})
    assert all(isinstance(outcome, Done) for outcome in deployed.execute(plan, allow))


def test_an_orphan_that_was_protected_since_is_not_deleted(deployed: Rig) -> None:
    fewer(deployed, "us-west-2/service")
    plan = deployed.plan(request=ORPHANED)
    client = deployed.clients.cloudformation(Region("us-west-2"))
    client.update_termination_protection(StackName="tap-dev-service", EnableTerminationProtection=True)
    with pytest.raises(Stopped, match="protected from that by now"):
        deployed.execute(plan, {hit.allow for hit in plan.guards})
    assert deployed.operations("DeleteStack") == 0
