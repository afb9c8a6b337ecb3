"""The line between a command and the embedded AWS, as a tiny proxy on which the k-th request is the last."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from urllib.parse import urlsplit

_OF_ONE_HOP = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


@contextmanager
def line(target: str, k: int, *, after: bool, kill: Callable[[], None]) -> Iterator[str]:
    """Yield the endpoint of a line to `target`; at the k-th request `kill` is called, once the target has answered
    or before it has heard of it.
    """
    numbers = count(1)

    class Carrier(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def carry(self) -> None:
            number = next(numbers)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if number == k and not after:
                kill()
            answer, content = _ask(target, self, body)
            if number == k:
                kill()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OF_ONE_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = carry  # noqa: N815  the names that the server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of a line that broke: it is meant to."""

    with Server(("127.0.0.1", 0), Carrier) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def _ask(target: str, request: BaseHTTPRequestHandler, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(urlsplit(target).netloc, timeout=30)
    try:
        connection.request(request.command, request.path, body, dict(request.headers))
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()
