"""The one place where text is written to a screen: no text of AWS or of a file steers a terminal.

`printable` makes control characters readable; `write` is the only function that writes a person's or a pipeline's text
to a stream. Rich's output passes `console.ScreenRich`, which does the same.
"""

import io
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Literal, TextIO


def printable(value: str) -> str:
    """Return a text whose control characters can be read instead of obeyed; line breaks stay.

    Among them are the C1 codes, marks that change the direction of text, and halves of surrogate pairs.
    """
    if value.isprintable():
        return value
    return "".join(
        character if character.isprintable() or character == "\n" else repr(character)[1:-1] for character in value
    )


def one_line(value: str, width: int) -> str:
    """Return a text in one line of at most so many characters and the sign that it continues."""
    line = printable(" ".join(value.split()))
    return line if len(line) <= width else f"{line[:width]}…"


def say(text: str, *, err: bool = False) -> None:
    """Write lines for people, on stdout or stderr."""
    write(sys.stderr if err else sys.stdout, f"{text}\n")


def write(stream: TextIO, text: str) -> None:
    """Write a text with readable control characters; characters that the stream's encoding lacks are escaped too.

    A reader that has left (`| head`) gets nothing more, and ends nothing: the work goes on. The same where the text
    cannot be kept, on a full disk; `unwritten` returns the error at the end.
    """
    safe = printable(text)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        stream.write(safe.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError as error:
        lose(stream, error)


def lose(stream: IO[str] | IO[bytes], error: OSError) -> None:
    """Discard the rest; `unwritten` returns the reason, unless the reader has left."""
    if not isinstance(error, BrokenPipeError):
        _unwritten.append(error)
    drop(stream)


def unwritten() -> OSError | None:
    """Return why text was lost, and forget it; None if none was.

    Text that a library has written, as click does its help, may be in a buffer: it is written now.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            lose(stream, error)
    first = _unwritten[0] if _unwritten else None
    _unwritten.clear()
    return first


_unwritten: list[OSError] = []


def drop(stream: IO[str] | IO[bytes]) -> None:
    """Discard the rest: the reader has seen enough, and the work goes on to its end."""
    with suppress(OSError, ValueError):  # no file, or closed
        nobody = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nobody, stream.fileno())
        os.close(nobody)


def hold_streams() -> None:
    """Open the null device for streams that the process began without, so that no file of ours takes their number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - to the end


def tolerate_encodings() -> None:
    """Let both streams escape what their encoding lacks, also text of libraries."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTold:
    """The error that ended a command; stderr has the same text for people."""

    exit_code: int
    where: str
    """File and key, option, or region and stack; empty if there is no single place."""
    what: str
    next: str
    """The command to type next; empty if there is none."""
    event: Literal["error"] = "error"


def json_line(kind: str, at: datetime, facts: Mapping[str, object]) -> str:
    """Return `{"event": kind, "at": "...Z", ...}`, times in milliseconds of UTC."""
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"event": kind, "at": moment, **facts})
