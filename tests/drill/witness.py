"""Somebody who stands beside a drill and believes nothing of it: shares no code with it, and no clock.

    python tests/drill/witness.py ENDPOINT ACCOUNT TABLE REGION ...

reads the table in these regions every 50 ms by boto3, all of it, and prints a line of JSON for each read that showed
something new; ends with its stdin. What became of requests is told by the embedded AWS's own log of them. From both the
functions below compute what a drill reports, in the plainest way; times are the world's, in seconds.
"""

import itertools
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

EVERY_S = 0.05
PREFIX = "item#"


@dataclass(frozen=True)
class Request:
    """A request to a function URL, as the embedded AWS has it in its log."""

    region: str
    method: str
    path: str
    status: int
    began: float
    ended: float


@dataclass(frozen=True)
class Seen:
    """A read of a region: the last number of every key that is there."""

    region: str
    began: float
    ended: float
    shows: Mapping[str, int]


@dataclass
class Call:
    """What a client asks for once: its requests, one after the other, until one is answered well."""

    key: str
    number: int
    deletes: bool
    requests: list[Request] = field(default_factory=list)

    @property
    def began(self) -> float:
        return self.requests[0].began

    @property
    def ended(self) -> float:
        return self.requests[-1].ended

    @property
    def taken_by(self) -> str | None:
        """The region that did it."""
        return self.requests[-1].region if is_good(self.requests[-1]) else None

    def answered(self, within_s: float) -> bool:
        return self.taken_by is not None and self.ended - self.began <= within_s


def is_good(request: Request) -> bool:
    return 200 <= request.status < 300


def read_requests(document: Mapping[str, Any]) -> list[Request]:
    """Return what `/_builder/requests` answers."""
    requests = [
        Request(
            request["region"],
            request["method"],
            request["path"],
            request["status"],
            request["time"],
            request["time"] + request["duration_s"],
        )
        for request in document["requests"]
    ]
    return sorted(requests, key=lambda request: request.began)


def make_calls(requests: Iterable[Request], series: str, patience_s: float) -> list[Call]:
    """Return the calls of a load whose items are called `<series>…`, in the order in which they began.

    Several requests of one path follow each other where the one before was not answered well, or was given up for the
    next: an answer that comes after `patience_s` has no reader any more.
    """
    calls: dict[str, list[Call]] = {}
    for request in requests:
        method, (root, _, key) = request.method, request.path.removeprefix("/").partition("/")
        if root != "items" or not key.startswith(series) or method not in {"PUT", "DELETE"}:
            continue
        of_key = calls.setdefault(key, [])
        last = of_key[-1] if of_key else None
        if last is None or (is_good(last.requests[-1]) and last.requests[-1].ended <= request.began):
            of_key.append(Call(key, len(of_key) + 1, method == "DELETE"))
        of_key[-1].requests.append(request)
    made = [_given_up(call, patience_s) for of_key in calls.values() for call in of_key]
    return sorted(made, key=lambda call: call.began)


def _given_up(call: Call, patience_s: float) -> Call:
    """Return the call with no answer for what its client stopped waiting for."""
    requests = []
    for request, after in itertools.zip_longest(call.requests, call.requests[1:]):
        until = min(request.ended, request.began + patience_s, after.began if after else request.ended)
        status = request.status if until == request.ended else 0
        requests.append(Request(request.region, request.method, request.path, status, request.began, until))
    return Call(call.key, call.number, call.deletes, requests)


@dataclass(frozen=True)
class Statement:
    """What the witness says of it."""

    rto_s: float | None
    """None where service was not reached."""
    failback_s: float | None
    longest_gap_s: float
    lost: int
    rpo_s: Mapping[str, float]
    """By secondary."""
    missing: frozenset[tuple[str, str]]
    """Region and key, of what is not there."""
    behind: frozenset[tuple[str, str]]
    """Of what is there as an earlier write left it."""
    read_s: float
    """How long the witness was between two reads, at most."""


@dataclass(frozen=True)
class Outage:
    """When the fault was asked for and when its undoing was, by the clock on the wall, and how the drill was set."""

    primary: str
    struck: float
    undone: float
    within_s: float
    """Within so long a request is answered well, or badly."""


def state(
    calls: Sequence[Call], seen: Sequence[Seen], left: Mapping[str, Mapping[str, int]], outage: Outage
) -> Statement:
    """Return what came of the outage; `left` is what each region held in the end."""
    during = [call for call in calls if _over(call, outage) > outage.struck and call.began < outage.undone]
    later = [call for call in calls if call.began >= outage.undone]
    reads = [read for read in seen if outage.struck <= read.ended <= outage.undone]
    return Statement(
        rto_s=_without_service(during, outage, outage.undone),
        failback_s=_without_service(later, outage, float("inf")),
        longest_gap_s=_longest_gap(calls, outage),
        lost=sum(call.taken_by is None for call in [*during, *later]),
        rpo_s={region: _rpo(calls, seen, outage, region) for region in sorted({read.region for read in seen})},
        missing=frozenset((region, call.key) for region, number, call in _unlike(calls, left) if not number),
        behind=frozenset((region, call.key) for region, number, call in _unlike(calls, left) if number),
        read_s=max((read.ended - read.began for read in reads), default=0.0) + EVERY_S,
    )


