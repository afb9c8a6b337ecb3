import dataclasses
from typing import get_args

from builder.deploy.progress import Progress


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    names = [next(f.default for f in dataclasses.fields(kind) if f.name == "event") for kind in get_args(Progress)]
    assert len(set(names)) == len(names)


def test_every_event_is_about_a_stack() -> None:
    assert all("stack" in {field.name for field in dataclasses.fields(kind)} for kind in get_args(Progress))
