"""What an application is asked to keep a probe, and by what it is seen: the three kinds of `probe:` in dr.yaml.

`handler`: the function of this project, PUT and DELETE /items/<id>; seen, read and deleted by DynamoDB's calls.
`paths`: an application's own paths; seen, read and deleted by them too, at each region's own URL.
`table`: items that the drill writes itself, under a reserved key, where the application's health is good.
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
"""What each write to a key wrote, by its number."""
_HANDLER = Paths("PUT /items/{id}", "GET /items/{id}", "GET /health", "DELETE /items/{id}")
_ASKED_AT_ONCE = 8
"""So many probes are looked for in one read by an application's own path: each is a request, and looking must not
be what makes the application slow."""
_NEVER_WRITTEN = "drill-never-written"
_TRIES = 3


class Probes(Protocol):
    """A kind of probe, for one target."""

    @property
    def words(self) -> str:
        """How probes are written and seen, for the report."""

    @property
    def service(self) -> str:
        """What a good answer is, for the report."""

    @property
    def health(self) -> str:
        """The path that says whether a region is well."""

    @property
    def can_delete(self) -> bool:
        """Whether probes are deleted by what writes them."""

    @property
    def hold(self) -> str | None:
        """The path, with {id}, that takes PUT, GET and DELETE of an item; None where there is none."""

    def write(self, caller: Caller, probe: Probe) -> tuple[RegionAttempt, ...]:
        """Write a probe or delete it, and return every attempt; for any thread."""

    def read(self, caller: Caller, key: str) -> tuple[str | None, tuple[RegionAttempt, ...]]:
        """Return what a key holds, empty where nothing is there and None without a good answer; for any thread."""

    async def check(self, side: Side) -> str:
        """Return why probes could not be seen in the region, empty where they can be as far as one can tell before."""

    async def see(self, side: Side, keys: Collection[str]) -> Mapping[str, int | None]:
        """Return the number of the write that the region shows of each key, None for absence; unanswered left out."""

    async def held(self, side: Side, bodies: Bodies) -> Contents:
        """Return what the region holds of these keys."""

    async def clear(self, side: Side, keys: Collection[str]) -> None:
        """Delete the probes in the region, those that are not there included; nothing where nothing can."""

    def with_clients(self, clients: Clients) -> Self:
        """Return the same, for other clients of AWS."""


async def make_probes(spec: ProbeSpec, target: Target, clients: Clients, access: Access) -> Probes:
    """Return the kind that dr.yaml asks for; of `table` the key is asked for. Raises BadInput without a table."""
    match spec:
        case Paths():
            return PathProbes(spec, access, asyncio.get_running_loop().time)
        case "handler":
            return HandlerProbes(handler_layout(target.needed_table), clients, target.health)
        case "table":
            layout = await observe_layout(clients, target.primary, target.needed_table)
            return TableProbes(layout, clients, target)


def check_hold(probes: Probes) -> str:
    """Return the path of items that can hold clients. Raises BadInput where the probes have none."""
    if probes.hold is None:
        raise BadInput(
            where="--hold",
            what="keeps an item through the application's URLs, and these probes name no one path for PUT, GET, DELETE",
            next_step="drill: {probe: ...} in dr.yaml    says write, read and delete of one path",
        )
    return probes.hold


@dataclass(frozen=True, slots=True)
class _InTable:
    """What both kinds have in common that are seen in the table and deleted there, by DynamoDB's calls."""

    layout: Layout
    clients: Clients

    can_delete = True

    async def check(self, side: Side) -> str:
        """Know of nothing: what the table holds is read as it is."""
        del side
        return ""

    async def see(self, side: Side, keys: Collection[str]) -> Mapping[str, int | None]:
        """Look into the table."""
        texts = await see_items(self.clients, side, self.layout, keys)
        return {key: None if text is None else shown_number(key, text) for key, text in texts.items()}

    async def clear(self, side: Side, keys: Collection[str]) -> None:
        """Delete the items."""
        await delete_items(self.clients, side, self.layout, keys)

    def with_clients(self, clients: Clients) -> Self:
        """Return the same, for other clients."""
        return replace(self, clients=clients)


@dataclass(frozen=True, slots=True)
class HandlerProbes(_InTable):
    """Written as clients of this project's function write, seen in the table."""

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
        """Return the items, as they are."""
        return await read_items(self.clients, side, self.layout, bodies.keys())


