import http.client
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.account import PRIMARY, Account, deploy
from local.adapter.control import ask
from local.adapter.templates import function


@pytest.fixture(scope="module")
def account(aws: Any) -> Account:
    return Account(endpoint=aws.endpoint, id="333333333333")


@pytest.fixture(scope="module")
def host(account: Account) -> str:
    """The host of a URL that anyone may call."""
    deploy(account, "healthy", function("healthy"))
    client = account.functions()
    anyone: Any = {"FunctionName": "healthy", "Principal": "*"}
    client.add_permission(StatementId="u", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE", **anyone)
    client.add_permission(StatementId="i", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True, **anyone)
    return urlsplit(client.create_function_url_config(FunctionName="healthy", AuthType="NONE")["FunctionUrl"]).netloc


def _status(account: Account, host: str, path: str = "/health", method: str = "GET") -> int:
    there = urlsplit(account.endpoint)
    connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=20)
    try:
        connection.request(method, path, headers={"Host": host})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def _fail(account: Account, for_s: float, *, region: str = PRIMARY, status: int = 503) -> None:
    fault = {"region": region, "status": status, "for_s": for_s}
    ask(account, "/_builder/faults", {"function_urls": [fault]})


def _log(account: Account, path: str) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = ask(account, "/_builder/requests")["requests"]
    return [request for request in requests if request["path"] == path]


@pytest.mark.alone
def test_a_url_answers_the_fault_for_as_long_as_it_is_said_to_last(account: Account, host: str) -> None:
    assert _status(account, host) == 200
    began = time.monotonic()
    _fail(account, 0.5)
    while _status(account, host) == 503:
        assert time.monotonic() < began + 10
    assert 0.45 < time.monotonic() - began < 1.0
    assert _status(account, host) == 200


def test_a_fault_can_be_read_while_it_lasts_and_ended_before_its_time(account: Account, host: str) -> None:
    _fail(account, 60, status=500)
    [fault] = ask(account, "/_builder/faults")["function_urls"]
    assert (fault["region"], fault["status"]) == (PRIMARY, 500)
    assert 50 < fault["for_s"] <= 60
    _fail(account, 0)
    assert ask(account, "/_builder/faults")["function_urls"] == []
    assert _status(account, host) == 200


@pytest.mark.alone
@pytest.mark.parametrize(("fault", "answered"), [({"delay_s": 0.5}, 200), ({"delay_s": 0.5, "status": 500}, 500)])
def test_a_slow_url_answers_late_until_it_is_ended(
    account: Account, host: str, fault: dict[str, float], answered: int
) -> None:
    assert _status(account, host) == 200
    ask(account, "/_builder/faults", {"function_urls": [{"region": PRIMARY, **fault}]})
    try:
        [listed] = ask(account, "/_builder/faults")["function_urls"]
        assert listed == {"region": PRIMARY, "status": None, "for_s": None, **fault}
        began = time.monotonic()
        assert _status(account, host, f"/slow/{answered}") == answered
        assert 0.5 <= time.monotonic() - began < 1.0
    finally:
        _fail(account, 0)
    [logged] = _log(account, f"/slow/{answered}")
    assert logged["status"] == answered
    assert 0.5 <= logged["duration_s"] < 1.0
    assert ask(account, "/_builder/faults")["function_urls"] == []


@pytest.mark.parametrize(
    "fault",
    [
        {"for_s": 3},
        {"delay_s": 0, "for_s": 3},
        {"delay_s": -1, "for_s": 3},
        {"delay_s": 1, "for_s": -3},
        {"status": 503, "delay_s": float("nan")},
        {"status": "bad", "for_s": 3},
    ],
    ids=str,
)
def test_a_fault_that_changes_nothing_or_makes_no_sense_is_refused(account: Account, fault: dict[str, float]) -> None:
    with pytest.raises(AssertionError, match="not understood"):
        ask(account, "/_builder/faults", {"function_urls": [{"region": "eu-west-1", **fault}]})
    assert ask(account, "/_builder/faults")["function_urls"] == []


def test_a_fault_is_its_regions_alone(account: Account, host: str) -> None:
    _fail(account, 60, region="eu-west-1")
    try:
        assert _status(account, host) == 200
    finally:
        _fail(account, 0, region="eu-west-1")


def test_every_request_is_logged_with_what_it_was_answered(account: Account, host: str) -> None:
    before = time.time()
    assert _status(account, host, "/logged%20so?n=1", "PUT") == 200
    _fail(account, 60)
    assert _status(account, host, "/logged%20so") == 503
    _fail(account, 0)
    first, second = _log(account, "/logged%20so")
    assert (first["region"], first["method"], first["status"]) == (PRIMARY, "PUT", 200)
    assert (second["region"], second["method"], second["status"]) == (PRIMARY, "GET", 503)
    assert before <= first["time"] <= first["time"] + first["duration_s"] <= second["time"] <= time.time()


def test_a_request_to_no_url_is_logged_without_a_region(account: Account) -> None:
    assert _status(account, "nobody.lambda-url.us-east-1.on.aws", "/nobody") in {403, 404}
    [request] = _log(account, "/nobody")
    assert request["region"] == ""


def test_a_function_without_concurrency_answers_429_through_its_url(account: Account, host: str) -> None:
    client = account.functions()
    client.put_function_concurrency(FunctionName="healthy", ReservedConcurrentExecutions=0)
    try:
        assert _status(account, host, "/throttled") == 429
    finally:
        client.delete_function_concurrency(FunctionName="healthy")
    assert _status(account, host, "/throttled") == 200
    assert [request["status"] for request in _log(account, "/throttled")] == [429, 200]
