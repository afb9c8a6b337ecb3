"""Whom the embedded AWS answers: requests as an attacker sends them, byte for byte, as no client would."""

import socket
from typing import Any

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError

from builder.errors import Failed
from builder.local import EmbeddedAws
from local.account import Account, authorized, deploy
from local.adapter.templates import function

_URL = "a" * 32 + ".lambda-url.us-east-1.on.aws"


def _ask(endpoint: str, request: str, *headers: str, body: str = "") -> tuple[int, dict[str, str], str]:
    """Send a request as it is written; returns status, headers and body."""
    host, _, port = endpoint.removeprefix("http://").partition(":")
    lines = [request, *headers, f"Content-Length: {len(body)}", "Connection: close", "", body]
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall("\r\n".join(line.replace("PORT", port) for line in lines).encode("latin-1"))
        answer = b""
        while part := connection.recv(65536):
            answer += part
    head, _, text = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    answer_headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return int(first.split(" ")[1]), answer_headers, text.decode("latin-1")


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1:PORT",
            "127.0.0.1",
            "localhost:PORT",
            "LocalHost:PORT",
            "localhost.:PORT",
            "[::1]:PORT",
            "127.0.0.1:1",
        ),
        *("bucket.localhost:PORT", "s3.us-east-1.amazonaws.com", "bucket.s3.amazonaws.com", "sts.amazonaws.com:443"),
        "CloudFormation.us-west-2.amazonaws.com",
    ],
)
def test_it_answers_under_its_own_names(aws: EmbeddedAws, host: str) -> None:
    assert _ask(aws.endpoint, "GET /health HTTP/1.1", f"Host: {host}")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        ["Host: evil.example"],
        ["Host: evil.example:PORT"],
        ["Host: localhost.evil.example"],
        ["Host: localhost:PORT.evil.example"],
        ["Host: evil.example@localhost:PORT"],
        ["Host: localhost:PORT@evil.example"],
        ["Host: 127.0.0.1.nip.io:PORT"],
        ["Host: amazonaws.com"],
        ["Host: s3.amazonaws.com.evil.example"],
        ["Host: evilamazonaws.com"],
        ["Host: 0.0.0.0:PORT"],
        ["Host: 127.0.0.2:PORT"],
        ["Host: [::ffff:127.0.0.1]:PORT"],
        ["Host: localhost.."],
        ["Host: localhost:x"],
        ["Host: "],
        ["Host: localhost, evil.example"],
        ["Host: evil.example", "X-Forwarded-Host: localhost"],
        ["Host: evil.example", "Forwarded: host=localhost"],
        [f"Host: {_URL}.evil.example"],
    ],
    ids=";".join,
)
def test_it_answers_under_no_other_name(aws: EmbeddedAws, headers: list[str]) -> None:
    for target in ("/health", "/?Action=ListTopics", "/_aws/lambda-url/abc/", "/_aws/execute-api/abc/dev/"):
        status, _, text = _ask(aws.endpoint, f"GET {target} HTTP/1.1", *headers)
        assert status == 403
        assert text.startswith("This server answers under its own names only")
        assert "evil" not in text


def test_two_hosts_or_none_are_refused(aws: EmbeddedAws) -> None:
    assert _ask(aws.endpoint, "GET /health HTTP/1.1", "Host: localhost", "Host: evil.example")[0] == 400
    assert _ask(aws.endpoint, "GET /health HTTP/1.1")[0] == 400
    assert _ask(aws.endpoint, "GET /health HTTP/1.0")[0] == 403


@pytest.mark.parametrize(
    "target",
    ["http://evil.example/health", "http://localhost/health", "http://localhost/_builder/faults", "health", "x:1"],
)
def test_a_target_that_is_no_path_is_refused(aws: EmbeddedAws, target: str) -> None:
    assert _ask(aws.endpoint, f"GET {target} HTTP/1.1", "Host: localhost:PORT")[0] in {400, 403}


_OWN = "Host: localhost:PORT"


