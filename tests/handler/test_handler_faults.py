"""What either twin answers when DynamoDB does not."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from handler import faulty as faults
from handler.faulty import FaultyDynamoDb
from handler.stage import Aws, Function, Reply, Runtime

EVERY_ROUTE = [
    ("GET", "/"),
    ("GET", "/health"),
    ("POST", "/items"),
    ("GET", "/items/x"),
    ("PUT", "/items/x"),
    ("DELETE", "/items/x"),
]
SECRETS = ("arn:", "tap-", "Traceback", "Exception", "Error", "secret", "127.0.0.1", "dynamodb", ".py", ".js")


@pytest.fixture(scope="module")
def stricken(aws: Aws, runtime: Runtime, faulty: FaultyDynamoDb) -> Function:
    return aws.deploy(runtime, "tap-stricken-primary", environment={"AWS_ENDPOINT_URL": faulty.endpoint})


@pytest.fixture(scope="module")
def cut_off(aws: Aws, runtime: Runtime) -> Iterator[Function]:
    """A handler whose DynamoDB is a port where nothing listens, and nothing else can while this one holds it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{held.getsockname()[1]}"
        yield aws.deploy(runtime, "tap-cutoff-primary", environment={"AWS_ENDPOINT_URL": endpoint})


@pytest.fixture(scope="module")
def tableless(aws: Aws, runtime: Runtime) -> Function:
    aws.make_table("tap-doomed-global")
    function = aws.deploy(runtime, "tap-tableless-primary", environment={"TABLE_NAME": "tap-doomed-global"})
    assert function.call("GET", "/health").status == 200
    for region in ("us-west-2", "us-east-1"):
        aws.client("dynamodb", region).delete_table(TableName="tap-doomed-global")
    return function


def assert_unavailable(reply: Reply) -> None:
    """A 503 says to try again, and nothing of what is behind."""
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert reply.headers["content-type"] == "application/json"
    assert reply.json == {"error": "The table is out of reach now."}
    assert not [secret for secret in SECRETS if secret in reply.body.decode()]


@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
def test_a_missing_table_is_answered_503(tableless: Function, method: str, path: str) -> None:
    assert_unavailable(tableless.call(method, path, "{}"))


@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
def test_an_unreachable_dynamodb_is_answered_503(cut_off: Function, method: str, path: str) -> None:
    assert_unavailable(cut_off.call(method, path, "{}"))


@pytest.mark.parametrize("behaviour", [faults.throttle, faults.fail, faults.deny, faults.babble, faults.hang_up])
@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
def test_a_dynamodb_that_refuses_is_answered_503(
    stricken: Function, faulty: FaultyDynamoDb, behaviour: Callable[[Any], None], method: str, path: str
) -> None:
    faulty.behaviour = behaviour
    assert_unavailable(stricken.call(method, path, "{}"))


@pytest.mark.parametrize("behaviour", [faults.throttle, faults.fail, faults.hang_up])
def test_a_failed_attempt_is_repeated_once(
    stricken: Function, faulty: FaultyDynamoDb, behaviour: Callable[[Any], None]
) -> None:
    faulty.behaviour = behaviour
    faulty.requests.clear()
    stricken.call("GET", "/health")
    assert len(faulty.requests) == 2


@pytest.mark.parametrize("path", ["/health", "/items/x"])
def test_a_read_sees_what_its_own_region_has_written(stricken: Function, faulty: FaultyDynamoDb, path: str) -> None:
    """Seen on the wire, since the emulator has no stale reads to tell by."""
    faulty.behaviour = faults.deny
    faulty.requests.clear()
    stricken.call("GET", path)
    assert [request["ConsistentRead"] for request in faulty.requests] == [True]


def test_a_dynamodb_that_never_answers_is_given_up_within_half_of_the_functions_time(
    stricken: Function, faulty: FaultyDynamoDb
) -> None:
    clock = asyncio.new_event_loop()
    with faults.hanging(faulty):
        before = clock.time()
        reply = stricken.call("GET", "/")
        took_s = clock.time() - before
    clock.close()
    assert_unavailable(reply)
    assert took_s < 6


def test_a_caller_is_told_of_a_bad_request_even_then(cut_off: Function) -> None:
    assert cut_off.call("PUT", "/items/x", "[]").status == 400
    assert cut_off.call("GET", "/nope").status == 404


def test_what_failed_is_logged_in_one_line(stricken: Function, faulty: FaultyDynamoDb) -> None:
    faulty.behaviour = faults.deny
    event = {"rawPath": "/health", "requestContext": {"http": {"method": "GET"}}, "isBase64Encoded": False}
    reply, log = stricken.invoke(event)
    assert_unavailable(reply)
    assert "AccessDenied" in log
    assert len(log.strip().splitlines()) == 1
