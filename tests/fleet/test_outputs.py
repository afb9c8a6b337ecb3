import pytest

from builder.errors import BadInput
from builder.fleet import RowFilter, observe_fleet_outputs
from builder.fleet.status import FleetOutputs
from fleet.rig import STORAGE, FleetRig
from fleet.stack_sets import ACCOUNTS, WEST, sites, stack_set

A, B, C = ACCOUNTS


def outputs(rig: FleetRig, role: str | None = None, **choice: tuple[str, ...]) -> FleetOutputs:
    _, sets = rig.observe()
    return rig.run(lambda: observe_fleet_outputs(sets, rig.clients, RowFilter(**choice), role))  # type: ignore[arg-type]  # by name


@pytest.mark.slow
def test_each_stack_is_asked_in_its_own_account_by_the_execution_role(deployed: FleetRig) -> None:
    fleet_outputs = outputs(deployed, stacks=(STORAGE,))
    assert {stack.account: dict(stack.outputs) for stack in fleet_outputs.stacks} == {
        account: {"Name": f"tap-dev-{account}-one"} for account in ACCOUNTS
    }
    assert fleet_outputs.failures == ()


def test_only_accounts_that_are_asked_for_are_called(deployed: FleetRig) -> None:
    deployed.world.calls.clear()
    fleet_outputs = outputs(deployed, accounts=(B,), role="reader")
    assert {stack.account for stack in fleet_outputs.stacks} == {B}
    assert len(fleet_outputs.stacks) == 2
    assert deployed.operations("AssumeRole") == 1
    assert {call.account for call in deployed.world.calls} <= {B, "111122223333"}


def test_an_account_that_does_not_answer_is_named_and_the_others_are_read(deployed: FleetRig) -> None:
    deployed.world.forbidden_roles.add(f"arn:aws:iam::{A}:role/tap-dev-execution")
    fleet_outputs = outputs(deployed, stacks=(STORAGE,))
    assert {stack.account for stack in fleet_outputs.stacks} == {B, C}
    (failure,) = fleet_outputs.failures
    assert failure.site in sites(WEST, A)
    assert "AssumeRole" in failure.reason


@pytest.mark.slow
def test_a_stack_that_never_came_into_being_has_no_outputs(rig: FleetRig) -> None:
    rig.world.script.fails("CREATE", "Bucket", reason="limit", account=A, region=WEST)
    rig.deploy()
    fleet_outputs = outputs(rig, stacks=(STORAGE,))
    assert {stack.account for stack in fleet_outputs.stacks} == {B, C}
    (failure,) = fleet_outputs.failures
    assert failure.site.account == A
    assert "no stack stands" in failure.reason


def test_a_service_managed_fleet_wants_to_be_told_a_role(deployed: FleetRig) -> None:
    bare = stack_set(STORAGE, is_service_managed=True)
    with pytest.raises(BadInput, match="service-managed") as caught:
        deployed.run(lambda: observe_fleet_outputs([bare], deployed.clients, RowFilter(), None))
    assert "OrganizationAccountAccessRole" in caught.value.next_step
