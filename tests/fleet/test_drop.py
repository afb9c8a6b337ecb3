"""An account leaves: closed, its role gone, or by somebody's will; before dr.yaml is edited, or after."""

import asyncio
from collections.abc import Callable

import pytest

from builder.deploy.progress import Waiting
from builder.errors import ExitCode, Stopped
from builder.fleet import execute_fleet, fleet_exit_code
from builder.fleet.drop import AccountTarget, LeavingAccount, find_targets, find_unreachable
from builder.fleet.progress import Failure, SetDone, SetFailed
from builder.fleet.records import Definition, Targets
from builder.report.fleet import targeted_text
from builder.terms import AccountId, Region, Site, StackId
from fake_aws import Fault, Killed, Organization
from fake_aws.organizations.records import ROOT
from fleet.inventory import Inventory, Place, add_bystanders, take_inventory
from fleet.rig import STORAGE, FleetRig, copied, two_sets
from fleet.stack_sets import (
    ACCOUNTS,
    ADMIN,
    EAST,
    FLEET,
    SERVICE_MANAGED,
    WEST,
    accounts,
    fleet_deployment,
    fleet_template,
    stack_set,
)
from samples import sampled

A, B, C = ACCOUNTS
ID, LATER = StackId(STORAGE), StackId("us-east-1/storage")
LACKS_ADMINISTRATION = (
    f"Account {ADMIN} should have 'tap-dev-administration' role with trust relationship to CloudFormation service."
)
OUT, MOVE = f"take {B} out of fleet.accounts in dr.yaml", f"move {B} out of ou-1"
EXECUTION = f"arn:aws:iam::{B}:role/tap-dev-execution"


def of(account: str, inventory: Inventory) -> Inventory:
    return {place: stack for place, stack in inventory.items() if place.account == account}


def without(account: str, inventory: Inventory) -> Inventory:
    """The stacks of all other accounts, but for the one that holds the sets."""
    return {place: stack for place, stack in inventory.items() if place.account not in {account, ADMIN}}


def lose_role(rig: FleetRig) -> None:
    rig.world.forbidden_roles.add(EXECUTION)


@pytest.fixture
def peopled(deployed: FleetRig) -> FleetRig:
    """A deployed fleet, with stacks of others beside it in every account."""
    add_bystanders(deployed.world)
    return deployed


def test_whose_role_is_gone_leaves_with_no_stack_touched_and_the_next_deployment_ends_well(peopled: FleetRig) -> None:
    lose_role(peopled)
    before = take_inventory(peopled.world)
    leaving = peopled.leaving(B)
    assert [(stack.stack_set.id, stack.instance.site.account) for stack in leaving.stacks] == [(LATER, B), (ID, B)]
    assert EXECUTION in leaving.unreachable
    assert (leaving.retain, leaving.deleted, leaving.targeted_by) == (True, (), (AccountTarget(),))
    end = peopled.drop(B)
    assert end.sets == (SetDone(ID, 1), SetDone(LATER, 1))
    assert take_inventory(peopled.world) == before
    assert {instance.site.account for instance in peopled.instances()} == {A, C}
    end = peopled.execute(peopled.plan(two_sets(targets=accounts(A, C))))
    assert fleet_exit_code(end) is ExitCode.DONE
    after = take_inventory(peopled.world)
    assert of(B, after) == of(B, before)
    assert without(B, after) == without(B, before)
    assert peopled.plan().is_empty


@pytest.mark.slow
def test_after_a_deployment_without_it_has_failed_it_leaves_and_the_next_one_ends_well(peopled: FleetRig) -> None:
    lose_role(peopled)
    before = take_inventory(peopled.world)
    edited = two_sets(targets=accounts(A, C), FailureToleranceCount=0)
    plan = peopled.plan(edited)
    end = peopled.execute(plan, [f"*/*/{B}"])
    assert fleet_exit_code(end) is ExitCode.FAILED
    failures = [
        (failure.site, failure.reason) for set_ in end.sets if isinstance(set_, SetFailed) for failure in set_.failures
    ]
    assert find_unreachable(failures) == (B,)
    assert fleet_exit_code(peopled.drop(B)) is ExitCode.DONE
    assert of(B, take_inventory(peopled.world)) == of(B, before)
    end = peopled.execute(peopled.plan(edited))
    assert fleet_exit_code(end) is ExitCode.DONE
    after = take_inventory(peopled.world)
    assert of(B, after) == of(B, before)
    assert {place: stack["status"] for place, stack in without(B, after).items()} == {
        place: stack["status"] for place, stack in without(B, before).items()
    }
    assert peopled.leaving(B).targeted_by == ()


