"""Accounts that are suspended or closed: passed over by StackSets, told, and no failure of anybody's."""

from collections.abc import Callable

import pytest

from builder.deploy.progress import Started
from builder.errors import ExitCode
from builder.fleet import RowFilter, fleet_exit_code, observe_fleet_outputs, observe_status
from builder.fleet.progress import SetDone, SetFailed
from builder.fleet.records import Skipped, StackInstance, skips
from builder.terms import AccountId, Site, StackId
from fake_aws import Organization
from fake_aws.organizations.records import ROOT
from fleet.rig import BODY, CHANGED, STORAGE, FleetRig
from fleet.stack_sets import (
    ACCOUNTS,
    ADMIN,
    SELF_MANAGED,
    SERVICE_MANAGED,
    WEST,
    accounts,
    fleet_deployment,
    fleet_template,
)

A, B, C = ACCOUNTS
ID = StackId(STORAGE)
AT_B = Site(AccountId(B), WEST)
SUSPENDED = "its account was suspended at the last operation"
Leave = Callable[[Organization], None]


def suspend(organization: Organization) -> None:
    organization.suspended.add(B)


def close(organization: Organization) -> None:
    organization.closed[B] = "CLOSED"


def ask_for_closure(organization: Organization) -> None:
    organization.closed[B] = "PENDING_CLOSURE"  # which StackSets is not known to pass over: the operation fails there


LEAVES = {"SUSPENDED": suspend, "CLOSED": close, "PENDING_CLOSURE": ask_for_closure}
# What AWS passes over, by what tells of it: Organizations where a set follows it, else the instance alone.
CASES = [
    *((True, leave, f"its account is {state}") for state, leave in LEAVES.items()),
    *((False, LEAVES[state], SUSPENDED) for state in ("SUSPENDED", "CLOSED")),
]


def founded(rig: FleetRig) -> Organization:
    rig.world.organization = made = Organization(ADMIN, unit_of=dict.fromkeys(ACCOUNTS, ROOT))
    return made


def deployed(rig: FleetRig, body: str = BODY, *, follows: bool) -> tuple[SetDone | SetFailed, ExitCode]:
    targets = {"OrganizationalUnitIds": [ROOT]} if follows else accounts()
    model = SERVICE_MANAGED if follows else SELF_MANAGED
    preferences = {"MaxConcurrentCount": 10, "FailureToleranceCount": 9}
    plan = rig.plan(fleet_deployment(fleet_template({STORAGE: body}, targets, model, preferences)))
    end = rig.execute(plan)
    (ended,) = end.sets
    assert isinstance(ended, SetDone | SetFailed)
    return ended, fleet_exit_code(end)


@pytest.mark.slow
@pytest.mark.parametrize(("follows", "leave", "because"), CASES)
def test_a_rollout_goes_past_it_and_says_so(rig: FleetRig, follows: bool, leave: Leave, because: str) -> None:  # noqa: FBT001 - of the table
    organization = founded(rig)
    deployed(rig, follows=follows)
    leave(organization)
    expected = SetDone(ID, 2 if follows else 3, (Skipped(AT_B, because),))
    assert deployed(rig, CHANGED, follows=follows) == (expected, ExitCode.DONE)
    assert {instance.site.account: instance.status for instance in rig.instances()} == {
        A: "CURRENT",
        B: "OUTDATED",
        C: "CURRENT",
    }
    _, sets = rig.observe()
    rows = rig.run(lambda: observe_status(sets, rig.clients))
    assert [(row.account, row.skipped) for row in rows if not row.is_well] == [(B, because)]
    assert not any(row.is_wrong for row in rows)
    assert rig.run(lambda: observe_status(sets, rig.clients, RowFilter(failed=True))) == ()
    again = rig.plan()
    assert again.is_empty
    assert [remark for remark in again.sets[0].remarks if remark.startswith(f"{B} is ")]


@pytest.mark.slow
def test_whom_it_hits_between_plan_and_execution_fails_nothing_either(rig: FleetRig) -> None:
    organization = founded(rig)
    deployed(rig, follows=True)
    template = fleet_template({STORAGE: CHANGED}, {"OrganizationalUnitIds": [ROOT]}, SERVICE_MANAGED)
    plan = rig.plan(fleet_deployment(template))
    assert AT_B in plan.sets[0].updating
    suspend(organization)
    assert rig.execute(plan).sets == (SetDone(ID, 3, (Skipped(AT_B, "its account is SUSPENDED"),)),)


def test_who_joins_suspended_is_no_failure_of_a_self_managed_set(rig: FleetRig) -> None:
    suspend(founded(rig))
    assert deployed(rig, follows=False) == (SetDone(ID, 3, (Skipped(AT_B, SUSPENDED),)), ExitCode.DONE)


