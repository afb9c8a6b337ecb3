"""An account that comes back: its stacks, which stayed, are taken into their sets again, and nobody else's is."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import yaml

from builder.deploy import Deployment
from builder.errors import ExitCode, Stopped
from builder.fleet import FleetEnd, FleetPlan, execute_fleet, fleet_exit_code
from builder.fleet.imports import LOOKED_AT, is_of_set
from builder.fleet.progress import SetCancelled, SetDone, SetFailed
from builder.fleet.records import Skipped, StackImport
from builder.terms import AccountId, Region, Site, StackId
from fake_aws import Fault, Killed, Organization
from fake_aws.cloudformation.control import StackControl
from fake_aws.cloudformation.stack_sets.records import SetOperation
from fake_aws.organizations.records import ROOT
from fleet.inventory import Inventory, add_bystanders, take_inventory
from fleet.rig import BODY, CHANGED, STORAGE, FleetRig, copied, two_sets
from fleet.stack_sets import (
    ACCOUNTS,
    ADMIN,
    EAST,
    SELF_MANAGED,
    SERVICE_MANAGED,
    WEST,
    accounts,
    fleet_deployment,
    fleet_template,
    stack_set,
)
from samples import sampled

A, B, C = ACCOUNTS
ID, OTHER = StackId(STORAGE), StackId("us-east-1/storage")
SITES = [(ID, Site(AccountId(B), Region(WEST))), (OTHER, Site(AccountId(B), Region(EAST)))]
WITHOUT_B = two_sets(targets=accounts(A, C))


def in_accounts(inventory: Inventory) -> Inventory:
    """All but the stack that holds the sets."""
    return {place: stack for place, stack in inventory.items() if place.account != ADMIN}


@pytest.fixture
def left(deployed: FleetRig) -> FleetRig:
    """A fleet that an account has left with its stacks, stacks of others beside them in every account."""
    add_bystanders(deployed.world)
    deployed.drop(B, retain=True)
    deployed.execute(deployed.plan(WITHOUT_B))
    deployed.world.calls.clear()
    return deployed


def imports(plan: FleetPlan) -> list[tuple[StackId, Site]]:
    return [(planned.id, stack_import.site) for planned in plan.sets for stack_import in planned.imports]


def overrides(rig: FleetRig) -> list[str]:
    """The parameters that instances of the sets have of their own."""
    sets = [set_ for place in rig.world.places() for set_ in place.cloudformation.stack_sets.values()]
    return [name for set_ in sets for instance in set_.instances.values() for name in instance.overrides]


def assert_back(rig: FleetRig, plan: FleetPlan, before: Inventory) -> None:
    """Execute, and see that every stack is as it was, an instance of its set, and that nothing is left to do."""
    assert fleet_exit_code(rig.execute(plan)) is ExitCode.DONE
    assert in_accounts(take_inventory(rig.world)) == in_accounts(before)
    assert [instance.status for instance in rig.instances() if instance.site.account == B] == ["CURRENT"]
    assert overrides(rig) == []
    assert rig.plan().is_empty


@pytest.mark.slow
def test_who_is_named_again_has_its_stacks_imported_and_none_is_touched(left: FleetRig) -> None:
    before = take_inventory(left.world)
    plan = left.plan(two_sets())
    assert imports(plan) == SITES
    assert [(planned.does, planned.joining, planned.missing, planned.remarks) for planned in plan.sets] == [
        ("targets", (), (), ())
    ] * 2
    assert plan.ordinary.guards == ()
    assert_back(left, plan, before)
    assert left.operations("ImportStacksToStackSet") == 2


def test_who_never_left_the_targets_is_missed_and_imported_without_a_change_set(deployed: FleetRig) -> None:
    add_bystanders(deployed.world)
    before = take_inventory(deployed.world)
    deployed.drop(B, retain=True)
    plan = deployed.plan()
    assert (imports(plan), plan.ordinary.steps, plan.is_empty) == (SITES, (), False)
    assert_back(deployed, plan, before)


def try_to_create(rig: FleetRig) -> None:
    """Have StackSets try what auto-deployment tries when an account comes back."""
    for stack, region in ((ID, WEST), (OTHER, EAST)):
        rig.clients.cloudformation(WEST).create_stack_instances(
            StackSetName=stack_set(stack).name, Accounts=[B], Regions=[region]
        )
        rig.world.settle()


@pytest.mark.slow
def test_an_instance_that_could_not_be_created_is_taken_out_first(left: FleetRig) -> None:
    before = take_inventory(left.world)
    try_to_create(left)
    (failed,) = [instance for instance in left.instances() if instance.site.account == B]
    assert (failed.status, "already exists" in failed.reason) == ("OUTDATED", True)
    plan = left.plan(two_sets())
    assert (imports(plan), [planned.retries for planned in plan.sets]) == (SITES, [(), ()])
    assert_back(left, plan, before)
    retained = [operation.retain for operation in operations(left) if operation.action == "DELETE"]
    assert retained[-2:] == [True, True]


@pytest.mark.slow
def test_what_such_a_creation_leaves_of_its_own_is_not_in_the_way(left: FleetRig) -> None:
    before = take_inventory(left.world)
    failed_creation = f"StackSet-{stack_set(STORAGE).name}-{left.world.new_uuid()}"
    tags = dict(kept(left).record.deployed.tags)
    control = left.world.stack(failed_creation, account=B, region=WEST)
    control.deploy("Resources: {Topic: {Type: AWS::SNS::Topic}}", tags=tags)
    control.record.status = "ROLLBACK_COMPLETE"
    plan = left.plan(two_sets())
    assert (imports(plan), [planned.barred for planned in plan.sets]) == (SITES, [(), ()])
    assert fleet_exit_code(left.execute(plan)) is ExitCode.DONE
    after = in_accounts(take_inventory(left.world))
    assert {place: stack for place, stack in after.items() if failed_creation not in place.arn} == in_accounts(before)


def operations(rig: FleetRig) -> list[SetOperation]:
    sets = [set_ for place in rig.world.places() for set_ in place.cloudformation.stack_sets.values()]
    set_operations = [operation for set_ in sets for operation in set_.operations.values()]
    return sorted(set_operations, key=lambda operation: operation.created)


@pytest.mark.slow
def test_what_changes_meanwhile_reaches_it_after_the_import_if_that_is_allowed(left: FleetRig) -> None:
    before = take_inventory(left.world)
    plan = left.plan(two_sets(CHANGED))
    assert imports(plan) == SITES
    assert [hit.allow for hit in plan.ordinary.guards] == [f"{ID}/{B}"]
    for is_own in (False, True):
        with pytest.raises(Stopped, match="deploy who comes back by itself"):
            come_back(left, plan, own=is_own)
        assert take_inventory(left.world) == before
        plan = left.plan(two_sets(CHANGED))
    assert fleet_exit_code(left.execute(plan, [f"{ID}/{B}"])) is ExitCode.DONE
    after = take_inventory(left.world)
    assert after.keys() == before.keys()
    changed = {place.account for place in after if after[place]["template"] != before[place]["template"]}
    assert changed == {A, B, C, ADMIN}
    assert {instance.status for instance in left.instances()} == {"CURRENT"}


@pytest.mark.slow
def test_what_an_execution_had_imported_when_it_was_killed_has_to_be_allowed_as_well(left: FleetRig) -> None:
    kill_once(left, lambda: left.execute(left.plan(two_sets())), Fault.KILL_BEFORE, "ExecuteChangeSet")
    before = take_inventory(left.world)
    plan = left.plan(two_sets(CHANGED))
    assert (imports(plan), plan.sets[0].exposed) == ([], (SITES[0][1],))
    assert [hit.allow for hit in plan.ordinary.guards] == [f"{ID}/{B}"]
    for is_own in (False, True):
        with pytest.raises(Stopped, match="deploy who comes back by itself"):
            come_back(left, plan, own=is_own)
        assert take_inventory(left.world) == before
        plan = left.plan(two_sets(CHANGED))
    alone = left.plan(two_sets())
    assert alone.ordinary.guards == ()
    assert fleet_exit_code(left.execute(alone, [hit.allow for hit in alone.ordinary.pending])) is ExitCode.DONE
    assert in_accounts(take_inventory(left.world)) == in_accounts(before)


def kill_once(rig: FleetRig, work: Callable[[], object], kill: Fault, operation: str, nth: int = 1) -> None:
    rule = rig.world.faults.add(kill, operation=operation, nth=nth)
    with pytest.raises(Killed):
        work()
    rig.world.faults.revive()
    rig.world.faults.remove(rule)


@pytest.mark.slow
def test_what_is_imported_goes_with_an_update_that_fails_which_is_why_it_has_to_be_allowed(left: FleetRig) -> None:
    left.world.script.fails("UPDATE", "Topic", reason="limit", account=A, region=WEST, times=None)
    before = take_inventory(left.world, B)
    plan = left.plan(two_sets(CHANGED, FailureToleranceCount=0))
    assert fleet_exit_code(left.execute(plan, [hit.allow for hit in plan.ordinary.guards])) is ExitCode.FAILED
    assert take_inventory(left.world, B).keys() < before.keys()


@pytest.mark.slow
def test_who_comes_back_beside_one_that_joins_has_to_be_allowed(left: FleetRig) -> None:
    plan = left.plan(two_sets(targets=accounts(A, B, C, "777788889999")))
    assert [hit.allow for hit in plan.ordinary.guards] == [f"{ID}/{B}", f"{OTHER}/{B}"]


@pytest.mark.parametrize("role", ["reader", None])
def test_a_set_of_an_organization_imports_by_the_unit_where_a_role_may_look(rig: FleetRig, role: str | None) -> None:
    rig.world.organization = Organization(ADMIN, unit_of=dict.fromkeys(ACCOUNTS, ROOT))
    unit = rig.world.organization.unit("all", *ACCOUNTS)
    preferences = {"MaxConcurrentCount": 10, "FailureToleranceCount": 9}
    template = fleet_template({STORAGE: BODY}, {"OrganizationalUnitIds": [unit]}, SERVICE_MANAGED, preferences)
    rig.deploy(fleet_deployment(template))
    before = take_inventory(rig.world)
    rig.drop(B, retain=True)
    plan = rig.plan(role=role)
    if role is None:
        note = f"whether stacks of it stay in {B} {WEST} was not looked at: --role NAME looks, by a role there"
        assert (imports(plan), note in plan.sets[0].remarks) == ([], True)
        return
    assert [(stack_import.site.account, stack_import.unit) for stack_import in plan.sets[0].imports] == [(B, unit)]
    assert fleet_exit_code(rig.execute(plan)) is ExitCode.DONE
    assert in_accounts(take_inventory(rig.world)) == in_accounts(before)
    assert {instance.unit for instance in rig.instances()} == {unit}


def of_units(body: str, *units: str) -> Deployment:
    preferences = {"MaxConcurrentCount": 10, "FailureToleranceCount": 9}
    targets = {"OrganizationalUnitIds": list(units)}
    return fleet_deployment(fleet_template({STORAGE: body}, targets, SERVICE_MANAGED, preferences))


@pytest.mark.slow
def test_nothing_is_imported_into_a_place_that_the_change_set_deletes(rig: FleetRig) -> None:
    rig.world.organization = Organization(ADMIN, unit_of=dict.fromkeys(ACCOUNTS, ROOT))
    unit = rig.world.organization.unit("all", *ACCOUNTS)
    rig.deploy(of_units(BODY, unit))
    rig.drop(B, retain=True)
    rig.clients.cloudformation(WEST).create_stack_instances(
        StackSetName=stack_set(STORAGE).name,
        DeploymentTargets={"OrganizationalUnitIds": [unit], "Accounts": [B], "AccountFilterType": "INTERSECTION"},
        Regions=[WEST],
    )
    rig.world.settle()
    before = take_inventory(rig.world, B)
    plan = rig.plan(of_units(BODY, ROOT), role="reader")
    assert SITES[0][1] in plan.sets[0].leaving
    assert imports(plan) == []
    rig.execute(plan, [hit.allow for hit in plan.ordinary.guards])
    assert take_inventory(rig.world, B) == before


@pytest.mark.slow
def test_an_account_that_is_suspended_half_imported_holds_up_nobody(rig: FleetRig) -> None:
    rig.world.organization = Organization(ADMIN, unit_of=dict.fromkeys(ACCOUNTS, ROOT))
    rig.deploy(of_units(BODY, ROOT))
    rig.drop(B, retain=True)
    plan = rig.plan(role="reader")
    kill_once(rig, lambda: rig.execute(plan), Fault.KILL_AFTER, "ImportStacksToStackSet")
    rig.world.organization.suspended.add(B)
    rig.world.settle()
    again = copied(rig)
    end = come_back(again, plan, own=False)
    rig = copied(rig)
    assert (fleet_exit_code(end), [skip.site.account for skip in skipped(end)]) == (ExitCode.DONE, [B])
    newer = rig.plan(of_units(CHANGED, ROOT), role="reader")
    assert (imports(newer), [skip.site.account for skip in newer.sets[0].skipped]) == ([], [B])
    assert fleet_exit_code(rig.execute(newer)) is ExitCode.DONE
    assert {instance.site.account: instance.status for instance in rig.instances()} == {
        A: "CURRENT",
        B: "OUTDATED",
        C: "CURRENT",
    }
    assert rig.plan(role="reader").is_empty


def skipped(end: FleetEnd) -> tuple[Skipped, ...]:
    return tuple(each for outcome in end.sets if isinstance(outcome, SetDone) for each in outcome.skipped)


def kept(rig: FleetRig, region: str = WEST) -> StackControl:
    """The stack that stayed."""
    names = [
        place.arn.split("/")[1]
        for place, stack in take_inventory(rig.world, B).items()
        if place.region == region and "builder:fleet" in stack["tags"]
    ]
    return rig.world.stack(names[0], account=B, region=region)


def another_template(rig: FleetRig) -> None:
    record = kept(rig).record
    record.deployed.body = CHANGED


def halfway(rig: FleetRig) -> None:
    kept(rig).record.status = "UPDATE_ROLLBACK_FAILED"


def own_parameter(rig: FleetRig) -> None:
    kept(rig).record.deployed.parameters["EnvironmentSuffix"] = "other"


def a_second_one(rig: FleetRig) -> None:
    first = kept(rig)
    name = f"{first.name[:-36]}{rig.world.new_uuid()}"
    body = "Resources: {Topic: {Type: AWS::SNS::Topic}}"
    rig.world.stack(name, account=B, region=WEST).deploy(body, tags=dict(first.record.deployed.tags))


BARRED: dict[str, Callable[[FleetRig], None]] = {
    "its template is not the set's": another_template,
    "it is UPDATE_ROLLBACK_FAILED": halfway,
    "its parameter EnvironmentSuffix is not the set's": own_parameter,
    "stays there as well": a_second_one,
}


@pytest.mark.slow
@pytest.mark.parametrize("because", list(BARRED))
def test_what_cannot_be_imported_stops_it_until_named(left: FleetRig, because: str) -> None:
    BARRED[because](left)
    before = take_inventory(left.world)
    plan = left.plan(two_sets())
    (barred,) = [barred for planned in plan.sets for barred in planned.barred]
    assert because in barred.because
    assert any(because in remark for remark in plan.sets[0].remarks)
    assert [hit.allow for hit in plan.ordinary.guards] == [f"{ID}/{B}"]
    with pytest.raises(Stopped, match="not allowed yet") as caught:
        left.execute(plan)
    assert f"--allow {ID}/{B}" in caught.value.next_step
    assert take_inventory(left.world) == before
    # Who names it has it tried: it fails there, where names are taken, and the others go on.
    assert fleet_exit_code(left.execute(plan, [f"{ID}/{B}"])) is ExitCode.FAILED
    assert before.keys() <= take_inventory(left.world).keys()


@pytest.mark.slow
def test_a_parameter_that_nobody_may_see_is_not_imported(rig: FleetRig) -> None:
    secret = BODY.replace("{EnvironmentSuffix: {Type: String}}", "{EnvironmentSuffix: {Type: String, NoEcho: true}}")
    rig.deploy(two_sets(secret))
    rig.drop(B, retain=True)
    (barred,) = [barred for planned in rig.plan().sets for barred in planned.barred]
    assert barred.because == "its parameter EnvironmentSuffix is NoEcho, which no import takes"


def nobody_s(rig: FleetRig) -> None:
    """A stack of the set's name without its tags."""
    kept(rig).record.deployed.tags.clear()