def test_of_one_that_can_be_reached_the_stacks_are_deleted_those_first_that_need_others(peopled: FleetRig) -> None:
    before = take_inventory(peopled.world)
    assert len(peopled.leaving(B).deleted) == 2
    end = peopled.drop(B)
    assert end.sets == (SetDone(ID, 1), SetDone(LATER, 1))
    after = take_inventory(peopled.world)
    gone = {
        place.arn.split("/")[1][: -len("-00000000-0000-0000-0000-000000000000")]
        for place in before.keys() - after.keys()
    }
    assert gone == {"StackSet-tap-dev-us-east-1-storage", "StackSet-tap-dev-us-west-2-storage"}
    assert after.keys() < before.keys()
    assert without(B, after) == without(B, before)
    calls = [call for call in peopled.world.calls if call.operation == "DeleteStackInstances"]
    assert len(calls) == 2


@pytest.mark.slow
def test_what_is_in_a_bucket_keeps_what_needs_it_and_a_second_run_with_a_role_ends_it(peopled: FleetRig) -> None:
    client = peopled.world.session(B).client("s3", EAST)
    client.put_object(Bucket=f"tap-dev-{B}-later", Key="key", Body=b"x")
    end = peopled.drop(B)
    assert {outcome.stack: type(outcome) for outcome in end.sets} == {ID: SetFailed, LATER: SetFailed}
    assert fleet_exit_code(peopled.drop(B, role="cleaner")) is ExitCode.DONE
    assert peopled.leaving(B).stacks == ()


def test_what_stack_sets_has_found_out_counts_where_the_role_can_be_taken(peopled: FleetRig) -> None:
    before = take_inventory(peopled.world)
    lacks = (
        f"Account {B} should have 'tap-dev-execution' role with trust relationship to Role 'tap-dev-administration'."
    )
    peopled.world.script.fails_instance(lacks, account=B, times=None)
    assert fleet_exit_code(peopled.drop(B)) is ExitCode.FAILED
    leaving = peopled.leaving(B)
    assert (leaving.unreachable, leaving.deleted) == (lacks, ())
    assert fleet_exit_code(peopled.drop(B)) is ExitCode.DONE
    assert take_inventory(peopled.world) == before


def test_retained_by_will_no_stack_is_touched(peopled: FleetRig) -> None:
    before = take_inventory(peopled.world)
    assert fleet_exit_code(peopled.drop(B, retain=True)) is ExitCode.DONE
    assert take_inventory(peopled.world) == before
    assert peopled.leaving(B).stacks == ()
    assert all(isinstance(outcome, SetDone) and outcome.instances == 0 for outcome in peopled.drop(B, retain=True).sets)


@pytest.mark.slow
def test_who_came_back_and_leaves_again_is_no_repeat_of_the_first_time(peopled: FleetRig) -> None:
    for _ in range(2):
        assert fleet_exit_code(peopled.drop(B)) is ExitCode.DONE
        assert peopled.leaving(B).stacks == ()
        assert fleet_exit_code(peopled.execute(peopled.plan())) is ExitCode.DONE
        assert len(peopled.leaving(B).stacks) == 2


CLOSED: dict[str, Callable[[Organization], None]] = {
    "SUSPENDED": lambda organization: organization.suspended.add(B),
    "CLOSED": lambda organization: organization.closed.update({B: "CLOSED"}),
    "PENDING_CLOSURE": lambda organization: organization.closed.update({B: "PENDING_CLOSURE"}),
    "not in the organization": lambda organization: organization.unit_of.__delitem__(B),
}


