"""Every protection switched on for a live deployment with data, and off again: nothing is lost, nothing is replaced.

Killed before or after any call, the same command again gets to the same state.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest

from builder.assembly.render import make_assembly
from builder.aws import Clients
from builder.deploy import (
    Deployment,
    Outcome,
    PlanId,
    PlanOptions,
    PlanRequest,
    execute_unreviewed,
    make_deployment,
    make_plan,
)
from deploy.rig import ACCOUNT
from fake_aws import Fault, World
from loaded_config import make_loaded_config
from proof.command import Command, assert_done, fill, ignore, make_world, run
from proof.picture import Picture, take_picture
from proof.test_kill import KILLS, is_killed
from samples import is_thorough

EVERY = 1 if is_thorough() else 97
OFF = dict.fromkeys(("termination_protection", "deletion_protection", "replacement_protection"), False)
SECTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "on": {"protect": True, "environments": {"dev": {"production": True}}},
    "off": {"environments": {"dev": OFF}},
}
ORDER = ("plain", "on", "off")


@cache
def made(name: str) -> Deployment:
    assembly = make_assembly(make_loaded_config(**SECTIONS[name]))
    return make_deployment(assembly.manifest, assembly.templates, "dev")


async def deploy(name: str, clients: Clients, run_id: str) -> tuple[Outcome, ...]:
    """Deploy it, with every guard allowed by name, once no row replaces or removes anything."""
    deployment = made(name)
    plan_id = PlanId(id=run_id, at="2026-01-01T00:00:00+00:00")
    plan = await make_plan(deployment, clients, plan_id, ignore, PlanRequest(options=PlanOptions(by="deploy")))
    changes = [change for step in plan.change_sets for change in step.changes]
    assert not [change for change in changes if change.is_replaced or change.action not in {"Add", "Modify"}]
    if plan.is_empty:
        return ()
    allow = tuple(dict.fromkeys(hit.allow for hit in plan.guards))
    return await execute_unreviewed(plan, deployment, clients, ignore, allow=allow)


COMMANDS: dict[str, Command] = {name: partial(deploy, name) for name in ORDER}


def protections(world: World) -> dict[str, Any]:
    """Return what CloudFormation, DynamoDB and the templates have of it."""
    stacks = [world.stack(stack.name, region=stack.region).record for stack in made("plain").stacks]
    bodies = [body for stack in stacks for body in stack.resources.values()]
    kinds = {"AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket", "AWS::Logs::LogGroup"}
    (table,) = world.tables.values()
    return {
        "terminated": {stack.termination_protection for stack in stacks},
        "denies": {"Update:Replace" in (stack.policy or "") for stack in stacks},
        "replicas": {replica.deletion_protection for replica in table.replicas.values()},
        "stays": {body.declared["DeletionPolicy"] for body in bodies if body.type in kinds},
    }


EXPECTED = {
    "plain": {"terminated": {False}, "denies": {False}, "replicas": {False}, "stays": {"Delete"}},
    "on": {"terminated": {True}, "denies": {True}, "replicas": {True}, "stays": {"RetainExceptOnCreate"}},
    "off": {"terminated": {False}, "denies": {False}, "replicas": {False}, "stays": {"Delete"}},
}


def data(world: World) -> dict[str, Any]:
    """Return which table and buckets there are, and what is in them."""
    return {
        "tables": {table.name: (table.created, sorted(table.replicas)) for table in world.tables.values()},
        "buckets": {bucket.name: (bucket.created, len(bucket.versions)) for bucket in world.buckets.values()},
    }


@cache
def lived() -> tuple[dict[str, World], dict[str, Picture]]:
    """Live through it all once; return the world before each command, and what stands after it."""
    world, before, after = make_world(), {}, {}
    for name in ORDER:
        world.settle()
        before[name], world = world, world.copied()
        assert_done(run(Clients(world.session(ACCOUNT)), COMMANDS[name]))
        if name == "plain":
            fill(world)
        assert protections(world) == EXPECTED[name]
        after[name] = take_picture(world)
    assert data(world) == data(before["on"])
    return before, after


def test_all_of_it_is_switched_on_and_off_and_no_data_is_touched() -> None:
    before, _ = lived()
    assert data(before["off"]) == data(before["on"])
    world = before["off"].copied()
    clients = Clients(world.session(ACCOUNT))
    assert run(clients, COMMANDS["on"]) == ()


@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: kill.value)
@pytest.mark.parametrize("name", ["on", "off"])
def test_killed_anywhere_the_same_command_switches_it_all_the_same(
    name: str, kill: Fault, record_property: Callable[[str, object], None]
) -> None:
    before, after = lived()
    killed = 0
    for k in range(1 + EVERY // 2, 1000, EVERY):
        world = before[name].copied()
        clients = Clients(world.session(ACCOUNT))
        if not is_killed(world, clients, COMMANDS[name], kill, k):
            break
        killed += 1
        assert_done(run(clients, COMMANDS[name]))
        assert (protections(world), take_picture(world)) == (EXPECTED[name], after[name]), f"at call {k}"
        assert data(world) == data(before[name])
    record_property("killed", killed)
    assert killed * EVERY >= 30
