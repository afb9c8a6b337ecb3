"""Failback as a decision: what a hold does to a client, and what two processes see without one and with one."""

import json
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from builder.client import FailoverClient, Limits, NotKnown, ReplicatedHold, Trouble, Unavailable
from client.processes import Application
from client.servers import Server
from client.speakers import Client, Clock, Language

HELD = b'{"region": "us-west-2"}'
HOLD = "/items/failover-hold"
LIMITS = Limits(attempt_s=1.0, failures_to_open=1, open_s=5.0, probes_to_close=1, hold_s=3.0)


@pytest.fixture(autouse=True)
def _tables(primary: Server, secondary: Server) -> None:
    """A table in each region, between which nothing is replicated."""
    primary.items, secondary.items = {}, {}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(language: Language, primary: Server, secondary: Server, clock: Clock) -> Client:
    return language.client(primary.region, secondary.region, limits=LIMITS, clock=clock, hold=True)


def _wait(until: Callable[[], bool]) -> None:
    """What a client reads in the background has come soon."""
    end = time.monotonic() + 10
    while not until():
        assert time.monotonic() < end
        time.sleep(0.01)


def _requests_seen(server: Server, method: str, path: str) -> int:
    return [(verb, target) for verb, target, _, _ in server.seen].count((method, path))


def test_the_first_region_is_preferred_until_something_is_written_elsewhere(
    client: Client, primary: Server, secondary: Server, clock: Clock
) -> None:
    assert client.request("PUT", "/items/1", body=b"{}").region == "us-east-1"
    primary.mood = 503
    # Nothing was written, so that nothing is stale.
    assert client.request("GET", "/items/1").region == "us-west-2"
    assert secondary.items == {}
    primary.mood = 200
    clock.now += 5
    assert client.request("GET", "/items/1").region == "us-east-1"


def test_the_first_write_elsewhere_holds_everybody_there(
    client: Client, primary: Server, secondary: Server, clock: Clock
) -> None:
    primary.mood = 503
    assert client.request("PUT", "/items/1", body=b"{}").region == "us-west-2"
    # Before the write itself.
    assert [(method, path) for method, path, _, _ in secondary.seen if method == "PUT"] == [
        ("PUT", HOLD),
        ("PUT", "/items/1"),
    ]
    assert json.loads((secondary.items or {})[HOLD]) == json.loads(HELD)
    primary.mood = 200
    seen_before = len(primary.seen)
    for _ in range(10):
        clock.now += 5
        assert client.request("GET", "/items/1").region == "us-west-2"
    assert len(primary.seen) == seen_before


def test_everybody_goes_back_once_that_is_decided(
    client: Client, primary: Server, secondary: Server, clock: Clock
) -> None:
    primary.mood = 503
    client.request("PUT", "/items/1", body=b"{}")
    primary.mood = 200
    ReplicatedHold((primary.region, secondary.region)).release("us-west-2")
    clock.now += 5
    assert client.request("PUT", "/items/1", body=b"{}").region == "us-east-1"


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_the_first_write_after_that_decision_undoes_it_not(
    language: Language, primary: Server, secondary: Server, clock: Clock, method: str
) -> None:
    limits = Limits(attempt_s=1.0, failures_to_open=1, open_s=3600, probes_to_close=5, hold_s=3.0)
    client = language.client(primary.region, secondary.region, limits=limits, clock=clock, hold=True)
    primary.mood = 503
    client.request("PUT", "/items/1", body=b"{}")
    primary.mood = 200
    ReplicatedHold((primary.region, secondary.region)).release("us-west-2")
    clock.now += 5
    assert client.request(method, "/items/1", body=b"{}").region == "us-east-1"
    assert HOLD not in (secondary.items or {})


def test_a_busy_client_does_not_wait_again_and_again_for_a_hold_that_cannot_be_read(
    client: Client, secondary: Server, clock: Clock
) -> None:
    client.request("GET", "/items/1")
    secondary.mood = 503
    reads = _requests_seen(secondary, "GET", HOLD)
    for _ in range(3):
        clock.now += 2
        client.request("GET", "/items/1")
        reads += 1
        _wait(lambda: _requests_seen(secondary, "GET", HOLD) == reads)  # noqa: B023  called before it changes
        time.sleep(0.1)
    # Known to be unknown as of now: no second read, and none that the next request waits for.
    client.request("GET", "/items/1")
    assert _requests_seen(secondary, "GET", HOLD) == reads