@pytest.mark.slow
@pytest.mark.parametrize("state", list(CLOSED))
def test_a_closed_account_leaves_a_fleet_that_follows_the_organization(rig: FleetRig, state: str) -> None:
    rig.world.organization = organization = Organization(ADMIN, unit_of=dict.fromkeys(ACCOUNTS, ROOT))
    preferences = {"MaxConcurrentCount": 10, "FailureToleranceCount": 9}
    template = fleet_template(None, {"OrganizationalUnitIds": [ROOT]}, SERVICE_MANAGED, preferences)
    rig.deploy(fleet_deployment(template))
    before = take_inventory(rig.world)
    CLOSED[state](organization)
    leaving = rig.leaving(B)
    assert state in leaving.unreachable
    assert leaving.targeted_by == ()
    assert fleet_exit_code(rig.drop(B)) is ExitCode.DONE
    assert take_inventory(rig.world) == before
    assert rig.leaving(B).stacks == ()
    end = rig.execute(rig.plan())
    assert fleet_exit_code(end) is ExitCode.DONE
    assert take_inventory(rig.world) == before


@pytest.mark.parametrize(
    ("targets", "edits"),
    [
        (Targets(accounts=(AccountId(B),)), [OUT]),
        (Targets(accounts=(AccountId(A),)), []),
        (
            Targets(units=("ou-1",)),
            [f'{MOVE}, or leave it out in dr.yaml: accounts: ["{B}"], account_filter: difference'],
        ),
        (Targets(units=("ou-2",)), []),
        (Targets(units=("ou-1",), accounts=(AccountId(B),), filter="DIFFERENCE"), []),
        (
            Targets(units=("ou-1", "ou-3"), accounts=(AccountId(A),), filter="DIFFERENCE"),
            [f"add {B} to fleet.accounts in dr.yaml, whom account_filter: difference leaves out"],
        ),
        (Targets(units=("ou-1", "ou-3"), accounts=(AccountId(A), AccountId(B)), filter="INTERSECTION"), [OUT]),
        (Targets(units=("ou-1",), accounts=(AccountId(A),), filter="INTERSECTION"), []),
        (Targets(units=("ou-2",), accounts=(AccountId(B),), filter="UNION"), [OUT]),
        (Targets(units=("ou-1",), accounts=(AccountId(A),), filter="UNION"), [MOVE]),
    ],
)
def test_what_still_aims_at_it_is_told_with_the_edit_that_ends_it_for_nobody_else(
    targets: Targets, edits: list[str]
) -> None:
    definition = Definition(stack_set=stack_set(), body=None, parameters={}, targets=(targets,))
    targeted_by = tuple(find_targets([definition], AccountId(B), ["ou-1", "ou-3"]))
    text = targeted_text(LeavingAccount(account=AccountId(B), targeted_by=targeted_by))
    assert text.removeprefix("the fleet's stack still aims at the account: ").split("; ")[:-1] == edits


def test_only_a_role_that_cannot_be_taken_tells_of_an_account_that_cannot_be_reached() -> None:
    site = Site(AccountId(B), Region(WEST))
    lacks = f"Account {B} should have 'tap-dev-execution' role with trust relationship to Role 'administration'."
    assert find_unreachable([(site, lacks), (site, lacks)]) == (B,)
    assert find_unreachable([(site, "not allowed to call AssumeRole: no")]) == (B,)
    assert find_unreachable([(site, "limit"), (Site(None, Region(WEST)), lacks)]) == ()
    administering = Site(AccountId(ADMIN), Region(WEST))
    assert find_unreachable([(place, LACKS_ADMINISTRATION) for place in (site, administering)]) == ()
    assert find_unreachable([(site, lacks.replace(B, C))]) == ()


def test_where_the_administration_role_is_gone_no_account_is_taken_for_lost(peopled: FleetRig) -> None:
    peopled.world.script.fails_instance(LACKS_ADMINISTRATION, account=B, times=None)
    assert fleet_exit_code(peopled.drop(B)) is ExitCode.FAILED
    leaving = peopled.leaving(B)
    assert (leaving.unreachable, len(leaving.deleted)) == ("", 2)


