"""Regions for the client to ask: real HTTP servers on the loopback, which do as a test says."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from builder.client import RegionUrl

Mood = int | Literal["hangs", "drips", "drips headers", "hangs up", "resets", "cut short", "throttled"]


@dataclass(slots=True)
class Server:
    """One region: what it answers from now on, and what it was asked."""

    name: str
    port: int = 0
    mood: Mood = 200
    body: bytes = b"answer"
    items: dict[str, bytes] | None = None
    """Kept by PUT, GET and DELETE below /items/, as the handlers do; None answers everything with `body`."""
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list, repr=False)
    released: threading.Event = field(default_factory=threading.Event)
    open: list[socket.socket] = field(default_factory=list, repr=False)

    @property
    def connections(self) -> int:
        """How many were made so far."""
        return len(self.open)

    def hang_up(self) -> None:
        """Close every connection, from this end."""
        for connection in self.open:
            connection.shutdown(socket.SHUT_RDWR)

    @property
    def region(self) -> RegionUrl:
        return RegionUrl(self.name, f"http://127.0.0.1:{self.port}/")


class _Http(ThreadingHTTPServer):
    # Room for every thread of a test to connect at once.
    request_queue_size = 128


@contextmanager
def serving(name: str, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve on this port, or a free one, until the block ends."""
    server = Server(name)
    http = _Http(("127.0.0.1", port), _make_handler(server))
    if tls is not None:
        http.socket = tls.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # A test's client has gone when this is over, or never needed it.
    timeout = 2
    state: Server

    def setup(self) -> None:
        super().setup()
        self.state.open.append(self.connection)

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.state.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        mood = self.state.mood
        if isinstance(mood, str):
            self._misbehave(mood)
        elif mood == 200 and self.state.items is not None:
            self._keep(self.state.items, body)
        else:
            self._start(mood, len(self.state.body))
            self.wfile.write(self.state.body)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  the base class calls them so

    def _misbehave(self, mood: str) -> None:
        # Not where it answers whole: it would have to say so.
        self.close_connection = mood != "throttled"
        match mood:
            case "throttled":
                self._start(429, 0, {"x-amzn-ErrorType": "TooManyRequestsException:http://internal.amazon.com/"})
            case "hangs":
                self.state.released.wait(15)
            case "drips":
                self._start(200, 100_000)
                self._drip()
            case "drips headers":
                self.send_response(200)
                self.flush_headers()
                self.wfile.write(b"x-dripping: ")
                self._drip()
            case "resets":
                self._start(200, 1000)
                # Closed with no time to linger, a connection is reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            case "cut short":
                self._start(200, 1000)
                self.wfile.write(b"half")

    def _start(self, status: int, length: int, headers: Mapping[str, str] = {}) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("X-Region", self.state.name)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _drip(self) -> None:
        while not self.state.released.is_set():
            try:
                self.wfile.write(b".")
            except OSError:
                return
            time.sleep(0.02)

    def _keep(self, items: dict[str, bytes], body: bytes) -> None:
        if self.command in ("PUT", "POST"):
            items[self.path] = body
        kept = items.pop(self.path, b"") if self.command == "DELETE" else items.get(self.path)
        self._start(200 if kept is not None else 404, len(kept or b""))
        self.wfile.write(kept or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name for it
        pass


def _make_handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        state = server

    return Handler