def another_fleet_s(rig: FleetRig) -> None:
    kept(rig).record.deployed.tags["builder:fleet"] = "tap-prod"


def another_set_s(rig: FleetRig) -> None:
    kept(rig).record.deployed.tags["builder:stack"] = "us-west-2/other"


@pytest.mark.slow
@pytest.mark.parametrize("whose", [nobody_s, another_fleet_s, another_set_s])
def test_what_is_not_the_set_s_is_neither_imported_nor_in_the_way(
    left: FleetRig, whose: Callable[[FleetRig], None]
) -> None:
    whose(left)
    before = take_inventory(left.world)
    plan = left.plan(two_sets())
    assert imports(plan) == SITES[1:]
    assert [planned.barred for planned in plan.sets] == [(), ()]
    left.execute(plan)
    after = take_inventory(left.world)
    assert before.keys() <= after.keys()
    assert {place: after[place] for place in before if place.account == B} == {
        place: stack for place, stack in before.items() if place.account == B
    }


NAMED = f"StackSet-tap-dev-us-west-2-storage-{'0' * 8}-0000-0000-0000-{'0' * 12}"


@pytest.mark.parametrize(
    ("account", "region", "name", "is_own"),
    [
        (B, WEST, NAMED, True),
        (B, EAST, NAMED, False),
        (A, WEST, NAMED, False),
        (B, WEST, NAMED.replace("-storage", "-storage-of-theirs"), False),
        (B, WEST, NAMED[:-1], False),
        (B, WEST, f"other-{NAMED}", False),
        (B, WEST, "theirs", False),
    ],
)
def test_only_a_stack_that_the_set_s_name_made_can_be_its_own(
    account: str,
    region: str,
    name: str,
    is_own: bool,  # noqa: FBT001 - of the table
) -> None:
    site = Site(AccountId(B), Region(WEST))
    arn = f"arn:aws:cloudformation:{region}:{account}:stack/{name}/{'0' * 8}"
    assert is_of_set(stack_set(STORAGE), StackImport(site=site, stack=arn)) == is_own
    assert not is_of_set(stack_set(STORAGE), StackImport(site=site, stack=name))


