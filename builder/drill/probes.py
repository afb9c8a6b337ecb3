"""How probes are written, seen, read and deleted: the three kinds of `probe:` in dr.yaml.

`handler`: PUT and DELETE /items/<id> of this project's function write; DynamoDB's calls see, read and delete.
`paths`: an application's own paths do all of it, at each region's own URL.
`table`: DynamoDB's calls do all of it, under a reserved key, in the region whose health is good.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol, Self

from builder import client
from builder.aws import Clients, aws_errors
from builder.drill.consistency import Contents
from builder.drill.load import Caller
from builder.drill.probe import (
    Layout,
    Probe,
    delete_items,
    handler_layout,
    observe_layout,
    read_item,
    read_items,
    see_items,
    shown_number,
    write_item,
)
from builder.drill.records import Paths, ProbeSpec, RegionAttempt
from builder.drill.target import Access, Side, Target
from builder.errors import AwsError, BadInput, Failed

Bodies = Mapping[str, Mapping[int, str]]
"""The texts that were written to each key, by the numbers of the writes."""
_HANDLER = Paths("PUT /items/{id}", "GET /items/{id}", "GET /health", "DELETE /items/{id}")
_READ_AT_ONCE = 8
"""How many probes one read by an application's own path looks for. Each is a request, and reads by the drill must not
slow the application down."""
_NEVER_WRITTEN = "drill-never-written"
_TRIES = 3


class Probes(Protocol):
    """A kind of probe for one target."""

    @property
    def words(self) -> str:
        """How probes are written and seen, for the report."""

    @property
    def service(self) -> str:
        """What a good answer is, for the report."""

    @property
    def health(self) -> str:
        """The path that says whether a region is healthy."""

    @property
    def can_delete(self) -> bool:
        """Whether these probes can be deleted."""

    @property
    def hold(self) -> str | None:
        """The path, with {id}, that takes PUT, GET and DELETE of an item; None if there is none."""

    def write(self, caller: Caller, probe: Probe) -> tuple[RegionAttempt, ...]:
        """Write or delete a probe, and return all attempts; for any thread."""

    def read(self, caller: Caller, key: str) -> tuple[str | None, tuple[RegionAttempt, ...]]:
        """Return the text of a key, empty if it is not there and None without a good answer; for any thread."""

    async def check(self, side: Side) -> str:
        """Return why probes could not be seen in the region, or an empty text if no reason is known."""

    async def see(self, side: Side, keys: Collection[str]) -> Mapping[str, int | None]:
        """Return the number of the latest write that the region shows of each key, None for a key that is not there.

        A key without an answer is left out.
        """

    async def held(self, side: Side, bodies: Bodies) -> Contents:
        """Return the contents of these keys in the region."""

    async def clear(self, side: Side, keys: Collection[str]) -> None:
        """Delete the probes in the region, whether or not they are there. Do nothing if they cannot be deleted."""

    def with_clients(self, clients: Clients) -> Self:
        """Return the same probes with other AWS clients."""


async def make_probes(spec: ProbeSpec, target: Target, clients: Clients, access: Access) -> Probes:
    """Return the probes that dr.yaml asks for. For `table`, read the table's key. Raises BadInput without a table."""
    match spec:
        case Paths():
            return PathProbes(spec, access, asyncio.get_running_loop().time)
        case "handler":
            return HandlerProbes(handler_layout(target.needed_table), clients, target.health)
        case "table":
            layout = await observe_layout(clients, target.primary, target.needed_table)
            return TableProbes(layout, clients, target)


def check_hold(probes: Probes) -> str:
    """Return the path of an item that can be the hold of clients. Raises BadInput if the probes have no such path."""
    if probes.hold is None:
        raise BadInput(
            where="--hold",
            what="keeps an item through the application's URLs, and these probes name no one path for PUT, GET, DELETE",
            next_step="drill: {probe: ...} in dr.yaml    says write, read and delete of one path",
        )
    return probes.hold


@dataclass(frozen=True, slots=True)
class _InTable:
    """The part of the two kinds whose probes are seen and deleted in the table, by DynamoDB's calls."""

    layout: Layout
    clients: Clients

    can_delete = True

    async def check(self, side: Side) -> str:
        """Return an empty text: the table can be read as it is."""
        del side
        return ""

    async def see(self, side: Side, keys: Collection[str]) -> Mapping[str, int | None]:
        """Read the table."""
        texts = await see_items(self.clients, side, self.layout, keys)
        return {key: None if text is None else shown_number(key, text) for key, text in texts.items()}

    async def clear(self, side: Side, keys: Collection[str]) -> None:
        """Delete the items."""
        await delete_items(self.clients, side, self.layout, keys)

    def with_clients(self, clients: Clients) -> Self:
        """Return the same probes with other AWS clients."""
        return replace(self, clients=clients)


