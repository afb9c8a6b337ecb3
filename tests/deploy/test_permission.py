import pytest

from builder.deploy.permission import check_allowed
from builder.deploy.records import PendingReview, Trip
from builder.errors import BadInput, Stopped
from builder.terms import Arn, StackId

TABLE = Trip(stack="r/table", logical_id="Table", why="it is replaced", allow="r/table/Table")
REPLICA = Trip(stack="r/table", logical_id="Table", why="it loses a replica", allow="r/table/Table")
REVIEW = PendingReview(stack=StackId("r/service"), change_set=Arn("arn"), created="then", allow="r/service/theirs")


def test_where_nothing_is_guarded_nothing_has_to_be_allowed() -> None:
    check_allowed([], [], [])


def test_everything_that_is_not_allowed_is_named_with_every_reason() -> None:
    with pytest.raises(Stopped) as caught:
        check_allowed([TABLE, REPLICA], [REVIEW], [])
    assert "r/table/Table: it is replaced" in caught.value.what
    assert "r/table/Table: it loses a replica" in caught.value.what
    assert "r/service/theirs: it waits for somebody's review" in caught.value.what
    assert caught.value.next_step.startswith("--allow r/table/Table --allow r/service/theirs ")


def test_exactly_what_is_allowed_passes() -> None:
    check_allowed([TABLE, REPLICA], [REVIEW], ["r/table/Table", "r/service/theirs"])
    with pytest.raises(Stopped, match="r/service/theirs") as caught:
        check_allowed([TABLE], [REVIEW], ["r/table/Table"])
    assert "r/table/Table" not in caught.value.what


def test_a_name_of_nothing_is_a_slip_of_the_pen() -> None:
    with pytest.raises(BadInput, match=r"did you mean r/table/Table\?"):
        check_allowed([TABLE], [], ["r/table/Tabel"])
    with pytest.raises(BadInput, match="nothing in it has to be allowed"):
        check_allowed([], [], ["r/table/Table"])


def test_what_was_allowed_and_is_done_may_be_named_again() -> None:
    check_allowed([], [], ["r/table/Table"], known=["r/table/Table"])