@pytest.mark.slow
def test_a_plan_s_file_cannot_have_another_s_stack_imported(left: FleetRig) -> None:
    theirs = next(place.arn for place in take_inventory(left.world, B) if place.arn.split("/")[1] == "theirs")
    plan = left.plan(two_sets())
    forged = tuple(
        replace(planned, imports=tuple(replace(each, stack=theirs) for each in planned.imports))
        for planned in plan.sets
    )
    before = take_inventory(left.world, B)
    left.execute(replace(plan, sets=forged))
    assert left.operations("ImportStacksToStackSet") == 0
    assert take_inventory(left.world, B) == before


@pytest.mark.slow
def test_where_an_import_fails_nothing_more_is_begun_and_the_next_run_ends_it(left: FleetRig) -> None:
    before = take_inventory(left.world)
    left.world.script.fails_instance("not now", stack_set=stack_set(STORAGE).name, account=B, region=WEST)
    end = left.execute(left.plan(two_sets()))
    assert fleet_exit_code(end) is ExitCode.FAILED
    first, second = end.sets
    assert isinstance(first, SetFailed)
    assert [(failure.site.account, failure.reason) for failure in first.failures] == [(B, "not now")]
    assert isinstance(second, SetCancelled)
    assert end.ordinary == ()
    plan = left.plan(two_sets())
    assert imports(plan) == SITES
    assert any("was not imported: not now" in remark for remark in plan.sets[0].remarks)
    assert_back(left, plan, before)


