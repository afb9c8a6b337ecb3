"""Which runs have died."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from on_aws.mark import RUN, TAG, Mark, find_mark, this_run


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Mark:
    monkeypatch.delenv(RUN, raising=False)
    return this_run()


def test_a_run_that_goes_on_is_not_dead(mark: Mark) -> None:
    assert mark.process == os.getpid()
    assert not mark.is_dead()


@pytest.mark.processes
def test_a_run_whose_process_is_gone_is_dead_where_it_ran(mark: Mark) -> None:
    gone = replace(mark, process=2**22 + 1)  # more than Linux gives out
    assert gone.is_dead()
    # Of another machine's processes nobody knows here.
    assert not replace(gone, host="00000000").is_dead()


def test_a_run_that_began_six_hours_ago_is_dead_anywhere(mark: Mark) -> None:
    assert replace(mark, host="00000000", began=datetime.now(UTC) - timedelta(hours=6, minutes=1)).is_dead()
    assert not replace(mark, host="00000000", began=datetime.now(UTC) - timedelta(hours=5, minutes=59)).is_dead()


def test_a_worker_belongs_to_the_run_that_made_it(mark: Mark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUN, str(replace(mark, process=1)))
    assert this_run().process == 1


@pytest.mark.parametrize("value", ["", "yes", "a/b/c/d", "20261129T044500Z/0a1b2c3d/x/t0", "20261129T044500Z/a/1"])
def test_a_value_that_nobody_wrote_here_is_no_mark(value: str) -> None:
    assert find_mark([{"Key": TAG, "Value": value}]) is None


def test_the_mark_is_found_among_other_tags(mark: Mark) -> None:
    assert find_mark([{"Key": "team", "Value": "core"}, {"Key": TAG, "Value": str(mark)}]) == mark
    assert find_mark([{"Key": "team", "Value": str(mark)}]) is None
