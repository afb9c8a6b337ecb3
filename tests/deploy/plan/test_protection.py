"""Termination protection: left as it is, set, or lifted where it is allowed by name; never by the way."""

from dataclasses import replace

import pytest

from builder.assembly.manifest import read_manifest, write_manifest
from builder.deploy import Done, read_plan, write_plan
from builder.errors import Stopped
from builder.report import as_json, html, markdown, text
from builder.terms import StackId
from deploy.rig import ROOT, Rig, changed, edited, shipped

TABLE = StackId("us-east-1/table")
ALLOW = "us-east-1/table/TerminationProtection"
PROTECTED = changed(shipped(), TABLE, termination_protection=True)
LIFTED = changed(shipped(), TABLE, termination_protection=False)


def is_protected(rig: Rig) -> bool:
    return rig.world.stack("tap-dev-table").record.termination_protection


def protect_by_hand(rig: Rig) -> None:
    client = rig.clients.cloudformation(rig.stack(TABLE).region)
    client.update_termination_protection(StackName="tap-dev-table", EnableTerminationProtection=True)


@pytest.mark.slow
def test_where_the_manifest_says_nothing_it_stays_as_it_is_found_also_through_an_update(rig: Rig) -> None:
    rig.deploy()
    protect_by_hand(rig)
    rig.world.calls.clear()
    assert rig.plan().is_empty
    update = edited(rig.deployment, TABLE, "BillingMode: PAY_PER_REQUEST", "BillingMode: PROVISIONED")
    assert {type(outcome) for outcome in rig.deploy(update)} == {Done}
    assert is_protected(rig)
    assert rig.operations("UpdateTerminationProtection") == 0


def test_where_it_is_all_that_differs_it_is_the_plan(rig: Rig) -> None:
    rig.deploy()
    plan = rig.plan(PROTECTED)
    assert (plan.steps, plan.deferred, plan.deletions, plan.guards) == ((), (), (), ())
    assert [(protection.stack, protection.protect) for protection in plan.protections] == [(TABLE, True)]
    assert TABLE not in plan.unchanged
    assert read_plan(write_plan(plan), "plan.json") == plan
    rig.world.calls.clear()
    assert rig.execute(plan) == (Done(TABLE, "protected"),)
    assert rig.operations("ExecuteChangeSet") == 0
    assert is_protected(rig)
    assert rig.plan(PROTECTED).is_empty
    assert rig.execute(plan) == (Done(TABLE, "executed before"),)


def test_to_lift_it_has_to_be_said_and_allowed(rig: Rig) -> None:
    rig.deploy(PROTECTED)
    plan = rig.plan(LIFTED)
    assert [(hit.allow, hit.stack) for hit in plan.guards] == [(ALLOW, TABLE)]
    with pytest.raises(Stopped, match=ALLOW):
        rig.execute(plan)
    assert is_protected(rig)
    assert {type(outcome) for outcome in rig.execute(plan, allow=[ALLOW])} == {Done}
    assert not is_protected(rig)
    assert rig.plan(LIFTED).is_empty


def test_a_stack_that_is_not_there_yet_has_none_to_lift(rig: Rig) -> None:
    plan = rig.plan(LIFTED)
    assert (plan.protections, plan.guards) == ((), ())


@pytest.mark.slow
def test_a_stack_that_moved_since_is_left_alone(rig: Rig) -> None:
    rig.deploy()
    plan = rig.plan(PROTECTED)
    rig.deploy(edited(rig.deployment, TABLE, "BillingMode: PAY_PER_REQUEST", "BillingMode: PROVISIONED"))
    with pytest.raises(Stopped, match="not as it was planned for"):
        rig.execute(plan)
    assert not is_protected(rig)


def test_every_report_tells_of_it(rig: Rig) -> None:
    rig.deploy()
    line = "its termination protection is set"
    plan = rig.plan(PROTECTED)
    assert line in text.plan_text(plan).plain
    assert line in html.plan_page(plan, "plan.json")
    assert line in markdown.plan_markdown(plan, "plan.json")
    assert "1 to update" in text.plan_text(plan).plain
    assert f'"protections": {{"{TABLE}": true}}' in as_json.made(plan, rig.world.datetime())
    rig.execute(plan)
    lifted = rig.plan(LIFTED)
    assert "its termination protection is lifted" in text.plan_text(lifted).plain
    assert f"--allow {ALLOW}" in text.plan_text(lifted).plain
    assert as_json.made(lifted, rig.world.datetime()).count(ALLOW) == 1


def test_with_a_change_set_it_is_told_of_at_the_stack_s_last(rig: Rig) -> None:
    plan = rig.plan(PROTECTED)
    assert text.plan_text(plan).plain.count("its termination protection is set") == 1
    assert len(plan.protections) == 1


def test_the_manifest_says_it_only_where_somebody_has_said_it() -> None:
    written = (ROOT / "templates" / "manifest.json").read_bytes()
    manifest = read_manifest(written, "manifest.json")
    assert b"termination_protection" not in written
    assert {entry.termination_protection for entry in manifest.stacks} == {None}
    for protected in (True, False):
        stacks = tuple(replace(entry, termination_protection=protected) for entry in manifest.stacks)
        again = read_manifest(write_manifest(replace(manifest, stacks=stacks)), "manifest.json")
        assert {entry.termination_protection for entry in again.stacks} == {protected}
    null = written.replace(b'"needs": [],', b'"needs": [],\n      "termination_protection": null,', 1)
    assert {entry.termination_protection for entry in read_manifest(null, "manifest.json").stacks} == {None}