@pytest.mark.slow
@pytest.mark.parametrize("is_killed", [True, False])
def test_where_an_import_fails_the_same_file_tries_it_again(left: FleetRig, is_killed: bool) -> None:  # noqa: FBT001 - of the table
    before = take_inventory(left.world)
    plan = left.plan(two_sets())
    left.world.script.takes(60, action="STACK_INSTANCE", stack=stack_set(STORAGE).name)
    for _ in range(2):
        left.world.script.fails_instance("not now", stack_set=stack_set(STORAGE).name, account=B, region=WEST)
        if is_killed:
            kill_once(left, lambda: come_back(left, plan, own=False), Fault.KILL_AFTER, "ImportStacksToStackSet")
        else:
            assert fleet_exit_code(come_back(left, plan, own=False)) is ExitCode.FAILED
    assert fleet_exit_code(come_back(left, plan, own=False)) is ExitCode.DONE
    assert in_accounts(take_inventory(left.world)) == in_accounts(before)


@pytest.mark.slow
def test_a_read_that_lags_and_a_call_that_is_refused_for_its_rate_mislead_nobody(left: FleetRig) -> None:
    before = take_inventory(left.world)
    left.world.faults.max_age_s = 3.0
    left.world.faults.add(Fault.STALE, probability=0.5)
    left.world.faults.add(Fault.THROTTLE, probability=0.2)
    left.world.faults.add(Fault.LOSE_ANSWER, operation="ImportStacksToStackSet", nth=1)
    plan = left.plan(two_sets())
    assert imports(plan) == SITES
    assert fleet_exit_code(come_back(left, plan, own=True)) is ExitCode.DONE
    left.world.faults.clear()
    assert in_accounts(take_inventory(left.world)) == in_accounts(before)
    assert (overrides(left), left.plan().is_empty) == ([], True)


