import pytest

from builder.deploy import Done, StackFailed, Superseded
from builder.errors import ExitCode
from builder.fleet.progress import Failure, FleetEnd, SetCancelled, SetDone, SetFailed, fleet_exit_code
from builder.terms import StackId
from fleet.stack_sets import ACCOUNTS, FLEET, WEST, sites

ID = StackId("us-west-2/storage")
DONE, GOOD = Done(FLEET, "UPDATE_COMPLETE"), SetDone(ID, 3)
FAILED = SetFailed(ID, (Failure(sites(WEST, *ACCOUNTS)[0], "limit"),))


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (FleetEnd(()), ExitCode.DONE),
        (FleetEnd((DONE,), (GOOD, GOOD)), ExitCode.DONE),
        (FleetEnd((DONE,), (GOOD, FAILED)), ExitCode.FAILED),
        (FleetEnd((DONE,), (SetFailed(ID, ()),)), ExitCode.FAILED),
        (FleetEnd((DONE,), (SetCancelled(ID, "x"),)), ExitCode.STOPPED),
        (FleetEnd((Superseded(FLEET, "x"),), (FAILED,)), ExitCode.FAILED),
        (FleetEnd((StackFailed(FLEET, "UPDATE_FAILED", "", "x"),), (GOOD,)), ExitCode.FAILED),
        (FleetEnd((Superseded(FLEET, "x"),), (GOOD,)), ExitCode.STOPPED),
    ],
)
def test_a_failed_instance_never_ends_in_0(end: FleetEnd, code: ExitCode) -> None:
    assert fleet_exit_code(end) is code
