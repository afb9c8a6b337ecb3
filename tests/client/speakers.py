"""The client in both languages, behind one face: what a test asks of it holds for either.

The Node.js client runs in one process for all tests, and is spoken to by lines of JSON (speaker.mjs).
"""

import itertools
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal, Protocol

import pytest

from builder.client import (
    Answer,
    Attempt,
    Circuit,
    Closed,
    FailoverClient,
    HalfOpen,
    Limits,
    Open,
    RegionUrl,
    ReplicatedHold,
    Trouble,
    Unavailable,
)

Addresses = Sequence[str] | Literal["hangs"]
DEFAULT = Limits()
_ANSWER_S = 60.0


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Client(Protocol):
    """The failover client, as Python has it."""

    attempts: list[Attempt]

    def request(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_s: float | None = None,
        repeatable: bool | None = None,
    ) -> Answer: ...

    def circuits(self) -> Mapping[str, Circuit]: ...


class Language(Protocol):
    """What clients are made in."""

    name: str

    def client(
        self, *regions: RegionUrl, limits: Limits = ..., clock: Clock | None = ..., hold: bool = ..., health: str = ...
    ) -> Client: ...

    def resolve(self, host: str, addresses: Addresses) -> None: ...


class Python:
    """Clients in this process."""

    name = "python"

    def __init__(self, monkeypatch: pytest.MonkeyPatch, released: threading.Event) -> None:
        self._names: dict[str, Addresses] = {}
        look_up = socket.getaddrinfo

        def resolve(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
            if host not in self._names or kwargs.get("flags"):
                return look_up(host, port, *args, **kwargs)
            addresses = self._names[host]
            if addresses == "hangs":
                released.wait()
                raise socket.gaierror
            return [entry for address in addresses for entry in look_up(address, port, type=socket.SOCK_STREAM)]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)

    def client(
        self,
        *regions: RegionUrl,
        limits: Limits = DEFAULT,
        clock: Clock | None = None,
        hold: bool = False,
        health: str = "/health",
    ) -> Client:
        attempts: list[Attempt] = []
        made = FailoverClient(
            regions,
            limits=limits,
            clock=clock or time.monotonic,
            on_attempt=attempts.append,
            hold=ReplicatedHold(regions) if hold else None,
            health=health,
        )
        made.attempts = attempts  # type: ignore[attr-defined]  # the tests' face of it
        return made  # type: ignore[return-value]

    def resolve(self, host: str, addresses: Addresses) -> None:
        self._names[host] = addresses


class Speaker:
    """One process of Node.js."""

    def __init__(self, **environment: str) -> None:
        command = ["node", str(Path(__file__).parent / "speaker.mjs")]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        self._ids = itertools.count()
        self._waiting: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def say(self, verb: str, **arguments: Any) -> Any:
        """Return what it answers."""
        number, outcome = next(self._ids), Future[Any]()
        self._waiting[number] = outcome
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(json.dumps({"id": number, "verb": verb, **arguments}) + "\n")
            self._process.stdin.flush()
        reply = outcome.result(_ANSWER_S)
        assert "failed" not in reply, reply["failed"]
        return reply["result"]

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdin.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                reply = json.loads(line)
                self._waiting.pop(reply["id"]).set_result(reply)


class Node:
    """Clients in a process of Node.js."""

    name = "node"

    def __init__(self, speaker: Speaker, number: Callable[[], int]) -> None:
        self._speaker = speaker
        self._number = number

    def client(
        self,
        *regions: RegionUrl,
        limits: Limits = DEFAULT,
        clock: Clock | None = None,
        hold: bool = False,
        health: str = "/health",
    ) -> Client:
        number = self._number()
        self._speaker.say(
            "make",
            client=number,
            regions=[{"name": region.name, "url": region.url} for region in regions],
            limits={_camel(name): getattr(limits, name) for name in Limits.__slots__},
            clock=clock is not None,
            hold={} if hold else None,
            health=health,
        )
        return _NodeClient(self._speaker, number, clock)

    def resolve(self, host: str, addresses: Addresses) -> None:
        entries = addresses if isinstance(addresses, str) else [_entry(address) for address in addresses]
        self._speaker.say("name", host=host, addresses=entries)


class _NodeClient:
    def __init__(self, speaker: Speaker, number: int, clock: Clock | None) -> None:
        self.attempts: list[Attempt] = []
        self._speaker = speaker
        self._number = number
        self._clock = clock

    def request(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_s: float | None = None,
        repeatable: bool | None = None,
    ) -> Answer:
        options: dict[str, Any] = {
            "body": None if body is None else body.decode("latin-1"),
            "headers": headers,
            "deadlineS": deadline_s,
            "repeatable": repeatable,
        }
        reply = self._speaker.say(
            "request",
            client=self._number,
            now=self._clock.now if self._clock else 0,
            method=method,
            target=target,
            **{name: value for name, value in options.items() if value is not None},
        )
        self.attempts += map(_attempt, reply["attempts"])
        if "answer" in reply:
            answer = reply["answer"]
            return Answer(answer["region"], answer["status"], answer["headers"], answer["body"].encode("latin-1"))
        raised = Unavailable(tuple(map(_attempt, reply["raised"])))
        assert raised.may_have_happened == reply["mayHaveHappened"]
        raised.args = (reply["unavailable"],)
        raise raised

    def circuits(self) -> Mapping[str, Circuit]:
        circuits = self._speaker.say("circuits", client=self._number)
        return {name: _circuit(circuit) for name, circuit in circuits.items()}


def _entry(address: str) -> dict[str, Any]:
    return {"address": address, "family": 6 if ":" in address else 4}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _attempt(fields: Mapping[str, Any]) -> Attempt:
    outcome = fields["outcome"]
    return Attempt(
        fields["request"],
        fields["region"],
        fields["method"],
        fields["path"],
        fields["started"],
        fields["durationS"],
        outcome if isinstance(outcome, int) else Trouble(outcome),
        fields["mayHaveHappened"],
    )


def _circuit(fields: Mapping[str, Any]) -> Circuit:
    match fields["state"]:
        case "closed":
            return Closed(fields["failures"])
        case "open":
            return Open(fields["until"])
        case _:
            return HalfOpen(fields["good"], fields["probing"])
