import base64
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from builder.local.adapter.functions.urls import address
from builder.local.asgi import Receive, Scope, Send
from local.account import Account, authorized, deploy
from local.adapter.templates import function

_ECHO = """
import json
def handler(event, context):
    method = event["requestContext"]["http"]["method"]
    return {"statusCode": 200, "headers": {"x-method": method}, "body": json.dumps(event)}
"""
_OWN_PATHS = [
    "/health",
    "/_ministack/health",
    "/_localstack/health",
    "/_ministack/reset",
    "/_builder/anything",
    "/_aws/lambda-url/abc/x",
    "/oauth2/authorize",
    "/iceberg/v1/config",
    "/2015-03-31/functions",
]


@pytest.fixture(scope="module")
def account(aws: Any) -> Account:
    return Account(endpoint=aws.endpoint, id="222222222222")


@pytest.fixture(scope="module")
def host(account: Account) -> str:
    """The host of a URL that anyone may call, of a function that answers with its event."""
    deploy(account, "echo", function("echo", _ECHO))
    return _make_url(account, "echo")


def _make_url(account: Account, name: str) -> str:
    client = account.functions()
    anyone: dict[str, Any] = {"FunctionName": name, "Principal": "*"}
    client.add_permission(StatementId="u", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE", **anyone)
    client.add_permission(StatementId="i", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True, **anyone)
    return urlsplit(client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]).netloc


def _send(
    account: Account, host: str, method: str, target: str, body: bytes | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """Return the response to a request whose target is sent as it stands."""
    there = urlsplit(account.endpoint)
    connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=20)
    try:
        connection.request(method, target, body, {"Host": host, **headers})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def _event(account: Account, host: str, target: str, method: str = "GET", **rest: Any) -> Any:
    response, body = _send(account, host, method, target, **rest)
    assert response.status == 200
    return json.loads(body)


@pytest.mark.parametrize("path", _OWN_PATHS)
def test_no_path_is_anybody_elses(account: Account, host: str, path: str) -> None:
    event = _event(account, host, path)
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == path


@pytest.mark.parametrize(
    "path", ["/", "/a/", "//a//b", "/a%2Fb%20c", "/50%25", "/%2525", "/stray-%zz", "/%C3%A4", "/%FF", "/a/../b", "/a+b"]
)
def test_a_path_stays_as_it_was_sent(account: Account, host: str, path: str) -> None:
    assert _event(account, host, path)["rawPath"] == path


def test_an_empty_path_is_the_root(account: Account, host: str) -> None:
    event = _event(account, host, "?a=1")
    assert (event["rawPath"], event["rawQueryString"]) == ("/", "a=1")


def test_a_query_stays_as_it_was_sent_and_is_also_decoded(account: Account, host: str) -> None:
    event = _event(account, host, "/x?b=1&a=p+q&b=%C3%A9&empty")
    assert event["rawQueryString"] == "b=1&a=p+q&b=%C3%A9&empty"
    assert event["queryStringParameters"] == {"b": "1,\u00e9", "a": "p q", "empty": ""}


def test_without_a_query_there_are_no_parameters(account: Account, host: str) -> None:
    event = _event(account, host, "/x")
    assert event["rawQueryString"] == ""
    assert "queryStringParameters" not in event


def test_the_function_is_told_its_own_domain(account: Account, host: str) -> None:
    event = _event(account, host, "/x")
    assert event["headers"]["host"] == event["requestContext"]["domainName"] == host
    assert event["requestContext"]["domainPrefix"] == event["requestContext"]["apiId"] == host.partition(".")[0]


def test_a_host_may_be_spelled_in_capitals_and_with_a_port(account: Account, host: str) -> None:
    assert _event(account, f"{host.upper()}:443", "/health")["headers"]["host"] == host


def test_a_body_that_is_not_text_comes_in_base64(account: Account, host: str) -> None:
    binary = {"Content-Type": "application/octet-stream"}
    event = _event(account, host, "/x", "PUT", body=b"\xff\x00", **binary)
    assert (event["isBase64Encoded"], base64.b64decode(event["body"])) == (True, b"\xff\x00")
    event = _event(account, host, "/x", "POST", body=b'{"a": 1}', **{"Content-Type": "application/json"})
    assert (event["isBase64Encoded"], event["body"]) == (False, '{"a": 1}')


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH"])
def test_every_method_reaches_the_function(account: Account, host: str, method: str) -> None:
    response, body = _send(account, host, method, "/health")
    assert (response.status, response.headers["x-method"]) == (200, method)
    assert (body == b"") == (method == "HEAD")


def test_the_other_address_keeps_path_and_query_too(account: Account, host: str) -> None:
    there = urlsplit(account.endpoint).netloc
    event = _event(account, there, f"/_aws/lambda-url/{host.partition('.')[0]}/a%2Fb?x=p+q")
    assert (event["rawPath"], event["rawQueryString"], event["headers"]["host"]) == ("/a%2Fb", "x=p+q", host)


@pytest.mark.parametrize("path", ["/health", "/_ministack/health"])
def test_the_emulator_still_answers_for_itself_on_its_own_host(account: Account, path: str) -> None:
    response, body = _send(account, urlsplit(account.endpoint).netloc, "GET", path, None, **authorized())
    assert response.status == 200
    assert "services" in json.loads(body)


@pytest.mark.parametrize("path", ["/", "/health"])
def test_an_unknown_url_is_not_found_on_any_path(account: Account, path: str) -> None:
    assert _send(account, f"{'a' * 32}.lambda-url.us-east-1.on.aws", "GET", path)[0].status == 404


def test_a_function_without_concurrency_is_throttled_on_any_path(account: Account) -> None:
    deploy(account, "none", function("none"))
    host = _make_url(account, "none")
    account.functions().put_function_concurrency(FunctionName="none", ReservedConcurrentExecutions=0)
    for path in ("/", "/health"):
        response, _ = _send(account, host, "GET", path)
        assert (response.status, response.headers["x-amzn-ErrorType"]) == (429, "TooManyRequestsException")


def _pass_through(scope: Scope) -> Mapping[str, Any]:
    """Return the scope that the wrapped application is given."""
    seen: list[Scope] = []

    async def app(given: Scope, receive: Receive, send: Send) -> None:
        seen.append(given)

    call = address(app)(scope, None, None)
    with pytest.raises(StopIteration):
        call.__await__().send(None)
    return seen[0]


@pytest.mark.parametrize("host", [b"127.0.0.1:4566", b"bucket.s3.amazonaws.com", b"a.lambda-url.x.on.aws.example.com"])
def test_any_other_request_is_passed_on_as_it_is(host: bytes) -> None:
    scope = {"type": "http", "raw_path": b"/a%2Fb", "path": "/a/b", "query_string": b"", "headers": [(b"host", host)]}
    assert _pass_through(scope) is scope


def test_what_is_no_http_request_is_passed_on_as_it_is() -> None:
    scope = {"type": "lifespan"}
    assert _pass_through(scope) is scope
