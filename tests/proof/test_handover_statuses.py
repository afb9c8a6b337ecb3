"""In whatever status the stacks are between which a table goes: it goes, or it is said what is in the way."""

from functools import cache

import pytest

from builder.deploy import Done
from builder.errors import Stopped
from builder.terms import STATUSES
from deploy.chained import make_deployment, make_stack
from deploy.handovers.test_handovers import (
    EAST,
    NEW,
    OLD,
    OUTPUT,
    PLAIN,
    REGIONAL,
    TOPIC,
    WEST,
    promotion,
    system,
    taking_in,
)
from deploy.rig import ACCOUNT, Rig
from fake_aws.cloudformation.control import StackControl
from samples import sampled

EMPTY = "Resources:\n  Placeholder: {Type: AWS::CloudFormation::WaitConditionHandle}\n"
ENDS = {
    "CREATE_IN_PROGRESS": "CREATE_COMPLETE",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_IN_PROGRESS": "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_IN_PROGRESS": "IMPORT_ROLLBACK_COMPLETE",
}
"""What an operation under way ends in."""
NOT_MADE_ANEW = frozenset({"CREATE_FAILED", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE"})
HALTED = frozenset({"UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED", "DELETE_FAILED"})
REFUSED = {
    ("old", "begun", "promoted"): NOT_MADE_ANEW | HALTED,
    ("old", "begun", "taken in"): NOT_MADE_ANEW | HALTED,
    ("new", "begun", "promoted"): HALTED,
    ("new", "begun", "taken in"): HALTED,
    ("new", "released", "promoted"): HALTED,
    ("new", "released", "taken in"): HALTED,
    # It has nothing any more, and is deleted; unless the assembly has it still.
    ("old", "released", "promoted"): frozenset[str](),
    ("old", "released", "taken in"): HALTED,
}
"""The statuses in which nothing can be done by us, of the stack that has the table, and the one that is to have it."""
UNREAL = {("old", "begun", status) for status in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")}
"""Such a stack holds nothing."""
CASES = [
    (side, moment, way, status)
    for side, moment, way in REFUSED
    for status in STATUSES
    if (side, moment, status) not in UNREAL
]


@cache
def start_of(way: str) -> Rig:
    rig = Rig()
    if way == "promoted":
        rig.deploy(system(EAST))
        rig.deployment, rig.promotion = system(WEST), promotion(WEST)
    else:
        rig.deploy(make_deployment(make_stack(OLD, f"Resources:\n{TOPIC}{REGIONAL}{OUTPUT}")))
        rig.deployment = taking_in(f"Resources:\n{PLAIN}")
        rig.world.session(ACCOUNT).client("dynamodb", EAST).put_item(TableName="orders", Item={"id": {"S": "one"}})
    return rig


@cache
def released(way: str) -> Rig:
    rig = copied(start_of(way))
    rig.world.script.fails("IMPORT", "Table", reason="not now")
    rig.deploy()
    return rig


def copied(rig: Rig) -> Rig:
    return Rig(
        rig.world.copied(),
        deployment=rig.deployment,
        promotion=rig.promotion,
        plans=rig.plans,
        planned=dict(rig.planned),
    )


def stack(rig: Rig, side: str, way: str) -> StackControl:
    if way == "promoted":
        return rig.world.stack("tap-dev-table", region=EAST if side == "old" else WEST)
    return rig.world.stack("tap-dev-old" if side == "old" else "tap-dev-orders", region=EAST)


def put(rig: Rig, side: str, way: str, status: str) -> None:
    handle = stack(rig, side, way)
    if side == "new" and status not in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"} and not handle.exists:
        tag = "us-west-2/table" if way == "promoted" else NEW
        handle.deploy(EMPTY, tags={"builder:deployment": "tap-dev", "builder:stack": tag})
    handle.put(status)
    if status in ENDS:
        handle.then(ENDS[status], after_s=30)


def data(rig: Rig, way: str) -> object:
    if way == "promoted":
        table = rig.world.tables[ACCOUNT, "tap-dev-global"]
        return table.created, {region: replica.items for region, replica in table.replicas.items()}
    client = rig.world.session(ACCOUNT).client("dynamodb", EAST)
    return client.describe_table(TableName="orders")["Table"]["CreationDateTime"], client.scan(TableName="orders")[
        "Items"
    ]


def end(side: str, moment: str, way: str, status: str) -> str:
    """What becomes of a plan that is made with a stack in this status."""
    start = start_of(way) if moment == "begun" else released(way)
    rig = copied(start)
    put(rig, side, way, status)
    try:
        plan = rig.plan()
        # Where nobody can tell any more who has released the table, its import is asked about.
        assert {hit.allow for hit in plan.guards} <= ({"us-east-1/orders/Table"} if side == "old" else set())
        outcomes = rig.execute(plan, allow=[hit.allow for hit in plan.guards])
    except Stopped as refusal:
        # What ends the deletion of one stack ends no deployment's.
        finishes = "builder destroy    finishes" in refusal.next_step and (side, moment) != ("old", "released")
        ran = rig.operations("ExecuteChangeSet") - start.operations("ExecuteChangeSet")
        return "refused" if not (finishes or ran) else f"{ran} ran: {refusal.next_step}"
    finally:
        assert data(rig, way) == data(start, way)
    is_done = all(isinstance(outcome, Done) for outcome in outcomes) and rig.plan().is_empty
    return "done" if is_done else f"{outcomes}"


@pytest.mark.parametrize("turn", range(4))
def test_a_table_goes_from_stack_to_stack_in_whatever_status_they_are(turn: int) -> None:
    failures = []
    for side, moment, way, status in sampled(CASES, every=9)[turn::4]:
        settled = ENDS.get(status, status)
        expected = "refused" if settled in REFUSED[side, moment, way] else "done"
        if (result := end(side, moment, way, status)) != expected:
            failures.append(f"{side} {moment} {way} {status}: {result[:300]}")
    assert failures == []