def _over(call: Call, outage: Outage) -> float:
    """Return when it was clear what became of a call."""
    return min(call.ended, call.began + outage.within_s)


def _without_service(calls: Sequence[Call], outage: Outage, until: float) -> float | None:
    bad = [call for call in calls if not call.answered(outage.within_s)]
    if not bad:
        return 0.0
    for call in calls:
        came_too_late = call.taken_by == outage.primary and call.ended > until
        if call.began > bad[-1].began and not came_too_late:
            return call.ended - bad[0].began
    return None


def _longest_gap(calls: Sequence[Call], outage: Outage) -> float:
    good = sorted(call.ended for call in calls if call.answered(outage.within_s))
    before = [at for at in good if at <= outage.struck]
    moments = [*before[-1:], *(at for at in good if at > outage.struck), calls[-1].ended]
    return max(after - at for at, after in itertools.pairwise(moments))


def _rpo(calls: Sequence[Call], seen: Sequence[Seen], outage: Outage, secondary: str) -> float:
    """Return the age of the oldest write that the secondary did not show, at the worst moment of the primary's failing.

    The primary fails where a request to it that goes wrong follows one that went well, or is the first to go wrong in
    the outage, and goes on failing until the next that goes well begins: what it still acknowledges meanwhile counts.
    Where it never fails, all of the outage is looked at.
    """
    there = [request for call in calls for request in call.requests if request.region == outage.primary]
    there = sorted((request for request in there if request.ended > outage.struck), key=lambda request: request.began)
    there = [request for request in there if request.began < outage.undone]
    moments, failing = [], False
    for request in there:
        if is_good(request):
            failing = False
        elif not failing:
            failing = True
            next_good = min(
                (good.began for good in there if is_good(good) and good.began > request.began), default=outage.undone
            )
            late = [good.ended for good in there if is_good(good) and request.began < good.ended < next_good]
            moments += [request.began, *late]
    if not moments:
        moments = [outage.struck + step * 0.01 for step in range(int((outage.undone - outage.struck) * 100))]
    written = [call for call in calls if call.taken_by == outage.primary]
    shown = _shown(written, [read for read in seen if read.region == secondary])
    ages = [at - call.ended for at in moments for call in written if call.ended <= at < shown[id(call)]]
    return max(ages, default=0.0)


def _shown(written: Iterable[Call], reads: Sequence[Seen]) -> dict[int, float]:
    """Return when a read first showed each write, or that it was overtaken by a later one."""
    shown_s = {}
    for call in written:
        shown_s[id(call)] = float("inf")
        there = False
        for read in reads:
            number = read.shows.get(call.key, 0)
            there = there or number > 0
            # A deletion is shown by the absence of what was there.
            if number >= call.number or (call.deletes and there and not number and read.ended > call.began):
                shown_s[id(call)] = max(read.ended, call.ended)
                break
    return shown_s


def _unlike(calls: Iterable[Call], left: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, int, Call]]:
    """Yield where the last write of a key that was acknowledged is not there in the end, and what number is."""
    last = {call.key: call for call in calls if call.taken_by is not None}
    for call in last.values():
        for region, holds in left.items():
            number = holds.get(call.key, 0)
            if (number > 0) if call.deletes else (number < call.number):
                yield region, number, call


@contextmanager
def watching(endpoint: str, account: str, table: str, regions: Sequence[str]) -> Iterator[list[Seen]]:
    """Read in a process of its own while the block lasts, and fill the list when it ends."""
    seen: list[Seen] = []
    command = [sys.executable, str(Path(__file__)), endpoint, account, table, *regions]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines: list[str] = []
        taken = threading.Thread(target=lines.extend, args=(process.stdout,))
        assert process.stdout.readline() == "ready\n"
        taken.start()
        try:
            yield seen
        finally:
            process.stdin.close()
            taken.join(30)
            seen += [Seen(**json.loads(line)) for line in lines]


def read_numbers(client: Any, table: str) -> dict[str, int]:
    """Return the last number of every key that a region shows."""
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    items = [item for page in pages for item in page["Items"]]
    shown = {}
    for item in items:
        key = item["id"]["S"].removeprefix(PREFIX)
        # Of a probe without marks there is but one write.
        marks = re.findall(rf"{re.escape(key)}#([0-9]+)", item.get("body", {}).get("S", ""))
        shown[key] = max(map(int, marks), default=1)
    return shown


def client_of(endpoint: str, account: str, region: str) -> Any:
    return boto3.client(
        "dynamodb", region, endpoint_url=endpoint, aws_access_key_id=account, aws_secret_access_key="any"
    )


def main(endpoint: str, account: str, table: str, *regions: str) -> None:
    printing, ended = threading.Lock(), threading.Event()

    def read(region: str, client: Any) -> None:
        last: dict[str, int] | None = None
        while not ended.is_set():
            began = time.time()
            shows = read_numbers(client, table)
            if shows != last:
                seen = {"region": region, "began": began, "ended": time.time(), "shows": shows}
                with printing:
                    print(json.dumps(seen), flush=True)
            last = shows
            ended.wait(EVERY_S)

    clients = {region: client_of(endpoint, account, region) for region in regions}
    print("ready", flush=True)
    threads = [threading.Thread(target=read, args=item) for item in clients.items()]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
