"""What a function's code is: the files of its archive by name, mode and bytes, whatever else the archive says.

An archive that was packed a minute later has another CodeSha256 and the same code in it. So where regions differ in
that, what is in their archives is compared.
Source: https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html
"""

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from tempfile import TemporaryFile
from typing import IO
from zipfile import BadZipFile, ZipFile

from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from builder.aws import Clients, call
from builder.errors import Failed
from builder.state.observe import PartialAnswers
from builder.state.records import Settings
from builder.terms import Region

# What Lambda takes at most, unpacked; an archive is never larger than what is in it but for some headers.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MOST_BYTES = 262_144_000
MOST_FILES = 200_000
_CHUNK = 1 << 20
_PATIENCE = Timeout(connect=4.5, read=30)
# Of the files that differ so many are named.
_NAMED = 20
_UNIX = 3
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class ArchiveContents:
    """What is in an archive: by name, each file's mode and digest in one text."""

    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """One text that stands for all of it."""
        told = "\n".join(f"{name}\0{said}" for name, said in sorted(self.files.items()))
        return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]


async def compare_code(settings: Iterable[Settings], clients: Clients, part: PartialAnswers) -> tuple[Settings, ...]:
    """Return the settings, those of functions whose archives differ with what is in these instead of their digests.

    Nothing is fetched where the digests are the same. Of code that can't be read, which is noted in the part, nothing
    is compared.
    """
    found = list(settings)
    things: dict[str, list[int]] = {}
    for place, side in enumerate(found):
        if side.code_of is not None:
            things.setdefault(side.thing, []).append(place)
    for places in things.values():
        sides = [found[place] for place in places]
        if len({side.values["code"] for side in sides}) > 1:
            for place, side in zip(places, await _looked_into(sides, clients, part), strict=True):
                found[place] = side
    return tuple(found)


async def _looked_into(sides: list[Settings], clients: Clients, part: PartialAnswers) -> list[Settings]:
    first = {side.values["code"]: side for side in reversed(sides)}
    read: dict[str, ArchiveContents | None] = {}
    for sha256, one in first.items():  # one after the other: an archive may be large
        read[sha256] = await part.ask(f"{one.region}: {one.thing}", observe_archive(one, clients))
    contents = {sha256: what for sha256, what in read.items() if what is not None}
    if len(contents) < len(read):
        return [_with(side, {}) for side in sides]
    names = dict.fromkeys(name for what in contents.values() for name in sorted(what.files))
    differing = [name for name in names if len({what.files.get(name) for what in contents.values()}) > 1]
    return [_with(side, _told(contents[side.values["code"]], differing[:_NAMED])) for side in sides]


def _with(settings: Settings, code: Mapping[str, str]) -> Settings:
    return replace(
        settings, values={**{name: said for name, said in settings.values.items() if name != "code"}, **code}
    )


def _told(what: ArchiveContents, differing: Iterable[str]) -> dict[str, str]:
    own = {f"code: {name}": what.files[name] for name in differing if name in what.files}
    return {"code": f"{len(what.files)} files, {what.digest}", **own}


async def observe_archive(settings: Settings, clients: Clients) -> ArchiveContents:
    """Return what is in the archive of the function's code. Raises Failed where it can't be fetched or read.

    The address that Lambda answers is signed: who has it reads the code. It is in nothing that is written or raised.
    """
    assert settings.code_of is not None, "settings of no function"  # noqa: S101 - asked by the caller
    site, name = settings.code_of
    where = f"{settings.region}: {name}"
    client = clients.of(site).functions(Region(settings.region))
    location = (await call(where, client.get_function, FunctionName=name))["Code"].get("Location", "")
    return await call(where, partial(_fetch, where, location))


def _fetch(where: str, location: str) -> ArchiveContents:
    if not location.startswith(("https://", "http://")):
        raise _unread(where, "Lambda says no address of it")
    with TemporaryFile() as archive, PoolManager() as pool:
        try:
            with pool.request(
                "GET", location, preload_content=False, timeout=_PATIENCE, retries=Retry(2, redirect=0)
            ) as answer:
                if answer.status != 200:
                    raise _unread(where, f"HTTP {answer.status}")
                for chunk in answer.stream(_CHUNK):
                    archive.write(chunk)
                    if archive.tell() > MOST_BYTES:
                        raise _unread(where, f"it has more than {MOST_BYTES:,} bytes")
        except (HTTPError, OSError, ValueError) as error:
            # Its words have the address in them.
            raise _unread(where, type(error).__name__) from None
        return read_archive(archive, where)


def read_archive(archive: IO[bytes], where: str) -> ArchiveContents:
    """Return what is in an archive. Raises Failed for one that is none, or larger than Lambda takes."""
    files: dict[str, str] = {}
    left = MOST_BYTES
    try:
        with ZipFile(archive) as opened:
            entries = opened.infolist()
            if len(entries) > MOST_FILES:
                raise _unread(where, f"it has more than {MOST_FILES:,} files")
            for entry in entries:
                if entry.is_dir():
                    continue
                digest = hashlib.sha256()
                with opened.open(entry) as file:
                    while chunk := file.read(_CHUNK):
                        digest.update(chunk)
                        left -= len(chunk)
                        if left < 0:
                            raise _unread(where, f"it has more than {MOST_BYTES:,} bytes, unpacked")
                mode = entry.external_attr >> 16 if entry.create_system == _UNIX else 0
                files[entry.filename] = f"{mode:o} {digest.hexdigest()[:_DIGITS]}"
    except (BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError, NotImplementedError) as error:
        raise _unread(where, f"it is no archive that can be read ({type(error).__name__})") from error
    return ArchiveContents(files)


def _unread(where: str, why: str) -> Failed:
    return Failed(where=where, what=f"its code was not looked into: {why}")
