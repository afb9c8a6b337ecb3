import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from builder.client import Attempt, Closed, FailoverClient, HalfOpen, Limits, Open, RegionUrl, Trouble, Unavailable
from client.servers import Mood, Server, serving
from client.speakers import Client, Clock, Language

LIMITS = Limits(deadline_s=5.0, attempt_s=0.5, failures_to_open=3, open_s=5.0, probes_to_close=2)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(language: Language, primary: Server, secondary: Server, clock: Clock) -> Client:
    return language.client(primary.region, secondary.region, limits=LIMITS, clock=clock)


def _open_primary(client: Client, primary: Server) -> None:
    primary.mood = 503
    for _ in range(LIMITS.failures_to_open):
        client.request("GET", "/")


def test_the_preferred_region_is_asked_and_no_other_while_it_is_well(
    client: Client, primary: Server, secondary: Server
) -> None:
    assert [client.request("GET", "/").region for _ in range(5)] == ["us-east-1"] * 5
    assert secondary.seen == []


@pytest.mark.parametrize("mood", ["throttled", 429, 500, 502, 503, 504, "hangs", "hangs up", "resets", "cut short"])
def test_the_next_region_answers_for_one_in_trouble(client: Client, primary: Server, mood: Mood) -> None:
    primary.mood = mood
    assert client.request("PUT", "/items/1", body=b"x").region == "us-west-2"


@pytest.mark.parametrize("mood", [200, 204, 301, 400, 403, 404])
def test_what_the_caller_did_is_no_trouble_of_the_region(
    client: Client, primary: Server, secondary: Server, mood: Mood
) -> None:
    primary.mood, primary.body = mood, b""
    assert client.request("GET", "/").status == mood
    assert secondary.seen == []


def test_each_attempt_is_told_with_its_time_and_what_came_of_it(client: Client, primary: Server, clock: Clock) -> None:
    client.request("get", "/items/1?token=secret")
    primary.mood = 503
    client.request("PUT", "/items/2")
    assert client.attempts == [
        Attempt(1, "us-east-1", "GET", "/items/1", 1000.0, 0.0, 200, may_have_happened=True),
        Attempt(2, "us-east-1", "PUT", "/items/2", 1000.0, 0.0, 503, may_have_happened=True),
        Attempt(2, "us-west-2", "PUT", "/items/2", 1000.0, 0.0, 200, may_have_happened=True),
    ]


def test_a_region_that_failed_again_and_again_is_spared(client: Client, primary: Server, clock: Clock) -> None:
    _open_primary(client, primary)
    assert client.circuits() == {"us-east-1": Open(clock.now + 5.0), "us-west-2": Closed()}
    assert client.request("GET", "/").region == "us-west-2"
    assert len(primary.seen) == 3


def test_the_preferred_region_is_returned_to_once_probes_find_it_well(
    client: Client, primary: Server, clock: Clock
) -> None:
    _open_primary(client, primary)
    primary.mood = 200
    clock.now += 4.9
    assert client.request("GET", "/").region == "us-west-2"
    clock.now += 0.1
    assert client.request("GET", "/").region == "us-east-1"
    assert client.circuits()["us-east-1"] == HalfOpen(1)
    assert client.request("GET", "/").region == "us-east-1"
    assert client.circuits()["us-east-1"] == Closed()


def test_a_failed_probe_costs_no_request_and_spares_the_region_again(
    client: Client, primary: Server, clock: Clock
) -> None:
    _open_primary(client, primary)
    clock.now += 5
    assert client.request("GET", "/").region == "us-west-2"
    assert client.circuits()["us-east-1"] == Open(clock.now + 5.0)


def test_one_request_at_a_time_probes(client: Client, primary: Server, clock: Clock) -> None:
    _open_primary(client, primary)
    clock.now += 5
    primary.mood = "hangs"
    with ThreadPoolExecutor(1) as pool:
        probe = pool.submit(client.request, "GET", "/probe")
        until = time.monotonic() + 10
        while client.circuits()["us-east-1"] != HalfOpen(0, probing=True):
            assert time.monotonic() < until
        assert client.request("GET", "/other").region == "us-west-2"
        assert probe.result(10).region == "us-west-2"
    assert [target for _, target, _, _ in primary.seen[3:]] == ["/probe"]


