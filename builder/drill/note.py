"""A drill's note of what it changes and how that was before: a tag of the function, written before the change.

Each drill has a tag of its own. So two drills that begin at the same time see each other's, and neither overwrites the
other's. A tag's value has up to 256 characters: letters, digits, spaces and _ . : / = + - @; its key up to 128 of them.
Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html

In this order: the changes that are noted, a note as a tag and back, and the notes of a function in AWS.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, assert_never

from builder.aws import Clients, call
from builder.drill.target import Function
from builder.drill.tasks import to_its_end
from builder.errors import BuilderError, Failed, Stopped

TAG = "builder:drill"
Paused = Literal["fis", "one-way"]


@dataclass(frozen=True, slots=True)
class Reserved:
    """The function's reserved concurrency was set to 0; before that, replication may have been paused."""

    before: int | None
    """The reserved concurrency before, None for none."""
    paused: Paused | None = None
    """What pauses replication: an experiment of FIS, or the embedded AWS."""


@dataclass(frozen=True, slots=True)
class BrokenHandler:
    """The function's handler was set to a name that no code has."""

    before: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The function's role was denied its table by an inline policy that has the drill's name."""

    role: str
    policy: str
    """The first 16 hexadecimal digits of the SHA-256 of the policy as it was written."""


@dataclass(frozen=True, slots=True)
class Slowed:
    """The embedded AWS holds the requests to the region's function URLs back."""

    delay_s: float


NotedChange = Reserved | BrokenHandler | Denied | Slowed


@dataclass(frozen=True, slots=True)
class Note:
    """A change that a drill has made or is about to make, and that has to be undone."""

    drill: str
    change: NotedChange


def tag_key(drill: str) -> str:
    """Return the key of a drill's own tag."""
    return f"{TAG}:{drill}"


def write_tag(note: Note) -> dict[str, str]:
    """Return the tag, its value by its key."""
    return {tag_key(note.drill): _value(note.change)}


def _value(change: NotedChange) -> str:
    match change:
        case Reserved(before, paused):
            reserved = "none" if before is None else before
            return f"reserved-concurrency={reserved}{f' {paused}' if paused else ''}"
        case BrokenHandler(before):
            return f"handler={_quote(before)}"
        case Denied(role, policy):
            return f"role={_quote(role)} policy={policy}"
        case Slowed(delay_s):
            return f"delay={delay_s!r}"
        case _:
            assert_never(change)


def fits(change: NotedChange) -> bool:
    """Return whether the change fits into a tag's value. A handler with many quoted characters may be too long."""
    return len(_value(change)) <= 256


def read_notes(tags: Mapping[str, str], where: str) -> tuple[Note, ...]:
    """Return the notes among these tags. Raises Stopped for one that no drill of this version wrote."""
    return tuple(_read(key, value, where) for key, value in tags.items() if key.startswith(TAG))


def read_each_note(tags: Mapping[str, str], where: str) -> tuple[Note | Stopped, ...]:
    """Return the notes among these tags, with the error in place of one that no drill of this version wrote."""

    def read(key: str, value: str) -> Note | Stopped:
        try:
            return _read(key, value, where)
        except Stopped as error:
            return error

    return tuple(read(key, value) for key, value in tags.items() if key.startswith(TAG))


_KEY = re.compile(rf"{TAG}:(?P<drill>[0-9A-Za-z-]{{1,64}})")
# The version before wrote reserved concurrencies only, alone and with `fis`.
_RESERVED = re.compile(r"reserved-concurrency=(?P<before>none|[0-9]+)( (?P<paused>fis|one-way))?")
_QUOTED = r"(?:[0-9A-Za-z_.:/=+-]|@[0-9a-f]{2})+"
_HANDLER = re.compile(rf"handler=(?P<before>{_QUOTED})")
_DENIED = re.compile(rf"role=(?P<role>{_QUOTED}) policy=(?P<policy>[0-9a-f]{{16}})")
_SLOWED = re.compile(r"delay=(?P<delay>[0-9]+\.[0-9]+)")