@dataclass(frozen=True, slots=True)
class HandlerProbes(_InTable):
    """Probes that are written through this project's function, and seen in the table."""

    health: str

    words = "PUT and DELETE /items/<id> by the client; seen in the table by BatchGetItem, consistently"
    service = "PUT or DELETE /items/<id> answered 2xx"
    hold = "/items/{id}"

    def write(self, caller: Caller, probe: Probe) -> tuple[RegionAttempt, ...]:
        """Write by PUT, delete by DELETE."""
        return _write_by(_HANDLER, caller, probe)

    def read(self, caller: Caller, key: str) -> tuple[str | None, tuple[RegionAttempt, ...]]:
        """Read by GET."""
        return _read_by(_HANDLER, caller, key)

    async def held(self, side: Side, bodies: Bodies) -> Contents:
        """Return the items with all their attributes that are text."""
        return await read_items(self.clients, side, self.layout, bodies.keys())


@dataclass(frozen=True, slots=True)
class TableProbes(_InTable):
    """Probes that the drill writes into the table itself, in the region whose health path answered its client."""

    target: Target

    hold = None

    @property
    def words(self) -> str:
        """How probes are written and seen, for the report."""
        names = ", ".join(name for name, _ in self.layout.key)
        return f"items of {self.layout.table} under reserved values of {names}, written and seen by DynamoDB's calls"

    @property
    def service(self) -> str:
        """What a good answer is, for the report: that of the health path."""
        return f"GET {self.health} answered 200, and nothing else of the application"

    @property
    def health(self) -> str:
        """The health path of the deployment."""
        return self.target.health

    def write(self, caller: Caller, probe: Probe) -> tuple[RegionAttempt, ...]:
        """Ask for health, and write in the region that answered. Both together are one attempt."""
        _, attempts = self._by_health(caller, lambda side: self._write(side, probe))
        return attempts

    def read(self, caller: Caller, key: str) -> tuple[str | None, tuple[RegionAttempt, ...]]:
        """Ask for health, and read consistently in the region that answered."""
        return self._by_health(caller, lambda side: read_item(self.clients, side, self.layout, key) or "")

    async def held(self, side: Side, bodies: Bodies) -> Contents:
        """Return the items' texts."""
        items = await read_items(self.clients, side, self.layout, bodies.keys())
        return {key: {"body": item.get(self.layout.text, "")} for key, item in items.items()}

    def _write(self, side: Side, probe: Probe) -> str:
        write_item(self.clients, side, self.layout, probe.key, None if probe.deletes else probe.body)
        return ""

    def _by_health(self, caller: Caller, do: Callable[[Side], str]) -> tuple[str | None, tuple[RegionAttempt, ...]]:
        answer, attempts = caller.ask("GET", self.health)
        *before, last = attempts
        if answer is None or not last.is_good:
            return None, attempts
        side, text, status = self.target.side(last.region), None, None
        with suppress(AwsError), aws_errors(side.region):
            text, status = do(side), last.status
        return text, (*before, replace(last, ended_s=caller.clock(), status=status))