@pytest.mark.slow
def test_where_nobody_may_look_the_plan_says_so(left: FleetRig) -> None:
    left.world.forbidden_roles.add(f"arn:aws:iam::{B}:role/tap-dev-execution")
    plan = left.plan(two_sets())
    assert imports(plan) == []
    assert [planned.joining for planned in plan.sets] == [(site,) for _, site in SITES]
    (remark,) = plan.sets[0].remarks
    assert remark.startswith(
        f"whether stacks of it stay in {B} {WEST} was not looked at: not allowed to call AssumeRole"
    )


@pytest.mark.slow
def test_parameters_that_the_template_gives_it_of_its_own_stay_its_own(rig: FleetRig) -> None:
    template = yaml.safe_load(fleet_template({STORAGE: BODY}, accounts(A, C)))
    properties = template["Resources"]["UsWest2Storage"]["Properties"]
    own = [{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "own"}]
    targets = {"DeploymentTargets": accounts(B), "Regions": [WEST], "ParameterOverrides": own}
    properties["StackInstancesGroup"].append(targets)
    properties["Parameters"] = [{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "dev"}]
    rig.deploy(fleet_deployment(yaml.safe_dump(template, sort_keys=False)))
    before = take_inventory(rig.world)
    rig.drop(B, retain=True)
    plan = rig.plan()
    assert (imports(plan), plan.sets[0].barred) == (SITES[:1], ())
    assert fleet_exit_code(rig.execute(plan)) is ExitCode.DONE
    assert in_accounts(take_inventory(rig.world)) == in_accounts(before)
    assert (overrides(rig), rig.plan().is_empty) == (["EnvironmentSuffix"], True)