@pytest.mark.slow
def test_what_fails_beside_it_is_a_failure_as_ever(rig: FleetRig) -> None:
    organization = founded(rig)
    deployed(rig, follows=True)
    suspend(organization)
    rig.world.script.fails("UPDATE", "Topic", reason="limit", account=A, region=WEST)
    ended, code = deployed(rig, CHANGED, follows=True)
    assert code is ExitCode.FAILED
    assert isinstance(ended, SetFailed)
    assert [failure.site.account for failure in ended.failures] == [A]
    assert ended.skipped == (Skipped(AT_B, "its account is SUSPENDED"),)


@pytest.mark.slow
def test_an_account_that_is_open_again_is_taken_up_by_the_next_run(rig: FleetRig) -> None:
    organization = founded(rig)
    deployed(rig, follows=True)
    suspend(organization)
    deployed(rig, CHANGED, follows=True)
    organization.suspended.clear()
    _, sets = rig.observe()
    rows = rig.run(lambda: observe_status(sets, rig.clients))
    assert [row.account for row in rows if row.is_wrong] == [B]
    plan = rig.plan()
    assert [instance.site for instance in plan.sets[0].retries] == [AT_B]
    assert rig.execute(plan).sets == (SetDone(ID, 1),)
    assert {instance.status for instance in rig.instances()} == {"CURRENT"}


@pytest.mark.slow
@pytest.mark.parametrize(("follows", "leave", "because"), CASES)
def test_its_outputs_are_not_missed(rig: FleetRig, follows: bool, leave: Leave, because: str) -> None:  # noqa: FBT001 - of the table
    organization = founded(rig)
    deployed(rig, follows=follows)
    leave(organization)
    deployed(rig, CHANGED, follows=follows)
    rig.world.forbidden_roles.add(f"arn:aws:iam::{B}:role/reader")
    _, sets = rig.observe()
    fleet_outputs = rig.run(lambda: observe_fleet_outputs(sets, rig.clients, RowFilter(), "reader"))
    assert ({stack.account for stack in fleet_outputs.stacks}, fleet_outputs.failures) == ({A, C}, ())
    assert fleet_outputs.skipped == (Skipped(AT_B, because),)


@pytest.mark.slow
@pytest.mark.parametrize(("follows", "leave", "because"), CASES)
@pytest.mark.parametrize("role", [None, "cleaner"])
def test_taking_down_lets_it_go_with_its_stack_and_says_so(
    rig: FleetRig,
    follows: bool,  # noqa: FBT001 - of the table
    leave: Leave,
    because: str,
    role: str | None,
) -> None:
    organization = founded(rig)
    deployed(rig, follows=follows)
    leave(organization)
    if follows:
        rig.world.forbidden_roles.add(f"arn:aws:iam::{B}:role/cleaner")
    end = rig.destroy(role=role)
    assert end.sets == (SetDone(ID, 3, (Skipped(AT_B, f"{because}; its stack stays there"),)),)
    assert fleet_exit_code(end) is ExitCode.DONE
    assert rig.observe() == ((), ())
    assert set(rig.world.buckets) == {f"tap-dev-{B}-one"}
    assert [event.what for event in rig.events_of(Started) if event.stack == ID][-1] == "RETAIN in 1, passed over"


def test_a_self_managed_set_asks_nothing_of_an_organization(rig: FleetRig) -> None:
    suspend(founded(rig))
    deployed(rig, follows=False)
    rig.observe()
    assert not [call for call in rig.world.calls if call.service == "organizations"]


@pytest.mark.parametrize(
    ("detailed", "state", "because"),
    [
        ("SKIPPED_SUSPENDED_ACCOUNT", None, SUSPENDED),
        ("SKIPPED_SUSPENDED_ACCOUNT", "SUSPENDED", "its account is SUSPENDED"),
        ("SKIPPED_SUSPENDED_ACCOUNT", "ACTIVE", ""),  # it has been opened again since
        ("SUCCEEDED", "CLOSED", "its account is CLOSED"),
        ("FAILED", "PENDING_CLOSURE", "its account is PENDING_CLOSURE"),
        ("FAILED", "PENDING_ACTIVATION", "its account is PENDING_ACTIVATION"),
        ("FAILED", "ACTIVE", ""),
        ("FAILED", None, ""),
        ("INOPERABLE", None, ""),
        ("CANCELLED", None, ""),
        ("", None, ""),
    ],
)
def test_what_organizations_says_now_counts_more_than_the_last_operation(
    detailed: str, state: str | None, because: str
) -> None:
    instance = StackInstance(site=AT_B, status="OUTDATED", detailed_status=detailed)
    states = {} if state is None else {AccountId(B): state}
    assert skips([instance], states) == ((Skipped(AT_B, because),) if because else ())
