"""`fleet drop`: through the command line, on the fake AWS."""

import json
import shlex
from pathlib import Path

import pytest

from builder.cli.project import Project
from cli.on_fake import OnWorld, render
from fake_aws import Fault
from fleet.inventory import take_inventory
from fleet.rig import CHANGED
from fleet.stack_sets import ACCOUNTS

A, B, _ = ACCOUNTS
ROLE = f"arn:aws:iam::{B}:role/tap-dev-execution"


@pytest.mark.slow
def test_what_happens_in_each_set_and_region_is_told_before_anybody_is_asked(on_deployed_fleet: OnWorld) -> None:
    before = take_inventory(on_deployed_fleet.world)
    on_deployed_fleet.world.calls.clear()
    answer = on_deployed_fleet("drop", B)
    assert answer.code == 4
    head, later, first = answer.out.splitlines()[:3]
    assert head == f"{B} leaves the fleet: 2 stacks deleted, with all that is in them"
    assert later.startswith("  us-east-1/storage  deletes  us-east-1  StackSet-tap-dev-us-east-1-storage-")
    assert first.startswith("  us-west-2/storage  deletes  us-west-2  StackSet-tap-dev-us-west-2-storage-")
    assert f"Type the account's id ({B})" in answer.err
    assert not [call for call in on_deployed_fleet.world.calls if call.mutating and call.service == "cloudformation"]
    assert take_inventory(on_deployed_fleet.world) == before


def test_once_agreed_to_it_goes_and_what_still_aims_at_it_is_told(on_deployed_fleet: OnWorld) -> None:
    answer = on_deployed_fleet("drop", B, "--yes")
    assert answer.code == 0, answer
    assert (
        f"next:  the fleet's stack still aims at the account: take {B} out of fleet.accounts in dr.yaml" in answer.err
    )
    assert not [place for place in take_inventory(on_deployed_fleet.world) if place.account == B]
    again = on_deployed_fleet("drop", B, "--yes")
    assert again.code == 0
    assert f"no set of tap-fleet-dev has an instance in {B}" in again.out


@pytest.mark.slow
def test_in_production_yes_alone_deletes_nothing_but_lets_stacks_stay(
    on_deployed_fleet: OnWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Project, "deletes_production", True)
    answer = on_deployed_fleet("drop", B, "--yes")
    assert answer.code == 4
    assert "--yes --yes-in-production" in answer.err
    assert on_deployed_fleet("drop", A, "--yes", "--yes-in-production").code == 0
    retained = on_deployed_fleet("drop", B, "--retain", "--yes")
    assert retained.code == 0
    assert f"{B} leaves the fleet: 2 instances taken out of their sets, no stack touched" in retained.out


@pytest.mark.slow
def test_whoever_meets_a_role_that_cannot_be_taken_is_told_of_it(on_deployed_fleet: OnWorld) -> None:
    on_deployed_fleet.world.forbidden_roles.add(ROLE)
    render(Path("templates"), CHANGED)
    hint = f"next:  python -m builder fleet drop {B} --assembly templates --env dev    where its role is gone for good"
    failed = on_deployed_fleet("deploy", "--yes")
    assert (failed.code, hint in failed.err) == (1, True)
    status = on_deployed_fleet("status")
    assert (status.code, hint in status.err) == (3, True)
    on_deployed_fleet("plan")
    executed = on_deployed_fleet("execute", "fleet-plan.json")
    assert (executed.code, hint in executed.err) == (1, True)
    destroyed = on_deployed_fleet("destroy", "--yes", "--role", "tap-dev-execution")
    assert (destroyed.code, hint in destroyed.err) == (1, True)
    dropped = on_deployed_fleet("drop", B, "--yes")
    assert dropped.code == 0, dropped
    assert f"note: the stacks stay in the account: Account {B} should have 'tap-dev-execution' role" in dropped.out
    assert on_deployed_fleet("destroy", "--yes").code == 0


def test_what_it_does_is_told_as_events_too(on_deployed_fleet: OnWorld) -> None:
    answer = on_deployed_fleet("drop", B, "--yes", "--json")
    events = [json.loads(line) for line in answer.out.splitlines()]
    assert [event["event"] for event in events[:2]] == ["fleet.leaving", "run.begun"]
    shown = events[0]["leaving"]
    assert (shown["account"], shown["retain"], len(shown["stacks"])) == (B, False, 2)
    assert events[0]["deleted"] == [stack["instance"]["stack"] for stack in shown["stacks"]]
    assert events[1]["what"] == "drop"
    assert [set_["outcome"] for set_ in events[-1]["sets"]] == ["succeeded", "succeeded"]


