"""Whatever a network does: never later than the deadline, the secondary asked in time, a POST carried out once."""

import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from builder.client import Answer, RegionUrl, Trouble, Unavailable
from client.networks import swallowing
from client.servers import Mood, Server, serving
from client.speakers import Language
from samples import is_thorough, sampled

_numbers = itertools.count(1)
LATE_S = 0.2
BUSY_S = 1.0
"""More, where other tests run beside these."""
SWALLOWS = {f"{n} addresses that swallow SYN": [f"127.0.1.{i}" for i in range(1, n + 1)] for n in (1, 2, 3, 6)}
MOODS: dict[str, Mood] = {
    "answers nothing": "hangs",
    "reset after headers": "resets",
    "dripping headers": "drips headers",
    "dripping body": "drips",
    "body cut short": "cut short",
}
UNSENT = {*SWALLOWS, "refused", "hanging resolver", "IPv6 swallows SYN, IPv4 refuses"}
NETWORKS = [*SWALLOWS, "refused", "hanging resolver", "IPv6 swallows SYN, IPv4 refuses", *MOODS]


class Place(NamedTuple):
    """In which language who is asked, over what."""

    language: Language
    name: str
    network: RegionUrl
    primary: Server
    secondary: Server


@pytest.fixture
def host() -> str:
    """A name that nobody has asked for: a lookup that hangs does so for long."""
    return f"n{next(_numbers)}.lambda-url.us-east-1.test"


@pytest.fixture
def network(request: pytest.FixtureRequest, language: Language, primary: Server, host: str) -> Iterator[RegionUrl]:
    """The primary region as one of these networks lets it be reached."""
    name = request.param
    with ExitStack() as stack:
        if name in SWALLOWS:
            port = stack.enter_context(swallowing(SWALLOWS[name]))
            language.resolve(host, SWALLOWS[name])
        elif name == "refused":
            language.resolve(host, ["127.0.1.1", "127.0.1.2"])
            port = primary.port
        elif name == "hanging resolver":
            language.resolve(host, "hangs")
            port = primary.port
        elif name == "IPv6 swallows SYN, IPv4 refuses":
            port = stack.enter_context(swallowing(["::1"]))
            language.resolve(host, ["::1", "127.0.1.1"])
        else:
            primary.mood = MOODS[name]
            language.resolve(host, ["127.0.0.1"])
            port = primary.port
        yield RegionUrl("us-east-1", f"http://{host}:{port}/")


@pytest.fixture
def place(
    request: pytest.FixtureRequest, language: Language, network: RegionUrl, primary: Server, secondary: Server
) -> Place:
    return Place(language, request.node.callspec.params["network"], network, primary, secondary)


def _check(place: Place, method: str, deadline_s: float, late_s: float) -> None:
    language, name, network, primary, secondary = place
    client = language.client(network, secondary.region)
    came: Answer | Unavailable
    began = time.monotonic()
    try:
        came = client.request(method, "/items", body=b"x", deadline_s=deadline_s)
    except Unavailable as raised:
        came = raised
    took_s = time.monotonic() - began
    assert took_s <= deadline_s + late_s
    first = client.attempts[0]
    assert first.duration_s <= 2.0 + late_s
    request_count = len(primary.seen) + len(secondary.seen)
    if method == "PUT" or name in UNSENT:
        assert isinstance(came, Answer)
        assert came.region == "us-west-2"
        assert [attempt.region for attempt in client.attempts] == ["us-east-1", "us-west-2"]
        assert len(secondary.seen) == 1
    else:
        assert isinstance(came, Unavailable)
        assert came.may_have_happened
        assert request_count == 1
    if name in UNSENT:
        assert first.outcome is Trouble.NOT_SENT
        assert request_count == 1


@pytest.mark.parametrize("network", NETWORKS[len(SWALLOWS) - 1 :], indirect=True)
def test_the_secondary_is_asked_in_time(place: Place) -> None:
    _check(place, "PUT", 1.0, BUSY_S)


@pytest.mark.parametrize("network", ["hanging resolver", "dripping headers"], indirect=True)
def test_a_post_is_carried_out_once(place: Place) -> None:
    _check(place, "POST", 1.0, BUSY_S)


TABLE = sampled(itertools.product(NETWORKS, ("PUT", "POST"), (1.0, 5.0, 10.0)), every=11)


@pytest.mark.alone
@pytest.mark.parametrize(("network", "method", "deadline_s"), TABLE, indirect=["network"])
def test_every_deadline_holds(place: Place, method: str, deadline_s: float) -> None:
    _check(place, method, deadline_s, LATE_S)


SILENT = [*[*SWALLOWS][-2:], "hanging resolver", "dripping headers", "dripping body"]
SILENT_CASES = (
    [*itertools.product(SILENT, (1.0, 3.0, 5.0, 10.0))]
    if is_thorough()
    else [*zip(SILENT, itertools.cycle((1.0, 3.0)))]
)


@pytest.mark.alone
@pytest.mark.parametrize(("network", "deadline_s"), SILENT_CASES, indirect=["network"])
def test_the_deadline_holds_where_no_region_answers(language: Language, network: RegionUrl, deadline_s: float) -> None:
    # A region takes two seconds at most: the third is the deadline's own.
    regions = [RegionUrl(f"region-{number}", network.url) for number in range(6)]
    began = time.monotonic()
    with pytest.raises(Unavailable):
        language.client(*regions).request("PUT", "/items", body=b"x", deadline_s=deadline_s)
    assert time.monotonic() - began <= deadline_s + LATE_S


@pytest.mark.parametrize("bad", ["::1", "127.0.1.1"])
def test_a_region_answers_by_the_address_that_works(language: Language, primary: Server, host: str, bad: str) -> None:
    # Nobody listens at the one, and the other may not even be there: broken IPv6.
    language.resolve(host, [bad, "127.0.0.1"])
    client = language.client(RegionUrl("us-east-1", f"http://{host}:{primary.port}/"))
    assert client.request("POST", "/items").status == 200
    assert len(primary.seen) == 1


@pytest.mark.alone
@pytest.mark.parametrize("swallowers", [["::1"], ["127.0.1.1", "127.0.1.2", "::1"]])
def test_an_address_that_swallows_syn_costs_a_fraction_of_a_second(
    language: Language, host: str, swallowers: list[str]
) -> None:
    with swallowing(swallowers) as port, serving("us-east-1", port):
        language.resolve(host, [*swallowers, "127.0.0.1"])
        client = language.client(RegionUrl("us-east-1", f"http://{host}:{port}/"))
        began = time.monotonic()
        assert client.request("POST", "/items").status == 200
        assert time.monotonic() - began < 0.25 * len(swallowers) + LATE_S