@pytest.mark.slow
def test_ten_are_taken_in_by_one_call_and_a_file_goes_on_wherever_it_was_killed(rig: FleetRig) -> None:
    many = [f"{number:012d}" for number in range(1, 14)]
    template = fleet_template(
        {STORAGE: BODY}, accounts(*many), preferences={"MaxConcurrentCount": 100, "FailureToleranceCount": 99}
    )
    rig.deploy(fleet_deployment(template))
    before = take_inventory(rig.world)
    for account in many[1:]:
        rig.drop(account, retain=True)
    plan = rig.plan()
    assert len(plan.sets[0].imports) == 12
    for kill, nth in ((kill, nth) for kill in KILLS for nth in (1, 2)):
        killed = copied(rig)
        kill_once(killed, lambda rig=killed: come_back(rig, plan, own=False), kill, "ImportStacksToStackSet", nth)  # type: ignore[misc]
        assert come_back(killed, plan, own=False).sets == (SetDone(ID, 12),), (kill, nth)
        assert in_accounts(take_inventory(killed.world)) == in_accounts(before)
    whole = copied(rig)
    assert come_back(whole, plan, own=True).sets == (SetDone(ID, 12),)
    assert whole.operations("ImportStacksToStackSet") == 2
    assert in_accounts(take_inventory(whole.world)) == in_accounts(before)


KILLS = (Fault.KILL_BEFORE, Fault.KILL_AFTER)