@pytest.mark.parametrize(("account", "stacks", "code"), [(B, 2, 4), ("999988887777", 0, 0)])
def test_as_an_event_it_says_what_becomes_of_the_stacks_before_anybody_is_asked(
    on_deployed_fleet: OnWorld, account: str, stacks: int, code: int
) -> None:
    answer = on_deployed_fleet("drop", account, "--retain", "--json")
    assert answer.code == code
    (event,) = (parsed for line in answer.out.splitlines() if (parsed := json.loads(line))["event"] == "fleet.leaving")
    assert (event["leaving"]["retain"], len(event["leaving"]["stacks"]), event["deleted"]) == (True, stacks, [])


def test_where_nothing_was_found_but_not_everywhere_it_is_no_success(on_deployed_fleet: OnWorld) -> None:
    on_deployed_fleet.world.faults.add(Fault.HANG, region="eu-west-1")
    answer = on_deployed_fleet("drop", "999988887777", "--yes")
    assert answer.code == 1
    assert "whether sets of it are in eu-west-1 is not known" in answer.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "typed",
    [
        f"drop {B} --retain --assembly templates --env dev",
        f"drop {B} --role 'a cleaner' --assembly templates --env dev",
        f"drop {B} --retain --project tap --env dev",
        f"drop {B} --assembly templates --env dev",
        "destroy --retain --assembly templates --env dev",
        "destroy --role cleaner --project tap --env dev",
    ],
)
def test_what_goes_on_from_there_is_told_with_all_that_was_said(on_deployed_fleet: OnWorld, typed: str) -> None:
    on_deployed_fleet.before = ("fleet",)
    on_deployed_fleet.world.faults.add(Fault.DENIED, operation="DeleteStackInstances")
    answer = on_deployed_fleet(*shlex.split(typed), "--yes")
    assert answer.code == 1, answer
    assert f"next:  python -m builder fleet {typed}    goes on from here" in answer.err


@pytest.mark.parametrize("account", ["44445555666", "tap", "4444-5555-6666"])
def test_what_is_no_account_s_id_is_refused(on_deployed_fleet: OnWorld, account: str) -> None:
    answer = on_deployed_fleet("drop", account)
    assert (answer.code, f"'{account}' is no account's id" in answer.err) == (2, True)


@pytest.mark.slow
def test_who_comes_back_is_planned_as_an_import_and_imported(on_deployed_fleet: OnWorld) -> None:
    before = take_inventory(on_deployed_fleet.world)
    assert on_deployed_fleet("drop", B, "--retain", "--yes").code == 0
    planned = on_deployed_fleet("plan", "--json", "--detailed-exitcode")
    assert planned.code == 3
    event = next(
        parsed for line in planned.out.splitlines() if (parsed := json.loads(line))["event"] == "fleet.planned"
    )
    assert [[instance["site"][0] for instance in set_["imports"]] for set_ in event["sets"]] == [[B], [B]]
    assert "In 1 account and 2 regions (us-east-1, us-west-2): stacks 2 imported\n" in planned.err
    assert (
        f"us-west-2/storage  import  (tap-dev-us-west-2-storage)\n  imports the stack that stayed in {B} in"
        in planned.err
    )
    assert f"imported in {B} us-west-2: StackSet-tap-dev-us-west-2-storage-" in planned.err
    answer = on_deployed_fleet("deploy", "--yes")
    assert answer.code == 0, answer
    assert "us-west-2/storage        started: IMPORT in 1\n" in answer.out
    assert "2 sets done, 0 failed" in answer.out
    assert take_inventory(on_deployed_fleet.world) == before


def test_a_role_that_is_named_looks_instead_of_the_fleet_s(on_deployed_fleet: OnWorld) -> None:
    assert on_deployed_fleet("drop", B, "--retain", "--yes").code == 0
    on_deployed_fleet.world.forbidden_roles.add(ROLE)
    blind = on_deployed_fleet("plan")
    assert (
        f"note: whether stacks of it stay in {B} us-west-2 was not looked at: not allowed to call AssumeRole"
        in blind.out
    )
    assert f"imports the stack that stayed in {B}" in on_deployed_fleet("plan", "--role", "reader").out