def test_a_client_that_starts_is_where_the_others_are(client: Client, primary: Server, secondary: Server) -> None:
    secondary.items = {HOLD: HELD}
    assert client.request("GET", "/items/1").region == "us-west-2"
    assert primary.seen == []


def test_a_client_that_was_idle_asks_before_it_goes_on(
    client: Client, primary: Server, secondary: Server, clock: Clock
) -> None:
    assert client.request("GET", "/items/1").region == "us-east-1"
    secondary.items = {HOLD: HELD}
    clock.now += 600
    assert client.request("GET", "/items/1").region == "us-west-2"


@pytest.mark.alone
def test_a_busy_client_reads_the_hold_beside_its_requests(
    client: Client, primary: Server, secondary: Server, clock: Clock
) -> None:
    client.request("GET", "/items/1")
    secondary.mood = "hangs"
    clock.now += 2
    began = time.monotonic()
    assert client.request("GET", "/items/1").region == "us-east-1"
    assert time.monotonic() - began < 0.5
    _wait(lambda: _requests_seen(secondary, "GET", HOLD) == 2)


def test_a_client_stays_where_it_is_when_the_hold_cannot_be_read(
    client: Client, primary: Server, secondary: Server, clock: Clock
) -> None:
    primary.mood = 503
    client.request("PUT", "/items/1", body=b"{}")
    primary.mood, secondary.mood = 200, 503
    clock.now += 600
    with pytest.raises(Unavailable) as raised:
        client.request("GET", "/items/1")
    # The preferred region's table says nothing of a hold, and is not believed.
    assert [attempt.region for attempt in raised.value.attempts] == ["us-west-2"]
    assert _requests_seen(primary, "GET", HOLD) == 1
    assert _requests_seen(primary, "GET", "/items/1") == 0


def test_the_preferred_region_is_believed_where_it_says_that_there_is_a_hold(
    client: Client, primary: Server, secondary: Server
) -> None:
    secondary.mood, primary.items = 503, {HOLD: HELD}
    with pytest.raises(Unavailable) as raised:
        client.request("GET", "/items/1")
    assert [attempt.region for attempt in raised.value.attempts] == ["us-west-2"]


def test_a_client_starts_in_the_first_region_where_no_hold_can_be_read(
    client: Client, primary: Server, secondary: Server
) -> None:
    secondary.mood = 503
    assert client.request("PUT", "/items/1", body=b"{}").region == "us-east-1"


def test_a_write_is_not_sent_where_nobody_could_be_told(client: Client, primary: Server, secondary: Server) -> None:
    primary.mood = "throttled"
    assert client.request("GET", "/items/1").status == 404
    secondary.mood = 403
    with pytest.raises(Unavailable) as raised:
        client.request("PUT", "/items/1", body=b"{}")
    assert [attempt.outcome for attempt in raised.value.attempts] == [Trouble.NOT_HELD, 429]
    assert not raised.value.may_have_happened
    assert _requests_seen(secondary, "PUT", "/items/1") == 0


def test_what_is_no_hold_is_not_believed(primary: Server, secondary: Server) -> None:
    hold = ReplicatedHold((primary.region, secondary.region))
    for item in (b"[]", b"?", b"{}", b'{"region": "eu-west-1"}'):
        secondary.items = {HOLD: item}
        with pytest.raises(NotKnown):
            hold(None)
    secondary.items = {HOLD: b'{"region": null}'}
    assert hold(None) is None


def test_any_callable_is_a_hold(primary: Server, secondary: Server, clock: Clock) -> None:
    at: list[str] = []

    def stay(to: str | None) -> str | None:
        at.extend([to] if to else [])
        return at[-1] if at else None

    client = FailoverClient((primary.region, secondary.region), limits=LIMITS, clock=clock, hold=stay)
    primary.mood = 503
    client.request("PUT", "/items/1", body=b"{}")
    primary.mood = 200
    clock.now += 60
    assert client.request("PUT", "/items/1", body=b"{}").region == "us-west-2"
    at.clear()
    clock.now += 60
    assert client.request("PUT", "/items/1", body=b"{}").region == "us-east-1"