def test_every_region_is_asked_all_the_same_where_all_are_to_be_spared(
    client: Client, primary: Server, secondary: Server
) -> None:
    secondary.mood = primary.mood = 503
    for _ in range(LIMITS.failures_to_open):
        with pytest.raises(Unavailable):
            client.request("GET", "/")
    secondary.mood = 200
    assert client.request("GET", "/").region == "us-west-2"
    assert client.circuits()["us-west-2"] == HalfOpen(1)


def test_who_finds_no_region_is_told_what_each_answered(client: Client, primary: Server, secondary: Server) -> None:
    primary.mood, secondary.mood = 429, "hangs up"
    with pytest.raises(Unavailable, match=r"us-east-1: 429, us-west-2: connection broken off") as raised:
        client.request("DELETE", "/items/1")
    assert [attempt.outcome for attempt in raised.value.attempts] == [429, Trouble.BROKEN_OFF]
    assert raised.value.may_have_happened


@pytest.mark.parametrize("mood", [429, 500, 503, "hangs", "hangs up", "resets", "cut short", "drips"])
def test_a_post_that_may_have_happened_is_not_sent_again(
    client: Client, primary: Server, secondary: Server, mood: Mood
) -> None:
    primary.mood = mood
    with pytest.raises(Unavailable) as raised:
        client.request("POST", "/items", body=b"x")
    assert raised.value.may_have_happened
    assert secondary.seen == []


def test_a_post_that_lambda_throttled_is_sent_to_the_next_region(client: Client, primary: Server) -> None:
    primary.mood = "throttled"
    assert client.request("POST", "/items", body=b"x").region == "us-west-2"
    assert [(attempt.outcome, attempt.may_have_happened) for attempt in client.attempts] == [(429, False), (200, True)]


def test_a_post_that_was_never_sent_is_sent_to_the_next_region(language: Language, secondary: Server) -> None:
    with serving("gone") as gone:
        pass
    client = language.client(gone.region, secondary.region, limits=LIMITS)
    assert client.request("POST", "/items", body=b"x").region == "us-west-2"


def test_a_post_is_sent_again_where_its_caller_says_it_may_be(client: Client, primary: Server) -> None:
    primary.mood = 503
    assert client.request("POST", "/items", body=b"x", repeatable=True).region == "us-west-2"


def test_a_put_is_not_sent_again_where_its_caller_says_it_must_not_be(client: Client, primary: Server) -> None:
    primary.mood = 503
    with pytest.raises(Unavailable):
        client.request("PUT", "/counter", repeatable=False)


@pytest.mark.alone
def test_a_request_takes_no_longer_than_its_deadline_which_its_regions_share(
    language: Language, primary: Server, secondary: Server
) -> None:
    primary.mood = secondary.mood = "hangs"
    client = language.client(primary.region, secondary.region, limits=LIMITS)
    began = time.monotonic()
    with pytest.raises(Unavailable) as raised:
        client.request("GET", "/", deadline_s=0.3)
    assert time.monotonic() - began < 0.5
    assert [attempt.region for attempt in raised.value.attempts] == ["us-east-1", "us-west-2"]


def test_no_region_is_asked_when_the_deadline_is_over_before_it_began(client: Client, primary: Server) -> None:
    with pytest.raises(Unavailable, match="none was asked") as raised:
        client.request("GET", "/", deadline_s=0)
    assert not raised.value.may_have_happened
    assert primary.seen == []


def test_a_region_spared_is_not_asked_after_the_deadline(primary: Server, clock: Clock) -> None:
    primary.mood = 503

    def late() -> float:
        clock.now += 1
        return clock.now

    alone = FailoverClient((RegionUrl("us-east-1", primary.region.url),), limits=Limits(failures_to_open=1), clock=late)
    with pytest.raises(Unavailable):
        alone.request("GET", "/")
    with pytest.raises(Unavailable, match="none was asked"):
        alone.request("GET", "/", deadline_s=1.5)
    assert len(primary.seen) == 1