@dataclass(frozen=True, slots=True)
class TableProbes(_InTable):
    """Written by the drill itself in the region whose health answered its client."""

    target: Target

    hold = None

    @property
    def words(self) -> str:
        """Where they lie."""
        names = ", ".join(name for name, _ in self.layout.key)
        return f"items of {self.layout.table} under reserved values of {names}, written and seen by DynamoDB's calls"

    @property
    def service(self) -> str:
        """Health alone."""
        return f"GET {self.health} answered 200, and nothing else of the application"

    @property
    def health(self) -> str:
        """The deployment's."""
        return self.target.health

    def write(self, caller: Caller, probe: Probe) -> tuple[RegionAttempt, ...]:
        """Ask for health, and write in the region that answered: one attempt there, of both."""
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
    """Written, read and deleted by an application's own paths."""

    def __init__(self, paths: Paths, access: Access, clock: Callable[[], float]) -> None:
        self._paths = paths
        self._access = access
        self._clock = clock
        self._callers: dict[str, Caller] = {}
        self._pool = ThreadPoolExecutor(_ASKED_AT_ONCE, thread_name_prefix="paths")
        self._looked: dict[str, int] = {}

    @property
    def words(self) -> str:
        """Which paths, and what reading by them is worth."""
        cleared = f"cleared away by {self._paths.delete}" if self._paths.delete else "left where they were written"
        return (
            f"{self._paths.write} by the client; seen by {self._paths.read} at each region's own URL, which is "
            f"consistent only where the application reads so; {cleared}"
        )

    @property
    def service(self) -> str:
        """The paths that write."""
        writes = [path for path in (self._paths.write, self._paths.delete) if path]
        return f"{' or '.join(writes)} answered 2xx"

    @property
    def health(self) -> str:
        """The path alone."""
        return _path(self._paths.health)

    @property
    def can_delete(self) -> bool:
        """Whether there is a path for it."""
        return self._paths.delete is not None

    @property
    def hold(self) -> str | None:
        """The path of all three, where it is one."""
        paths = {self._paths.write, self._paths.read, self._paths.delete or ""}
        path = _path(self._paths.read)
        return path if paths == {f"{method} {path}" for method in ("PUT", "GET", "DELETE")} else None

    def write(self, caller: Caller, probe: Probe) -> tuple[RegionAttempt, ...]:
        """Write and delete by the paths for it."""
        return _write_by(self._paths, caller, probe)

    def read(self, caller: Caller, key: str) -> tuple[str | None, tuple[RegionAttempt, ...]]:
        """Read by the path for it."""
        return _read_by(self._paths, caller, key)

    async def check(self, side: Side) -> str:
        """Ask for what was never written: an answer that is like that to something else would hide every deletion."""
        where = f"{side.region}: {self._paths.read}"
        target = [(_NEVER_WRITTEN, _of(_path(self._paths.read), _NEVER_WRITTEN))]
        for _ in range(_TRIES):
            answer = (await self._ask(side, "GET", target))[_NEVER_WRITTEN]
            if answer is not None:
                is_told = _text(answer) == ""
                return (
                    ""
                    if is_told
                    else f"{where} answers {answer.status} for what was never written, where 404 is wanted"
                )
        return f"{where} is not answered"

    async def see(self, side: Side, keys: Collection[str]) -> Mapping[str, int | None]:
        """Ask for some of the keys, each in its turn where there are many."""
        listed = sorted(keys)
        first = self._looked.get(side.region, 0) % len(listed)
        chosen = [*listed[first:], *listed[:first]][:_ASKED_AT_ONCE]
        self._looked[side.region] = first + len(chosen)
        path = _path(self._paths.read)
        texts = _texts(await self._ask(side, "GET", [(key, _of(path, key)) for key in chosen]))
        if not texts:
            raise Failed(where=side.region, what=f"{self._paths.read} is not answered")
        return {key: shown_number(key, text) if text else None for key, text in texts.items()}

    async def held(self, side: Side, bodies: Bodies) -> Contents:
        """Return what the region answers for each key that is there. Raises Failed where it does not for one.

        An answer that shows a write's mark is taken for that write: what else an application puts into it is its own.
        """
        path = _path(self._paths.read)
        texts = _texts(await self._ask_all(side, "GET", [(key, _of(path, key)) for key in bodies]))
        if unanswered := [key for key in bodies if key not in texts]:
            what = f"{self._paths.read} is not answered for {len(unanswered)} probes, {unanswered[0]} the first"
            raise Failed(where=side.region, what=what)
        return {key: {"body": bodies[key].get(shown_number(key, text), text)} for key, text in texts.items() if text}

    async def clear(self, side: Side, keys: Collection[str]) -> None:
        """Ask for the deletion of each key; where there is no path for it they stay. Raises Failed."""
        if self._paths.delete is None:
            return
        method, path = self._paths.delete.split(" ", 1)
        answers = await self._ask_all(side, method, [(key, _of(path, key)) for key in keys])
        if left := [key for key, answer in answers.items() if answer is None or not _is_gone(answer.status)]:
            what = f"{self._paths.delete} is not answered well for {len(left)} probes, {left[0]} the first"
            raise Failed(where=side.region, what=what)

    def with_clients(self, clients: Clients) -> Self:
        """Return this one, which calls AWS for nothing."""
        del clients
        return self

    async def _ask_all(
        self, side: Side, method: str, targets: Sequence[tuple[str, str]]
    ) -> dict[str, client.Answer | None]:
        """Ask again for what was not answered, until a few rounds are in vain: it may have been too much at once."""
        answers = dict[str, client.Answer | None]((key, None) for key, _ in targets)
        left, in_vain = list(targets), 0
        while left and in_vain < _TRIES:
            part, left = left[:_ASKED_AT_ONCE], left[_ASKED_AT_ONCE:]
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
    """Return what was read, empty for absence, None for an answer that is of neither."""
    if 200 <= answer.status < 300:
        return answer.body.decode(errors="replace")
    return "" if _is_gone(answer.status) else None


def _texts(answers: Mapping[str, client.Answer | None]) -> dict[str, str]:
    """Return what was answered for each key, empty for absence; what was not answered is left out."""
    texts = {key: _text(answer) for key, answer in answers.items() if answer is not None}
    return {key: text for key, text in texts.items() if text is not None}


def _is_gone(status: int) -> bool:
    return 200 <= status < 300 or status in {404, 410}