@pytest.mark.parametrize(
    "headers",
    [
        [_OWN, "Origin: https://evil.example"],
        [_OWN, "Origin: null"],
        [_OWN, "Origin: "],
        [_OWN, "Origin: http://localhost"],
        [_OWN, "Origin: http://localhost:1"],
        [_OWN, "Origin: https://localhost:PORT"],
        [_OWN, "Origin: http://127.0.0.1:PORT"],
        [_OWN, "Origin: http://localhost:PORT.evil.example"],
        [_OWN, "Origin: http://localhost:PORT", "Origin: https://evil.example"],
        [_OWN, "Origin: http://localhost:PORT, https://evil.example"],
        [_OWN, "ORIGIN: https://evil.example"],
        [_OWN, "Sec-Fetch-Site: cross-site"],
        [_OWN, "Sec-Fetch-Site: same-site"],
        [_OWN, "Sec-Fetch-Site: Same-Origin"],
        [_OWN, "Sec-Fetch-Site: "],
        [_OWN, "Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"],
        [_OWN, "Origin: http://localhost:PORT", "Sec-Fetch-Site: cross-site"],
        ["Host: sts.amazonaws.com", "Origin: http://sts.amazonaws.com"],
        ["Host: sts.amazonaws.com", "Sec-Fetch-Site: same-origin"],
        [f"Host: {_URL}", "Origin: https://evil.example"],
        ["Host: sts.amazonaws.com", "Accept-Language: en"],
        ["Host: sts.amazonaws.com", "User-Agent: Mozilla/5.0 (any)"],
        ["Host: bucket.localhost:PORT", "Origin: http://bucket.localhost:PORT"],
    ],
    ids=";".join,
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "HEAD"])
def test_no_page_of_another_origin_is_answered(aws: EmbeddedAws, method: str, headers: list[str]) -> None:
    status, answer_headers, _ = _ask(
        aws.endpoint, f"{method} /?Action=ListTopics HTTP/1.1", *headers, "Content-Type: text/plain"
    )
    assert status == 403
    assert not [name for name in answer_headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["Origin: http://localhost:PORT"],
        ["Origin: http://localhost:PORT", "Sec-Fetch-Site: same-origin"],
        ["Sec-Fetch-Site: none"],
    ],
    ids=lambda headers: ";".join(headers) or "neither",
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_what_is_answered_lets_no_other_origin_read(aws: EmbeddedAws, method: str, headers: list[str]) -> None:
    status, answer_headers, _ = _ask(aws.endpoint, f"{method} /health HTTP/1.1", _OWN, *headers)
    assert status == 200
    assert not [name for name in answer_headers if name.startswith("access-control-")]


_CONTROL = [
    *("/_builder/replication", "/_builder/faults", "/_builder/requests", "/_builder/anything", "/_builder"),
    *("/_ministack/reset", "/_ministack/config", "/_ministack/health", "/_ministack/ready", "/_ministack/ses/messages"),
    *("/_ministack/rds/iam-auth", "/_ministack/rds/ca.pem", "/_ministack/eks-auth/1/2", "/_localstack/health"),
    *("/%5fbuilder/faults", "/_%62uilder/faults", "/_builder%2ffaults", "//_builder/faults", "/x/../_builder/faults"),
    *("/./_builder/faults", "/_BUILDER/faults", "/%2e/_ministack/reset", "/_ministack//reset", "/_builder/faults/"),
    *("/_ministack/lambda-code/../reset", "/_ministack/cfn-response", "/_builder/faults?x=1", "/_builder/faults;x"),
]


@pytest.mark.parametrize("path", _CONTROL)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD"])
def test_what_governs_the_server_wants_its_token(aws: EmbeddedAws, method: str, path: str) -> None:
    wrong = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic Og==",
        aws.token,
        f"bearer {aws.token}",
        f"Bearer {aws.token}x",
    ]
    for given in wrong:
        status, _, text = _ask(aws.endpoint, f"{method} {path} HTTP/1.1", _OWN, f"Authorization: {given}")
        assert status == 403
        assert method == "HEAD" or "Authorization: Bearer TOKEN" in text
        assert aws.token not in text


@pytest.mark.parametrize("path", ["/_builder/requests", "/_ministack/health"])
def test_whoever_has_the_token_is_answered(aws: EmbeddedAws, path: str) -> None:
    header = f"Authorization: {authorized()['Authorization']}"
    assert _ask(aws.endpoint, f"GET {path} HTTP/1.1", _OWN, header)[0] == 200
    assert _ask(aws.endpoint, f"GET {path} HTTP/1.1", _OWN, header, "Origin: null")[0] == 403


def test_a_reset_without_the_token_resets_nothing(aws: EmbeddedAws, account: Account) -> None:
    account.s3().create_bucket(Bucket=f"stays-{account.id}")
    assert urllib3.request("POST", f"{aws.endpoint}/_ministack/reset").status == 403
    account.s3().head_bucket(Bucket=f"stays-{account.id}")


def test_a_function_s_code_is_fetched_as_from_a_presigned_url(account: Account) -> None:
    deploy(account, "app", function("coded"))
    place = account.functions().get_function(FunctionName="coded")["Code"]["Location"]
    answer = urllib3.request("GET", place)
    assert (answer.status, answer.data[:2]) == (200, b"PK")


@pytest.mark.processes
def test_a_server_keeps_the_token_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDER_LOCAL_TOKEN", "0123456789abcdef")
    with EmbeddedAws() as aws:
        assert aws.token == "0123456789abcdef"
    monkeypatch.delenv("BUILDER_LOCAL_TOKEN")
    with EmbeddedAws() as first, EmbeddedAws() as second:
        assert len(first.token) >= 43
        assert first.token != second.token


@pytest.mark.processes
def test_a_token_that_keeps_nobody_out_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDER_LOCAL_TOKEN", "0123456789abcde")
    with pytest.raises(Failed, match="BUILDER_LOCAL_TOKEN"):
        EmbeddedAws().__enter__()


def test_no_function_sees_the_token(aws: EmbeddedAws, account: Account) -> None:
    code = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"
    deploy(account, "app", function("looks", code))
    seen = account.functions().invoke(FunctionName="looks")["Payload"].read().decode()
    assert "AWS_REGION" in seen
    assert "BUILDER_LOCAL_TOKEN" not in seen
    assert aws.token not in seen


