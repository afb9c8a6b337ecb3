import pytest

from builder.fleet.status import FleetRow, RowFilter, choose, observe_status
from builder.terms import AccountId, Region, StackId
from fleet.rig import STORAGE, FleetRig
from fleet.stack_sets import ACCOUNTS

A, B = AccountId("1" * 12), AccountId("2" * 12)


def row(account: AccountId, region: str = "us-west-2", stack: str = "us-west-2/storage", **fields: str) -> FleetRow:
    values = {
        "status": "CURRENT",
        "detailed_status": "",
        "reason": "",
        "drift": "NOT_CHECKED",
        "operation": "",
        **fields,
    }
    return FleetRow(account=account, region=Region(region), stack=StackId(stack), **values)


WELL, EAST = row(A), row(A, "us-east-1", "us-east-1/table")
BAD, DRIFTED = row(B, status="OUTDATED", reason="limit"), row(B, drift="DRIFTED")
ROWS = (WELL, EAST, BAD, DRIFTED)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (RowFilter(), ROWS),
        (RowFilter(accounts=(A,)), (WELL, EAST)),
        (RowFilter(regions=("us-east-1",)), (EAST,)),
        (RowFilter(stacks=("us-west-2/storage",)), (WELL, BAD, DRIFTED)),
        (RowFilter(failed=True), (BAD, DRIFTED)),
        (RowFilter(accounts=(A,), failed=True), ()),
    ],
)
def test_only_what_is_asked_for_is_chosen(choice: RowFilter, expected: tuple[FleetRow, ...]) -> None:
    assert choose(ROWS, choice) == expected


def test_only_what_is_asked_for_is_listed(deployed: FleetRig) -> None:
    _, sets = deployed.observe()
    deployed.world.calls.clear()
    choice = RowFilter(accounts=ACCOUNTS[:2], stacks=(STORAGE,))
    rows = deployed.run(lambda: observe_status(sets, deployed.clients, choice))
    assert [(row.account, row.stack, row.status) for row in rows] == [
        (account, STORAGE, "CURRENT") for account in ACCOUNTS[:2]
    ]
    assert rows[0].operation.startswith("CREATE SUCCEEDED ")
    listings = [call.params for call in deployed.world.calls if call.operation == "ListStackInstances"]
    assert [params["StackInstanceAccount"] for params in listings] == list(ACCOUNTS[:2])
    assert len(deployed.run(lambda: observe_status(sets, deployed.clients))) == 6
