"""Killed right before or right after any call, what no change set shows comes about all the same: by AWS alone."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from builder.aws import Clients
from builder.deploy import Deployment, Done, Plan, PlanId, TrustedInput, execute_plan, make_plan
from deploy.chained import KEY_TEMPLATE, KEYS, make_deployment, make_stack
from deploy.draft.test_later import SSM, reading
from deploy.rig import ACCOUNT
from fake_aws import Fault, Killed, World, run_virtual
from proof.command import assert_done, deploy, ignore, make_world, run
from samples import is_thorough

KILLS = pytest.mark.parametrize("kill", [Fault.KILL_BEFORE, Fault.KILL_AFTER], ids=lambda kill: kill.value)
NO_REPLACEMENT = (
    '{"Statement":[{"Action":["Update:Modify","Update:Delete"],"Effect":"Allow","Principal":"*","Resource":"*"}]}'
)
PROTECTED = make_deployment(replace(make_stack(KEYS, KEY_TEMPLATE), termination_protection=True))
WITH_POLICY = make_deployment(replace(make_stack(KEYS, KEY_TEMPLATE), stack_policy=NO_REPLACEMENT))
UNPROTECTED = make_deployment(make_stack(KEYS, KEY_TEMPLATE))


def typed_again(
    begin: Callable[[World], None], desired: Deployment, kill: Fault, holds: Callable[[World], None]
) -> int:
    """Type `deploy` until no call of it is left to be killed at; each time type it again, and see that all holds."""
    before = made(begin)
    for k in range(1, 300, 1 if is_thorough() else 7):
        world = before.copied()
        clients = Clients(world.session(ACCOUNT))
        rule = world.faults.add(kill, nth=k)
        try:
            run(clients, lambda clients, run_id: deploy(desired, clients, run_id))
        except Killed:
            world.faults.revive()
        world.faults.remove(rule)
        assert_done(run(clients, lambda clients, run_id: deploy(desired, clients, run_id)))
        holds(world)
        if not rule.struck:
            return k - 1
    raise AssertionError("never ends")


def executed_again(
    begin: Callable[[World], None], desired: Deployment, kill: Fault, holds: Callable[[World], None]
) -> int:
    """Execute one plan until no call of that is left to be killed at; each time execute the same plan again."""
    before = made(begin)
    plan, trusted = planned(desired, Clients(before.session(ACCOUNT))), TrustedInput(deployment=desired)
    for k in range(1, 300, 1 if is_thorough() else 7):
        world = before.copied()
        clients = Clients(world.session(ACCOUNT))
        rule = world.faults.add(kill, nth=k)
        try:
            run_virtual(lambda: execute_plan(plan, trusted, clients, ignore))  # noqa: B023 - run at once
        except Killed:
            world.faults.revive()
        world.faults.remove(rule)
        ended = run_virtual(lambda: execute_plan(plan, trusted, clients, ignore))  # noqa: B023 - run at once
        assert {type(outcome) for outcome in ended} <= {Done}, f"at call {k}"
        holds(world)
        if not rule.struck:
            return k - 1
    raise AssertionError("never ends")


def made(begin: Callable[[World], None]) -> World:
    world = make_world()
    begin(world)
    world.settle()
    return world


def planned(desired: Deployment, clients: Clients) -> Plan:
    plan_id = PlanId(id="p1", at="2026-01-01T00:00:00+00:00")
    return run_virtual(lambda: make_plan(desired, clients, plan_id, ignore))


def nothing(_: World) -> None:
    """Begin with an empty account."""


def unprotected(world: World) -> None:
    assert_done(run(Clients(world.session(ACCOUNT)), lambda clients, run_id: deploy(UNPROTECTED, clients, run_id)))


def is_protected(world: World) -> None:
    record = world.stack("tap-dev-keys").record
    assert (record.status, record.termination_protection) == ("CREATE_COMPLETE", True)


@KILLS
@pytest.mark.parametrize("again", [typed_again, executed_again])
@pytest.mark.parametrize(("begin", "calls"), [(nothing, 5), (unprotected, 3)])
def test_a_stack_is_protected_whatever_call_was_the_last(
    again: Callable[..., int], begin: Callable[[World], None], calls: int, kill: Fault
) -> None:
    assert again(begin, PROTECTED, kill, is_protected) >= calls


def has_its_policy(world: World) -> None:
    record = world.stack("tap-dev-keys").record
    assert (record.status, record.policy) == ("CREATE_COMPLETE", NO_REPLACEMENT)


@KILLS
@pytest.mark.parametrize("again", [typed_again, executed_again])
@pytest.mark.parametrize(("begin", "calls"), [(nothing, 5), (unprotected, 3)])
def test_a_stack_has_its_policy_whatever_call_was_the_last(
    again: Callable[..., int], begin: Callable[[World], None], calls: int, kill: Fault
) -> None:
    assert again(begin, WITH_POLICY, kill, has_its_policy) >= calls


def reads_the_value(world: World) -> None:
    record = world.stack("tap-dev-app").record
    shown = str(record.resources["User"].properties["DisplayName"])
    assert (record.status.endswith("_COMPLETE"), shown) == (True, "ami-2")


def another_value(world: World) -> None:
    before = reading(SSM.replace("ami-2", "ami-1"))
    assert_done(run(Clients(world.session(ACCOUNT)), lambda clients, run_id: deploy(before, clients, run_id)))


@KILLS
@pytest.mark.parametrize("again", [typed_again, executed_again])
@pytest.mark.parametrize("begin", [nothing, another_value], ids=["created", "changed"])
def test_what_waits_for_another_stack_s_value_has_it_whatever_call_was_the_last(
    again: Callable[..., int], begin: Callable[[World], None], kill: Fault
) -> None:
    assert again(begin, reading(), kill, reads_the_value) >= 9
