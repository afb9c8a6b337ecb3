"""Failback as a decision: a hold says where all clients of an application stay until somebody lets them go back.

A hold is any callable of the type `Hold`; `ReplicatedHold` is ours. The failover client calls it on a thread of its
own, and stays where it is if the call raises or takes too long.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from botocore.credentials import Credentials

from builder.client.connection import Errands, forget_when_forked
from builder.client.records import Answer, RegionUrl, Request, Trouble
from builder.client.wire import Wire

Hold = Callable[[str | None], str | None]
"""Called with None, it returns the region where all clients have to stay, None if they may prefer the first region.

Called with a region, before the first write is sent to it, it holds all clients there from now on, and returns where
they have to stay: that region, unless another client has held them elsewhere. It raises if it does not know.
"""
ClientClock = Callable[[], float]
_OK, _ABSENT = 200, 404


class NotKnown(Exception):
    """The hold could not be read or written."""


class ReplicatedHold:
    """A hold that is an item of the application's own replicated table, read and written by the application's own URLs.

    GET, PUT and DELETE of `target` have to read, write and delete an item that is a JSON object, as in the handlers of
    this project. The item is `{"region": "us-west-2"}`. Deleting it in that region lets all clients go back. Regions,
    credentials and endpoint are those of the client; `limit_s` is how long one region may take to answer.
    """

    def __init__(
        self,
        regions: Sequence[RegionUrl],
        *,
        credentials: Credentials | None = None,
        endpoint: str | None = None,
        target: str = "/items/failover-hold",
        limit_s: float = 1.0,
    ) -> None:
        self._regions = regions
        self._wire = Wire(credentials, endpoint)
        self._target = target
        self._limit_s = limit_s

    def __call__(self, to: str | None) -> str | None:
        """Return where clients have to stay, None for no hold. With `to`, hold them there first. Raises NotKnown."""
        if to is None:
            return self._read()
        self.write(to, at=to)
        return to

    def release(self, at: str) -> None:
        """Let all clients go back, by a DELETE in the region where they are held. Raises NotKnown if that failed."""
        result = self._send(self._named(at), "DELETE", None)
        if not isinstance(result, Answer) or result.status >= 300:
            raise NotKnown(f"{at}: {_tell(result)}")

    def shown(self, at: str) -> Mapping[str, object] | None:
        """Return the item as one region shows it, None if it shows none. Raises NotKnown.

        `region` in it is one of the client's regions, or None for no hold. It may have other keys of the writer's own.
        """
        result = self._send(self._named(at), "GET", None)
        if isinstance(result, Answer) and result.status == _OK:
            held = self._held(result)
            return {**json.loads(result.body), "region": held}
        if isinstance(result, Answer) and result.status == _ABSENT:
            return None
        raise NotKnown(f"{at}: {_tell(result)}")

    def write(self, to: str, *, at: str, **more: str) -> None:
        """Write the item in the region `at`, so that all clients stay in `to`; add the keys `more`. Raises NotKnown."""
        body = json.dumps({"region": self._named(to).name, **more}, separators=(",", ":")).encode()
        result = self._send(self._named(at), "PUT", body)
        if not isinstance(result, Answer) or result.status >= 300:
            raise NotKnown(f"{at}: {_tell(result)}")

    def _read(self) -> str | None:
        """Read the hold, in the last region first: a hold is written there, and reaches the preferred region later.

        The preferred region is asked only if another did not answer, and is believed only if it shows a hold.
        """
        preferred, *others = self._regions
        unread = []
        for region in reversed(others):
            result = self._send(region, "GET", None)
            if isinstance(result, Answer) and result.status == _OK:
                return self._held(result)
            if not isinstance(result, Answer) or result.status != _ABSENT:
                unread.append(f"{region.name}: {_tell(result)}")
        if not unread:
            return None
        result = self._send(preferred, "GET", None)
        if isinstance(result, Answer) and result.status == _OK:
            return self._held(result)
        raise NotKnown(", ".join(unread))

    def _send(self, region: RegionUrl, method: str, body: bytes | None) -> Answer | Trouble:
        headers = {} if body is None else {"content-type": "application/json"}
        return self._wire.send(region, Request(method, self._target, headers, body), limit_s=self._limit_s)

    def _held(self, answer: Answer) -> str | None:
        """Return the region that an item names. Raises NotKnown if it is none of the client's."""
        try:
            region = json.loads(answer.body)["region"]
        except (ValueError, KeyError, TypeError) as error:
            raise NotKnown(f"{answer.region}: {self._target} holds no region") from error
        return None if region is None else self._named(region).name

    def _named(self, name: object) -> RegionUrl:
        for region in self._regions:
            if region.name == name:
                return region
        raise NotKnown(f"{name} is none of the client's regions")


def _tell(result: Answer | Trouble) -> str:
    return str(result.status) if isinstance(result, Answer) else result.value


class Whereabouts:
    """Where a client is by its hold, at first in the first region. Threads may share one."""

    def __init__(
        self, hold: Hold, names: Sequence[str], errands: Errands, *, hold_s: float, clock: ClientClock
    ) -> None:
        self._hold = hold
        self._names = names
        self._errands = errands
        self._hold_s = hold_s
        self._clock = clock
        self._at = names[0]
        self._asked_at: float | None = None
        self._moves = 0
        self.forget()
        forget_when_forked(self)

    def forget(self) -> None:
        """Begin anew after a fork, with a free lock."""
        self._lock = threading.Lock()

    def at(self, limit_s: float) -> str:
        """Return where clients are by the hold, read no longer than `hold_s` ago; by the last read if that fails."""
        with self._lock:
            age_s = self._hold_s if self._asked_at is None else self._clock() - self._asked_at
        if age_s >= self._hold_s / 2:
            # Read it again early enough, so that a busy client never waits for it.
            with suppress(Exception):
                self._errands.run("hold", self._ask, limit_s=limit_s if age_s >= self._hold_s else 0)
        with self._lock:
            if age_s >= self._hold_s:
                # Also without an answer, so that not every request waits for one.
                self._asked_at = self._clock()
            return self._at

    def move(self, to: str, limit_s: float) -> bool:
        """Hold all clients in another region, and return whether that succeeded, so that writes may be sent to it."""
        try:
            return self._errands.run(("hold", to), lambda: self._move(to), limit_s=limit_s) in (None, to)
        except Exception:  # noqa: BLE001  whatever a hold of the user's own raises, it does not know
            return False

    def _ask(self) -> None:
        with self._lock:
            moves, held = self._moves, self._at
        try:
            held = self._checked(self._hold(None)) or self._names[0]
        finally:
            with self._lock:
                # An answer from before a move is outdated. Without an answer clients stay where they are.
                if moves == self._moves:
                    self._at, self._asked_at = held, self._clock()

    def _move(self, to: str) -> str | None:
        held = self._checked(self._hold(to))
        with self._lock:
            self._moves += 1
            self._at, self._asked_at = held or self._names[0], self._clock()
        return held

    def _checked(self, held: str | None) -> str | None:
        if held is not None and held not in self._names:
            raise NotKnown(f"{held} is none of the client's regions")
        return held
