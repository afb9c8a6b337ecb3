import dataclasses
from typing import get_args

import pytest

from builder.deploy.progress import Allowed, Finished, FirstFailure, NotStarted, Planned, Progress, RunBegun
from builder.terms import StackId
from deploy.rig import Rig

ABOUT = {"stack", "stacks"}


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    names = [next(f.default for f in dataclasses.fields(kind) if f.name == "event") for kind in get_args(Progress)]
    assert len(set(names)) == len(names)


def test_every_event_is_about_a_stack_but_what_is_allowed_of_several() -> None:
    about_none = [kind for kind in get_args(Progress) if not {field.name for field in dataclasses.fields(kind)} & ABOUT]
    assert about_none == [Allowed]


def ended(rig: Rig) -> list[StackId]:
    well, badly, never = rig.events_of(Finished), rig.events_of(FirstFailure), rig.events_of(NotStarted)
    return sorted(
        [*(event.stack for event in well), *(event.stack for event in badly), *(event.stack for event in never)]
    )


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_names_its_stacks_first_and_each_of_them_once_more_when_it_ends(rig: Rig, *, fails: bool) -> None:
    plan = rig.plan()
    if fails:
        rig.world.script.fails("CREATE", "Table", reason="limit")
    rig.events.clear()
    rig.execute(plan)
    (run,) = rig.events_of(RunBegun)
    assert rig.events[0] == run
    assert run.what == "execute"
    assert ended(rig) == sorted(run.stacks) == sorted(step.stack for step in plan.steps)


def test_a_run_that_goes_on_from_another_says_what_was_done_before(rig: Rig) -> None:
    plan = rig.plan()
    rig.execute(plan)
    rig.events.clear()
    rig.execute(plan)
    assert {event.status for event in rig.events_of(Finished)} == {"executed before"}
    assert len(ended(rig)) == 5


@pytest.mark.slow
def test_planning_and_destroying_do_so_too(rig: Rig) -> None:
    rig.plan()
    (run,) = rig.events_of(RunBegun)
    assert (run.what, sorted(run.stacks)) == ("plan", sorted(event.stack for event in rig.events_of(Planned)))
    rig.deploy()
    rig.events.clear()
    rig.destroy()
    (run,) = rig.events_of(RunBegun)
    assert (run.what, sorted(run.stacks)) == ("destroy", ended(rig))