def _read(key: str, value: str, where: str) -> Note:
    whose, change = _KEY.fullmatch(key), _read_value(value)
    if whose is None or change is None:
        raise Stopped(
            where=where,
            what=f"the tag {key} says '{value}', which no drill of this version wrote",
            next_step="put the function's concurrency, handler and role right by hand, then remove the tag",
        )
    return Note(whose["drill"], change)


def _read_value(value: str) -> NotedChange | None:
    if match := _RESERVED.fullmatch(value):
        paused: Paused | None = "fis" if match["paused"] == "fis" else "one-way" if match["paused"] else None
        return Reserved(None if match["before"] == "none" else int(match["before"]), paused)
    if match := _HANDLER.fullmatch(value):
        return BrokenHandler(_unquote(match["before"]))
    if match := _DENIED.fullmatch(value):
        return Denied(_unquote(match["role"]), match["policy"])
    if match := _SLOWED.fullmatch(value):
        return Slowed(float(match["delay"]))
    return None


def _quote(text: str) -> str:
    """Return the text with each character that a tag does not take as @ and two hexadecimal digits for each byte."""
    return re.sub(r"[^0-9A-Za-z_.:/=+-]", lambda match: "".join(f"@{byte:02x}" for byte in match[0].encode()), text)


def _unquote(text: str) -> str:
    raw = re.sub(rb"@([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), text.encode())
    return raw.decode(errors="replace")


async def observe_notes(clients: Clients, function: Function) -> tuple[Note, ...]:
    """Return the notes of all drills whose changes of the function are not undone. Raises Stopped as `read_notes`."""
    return read_notes(await _observe_tags(clients, function), function.where)


async def observe_each_note(clients: Clients, function: Function) -> tuple[Note | Stopped, ...]:
    """Return the notes of all drills, with an error in place of one that no drill of this version wrote."""
    return read_each_note(await _observe_tags(clients, function), function.where)


async def observe_note(clients: Clients, function: Function, drill: str) -> Note | None:
    """Return the note of this drill, None if there is none any more."""
    tags, key = await _observe_tags(clients, function), tag_key(drill)
    return read_notes({key: tags[key]}, function.where)[0] if key in tags else None


async def check_alone(clients: Clients, function: Function, drill: str = "") -> None:
    """Raise Stopped unless this drill is the only one that has a note on the function, if any."""
    others = [note.drill for note in await observe_notes(clients, function) if note.drill != drill]
    if others:
        raise Stopped(
            where=function.where,
            what=f"drill {', '.join(others)} is under way, or did not end",
            next_step=f"{RESTORE}    undoes what it changed, once it is known not to be under way",
        )


async def keep_note(clients: Clients, function: Function, note: Note) -> None:
    """Write the note on the function. Raises Stopped, and leaves no note, if another drill has one.

    The value that the note keeps must have been read before this call. Each drill looks for other notes again after it
    has written its own. So if two drills write at the same time, at least one sees the other's note, and neither notes
    a value that the other has set.
    """
    await check_alone(clients, function, note.drill)
    functions = clients.of(function.site).functions(function.region)
    await to_its_end(call(function.where, functions.tag_resource, Resource=function.arn, Tags=write_tag(note)))
    try:
        await check_alone(clients, function, note.drill)
    except Stopped:
        await to_its_end(drop_note(clients, function, note.drill))
        raise


async def drop_note(clients: Clients, function: Function, drill: str) -> None:
    """Remove the drill's note. Nothing happens if it is gone."""
    functions = clients.of(function.site).functions(function.region)
    await call(function.where, functions.untag_resource, Resource=function.arn, TagKeys=[tag_key(drill)])


async def _observe_tags(clients: Clients, function: Function) -> Mapping[str, str]:
    functions = clients.of(function.site).functions(function.region)
    answer = await call(function.where, functions.list_tags, Resource=function.arn)
    return answer.get("Tags", {})


RESTORE = "python -m builder drill restore"


@contextmanager
def remaining(where: str, what: str, next_step: str = f"{RESTORE}    takes it away") -> Iterator[None]:
    """Turn an error of the block into Failed, which says what remains, why, and how to remove it."""
    try:
        yield
    except BuilderError as error:
        raise Failed(where=where, what=f"{what}: {error}", next_step=next_step) from error
