"""Connections with a clock: whatever the other end does, no call on one lasts beyond the time set for it.

A time-out of a socket is of one read or write, so that who drips is waited for as long as it drips. Here each read and
write gets what is left until a time that holds for all of them.
"""

import errno
import http.client
import math
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any

from builder.client.errands import Errands, forget_when_forked

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
"""As socket.getaddrinfo returns it."""

_STAGGER_S = 0.25  # Source: RFC 8305, section 5, Connection Attempt Delay
_IDLE = 64
_KEPT_S = 60.0
"""What is between may have forgotten an idle connection later, and swallow what is sent on it."""


class ClockedSocket(socket.socket):
    """A socket whose reads and writes raise TimeoutError from a certain time on."""

    until: float = math.inf
    """By time.monotonic()."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        """Read; http.client reads by nothing else."""
        self._arm()
        return super().recv_into(buffer, nbytes or 0, flags)

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        """Write once: what TLS writes all by."""
        self._arm()
        return super().send(data, flags)

    def sendall(self, data: "ReadableBuffer", flags: int = 0) -> None:
        """Write all."""
        self._arm()
        super().sendall(data, flags)

    def _arm(self) -> None:
        left_s = self.until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self.settimeout(None if math.isinf(left_s) else left_s)


class ClockedTls(ClockedSocket, ssl.SSLSocket):
    """The same over TLS."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is connected to."""

    scheme: str
    host: str
    port: int


class Connections:
    """Connections made, and those kept for the next request to the same peer. Threads may share one."""

    def __init__(self, errands: Errands) -> None:
        self._errands = errands
        self._tls: ssl.SSLContext | None = None
        self.forget()
        forget_when_forked(self)

    def forget(self) -> None:
        """Let go of all: what is kept is the parent's to speak on."""
        self._lock = threading.Lock()
        self._idle: dict[Peer, list[tuple[float, http.client.HTTPConnection]]] = {}

    def close(self) -> None:
        """Close all that are kept."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for _, connection in chain.from_iterable(idle.values()):
            connection.close()

    def take(self, peer: Peer, connected_by: float, until: float) -> http.client.HTTPConnection:
        """Return a connection that is ready by the one time, and on which nothing lasts beyond the other.

        Raises OSError where there is none, TimeoutError among them.
        """
        while (idle := self._pop(peer)) is not None:
            since, kept = idle
            is_fresh = time.monotonic() < since + _KEPT_S
            # Readable though nothing was asked: the other end has hung up.
            if is_fresh and isinstance(kept.sock, ClockedSocket) and not _is_readable(kept.sock):
                kept.sock.until = until
                return kept
            kept.close()
        connected = connect(self._resolve(peer, connected_by), connected_by)
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if peer.scheme == "https":
                connected = self._secure(connected, peer, connected_by)
        except BaseException:
            connected.close()
            raise
        connected.until = until
        connection = http.client.HTTPConnection(peer.host, peer.port)
        connection.auto_open = 0
        connection.sock = connected
        return connection

    def keep(self, peer: Peer, connection: http.client.HTTPConnection) -> None:
        """Keep one for the next request; nothing may be left to be read from it."""
        with self._lock:
            idle = self._idle.setdefault(peer, [])
            if len(idle) < _IDLE:
                idle.append((time.monotonic(), connection))
                return
        connection.close()

    def _pop(self, peer: Peer) -> tuple[float, http.client.HTTPConnection] | None:
        with self._lock:
            idle = self._idle.get(peer)
            return idle.pop() if idle else None

    def _resolve(self, peer: Peer, until: float) -> Sequence[Address]:
        try:
            return _look_up(peer, socket.AI_NUMERICHOST)
        except socket.gaierror:
            limit_s = until - time.monotonic()
            return self._errands.run(("resolve", peer), lambda: _look_up(peer, 0), limit_s=limit_s)

    def _secure(self, connected: ClockedSocket, peer: Peer, until: float) -> ClockedTls:
        if self._tls is None:
            context = ssl.create_default_context()
            context.set_alpn_protocols(["http/1.1"])
            context.sslsocket_class = ClockedTls
            self._tls = context
        # The handshake is one call, which keeps to the time-out as a whole.
        connected.settimeout(max(0.001, until - time.monotonic()))
        secured = self._tls.wrap_socket(connected, server_hostname=peer.host)
        assert isinstance(secured, ClockedTls)  # noqa: S101  the context makes no other
        return secured


def connect(addresses: Sequence[Address], until: float) -> ClockedSocket:
    """Return a socket connected to the first address that answers. Raises OSError where none does by then.

    Each address is tried soon after the one before it, IPv6 and IPv4 in turn, and all tried are waited for: one that
    swallows everything costs a fraction of a second, and the last has half of the time at least.
    Source: RFC 8305
    """
    began = time.monotonic()
    stagger_s = min(_STAGGER_S, (until - began) / (2 * max(1, len(addresses))))
    untried, due, failure = list(_in_turn(addresses)), began, OSError(errno.EHOSTUNREACH, "no address")
    with selectors.DefaultSelector() as selector:
        try:
            while True:
                now = time.monotonic()
                if now >= until:
                    raise TimeoutError
                if untried and (now >= due or not selector.get_map()):
                    due = now + stagger_s
                    try:
                        selector.register(_begin(untried.pop(0)), selectors.EVENT_WRITE)
                    except OSError as error:
                        failure = error
                    continue
                if not selector.get_map():
                    raise failure
                for key, _ in selector.select((min(due, until) if untried else until) - now):
                    begun = key.fileobj
                    assert isinstance(begun, ClockedSocket)  # noqa: S101  nothing else is registered
                    selector.unregister(begun)
                    if not (code := begun.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
                        return begun
                    begun.close()
                    failure, due = OSError(code, errno.errorcode.get(code, "no connection")), now
        finally:
            for key in list(selector.get_map().values()):
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.close()


def _begin(address: Address) -> ClockedSocket:
    """Return a socket that is being connected. Raises OSError where that is refused at once."""
    family, kind, protocol, _, where = address
    begun = ClockedSocket(family, kind, protocol)
    begun.setblocking(False)  # noqa: FBT003  the standard library's
    try:
        code = begun.connect_ex(where)
    except OSError:
        begun.close()
        raise
    if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
        begun.close()
        raise OSError(code, errno.errorcode.get(code, "no connection"))
    return begun


def _in_turn(addresses: Sequence[Address]) -> Iterator[Address]:
    """Yield the addresses with their families in turn, beginning with the first one's."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    return (address for pair in zip_longest(first, others) for address in pair if address is not None)


def _look_up(peer: Peer, flags: int) -> Sequence[Address]:
    return socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM, flags=flags)


def _is_readable(idle: socket.socket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(idle, selectors.EVENT_READ)
        return bool(selector.select(0))