class PathProbes:
    """Probes that are written, seen, read and deleted by an application's own paths."""

    def __init__(self, paths: Paths, access: Access, clock: Callable[[], float]) -> None:
        self._paths = paths
        self._access = access
        self._clock = clock
        self._callers: dict[str, Caller] = {}
        self._pool = ThreadPoolExecutor(_READ_AT_ONCE, thread_name_prefix="paths")
        self._looked: dict[str, int] = {}

    @property
    def words(self) -> str:
        """The paths, and whether reads by them are consistent."""
        cleared = f"cleared away by {self._paths.delete}" if self._paths.delete else "left where they were written"
        return (
            f"{self._paths.write} by the client; seen by {self._paths.read} at each region's own URL, which is "
            f"consistent only where the application reads so; {cleared}"
        )

    @property
    def service(self) -> str:
        """What a good answer is, for the report: that of the paths that write."""
        writes = [path for path in (self._paths.write, self._paths.delete) if path]
        return f"{' or '.join(writes)} answered 2xx"

    @property
    def health(self) -> str:
        """The path of health, without its method."""
        return _path(self._paths.health)

    @property
    def can_delete(self) -> bool:
        """Whether dr.yaml has a path for deletions."""
        return self._paths.delete is not None

    @property
    def hold(self) -> str | None:
        """The path of writes, reads and deletions if it is the same; else None."""
        paths = {self._paths.write, self._paths.read, self._paths.delete or ""}
        path = _path(self._paths.read)
        return path if paths == {f"{method} {path}" for method in ("PUT", "GET", "DELETE")} else None

    def write(self, caller: Caller, probe: Probe) -> tuple[RegionAttempt, ...]:
        """Write or delete by the application's path."""
        return _write_by(self._paths, caller, probe)

    def read(self, caller: Caller, key: str) -> tuple[str | None, tuple[RegionAttempt, ...]]:
        """Read by the application's path."""
        return _read_by(self._paths, caller, key)

    async def check(self, side: Side) -> str:
        """Read a key that was never written. An answer other than 404 would hide every deletion."""
        where = f"{side.region}: {self._paths.read}"
        target = [(_NEVER_WRITTEN, _of(_path(self._paths.read), _NEVER_WRITTEN))]
        for _ in range(_TRIES):
            answer = (await self._ask(side, "GET", target))[_NEVER_WRITTEN]
            if answer is not None:
                is_absent = _text(answer) == ""
                return (
                    ""
                    if is_absent
                    else f"{where} answers {answer.status} for what was never written, where 404 is wanted"
                )
        return f"{where} is not answered"

    async def see(self, side: Side, keys: Collection[str]) -> Mapping[str, int | None]:
        """Read some of the keys; if there are many, the next ones at the next call."""
        listed = sorted(keys)
        first = self._looked.get(side.region, 0) % len(listed)
        chosen = [*listed[first:], *listed[:first]][:_READ_AT_ONCE]
        self._looked[side.region] = first + len(chosen)
        path = _path(self._paths.read)
        texts = _texts(await self._ask(side, "GET", [(key, _of(path, key)) for key in chosen]))
        if not texts:
            raise Failed(where=side.region, what=f"{self._paths.read} is not answered")
        return {key: shown_number(key, text) if text else None for key, text in texts.items()}

    async def held(self, side: Side, bodies: Bodies) -> Contents:
        """Return what the region answers for each key that is there. Raises Failed if a key has no answer.

        An answer that shows the mark of a write counts as the text of that write, whatever else the application adds.
        """
        path = _path(self._paths.read)
        texts = _texts(await self._ask_all(side, "GET", [(key, _of(path, key)) for key in bodies]))
        if unanswered := [key for key in bodies if key not in texts]:
            what = f"{self._paths.read} is not answered for {len(unanswered)} probes, {unanswered[0]} the first"
            raise Failed(where=side.region, what=what)
        return {key: {"body": bodies[key].get(shown_number(key, text), text)} for key, text in texts.items() if text}

    async def clear(self, side: Side, keys: Collection[str]) -> None:
        """Delete each key by the application's path, if it has one. Raises Failed if a deletion is not answered."""
        if self._paths.delete is None:
            return
        method, path = self._paths.delete.split(" ", 1)
        answers = await self._ask_all(side, method, [(key, _of(path, key)) for key in keys])
        if left := [key for key, answer in answers.items() if answer is None or not _is_gone(answer.status)]:
            what = f"{self._paths.delete} is not answered well for {len(left)} probes, {left[0]} the first"
            raise Failed(where=side.region, what=what)

    def with_clients(self, clients: Clients) -> Self:
        """Return these probes, which make no call to AWS."""
        del clients
        return self

    async def _ask_all(
        self, side: Side, method: str, targets: Sequence[tuple[str, str]]
    ) -> dict[str, client.Answer | None]:
        """Return the answers to all requests. Repeat those without an answer until a few rounds in a row get none."""
        answers = dict[str, client.Answer | None]((key, None) for key, _ in targets)
        left, in_vain = list(targets), 0
        while left and in_vain < _TRIES:
            part, left = left[:_READ_AT_ONCE], left[_READ_AT_ONCE:]
            answers |= await self._ask(side, method, part)
            unanswered = [(key, target) for key, target in part if answers[key] is None]
            in_vain = in_vain + 1 if len(unanswered) == len(part) else 0
            left += unanswered
        return answers

    async def _ask(
        self, side: Side, method: str, targets: Sequence[tuple[str, str]]
    ) -> dict[str, client.Answer | None]:
        caller = self._callers.get(side.region) or Caller([side], self._access, self._clock, health=self.health)
        self._callers[side.region] = caller
        loop = asyncio.get_running_loop()
        calls = (loop.run_in_executor(self._pool, caller.ask, method, target) for _, target in targets)
        answers = await asyncio.gather(*calls)
        return {key: answer for (key, _), (answer, _) in zip(targets, answers, strict=True)}


def _write_by(paths: Paths, caller: Caller, probe: Probe) -> tuple[RegionAttempt, ...]:
    method, path = ((probe.deletes and paths.delete) or paths.write).split(" ", 1)
    return caller.ask(method, _of(path, probe.key), None if probe.deletes else probe.body)[1]


def _read_by(paths: Paths, caller: Caller, key: str) -> tuple[str | None, tuple[RegionAttempt, ...]]:
    answer, attempts = caller.ask("GET", _of(_path(paths.read), key))
    return None if answer is None else _text(answer), attempts


def _path(request: str) -> str:
    return request.split(" ", 1)[1]


def _of(path: str, key: str) -> str:
    return path.replace("{id}", key)


def _text(answer: client.Answer) -> str | None:
    """Return the text of an answer, empty if the key is not there, None for any other answer."""
    if 200 <= answer.status < 300:
        return answer.body.decode(errors="replace")
    return "" if _is_gone(answer.status) else None


def _texts(answers: Mapping[str, client.Answer | None]) -> dict[str, str]:
    """Return the text of each key, empty if it is not there. Leave out keys without a good answer."""
    texts = {key: _text(answer) for key, answer in answers.items() if answer is not None}
    return {key: text for key, text in texts.items() if text is not None}


def _is_gone(status: int) -> bool:
    return 200 <= status < 300 or status in {404, 410}
