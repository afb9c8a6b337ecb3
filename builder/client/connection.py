"""Connections with a time limit: no call lasts longer than allowed, whatever the other end does."""

import errno
import http.client
import math
import os
import selectors
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


_AGAIN_S = 0.5
_Result = TypeVar("_Result")


class Forgetful(Protocol):
    """An object with locks, threads or connections, none of which a forked process may use."""

    def forget(self) -> None:
        """Drop all locks, threads and connections, and begin anew."""


_FORGETFUL: "weakref.WeakSet[Forgetful]" = weakref.WeakSet()


def forget_when_forked(forgetful: Forgetful) -> None:
    """Call `forget` in every process that is forked from this one."""
    _FORGETFUL.add(forgetful)


def _forget_all() -> None:
    for forgetful in list(_FORGETFUL):
        forgetful.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


@dataclass(slots=True)
class _Calls:
    """The calls under way for one key, and the futures of those who wait for the first to end."""

    running: int = 0
    began: float = 0.0
    waiting: list["Future[Any]"] = field(default_factory=list)


class Errands:
    """Runs calls on threads with a time limit, grouped by key. Threads may share one."""

    def __init__(self) -> None:
        self.forget()
        forget_when_forked(self)

    def forget(self) -> None:
        """Begin anew: after a fork the threads belong to the parent."""
        self._lock = threading.Lock()
        self._calls: dict[Hashable, _Calls] = {}

    def run(self, key: Hashable, do: Callable[[], _Result], *, limit_s: float) -> _Result:
        """Return what `do` returns, or raise what it raises. Raises TimeoutError if it does neither in time.

        `do` may run several times at once, and may still run after this has returned.
        """
        until = time.monotonic() + limit_s
        outcome: Future[Any] = Future()
        with self._lock:
            self._calls.setdefault(key, _Calls()).waiting.append(outcome)
        try:
            while True:
                again_s = self._begin(key, do)
                left_s = until - time.monotonic()
                with suppress(TimeoutError):
                    outcome.exception(max(0.0, min(left_s, again_s)))
                if outcome.done():
                    return cast("_Result", outcome.result())
                if left_s <= again_s:
                    raise TimeoutError
        finally:
            with self._lock, suppress(KeyError, ValueError):
                self._calls[key].waiting.remove(outcome)

    def under_way(self) -> int:
        """Return how many calls are running."""
        with self._lock:
            return sum(calls.running for calls in self._calls.values())

    def _begin(self, key: Hashable, do: Callable[[], object]) -> float:
        """Begin a call if one is due, and return the seconds until the next is. Raises OSError if no thread starts."""
        now = time.monotonic()
        with self._lock:
            calls = self._calls.get(key)
            if calls is None:
                # A call has just ended, and its outcome is about to be set.
                return _AGAIN_S
            due = calls.began + _pause_s(calls.running)
            if calls.running and now < due:
                return due - now
            calls.running, calls.began = calls.running + 1, now
            pause_s = _pause_s(calls.running)
        try:
            threading.Thread(target=self._work, args=(key, do), name=f"builder.client {key}", daemon=True).start()
        except RuntimeError as error:
            with self._lock:
                calls.running -= 1
            raise OSError(str(error)) from error
        return pause_s

    def _work(self, key: Hashable, do: Callable[[], object]) -> None:
        result, failure = None, None
        try:
            result = do()
        except BaseException as error:  # noqa: BLE001  those who wait get it
            failure = error
        with self._lock:
            calls = self._calls[key]
            calls.running -= 1
            waiting, calls.waiting = calls.waiting, []
            if not calls.running:
                del self._calls[key]
        for outcome in waiting:
            if failure is None:
                outcome.set_result(result)
            else:
                outcome.set_exception(failure)


