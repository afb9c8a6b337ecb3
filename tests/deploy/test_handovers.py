"""Data that changes hands: a promotion, and data that was there before, planned and executed on the fake."""

import pytest

from builder.assembly.render import make_assembly
from builder.deploy import Deployment, Done, PlanRequest, Promotion
from builder.deploy import make_deployment as bind
from builder.errors import Stopped
from builder.terms import Region
from deploy.rig import Rig
from wanted import make_wanted

EAST, WEST = Region("us-east-1"), Region("us-west-2")


def system(primary: Region) -> Deployment:
    """The system with this primary, everything named by where it was born."""
    secondary = WEST if primary == EAST else EAST
    assembly = make_assembly(make_wanted(regions={"primary": primary, "secondaries": [secondary], "born": EAST}))
    return bind(assembly.manifest, assembly.templates, "dev")


def promotion(to: Region) -> Promotion:
    came_from = WEST if to == EAST else EAST
    return Promotion(deployment="tap-dev", to=to, came_from=came_from, at="2026-01-01T00:00:00Z")


@pytest.fixture
def deployed(rig: Rig) -> Rig:
    rig.deployment = system(EAST)
    rig.deploy()
    rig.world.calls.clear()
    return rig


def promote(rig: Rig, to: Region) -> None:
    rig.promotion = promotion(to)
    rig.deployment = system(to)
    plan = rig.plan()
    assert not plan.guards
    moved = [
        change for step in plan.change_sets for change in step.changes if change.is_moved or change.action == "Import"
    ]
    assert [(change.action, change.other_stack) for change in moved] == [
        ("Import", f"{rig.promotion.came_from}/table"),
        ("Remove", f"{to}/table"),
    ]
    outcomes = rig.execute(plan)
    assert all(isinstance(outcome, Done) for outcome in outcomes)


def test_a_swap_is_refused_with_the_words_that_say_what_to_do(deployed: Rig) -> None:
    with pytest.raises(Stopped, match="us-east-1/tap-dev-table's") as caught:
        deployed.plan(system(WEST))
    assert "builder promote us-west-2" in caught.value.next_step
    assert deployed.operations("CreateChangeSet") == 0


def test_a_promotion_moves_the_table_from_stack_to_stack_and_back(deployed: Rig) -> None:
    for to in (WEST, EAST):
        promote(deployed, to)
        again = deployed.plan(wish=PlanRequest())
        assert again.is_empty, again.work
        assert not again.orphans
