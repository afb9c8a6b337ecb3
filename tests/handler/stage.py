"""A stage for the handlers: functions with URLs over a replicated table, on the embedded AWS."""

import base64
import http.client
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

PRIMARY, SECONDARY = REGIONS = ("us-east-1", "us-west-2")
TABLE = "tap-test-global"
_ACCOUNT = "123456789012"
_SOURCES = Path(__file__).parents[2] / "lambda"


@dataclass(frozen=True, slots=True)
class Runtime:
    """What one of the twins runs on: `environment` comes on top of what the template gives."""

    identifier: str
    source: Path
    environment: Mapping[str, str] = field(default_factory=dict)


PYTHON = Runtime("python3.14", _SOURCES / "python" / "index.py")
NODE = Runtime("nodejs24.x", _SOURCES / "nodejs" / "index.js")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Function:
    """A deployed handler, reached as its clients reach it or with an event made by hand."""

    aws: "Aws"
    region: str
    name: str
    host: str

    def call(self, method: str, path: str, body: bytes | str = b"", content_type: str = "application/json") -> Reply:
        """Return the answer of the function's URL over HTTP; the path is sent as it stands."""
        there = urlsplit(self.aws.endpoint)
        connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=30)
        raw = body.encode() if isinstance(body, str) else body
        try:
            connection.request(method, path, raw or None, {"Host": self.host, "Content-Type": content_type})
            reply = connection.getresponse()
            headers = {name.lower(): value for name, value in reply.getheaders()}
            return Reply(reply.status, headers, reply.read())
        finally:
            connection.close()

    def invoke(self, event: Mapping[str, Any]) -> tuple[Reply, str]:
        """Return the answer to a raw event, and what the function logged meanwhile."""
        result = self.aws.client("lambda", self.region).invoke(
            FunctionName=self.name, LogType="Tail", Payload=json.dumps(event)
        )
        made = json.loads(result["Payload"].read())
        log = base64.b64decode(result.get("LogResult", "")).decode()
        return Reply(made["statusCode"], made.get("headers", {}), made.get("body", "").encode()), log


@dataclass(frozen=True, slots=True)
class RegionPair:
    """One runtime's handler in both regions, over one table."""

    primary: Function
    secondary: Function


@dataclass(frozen=True, slots=True)
class Aws:
    """An embedded AWS and what is put on it."""

    endpoint: str

    def client(self, service: Any, region: str = PRIMARY) -> Any:
        return _client(self.endpoint, service, region)

    def make_table(self, name: str) -> None:
        """Make an empty table in the primary region with a replica in the secondary."""
        primary = self.client("dynamodb")
        primary.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        primary.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": SECONDARY}}])

    def deploy(
        self, runtime: Runtime, name: str, region: str = PRIMARY, environment: Mapping[str, str] | None = None
    ) -> Function:
        """Deploy a handler as the service template does: inline file, 10 s, a URL for anyone and both permissions."""
        client = self.client("lambda", region)
        client.create_function(
            FunctionName=name,
            Runtime=runtime.identifier,
            Handler="index.handler",
            Role=f"arn:aws:iam::{_ACCOUNT}:role/handler",
            Timeout=10,
            Code={"ZipFile": _zipped(runtime.source)},
            Environment={
                "Variables": {
                    "TABLE_NAME": TABLE,
                    "ROLE": "primary" if region == PRIMARY else "secondary",
                    "REGIONS": ",".join(REGIONS),
                    **runtime.environment,
                    **(environment or {}),
                }
            },
        )
        url = client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
        anyone = {"FunctionName": name, "Principal": "*"}
        client.add_permission(
            StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE", **anyone
        )
        client.add_permission(
            StatementId="invoke", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True, **anyone
        )
        return Function(self, region, name, urlsplit(url).hostname or "")


def make_event(method: str, path: str, body: str | None = None, *, is_base64: bool = False) -> dict[str, Any]:
    """Return what a function URL hands over, the path as it was sent.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
    """
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": method, "path": path, "protocol": "HTTP/1.1"}, "stage": "$default"},
        "isBase64Encoded": is_base64,
    }
    return event if body is None else {**event, "body": body}


@cache
def _client(endpoint: str, service: Any, region: str) -> Any:
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=_ACCOUNT,
        aws_secret_access_key="none",
        # The emulator is on this machine: what fails once fails again.
        config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
    )


def _zipped(source: Path) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.write(source, source.name)
    return archive.getvalue()
