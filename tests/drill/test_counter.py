"""A counter read and written back: whose value a read shows, and which write nothing rests on any more."""

from builder.drill.consistency import CounterFinding, OverwrittenUpdate, StaleRead, measure_counter
from builder.drill.records import Turn
from builder.terms import Region
from drill.hand_made import PRIMARY, SECONDARY, attempt


def turn(
    number: int, rests_on: int | None, region: Region = PRIMARY, *, value: int | None = None, status: int | None = 200
) -> Turn:
    """A turn that reads what another turn wrote, `None` for no answer, and writes one more."""
    shown = value if value is not None else rests_on
    return Turn(
        number=number,
        planned_s=float(number),
        read=(attempt(region, float(number), 503 if rests_on is None else 200),),
        turn_read=rests_on,
        value_read=None if rests_on is None else shown,
        value_written=None if shown is None else shown + 1,
        write=() if rests_on is None else (attempt(region, number + 0.1, status),),
    )


def measured(*turns: Turn) -> CounterFinding:
    finding = measure_counter(turns)
    assert finding is not None
    return finding


def stale_and_overwritten(finding: CounterFinding) -> tuple[list[int], list[int]]:
    return [read.turn for read in finding.stale], [update.turn for update in finding.overwritten]


def test_where_each_turn_reads_what_the_last_one_wrote_nothing_is_stale_or_overwritten() -> None:
    finding = measured(*(turn(number, number - 1) for number in range(1, 8)))
    assert (finding.turns, finding.reads, finding.updates) == (7, 7, 7)
    assert stale_and_overwritten(finding) == ([], [])
    assert measure_counter([]) is None


def test_what_the_secondary_acknowledged_and_a_primary_that_is_back_does_not_know_is_paid_out_twice() -> None:
    # 100 are there; 40 are left by the secondary; the primary answers 100 again, and the next withdrawal makes 40.
    finding = measured(turn(1, 0, value=99), turn(2, 1, SECONDARY, value=100), turn(3, 1, value=100))
    assert finding.stale == (
        StaleRead(
            turn=3,
            at_s=3.01,
            region=PRIMARY,
            value=100,
            turn_read=1,
            acknowledged=2,
            acknowledged_by=SECONDARY,
        ),
    )
    assert finding.overwritten == (OverwrittenUpdate(turn=2, value=101, region=SECONDARY, overwritten_by=3),)


def test_a_secondary_that_is_behind_costs_every_update_that_it_did_not_have() -> None:
    finding = measured(turn(1, 0), turn(2, 1), turn(3, 2), turn(4, 1, SECONDARY), turn(5, 4, SECONDARY))
    assert stale_and_overwritten(finding) == ([4], [2, 3])
    assert {update.overwritten_by for update in finding.overwritten} == {4}


def test_a_value_that_is_not_there_any_more_is_stale_too() -> None:
    assert stale_and_overwritten(measured(turn(1, 0), turn(2, 0, SECONDARY))) == ([2], [1])


def test_a_write_that_nobody_acknowledged_may_be_read_or_not() -> None:
    lost = turn(2, 1, status=None)
    assert stale_and_overwritten(measured(turn(1, 0), lost, turn(3, 2), turn(4, 3))) == ([], [])
    assert stale_and_overwritten(measured(turn(1, 0), lost, turn(3, 1), turn(4, 3))) == ([], [])


def test_a_write_that_nobody_acknowledged_can_still_overwrite() -> None:
    finding = measured(turn(1, 0), turn(2, 1), turn(3, 1, status=None), turn(4, 3))
    assert stale_and_overwritten(finding) == ([3], [2])
    assert finding.overwritten[0].overwritten_by is None


def test_a_read_without_an_answer_shows_nothing_and_writes_nothing() -> None:
    finding = measured(turn(1, 0), turn(2, None), turn(3, 1))
    assert (finding.reads, finding.updates) == (2, 2)
    assert stale_and_overwritten(finding) == ([], [])


def test_an_old_value_that_is_read_and_not_written_upon_is_stale_and_overwrites_nothing() -> None:
    assert stale_and_overwritten(measured(turn(1, 0), turn(2, 1), turn(3, 1, status=503), turn(4, 2))) == ([3], [])
