"""Failback as a decision: where all clients of an application have to stay, until somebody lets them go back.

A hold is any callable of this shape; `ReplicatedHold` is ours. The failover client asks it on a thread of its own,
and stays where it is when that raises or takes too long.
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
"""Called with None: returns the region where everybody has to stay, None where everybody may prefer the first.

Called with a region, before the first write is sent to it: keeps everybody there from now on, and returns where they
have to stay, which is that region unless somebody else's says otherwise. Raises where it does not know.
"""
ClientClock = Callable[[], float]
_FOUND, _ABSENT = 200, 404


class NotKnown(Exception):
    """The hold could not be read, or not be written."""


class ReplicatedHold:
    """A hold kept as an item of the application's own replicated table, by the application's own URLs.

    GET, PUT and DELETE of `target` have to be those of an item that holds a JSON object, as the handlers of this
    project have them. The item says `{"region": "us-west-2"}`; deleting it in that region lets everybody go back.
    Regions, credentials and endpoint are those of the client; `limit_s` is for one region to answer.
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
        """Return where to stay, None for nowhere; first with `to` written there. Raises NotKnown."""
        if to is None:
            return self._read()
        self.write(to, at=to)
        return to

    def release(self, at: str) -> None:
        """Let everybody go back, by the region where they are held. Raises NotKnown where that could not be done."""
        result = self._send(self._named(at), "DELETE", None)
        if not isinstance(result, Answer) or result.status >= 300:
            raise NotKnown(f"{at}: {_tell(result)}")

    def shown(self, at: str) -> Mapping[str, object] | None:
        """Return the item as one region shows it, None where that shows none. Raises NotKnown.

        What it says besides `region` is the writer's own; `region` is one of the client's, or None for nowhere.
        """
        result = self._send(self._named(at), "GET", None)
        if isinstance(result, Answer) and result.status == _FOUND:
            held = self._held(result)
            return {**json.loads(result.body), "region": held}
        if isinstance(result, Answer) and result.status == _ABSENT:
            return None
        raise NotKnown(f"{at}: {_tell(result)}")

    def write(self, to: str, *, at: str, **more: str) -> None:
        """Write the item at one region: everybody stays in `to`; `more` stands in it beside that. Raises NotKnown."""
        body = json.dumps({"region": self._named(to).name, **more}, separators=(",", ":")).encode()
        result = self._send(self._named(at), "PUT", body)
        if not isinstance(result, Answer) or result.status >= 300:
            raise NotKnown(f"{at}: {_tell(result)}")

    def _read(self) -> str | None:
        """Ask the regions fallen over to first: what is written there has reached the preferred one later, or not yet.

        The preferred region is believed only where it says that there is a hold.
        """
        preferred, *others = self._regions
        unread = []
        for region in reversed(others):
            result = self._send(region, "GET", None)
            if isinstance(result, Answer) and result.status == _FOUND:
                return self._held(result)
            if not isinstance(result, Answer) or result.status != _ABSENT:
                unread.append(f"{region.name}: {_tell(result)}")
        if not unread:
            return None
        result = self._send(preferred, "GET", None)
        if isinstance(result, Answer) and result.status == _FOUND:
            return self._held(result)
        raise NotKnown(", ".join(unread))

    def _send(self, region: RegionUrl, method: str, body: bytes | None) -> Answer | Trouble:
        headers = {} if body is None else {"content-type": "application/json"}
        return self._wire.send(region, Request(method, self._target, headers, body), limit_s=self._limit_s)

    def _held(self, answer: Answer) -> str | None:
        """Return the region that an item names. Raises NotKnown for one that is none of the client's."""
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
    """Where a client is, as its hold says; in the first region until that says otherwise. Threads may share one."""

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
        """Begin anew with a lock that nobody holds."""
        self._lock = threading.Lock()

    def at(self, limit_s: float) -> str:
        """Return the region to ask, known no longer than `hold_s` ago; where that cannot be had in time, the last."""
        with self._lock:
            age_s = self._hold_s if self._asked_at is None else self._clock() - self._asked_at
        if age_s >= self._hold_s / 2:
            # Early enough, so that a busy client never waits for it.
            with suppress(Exception):
                self._errands.run("hold", self._ask, limit_s=limit_s if age_s >= self._hold_s else 0)
        with self._lock:
            if age_s >= self._hold_s:
                # Also where there was no answer: to wait again for each request would help nobody.
                self._asked_at = self._clock()
            return self._at

    def move(self, to: str, limit_s: float) -> bool:
        """Return whether writes may be sent to another region from now on: all are told to stay there, or nobody is."""
        try:
            return self._errands.run(("hold", to), lambda: self._move(to), limit_s=limit_s) in (None, to)
        except Exception:  # noqa: BLE001  whatever somebody's callable raises, it does not know
            return False

    def _ask(self) -> None:
        with self._lock:
            moves, held = self._moves, self._at
        try:
            held = self._checked(self._hold(None)) or self._names[0]
        finally:
            with self._lock:
                # An answer from before a move says nothing of it, and none at all that all stay.
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