def _pause_s(running: int) -> float:
    """Return how long after the last of so many running calls began the next one begins."""
    return _AGAIN_S * math.pow(2, running - 1)


Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
"""As socket.getaddrinfo returns it."""
_STAGGER_S = 0.25  # Source: RFC 8305, section 5, Connection Attempt Delay
_IDLE = 64
_KEPT_S = 60.0
"""How long an idle connection is kept. Later a NAT or firewall may have dropped it, and swallow what is sent on it."""


class ClockedSocket(socket.socket):
    """A socket whose reads and writes raise TimeoutError after a certain time."""

    until: float = math.inf
    """That time, by time.monotonic()."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        """Read. http.client calls no other method to read."""
        self._arm()
        return super().recv_into(buffer, nbytes or 0, flags)

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        """Write once. TLS's `sendall` calls this."""
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
    """A ClockedSocket over TLS."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection."""

    scheme: str
    host: str
    port: int


class Connections:
    """Makes connections, and keeps them for the next request to the same peer. Threads may share one."""

    def __init__(self, errands: Errands) -> None:
        self._errands = errands
        self._tls: ssl.SSLContext | None = None
        self.forget()
        forget_when_forked(self)

    def forget(self) -> None:
        """Drop all kept connections: after a fork they belong to the parent."""
        self._lock = threading.Lock()
        self._idle: dict[Peer, list[tuple[float, http.client.HTTPConnection]]] = {}

    def close(self) -> None:
        """Close all kept connections."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for _, connection in chain.from_iterable(idle.values()):
            connection.close()

    def take(self, peer: Peer, connected_by: float, until: float) -> http.client.HTTPConnection:
        """Return a connection that is ready at `connected_by`, and whose reads and writes end at `until`.

        Raises OSError, which includes TimeoutError, if there is none.
        """
        while (idle := self._pop(peer)) is not None:
            since, kept = idle
            is_fresh = time.monotonic() < since + _KEPT_S
            # An idle connection that is readable was closed by the other end.
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
        """Keep a connection for the next request. Its last answer has to be read to the end."""
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
        # The handshake is one call, so that the socket's time-out limits it as a whole.
        connected.settimeout(max(0.001, until - time.monotonic()))
        secured = self._tls.wrap_socket(connected, server_hostname=peer.host)
        assert isinstance(secured, ClockedTls)  # noqa: S101  the context makes no other
        return secured


def connect(addresses: Sequence[Address], until: float) -> ClockedSocket:
    """Return a socket connected to the first address that answers. Raises OSError if none does in time.

    Addresses are tried shortly after each other, IPv6 and IPv4 in turn, while the earlier ones are still waited for. So
    an address that never answers costs a fraction of a second, and the last one has at least half of the time.
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
                    connecting = key.fileobj
                    assert isinstance(connecting, ClockedSocket)  # noqa: S101  nothing else is registered
                    selector.unregister(connecting)
                    if not (code := connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
                        return connecting
                    connecting.close()
                    failure, due = OSError(code, errno.errorcode.get(code, "no connection")), now
        finally:
            for key in list(selector.get_map().values()):
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.close()


def _begin(address: Address) -> ClockedSocket:
    """Return a socket that is being connected. Raises OSError if that is refused at once."""
    family, kind, protocol, _, where = address
    connecting = ClockedSocket(family, kind, protocol)
    connecting.setblocking(False)  # noqa: FBT003  the standard library's
    try:
        code = connecting.connect_ex(where)
    except OSError:
        connecting.close()
        raise
    if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
        connecting.close()
        raise OSError(code, errno.errorcode.get(code, "no connection"))
    return connecting


def _in_turn(addresses: Sequence[Address]) -> Iterator[Address]:
    """Yield the addresses with their families in turn, beginning with that of the first address."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    return (address for pair in zip_longest(first, others) for address in pair if address is not None)


def _look_up(peer: Peer, flags: int) -> Sequence[Address]:
    return socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM, flags=flags)


def _is_readable(idle: socket.socket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(idle, selectors.EVENT_READ)
        return bool(selector.select(0))