def create_in(rig: FleetRig, stack: str, region: str) -> None:
    """Have somebody's operation create a stack for the account, or fail to."""
    client = rig.clients.cloudformation(WEST)
    client.create_stack_instances(StackSetName=stack_set(stack).name, Accounts=[B], Regions=[region])
    rig.world.settle()


@pytest.mark.slow
def test_what_is_imported_while_somebody_reads_stays_with_all_that_is_in_it(peopled: FleetRig) -> None:
    before = take_inventory(peopled.world)
    peopled.drop(B, retain=True)
    create_in(peopled, STORAGE, WEST)
    create_in(peopled, LATER, EAST)
    leaving = peopled.leaving(B)
    assert len(leaving.deleted) == 2  # what the failed creations have left
    assert fleet_exit_code(peopled.execute(peopled.plan())) is ExitCode.DONE
    end = peopled.drop_shown(leaving)
    assert end.sets == tuple(
        SetFailed(stack, (Failure(Site(AccountId(B), region), "came while the others went"),))
        for stack, region in ((ID, WEST), (LATER, EAST))
    )
    assert take_inventory(peopled.world) == before
    assert len(peopled.leaving(B).deleted) == 2


@pytest.mark.slow
def test_what_an_operation_that_runs_then_brings_is_waited_for_and_stays(peopled: FleetRig) -> None:
    client, name = peopled.clients.cloudformation(WEST), stack_set(STORAGE).name
    client.delete_stack_instances(StackSetName=name, Accounts=[B], Regions=[WEST], RetainStacks=False)
    peopled.world.settle()
    peopled.world.script.fails("CREATE", "Topic", reason="limit", account=B, region=WEST)
    create_in(peopled, STORAGE, WEST)
    leaving = peopled.leaving(B)
    assert [stack.stack_set.id for stack in leaving.deleted] == [LATER, ID]
    peopled.world.script.takes(600, action="STACK_INSTANCE", region=WEST)
    client.update_stack_instances(StackSetName=name, Accounts=[B], Regions=[WEST])
    first, later = peopled.drop_shown(leaving).sets
    assert later == SetDone(LATER, 1)
    assert first == SetFailed(ID, (Failure(Site(AccountId(B), WEST), "came while the others went"),))
    assert [event.stack for event in peopled.events_of(Waiting)] == [ID]
    (left,) = peopled.leaving(B).deleted
    assert peopled.world.stack(left.instance.stack.split("/")[1], account=B, region=WEST).status == "CREATE_COMPLETE"


@pytest.mark.slow
def test_what_a_deployment_that_runs_creates_is_shown_too(deployed: FleetRig) -> None:
    joins = "777788889999"
    plan = deployed.plan(two_sets(targets=accounts(*ACCOUNTS, joins)))
    fleet = deployed.removal()

    async def look_in_between() -> LeavingAccount:
        running = asyncio.ensure_future(execute_fleet(plan, deployed.trusted, deployed.clients, deployed.events.append))
        await asyncio.sleep(3)
        leaving = await deployed.look_at_leaving(joins, fleet)
        await running
        return leaving

    leaving = deployed.run(look_in_between)
    assert [event.stack for event in deployed.events_of(Waiting)] == [FLEET]
    assert [stack.stack_set.id for stack in leaving.deleted] == [LATER, ID]


def test_where_no_stack_was_shown_none_is_deleted(peopled: FleetRig) -> None:
    for set_ in peopled.world._regions[ADMIN, WEST].cloudformation.stack_sets.values():
        for instance in set_.instances.values():
            instance.stack_id = None if instance.account == B else instance.stack_id
    leaving = peopled.leaving(B)
    assert (len(leaving.stacks), leaving.keeps) == (2, True)
    before = take_inventory(peopled.world)
    assert fleet_exit_code(peopled.drop_shown(leaving)) is ExitCode.DONE
    assert take_inventory(peopled.world) == before
    retained = [call.params["RetainStacks"] for call in peopled.world.calls if call.operation == "DeleteStackInstances"]
    assert retained == [True, True]


