import socket
import time

import pytest
from botocore.credentials import Credentials

from builder.client import Answer, RegionUrl, Request, Trouble
from builder.client.wire import Wire
from client.servers import Server

_GET = Request("GET", "/items/1?n=a%20b", {}, None)
_POST = Request("POST", "/items", {}, b"x")


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_an_answer_is_handed_on_as_it_came(wire: Wire, primary: Server) -> None:
    primary.mood = 404
    answer = wire.send(primary.region, Request("PUT", "/items/1?n=a%20b", {"x-mine": "1"}, b"body"), limit_s=5)
    assert isinstance(answer, Answer)
    assert (answer.region, answer.status, answer.body) == ("us-east-1", 404, b"answer")
    assert answer.headers["x-region"] == "us-east-1"
    [(method, target, headers, body)] = primary.seen
    assert (method, target, headers["x-mine"], body) == ("PUT", "/items/1?n=a%20b", "1", b"body")
    assert "authorization" not in headers


def test_nothing_was_sent_where_nobody_listens(wire: Wire) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert wire.send(RegionUrl("nowhere", f"http://127.0.0.1:{port}"), _GET, limit_s=5) is Trouble.NOT_SENT


def test_nothing_was_sent_where_a_name_does_not_resolve(wire: Wire) -> None:
    assert wire.send(RegionUrl("nowhere", "http://nobody.invalid"), _GET, limit_s=5) is Trouble.NOT_SENT


@pytest.mark.alone
@pytest.mark.parametrize("mood", ["hangs", "drips"])
def test_who_does_not_answer_whole_in_time_has_timed_out(wire: Wire, primary: Server, mood: str) -> None:
    primary.mood = mood  # type: ignore[assignment]  # mypy: one of the literals
    began = time.monotonic()
    assert wire.send(primary.region, _GET, limit_s=0.3) is Trouble.TIMED_OUT
    assert 0.25 < time.monotonic() - began < 1.0


def test_who_hangs_up_has_broken_off(wire: Wire, primary: Server) -> None:
    primary.mood = "hangs up"
    assert wire.send(primary.region, _GET, limit_s=5) is Trouble.BROKEN_OFF


def test_a_connection_is_used_again(wire: Wire, primary: Server) -> None:
    for _ in range(3):
        wire.send(primary.region, _GET, limit_s=5)
    assert (primary.connections, len(primary.seen)) == (1, 3)


def test_a_connection_that_the_other_end_has_hung_up_is_not_used_again(wire: Wire, primary: Server) -> None:
    assert isinstance(wire.send(primary.region, _GET, limit_s=5), Answer)
    primary.hang_up()
    assert isinstance(wire.send(primary.region, _POST, limit_s=5), Answer)
    assert primary.connections == 2


def test_an_endpoint_is_asked_in_the_name_of_the_url_s_own_host(primary: Server) -> None:
    wire = Wire(None, f"http://127.0.0.1:{primary.port}/")
    region = RegionUrl("us-east-1", "https://abc.lambda-url.us-east-1.on.aws/")
    assert isinstance(wire.send(region, _GET, limit_s=5), Answer)
    [(_, target, headers, _)] = primary.seen
    assert (target, headers["host"]) == ("/items/1?n=a%20b", "abc.lambda-url.us-east-1.on.aws")


def test_a_request_is_signed_for_its_region_and_in_its_host_s_name(primary: Server) -> None:
    wire = Wire(Credentials("AKID", "secret", "token"), f"http://127.0.0.1:{primary.port}")
    region = RegionUrl("us-east-1", "https://abc.lambda-url.us-east-1.on.aws/")
    wire.send(region, Request("PUT", "/items/1", {"X-Mine": "1"}, b"body"), limit_s=5)
    [(_, _, headers, _)] = primary.seen
    assert "Credential=AKID/" in headers["authorization"]
    assert "/us-east-1/lambda/aws4_request" in headers["authorization"]
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token;x-mine" in headers["authorization"]
    assert (headers["host"], headers["x-amz-security-token"]) == ("abc.lambda-url.us-east-1.on.aws", "token")
