"""A DynamoDB that fails on demand: a real server, since the emulator's never throttles or hangs."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_JSON = "application/x-amz-json-1.0"
_NAMESPACE = "com.amazonaws.dynamodb.v20120810"


@dataclass(slots=True)
class FaultyDynamoDb:
    """Where it listens, how it answers next, and the input of every request it has seen."""

    endpoint: str
    behaviour: Callable[[Any], None]
    requests: list[Any] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def faulty_dynamodb() -> Iterator[FaultyDynamoDb]:
    """Serve on a free port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            faulty.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            faulty.behaviour(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    faulty = FaultyDynamoDb(f"http://127.0.0.1:{server.server_port}", throttle)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield faulty
    finally:
        faulty.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def throttle(request: BaseHTTPRequestHandler) -> None:
    """Answer as a table does that is over its throughput."""
    _send(request, 400, f'{{"__type": "{_NAMESPACE}#ProvisionedThroughputExceededException", "message": "slow down"}}')


def fail(request: BaseHTTPRequestHandler) -> None:
    """Answer as DynamoDB does when it is DynamoDB that is broken."""
    _send(request, 500, f'{{"__type": "{_NAMESPACE}#InternalServerError", "message": "secret-detail"}}')


def deny(request: BaseHTTPRequestHandler) -> None:
    """Answer as to a role that may not: the message of the real one names the role and the table."""
    arns = "arn:aws:sts::123456789012:assumed-role/handler/x on resource: arn:aws:dynamodb:us-east-1:table/secret"
    _send(request, 400, f'{{"__type": "com.amazon.coral.service#AccessDeniedException", "Message": "{arns}"}}')


def babble(request: BaseHTTPRequestHandler) -> None:
    """Answer as a proxy does that stands in the way: 502 and no JSON."""
    _send(request, 502, "<html><body>Bad gateway</body></html>")


def hang_up(request: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    request.close_connection = True


@contextmanager
def hanging(faulty: FaultyDynamoDb) -> Iterator[None]:
    """Accept requests and answer none while the block runs."""

    def hang(request: BaseHTTPRequestHandler) -> None:
        faulty.released.wait()
        request.close_connection = True

    faulty.released.clear()
    faulty.behaviour = hang
    try:
        yield
    finally:
        faulty.released.set()


def _send(request: BaseHTTPRequestHandler, status: int, body: str) -> None:
    request.send_response(status)
    request.send_header("content-type", _JSON)
    request.send_header("content-length", str(len(body)))
    request.end_headers()
    request.wfile.write(body.encode())