@pytest.mark.parametrize("retain", [False, True])
def test_a_departure_that_does_otherwise_with_the_stacks_is_not_joined(
    peopled: FleetRig,
    retain: bool,  # noqa: FBT001 - of the table
) -> None:
    rule = peopled.world.faults.add(Fault.KILL_AFTER, operation="DeleteStackInstances", nth=1)
    with pytest.raises(Killed):
        peopled.drop(B, retain=retain)
    peopled.world.faults.revive()
    peopled.world.faults.remove(rule)
    with pytest.raises(Stopped) as stopped:
        peopled.leaving(B, retain=not retain)
    assert "fleet stop" in stopped.value.next_step
    peopled.world.settle()
    before = of(B, take_inventory(peopled.world))
    leaving = peopled.leaving(B, retain=not retain)
    assert [stack.stack_set.id for stack in leaving.stacks] == [ID]
    assert fleet_exit_code(peopled.drop_shown(leaving)) is ExitCode.DONE
    assert len(before) - len(of(B, take_inventory(peopled.world))) == len(leaving.deleted)


KILLS = (Fault.KILL_BEFORE, Fault.KILL_AFTER)
MOST_CALLS = 100
# So many calls and kills are a minute of one processor: each day sees every seventh.
TABLE = sampled(
    [(retain, kill, nth) for retain in (False, True) for kill in KILLS for nth in range(1, MOST_CALLS)], every=47
)


@pytest.mark.proof
def test_killed_right_before_or_after_any_call_the_same_command_again_takes_it_out() -> None:
    original = FleetRig()
    original.have_deployed()
    add_bystanders(original.world)
    expected, most = {}, 0
    for retain in (False, True):
        rig = copied(original)
        rig.world.calls.clear()
        rig.drop(B, retain=retain)
        most = max(most, len(rig.world.calls))
        expected[retain] = take_inventory(rig.world)
    assert 20 < most < MOST_CALLS
    for retain, kill, nth in TABLE:
        rig = copied(original)
        rule = rig.world.faults.add(kill, nth=nth)
        try:
            rig.drop(B, retain=retain)
        except Killed:
            rig.world.faults.revive()
        rig.world.faults.remove(rule)
        end = rig.drop(B, retain=retain)
        assert fleet_exit_code(end) is ExitCode.DONE, (retain, kill, nth)
        assert rig.leaving(B).stacks == (), (retain, kill, nth)
        assert names(take_inventory(rig.world)) == names(expected[retain]), (retain, kill, nth)
        deletions = {
            operation.id
            for place in rig.world._regions.values()
            for set_ in place.cloudformation.stack_sets.values()
            for operation in set_.operations.values()
            if operation.action == "DELETE" and operation.results
        }
        assert len(deletions) == 2, (retain, kill, nth)


def names(inventory: Inventory) -> dict[Place, tuple[object, ...]]:
    """Return the stacks with what was done to them; a copy of a world gives its new stacks the same ids."""
    return {place: (stack["status"], tuple(stack["operations"])) for place, stack in inventory.items()}


@pytest.mark.slow
@pytest.mark.parametrize("retain", [False, True])
def test_a_read_that_lags_and_a_call_that_is_refused_for_its_rate_mislead_nobody(
    peopled: FleetRig,
    retain: bool,  # noqa: FBT001 - of the table
) -> None:
    peopled.world.faults.max_age_s = 3.0
    peopled.world.faults.add(Fault.STALE, probability=0.5)
    peopled.world.faults.add(Fault.THROTTLE, probability=0.2)
    peopled.world.faults.add(Fault.LOSE_ANSWER, operation="DeleteStackInstances", nth=1)
    assert fleet_exit_code(peopled.drop(B, retain=retain)) is ExitCode.DONE
    peopled.world.faults.clear()
    assert peopled.leaving(B).stacks == ()


def test_the_fleet_s_stack_is_left_alone(peopled: FleetRig) -> None:
    before, _ = peopled.observe()
    peopled.drop(B)
    after, _ = peopled.observe()
    assert [(contents.id, contents.stack.last_change) for contents in after] == [
        (contents.id, contents.stack.last_change) for contents in before
    ]
    assert [contents.id for contents in after] == [FLEET]
