import pytest

from builder.deploy.plan.guards import Permission, allowed_names, check_allowed, tell_allowed
from builder.deploy.progress import Allowed
from builder.deploy.records import GuardHit, PendingReview
from builder.errors import BadInput, Stopped
from builder.terms import Arn, StackId

TABLE = GuardHit(stack="r/table", logical_id="Table", why="it is replaced", allow="r/table/Table")
REPLICA = GuardHit(stack="r/table", logical_id="Table", why="it loses a replica", allow="r/table/Table")
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
    check_allowed([], [], ["r/table/Table"], shown=["r/table/Table"])


NAMES = ("r/table/Table", "r/table/Other", "r/p/Child", "r/p/Child/Orders", "s/p/Child/Orders", "r/tab.e/Key")


@pytest.mark.parametrize(
    ("allow", "passes"),
    [
        ("r/table/Table", ("r/table/Table",)),
        ("r/table/*", ("r/table/Table", "r/table/Other")),
        ("r/table/T*", ("r/table/Table",)),
        ("r/table/Tab??", ("r/table/Table",)),
        ("r/p/*", ("r/p/Child",)),  # not what is in the child
        ("r/p/*/*", ("r/p/Child/Orders",)),
        ("r/p/**", ("r/p/Child", "r/p/Child/Orders")),
        ("*/p/Child/Orders", ("r/p/Child/Orders", "s/p/Child/Orders")),
        ("**/Orders", ("r/p/Child/Orders", "s/p/Child/Orders")),
        ("**", NAMES),
        ("r/tab.e/*", ("r/tab.e/Key",)),  # a point is a point
    ],
)
def test_a_pattern_lets_just_those_pass_that_it_fits(allow: str, passes: tuple[str, ...]) -> None:
    guard_hits = [GuardHit(stack="", logical_id="", why="", allow=name) for name in NAMES]
    permissions = check_allowed(guard_hits, [], [allow, "**"])
    assert permissions[0] == Permission(allow, passes)
    if allow != "**":
        with pytest.raises(Stopped) as caught:
            check_allowed(guard_hits, [], [allow])
        assert [name for name in NAMES if f"  {name}: " in caught.value.what] == [n for n in NAMES if n not in passes]


@pytest.mark.parametrize("allow", ["*", "r/*", "r/table/Table/*", "r/table/Tab?", "", "R/table/*", "r/table/[T]able"])
def test_a_pattern_that_fits_nothing_is_a_slip_of_the_pen(allow: str) -> None:
    with pytest.raises(BadInput, match="names nothing in the plan"):
        check_allowed([TABLE], [], [allow])


def test_a_pattern_allows_only_what_was_shown() -> None:
    known = ["r/table/Table", "r/table/Done", "r/service/theirs"]
    assert allowed_names(check_allowed([TABLE], [REVIEW], ["r/**"], shown=known)) == {
        "r/table/Table",
        "r/service/theirs",
    }
    with pytest.raises(Stopped, match="r/service/theirs") as caught:
        check_allowed([TABLE], [REVIEW], ["r/**"], shown=["r/table/Table"])
    assert "r/table/Table" not in caught.value.what
    names = check_allowed([TABLE], [REVIEW], ["r/**", "r/service/theirs"], shown=["r/table/Table"])
    assert allowed_names(names) == {"r/table/Table", "r/service/theirs"}


def test_it_is_said_of_each_how_many_it_lets_pass() -> None:
    events: list[object] = []
    tell_allowed(check_allowed([TABLE], [REVIEW], ["r/**", "r/table/Table"]), events.append)
    assert events == [
        Allowed(allow="r/**", passes=2, names=("r/table/Table", "r/service/theirs")),
        Allowed(allow="r/table/Table", passes=1, names=("r/table/Table",)),
    ]