def test_an_upgrade_to_http_2_passes_the_same_gate(aws: EmbeddedAws) -> None:
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    host, _, port = aws.endpoint.removeprefix("http://").partition(":")
    for named, status in ((f"localhost:{port}", "200"), ("evil.example", "403")):
        lines = ["GET /health HTTP/1.1", f"Host: {named}", *upgrade, "", ""]
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall("\r\n".join(lines).encode())
            connection.settimeout(1)
            assert status in _statuses(connection)


def test_http_2_from_the_start_passes_the_same_gate(aws: EmbeddedAws) -> None:
    h2: Any = pytest.importorskip("h2.connection")
    host, _, port = aws.endpoint.removeprefix("http://").partition(":")
    for authority, more, status in (
        (f"localhost:{port}", [], "200"),
        ("evil.example", [], "403"),
        (f"localhost:{port}", [("origin", "https://evil.example")], "403"),
        (f"localhost:{port}", [("sec-fetch-site", "same-site")], "403"),
    ):
        client = h2.H2Connection()
        client.initiate_connection()
        pseudo = [(":method", "GET"), (":path", "/health"), (":scheme", "http"), (":authority", authority)]
        client.send_headers(1, [*pseudo, *more], end_stream=True)
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(client.data_to_send())
            connection.settimeout(1)
            assert status in _statuses(connection, client)


def _statuses(connection: socket.socket, client: Any = None) -> list[str]:
    """Return the statuses that come before the server falls silent."""
    if client is None:
        h2: Any = pytest.importorskip("h2.connection")
        client = h2.H2Connection()
        client.initiate_upgrade_connection()
        client.data_to_send()
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except TimeoutError:
        pass
    head, _, rest = received.partition(b"\r\n\r\n")
    first = head.split(b" ")[1].decode() if head.startswith(b"HTTP/1.1 ") else ""
    if first and first != "101":
        return [first]
    events = client.receive_data(rest if first else received)
    return [
        value.decode() if isinstance(value, bytes) else value
        for event in events
        for name, value in getattr(event, "headers", None) or ()
        if name in {b":status", ":status"}
    ]


def test_a_websocket_passes_the_same_gate(aws: EmbeddedAws) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    for headers in (
        ["Host: evil.example"],
        [_OWN, "Origin: https://evil.example"],
        [_OWN, "Origin: null"],
        [_OWN, "Sec-Fetch-Site: same-site"],
    ):
        target = "GET /_aws/execute-api/abcdef12/dev HTTP/1.1"
        status, _, text = _ask(aws.endpoint, target, *headers, *upgrade, key)
        assert status == 403
        assert text.startswith("This server answers")


def test_ordinary_clients_go_on_as_before(aws: EmbeddedAws, account: Account) -> None:
    for endpoint in (aws.endpoint, aws.endpoint.replace("127.0.0.1", "localhost")):
        session = boto3.Session(aws_access_key_id=account.id, aws_secret_access_key="any", region_name="us-east-1")
        s3 = session.client("s3", endpoint_url=endpoint)
        name = f"client-{len(endpoint)}-{account.id}"
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="a/b c", Body=b"x")
        assert s3.get_object(Bucket=name, Key="a/b c")["Body"].read() == b"x"
        signed = s3.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "a/b c"})
        assert urllib3.request("GET", signed).data == b"x"
        assert session.client("sts", endpoint_url=endpoint).get_caller_identity()["Account"] == account.id
        with pytest.raises(ClientError, match="ResourceNotFound"):
            session.client("dynamodb", endpoint_url=endpoint).describe_table(TableName="none")


def test_a_custom_domain_that_was_made_on_it_is_a_name_of_its_own(aws: EmbeddedAws) -> None:
    api = boto3.client(
        "apigateway",
        region_name="us-east-1",
        endpoint_url=aws.endpoint,
        aws_access_key_id="000000000000",
        aws_secret_access_key="any",
    )
    ask = ("GET /gate/x HTTP/1.1", "Host: api.gate.example")
    assert _ask(aws.endpoint, *ask)[0] == 403
    number = api.create_rest_api(name="gate")["id"]
    root = api.get_resources(restApiId=number)["items"][0]["id"]
    api.put_method(restApiId=number, resourceId=root, httpMethod="GET", authorizationType="NONE")
    api.put_integration(restApiId=number, resourceId=root, httpMethod="GET", type="MOCK")
    api.create_deployment(restApiId=number, stageName="dev")
    api.create_domain_name(domainName="api.gate.example")
    api.create_base_path_mapping(domainName="api.gate.example", basePath="gate", restApiId=number, stage="dev")
    assert not _ask(aws.endpoint, *ask)[2].startswith("This server answers under its own names only")
    assert _ask(aws.endpoint, *ask, "Origin: http://api.gate.example")[0] == 403
    assert _ask(aws.endpoint, *ask, "Sec-Fetch-Site: same-origin")[0] == 403