def test_of_more_accounts_than_that_none_is_looked_into_unless_a_role_is_named(rig: FleetRig) -> None:
    rig.deploy(fleet_deployment(fleet_template({STORAGE: BODY}, accounts(A))))
    many = [f"{number:012d}" for number in range(1, LOOKED_AT + 2)]
    plan = rig.plan(fleet_deployment(fleet_template({STORAGE: BODY}, accounts(A, *many))))
    assert rig.operations("AssumeRole") == 0
    assert (
        f"whether stacks of it stay in {LOOKED_AT + 1} places such as {many[0]} {WEST} was not looked at"
        in plan.sets[0].remarks[0]
    )


@pytest.mark.slow
def test_to_another_permission_model_no_stack_is_touched_on_the_way_there(rig: FleetRig) -> None:
    rig.world.organization = Organization(ADMIN, unit_of=dict.fromkeys(ACCOUNTS, ROOT))
    preferences = {"MaxConcurrentCount": 10, "FailureToleranceCount": 9}

    def follows(**targets: object) -> Deployment:
        return fleet_deployment(
            fleet_template({STORAGE: BODY}, {"OrganizationalUnitIds": [ROOT], **targets}, SERVICE_MANAGED, preferences)
        )

    rig.deploy(fleet_deployment(fleet_template({STORAGE: BODY}, accounts(A, B), SELF_MANAGED, preferences)))
    before = in_accounts(take_inventory(rig.world))
    assert fleet_exit_code(rig.destroy(retain=True)) is ExitCode.DONE
    assert in_accounts(take_inventory(rig.world)) == before
    first = follows(Accounts=[C], AccountFilterType="INTERSECTION")
    assert fleet_exit_code(rig.execute(rig.plan(first))) is ExitCode.DONE
    plan = rig.plan(follows(), role="reader")
    assert [stack_import.site.account for stack_import in plan.sets[0].imports] == [A, B]
    assert (plan.sets[0].joining, plan.ordinary.guards) == ((), ())
    assert fleet_exit_code(rig.execute(plan)) is ExitCode.DONE
    after = in_accounts(take_inventory(rig.world))
    assert {place: stack for place, stack in after.items() if place.account != C} == before
    assert rig.plan().is_empty


MOST_CALLS = 300
# So many calls and kills are minutes of one processor. By turns it is a deployment and a plan's file that is killed.
TABLE = sampled(
    [((nth + place) % 2 == 0, kill, nth) for place, kill in enumerate(KILLS) for nth in range(1, MOST_CALLS)], every=97
)


@pytest.mark.acceptance
@pytest.mark.proof
def test_killed_right_before_or_after_any_call_the_same_command_again_has_it_back() -> None:
    original = FleetRig()
    original.have_deployed()
    add_bystanders(original.world)
    before = in_accounts(take_inventory(original.world))
    original.drop(B, retain=True)
    original.execute(original.plan(WITHOUT_B))
    try_to_create(original)
    rig = copied(original)
    rig.world.calls.clear()
    come_back(rig, own=True)
    assert 60 < len(rig.world.calls) < MOST_CALLS
    most = len(rig.world.calls) + 5
    for own, kill, nth in (each for each in TABLE if each[2] <= most):
        rig = copied(original)
        rule = rig.world.faults.add(kill, nth=nth)
        plan = None
        try:
            plan = rig.plan(two_sets())
            come_back(rig, plan, own=own)
        except Killed:
            rig.world.faults.revive()
        rig.world.faults.remove(rule)
        # The same file again where there is one; else what makes it, or `deploy` as a whole.
        end = come_back(rig, None if own else plan, own=own)
        assert fleet_exit_code(end) is ExitCode.DONE, (own, kill, nth)
        assert in_accounts(take_inventory(rig.world)) == before, (own, kill, nth)
        assert overrides(rig) == [], (own, kill, nth)
        assert rig.plan().is_empty, (own, kill, nth)


def come_back(rig: FleetRig, plan: FleetPlan | None = None, *, own: bool) -> FleetEnd:
    planned = plan or rig.plan(two_sets())
    trusted = replace(rig.trusted, is_own=own)
    return rig.run(lambda: execute_fleet(planned, trusted, rig.clients, rig.events.append))
