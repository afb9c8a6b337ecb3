"""Regions for the client to ask: real HTTP servers on the loopback, which do as a test says."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from builder.client import Region

Mood = int | Literal["hangs", "drips", "hangs up"]


@dataclass(slots=True)
class Server:
    """One region: what it answers from now on, and what it was asked."""

    name: str
    port: int = 0
    mood: Mood = 200
    body: bytes = b"answer"
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def region(self) -> Region:
        return Region(self.name, f"http://127.0.0.1:{self.port}/")


class _Http(ThreadingHTTPServer):
    # Room for every thread of a test to connect at once.
    request_queue_size = 128


@contextmanager
def serving(name: str) -> Iterator[Server]:
    """Serve on a free port until the block ends."""
    server = Server(name)
    http = _Http(("127.0.0.1", 0), _make_handler(server))
    server.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        http.shutdown()
        thread.join(10)
        http.server_close()


def _make_handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # A test's client has gone when this is over, or never needed it.
        timeout = 2

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            server.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            match server.mood:
                case "hangs":
                    server.released.wait(10)
                    self.close_connection = True
                case "hangs up":
                    self.close_connection = True
                case "drips":
                    self._start(200, 1000)
                    while not server.released.is_set():
                        try:
                            self.wfile.write(b".")
                        except OSError:
                            self.close_connection = True
                            return
                        time.sleep(0.02)
                case status:
                    self._start(status, len(server.body))
                    self.wfile.write(server.body)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  the base class calls them so

        def _start(self, status: int, length: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.send_header("X-Region", server.name)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name for it
            pass

    return Handler
