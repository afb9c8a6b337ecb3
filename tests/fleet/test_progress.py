from typing import get_args

from builder.deploy.progress import Progress
from builder.fleet.progress import FleetProgress


def test_every_kind_has_an_event_of_its_own_and_says_which_stack_it_is_about_if_it_is_about_one() -> None:
    kinds = get_args(FleetProgress)
    assert set(get_args(Progress)) < set(kinds)
    fields = [kind.__dataclass_fields__ for kind in kinds]
    assert len({by_name["event"].default for by_name in fields}) == len(kinds)
    assert [by_name["event"].default for by_name in fields if "stack" not in by_name] == ["run.begun", "guard.allowed"]
