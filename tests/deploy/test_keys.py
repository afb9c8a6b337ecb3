"""A managed key's life on the fake: before what it encrypts, behind it when all goes, and after a region's absence."""

import pytest

from builder.deploy import Done, StackFailed, narrow
from builder.terms import Region
from deploy.rig import Rig, edited
from fake_aws.kms.effects import state
from proof.test_keys import with_keys

HOME, AWAY = "us-east-1/key", "us-west-2/key"


@pytest.fixture
def keyed() -> Rig:
    return Rig(deployment=with_keys())


def states(rig: Rig) -> dict[str, str]:
    rig.world.settle()
    return {key.region: state(rig.world, key) for key in rig.world.keys.values()}


def test_a_first_plan_shows_what_waits_for_the_key_and_for_its_id(keyed: Rig) -> None:
    plan = keyed.plan()
    deferred = {one.stack: one.because for one in plan.deferred}
    assert [step.stack for step in plan.steps] == [HOME, "us-west-2/storage", "us-east-1/table"]
    assert deferred == {
        AWAY: f"takes an output of {HOME}",
        "us-east-1/storage": f"takes an output of {HOME}",
        "us-east-1/service": f"takes an output of {HOME}",
        "us-west-2/service": f"takes an output of {AWAY}",
    }
    assert plan.guards == ()


@pytest.mark.slow  # deployed once, destroyed, deployed again
def test_it_comes_first_and_goes_last_and_the_next_one_is_another(keyed: Rig) -> None:
    assert all(isinstance(outcome, Done) for outcome in keyed.deploy())
    assert states(keyed) == {"us-east-1": "Enabled", "us-west-2": "Enabled"}
    ended = [outcome.stack for outcome in keyed.destroy()]
    assert {HOME, AWAY} <= set(ended)
    assert states(keyed) == {"us-east-1": "PendingReplicaDeletion", "us-west-2": "PendingDeletion"}
    before = {key.id for key in keyed.world.keys.values()}
    assert all(isinstance(outcome, Done) for outcome in keyed.deploy())
    assert len({key.id for key in keyed.world.keys.values()} - before) == 1
    # Its own waiting period begins when that of the replica is over.
    old = [key for key in keyed.world.keys.values() if key.id in before and key.region == "us-east-1"]
    keyed.world.pass_time(31 * 86400)
    assert [state(keyed.world, key) for key in old] == ["PendingDeletion"]
    keyed.world.pass_time(30 * 86400)
    assert [state(keyed.world, key) for key in old] == ["Gone"]


@pytest.mark.slow  # deployed, and twice again
def test_a_region_that_comes_back_before_its_replica_is_gone_is_told_what_helps(keyed: Rig) -> None:
    keyed.deploy()
    cloudformation = keyed.clients.cloudformation("us-west-2")  # type: ignore[arg-type]
    cloudformation.delete_stack(StackName="tap-dev-key")
    keyed.world.settle()
    outcomes = {outcome.stack: outcome for outcome in keyed.deploy()}
    failed = outcomes[AWAY]  # type: ignore[index]
    assert isinstance(failed, StackFailed)
    assert "already exists" in failed.reason
    assert "aws kms cancel-key-deletion keeps it" in failed.next_step
    keyed.world.pass_time(31 * 86400)
    assert all(isinstance(outcome, Done) for outcome in keyed.deploy())
    assert states(keyed) == {"us-east-1": "Enabled", "us-west-2": "Enabled"}


@pytest.mark.slow  # deployed, then with one region lost
def test_functions_are_updated_and_the_replica_s_stack_stays_while_the_key_s_home_is_down(keyed: Rig) -> None:
    keyed.deploy()
    wanted = edited(keyed.deployment, "us-west-2/service", "MemorySize: 256", "MemorySize: 512")
    keyed.world.region_down("us-east-1")
    plan = keyed.plan(narrow(wanted, [Region("us-east-1")]))
    assert [step.stack for step in plan.steps] == ["us-west-2/service"]
    assert plan.deferred == ()
    assert all(isinstance(outcome, Done) for outcome in keyed.execute(plan))