@pytest.mark.alone
def test_a_callable_that_hangs_or_raises_holds_up_nobody(primary: Server, secondary: Server) -> None:
    released = threading.Event()

    def hang(to: str | None) -> str | None:
        released.wait(30)
        raise OSError

    client = FailoverClient((primary.region, secondary.region), limits=LIMITS, hold=hang)
    began = time.monotonic()
    assert client.request("PUT", "/items/1", body=b"{}", deadline_s=0.6).region == "us-east-1"
    primary.mood = 503
    with pytest.raises(Unavailable) as raised:
        client.request("PUT", "/items/1", body=b"{}", deadline_s=0.6)
    released.set()
    assert [attempt.outcome for attempt in raised.value.attempts] == [503, Trouble.NOT_HELD]
    assert time.monotonic() - began < 3


@pytest.fixture(params=[("python", "node"), ("node", "python")], ids="-".join)
def languages(request: pytest.FixtureRequest) -> tuple[str, str]:
    pair: tuple[str, str] = request.param
    return pair


@pytest.fixture
def applications(
    processes: None, request: pytest.FixtureRequest, languages: tuple[str, str], primary: Server, secondary: Server
) -> Iterator[tuple[Application, Application]]:
    regions = primary.region, secondary.region
    first, second = (Application(language, regions, hold=request.param) for language in languages)
    try:
        yield first, second
    finally:
        first.end()
        second.end()


def _spend(applications: tuple[Application, Application], primary: Server, secondary: Server) -> list[tuple[str, int]]:
    """An account of 100, of which the secondary acknowledges that 40 are left; return what both see afterwards."""
    first, second = applications
    assert first.ask("PUT", 100) == second.ask("GET") == ("us-east-1", 100)
    assert secondary.items is not None
    secondary.items["/items/account"] = b'{"left": 100}'
    primary.mood = 503
    assert first.ask("PUT", 40) == ("us-west-2", 40)
    # The primary is well again, and what the secondary acknowledged has not reached it.
    primary.mood = 200
    time.sleep(0.6)
    return [first.ask("GET"), second.ask("GET")]


@pytest.mark.parametrize("applications", [False], indirect=True, ids=["no hold"])
def test_without_a_hold_both_processes_read_what_was_overwritten(
    applications: tuple[Application, Application], primary: Server, secondary: Server
) -> None:
    assert _spend(applications, primary, secondary) == [("us-east-1", 100)] * 2


@pytest.mark.parametrize("applications", [True], indirect=True, ids=["hold"])
def test_with_a_hold_both_processes_stay_until_they_are_let_go(
    applications: tuple[Application, Application], primary: Server, secondary: Server
) -> None:
    assert _spend(applications, primary, secondary) == [("us-west-2", 40)] * 2
    assert primary.items is not None
    primary.items["/items/account"] = b'{"left": 40}'
    ReplicatedHold((primary.region, secondary.region)).release("us-west-2")
    time.sleep(0.6)
    assert [process.ask("GET") for process in applications] == [("us-east-1", 40)] * 2


def test_whoever_decides_sees_what_each_region_shows_and_writes_it_where_he_says(
    primary: Server, secondary: Server
) -> None:
    hold = ReplicatedHold((primary.region, secondary.region))
    hold.write("us-west-2", at="us-east-1", mark="7")
    assert hold.shown("us-east-1") == {"region": "us-west-2", "mark": "7"}
    assert hold.shown("us-west-2") is None
    # Nobody looks at a mark, nor at the preferred region where the other says that there is nothing.
    assert hold(None) is None
    hold.write("us-west-2", at="us-west-2")
    assert hold(None) == "us-west-2"


def test_what_no_region_can_have_written_is_not_known(primary: Server, secondary: Server) -> None:
    hold = ReplicatedHold((primary.region, secondary.region))
    for body in (b"[]", b"{}", b'{"region": "eu-west-1"}', b"no json"):
        primary.items = {HOLD: body}
        with pytest.raises(NotKnown):
            hold.shown("us-east-1")
    primary.mood = 405
    with pytest.raises(NotKnown, match="us-east-1: 405"):
        hold.write("us-east-1", at="us-east-1")
    with pytest.raises(NotKnown, match="none of the client's regions"):
        hold.write("eu-west-1", at="us-east-1")