@pytest.mark.slow
def test_threads_share_a_client(client: Client, primary: Server) -> None:
    halfway = threading.Event()

    def ask(number: int) -> str:
        if number == 100:
            primary.mood = 503
            halfway.set()
        return client.request("GET", f"/items/{number}").region

    with ThreadPoolExecutor(8) as pool:
        regions = list(pool.map(ask, range(200)))
    assert set(regions) == {"us-east-1", "us-west-2"}
    assert sorted({attempt.request for attempt in client.attempts}) == list(range(1, 201))
    assert isinstance(client.circuits()["us-east-1"], Open)


def test_a_post_probes_nothing(language: Language, primary: Server, secondary: Server, clock: Clock) -> None:
    limits = replace(LIMITS, attempt_s=0.2)
    client = language.client(primary.region, secondary.region, limits=limits, clock=clock)
    _open_primary(client, primary)
    primary.mood = "hangs"
    seen_before = len(primary.seen)
    for _ in range(7):
        clock.now += 4
        assert client.request("POST", "/items", body=b"x").region == "us-west-2"
    assert {(method, path) for method, path, _, _ in primary.seen[seen_before:]} == {("GET", "/health")}
    in_primary = [attempt for attempt in client.attempts if attempt.region == "us-east-1"]
    assert [(attempt.path, attempt.may_have_happened) for attempt in in_primary[3:]] == [("/health", False)] * 3


def test_probes_of_the_client_s_own_bring_posts_back(client: Client, primary: Server, clock: Clock) -> None:
    _open_primary(client, primary)
    primary.mood = 200
    clock.now += 5
    assert client.request("POST", "/items").region == "us-east-1"
    assert [(method, path) for method, path, _, _ in primary.seen[3:]] == [
        ("GET", "/health"),
        ("GET", "/health"),
        ("POST", "/items"),
    ]


def test_a_post_goes_where_a_probe_found_a_region_well_when_no_other_is(
    client: Client, primary: Server, secondary: Server, clock: Clock
) -> None:
    _open_primary(client, primary)
    secondary.mood = 503
    for _ in range(LIMITS.failures_to_open):
        with pytest.raises(Unavailable):
            client.request("GET", "/")
    clock.now += 5
    secondary.mood = 200
    assert client.request("POST", "/items").region == "us-west-2"
    assert [(attempt.region, attempt.path) for attempt in client.attempts[-4:]] == [
        ("us-east-1", "/health"),
        ("us-west-2", "/health"),
        ("us-west-2", "/health"),
        ("us-west-2", "/items"),
    ]


def test_a_post_that_no_probe_finds_a_region_for_did_not_happen(
    language: Language, primary: Server, clock: Clock
) -> None:
    client = language.client(primary.region, limits=LIMITS, clock=clock, health="/well")
    _open_primary_alone(client, primary)
    clock.now += 5
    with pytest.raises(Unavailable) as raised:
        client.request("POST", "/items")
    assert not raised.value.may_have_happened
    assert [(attempt.method, attempt.path, attempt.outcome) for attempt in raised.value.attempts] == [
        ("GET", "/well", 503)
    ]


def _open_primary_alone(client: Client, primary: Server) -> None:
    primary.mood = 503
    for _ in range(LIMITS.failures_to_open):
        with pytest.raises(Unavailable):
            client.request("GET", "/")


def test_an_interrupted_probe_leaves_the_region_to_be_probed_again(
    primary: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = FailoverClient((primary.region,), limits=LIMITS, clock=clock)
    for _ in range(LIMITS.failures_to_open):
        primary.mood = 503
        with pytest.raises(Unavailable):
            client.request("GET", "/")
    clock.now += 5

    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("builder.client.wire.Wire.send", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.request("GET", "/")
    assert client.circuits() == {"us-east-1": HalfOpen(0)}
