"""A managed key's life on the fake: before what it encrypts, behind it when all goes, and after a region's absence."""

from contextlib import suppress
from functools import cache

import pytest

from builder.deploy import Done, StackFailed, narrow
from builder.terms import Region, StackId
from deploy.chained import make_deployment, make_stack
from deploy.protected import KEPT_KEY
from deploy.rig import Rig, edited
from fake_aws import Fault, Killed
from fake_aws.kms.effects import state
from proof.test_keys import system, with_keys

HOME, AWAY = "us-east-1/key", "us-west-2/key"


@pytest.fixture
def keyed() -> Rig:
    return Rig(deployment=with_keys())


@cache
def _deployed() -> Rig:
    rig = Rig(deployment=with_keys())
    assert all(isinstance(outcome, Done) for outcome in rig.deploy())
    return rig


@pytest.fixture
def deployed() -> Rig:
    """A rig with keys and all that they encrypt: deployed once, and its world copied."""
    return Rig(world=_deployed().world.copied(), deployment=with_keys(), plans=_deployed().plans)


def states(rig: Rig) -> dict[str, str]:
    rig.world.settle()
    return {key.region: state(rig.world, key) for key in rig.world.keys.values()}


def test_a_first_plan_shows_what_waits_for_the_key_and_for_its_id(keyed: Rig) -> None:
    plan = keyed.plan()
    deferred = {step.stack: step.because for step in plan.deferred}
    assert [step.stack for step in plan.steps] == [HOME, "us-west-2/storage", "us-east-1/table"]
    assert deferred == {
        AWAY: f"takes an output of {HOME}",
        "us-east-1/storage": f"takes an output of {HOME}",
        "us-east-1/service": f"takes an output of {HOME}",
        "us-west-2/service": f"takes an output of {AWAY}",
    }
    assert plan.guards == ()


@pytest.mark.slow  # deployed once, destroyed, deployed again
def test_it_comes_first_and_goes_last_and_the_next_one_is_another(deployed: Rig) -> None:
    assert states(deployed) == {"us-east-1": "Enabled", "us-west-2": "Enabled"}
    ended = [outcome.stack for outcome in deployed.destroy()]
    assert {HOME, AWAY} <= set(ended)
    assert states(deployed) == {"us-east-1": "PendingReplicaDeletion", "us-west-2": "PendingDeletion"}
    before = {key.id for key in deployed.world.keys.values()}
    assert all(isinstance(outcome, Done) for outcome in deployed.deploy())
    assert len({key.id for key in deployed.world.keys.values()} - before) == 1
    # Its own waiting period begins when that of the replica is over.
    old = [key for key in deployed.world.keys.values() if key.id in before and key.region == "us-east-1"]
    deployed.world.pass_time(31 * 86400)
    assert [state(deployed.world, key) for key in old] == ["PendingDeletion"]
    deployed.world.pass_time(30 * 86400)
    assert [state(deployed.world, key) for key in old] == ["Gone"]


@pytest.mark.slow  # deployed, and twice again
def test_a_region_that_comes_back_before_its_replica_is_gone_is_told_what_helps(deployed: Rig) -> None:
    cloudformation = deployed.clients.cloudformation("us-west-2")  # type: ignore[arg-type]
    cloudformation.delete_stack(StackName="tap-dev-key")
    deployed.world.settle()
    outcomes = {outcome.stack: outcome for outcome in deployed.deploy()}
    failed = outcomes[AWAY]  # type: ignore[index]
    assert isinstance(failed, StackFailed)
    assert "already exists" in failed.reason
    assert "aws kms cancel-key-deletion keeps it" in failed.next_step
    deployed.world.pass_time(31 * 86400)
    assert all(isinstance(outcome, Done) for outcome in deployed.deploy())
    assert states(deployed) == {"us-east-1": "Enabled", "us-west-2": "Enabled"}


def test_functions_are_updated_and_the_replica_s_stack_stays_while_the_key_s_home_is_down(deployed: Rig) -> None:
    updated = edited(deployed.deployment, "us-west-2/service", "MemorySize: 256", "MemorySize: 512")
    deployed.world.region_down("us-east-1")
    plan = deployed.plan(narrow(updated, [Region("us-east-1")]))
    assert [step.stack for step in plan.steps] == ["us-west-2/service"]
    assert plan.deferred == ()
    assert all(isinstance(outcome, Done) for outcome in deployed.execute(plan))


def test_other_keys_for_all_are_guarded_for_the_table_whose_replicas_keep_theirs(deployed: Rig) -> None:
    plan = deployed.plan(system(encryption={"key": "alias/shop", "functions": False}))
    assert {hit.allow for hit in plan.guards} == {"us-east-1/table/Table"}
    assert len(plan.guards) == 2
    assert all("which a replica keeps for good" in hit.why for hit in plan.guards)


THREE = {"primary": "us-east-1", "secondaries": ["us-west-2", "eu-west-1"]}


@pytest.mark.slow  # a region more
def test_a_region_that_joins_gets_its_replica_key_before_what_that_encrypts(deployed: Rig) -> None:
    deployment = system(regions=THREE, encryption={"key": "managed"})
    assert all(isinstance(outcome, Done) for outcome in deployed.deploy(deployment))
    assert states(deployed) == dict.fromkeys(("us-east-1", "us-west-2", "eu-west-1"), "Enabled")
    (table,) = deployed.world.tables.values()
    assert {region: replica.key for region, replica in table.replicas.items()} == dict.fromkeys(
        table.replicas, "alias/tap-dev"
    )


@pytest.mark.slow  # deployed, and with a region and keys more
def test_a_region_that_joins_together_with_the_keys_comes_to_a_table_that_has_them(rig: Rig) -> None:
    rig.deploy(system())
    deployment = system(regions=THREE, encryption={"key": "managed"})
    assert all(isinstance(outcome, Done) for outcome in rig.deploy(deployment))
    (table,) = rig.world.tables.values()
    assert {region: replica.key for region, replica in table.replicas.items()} == dict.fromkeys(
        ("us-east-1", "us-west-2", "eu-west-1"), "alias/tap-dev"
    )


def kept(rig: Rig) -> str:
    """Have a key stand that its template retains; return its id."""
    rig.deployment = make_deployment(make_stack(StackId(HOME), KEPT_KEY))
    rig.deploy()
    (key,) = rig.world.keys.values()
    return key.id


@pytest.mark.parametrize(("is_named", "stays"), [(False, "Enabled"), (True, "PendingDeletion")])
def test_a_retained_key_goes_only_by_its_name(rig: Rig, stays: str, *, is_named: bool) -> None:
    key = kept(rig)
    assert all(isinstance(outcome, Done) for outcome in rig.destroy(names=[key] if is_named else []))
    assert states(rig) == {"us-east-1": stays}


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.KILL_AFTER, Fault.KILL_BEFORE])
def test_its_deletion_is_asked_for_again_where_nobody_knows_whether_it_was(rig: Rig, fault: Fault) -> None:
    key = kept(rig)
    rig.world.faults.add(fault, operation="ScheduleKeyDeletion")
    with suppress(Killed):
        rig.destroy(names=[key])
    rig.world.faults.revive()
    rig.world.faults.clear()
    assert all(isinstance(outcome, Done) for outcome in rig.destroy(names=[key]))
    assert states(rig) == {"us-east-1": "PendingDeletion"}
    assert not rig.world.stack("tap-dev-key").exists
