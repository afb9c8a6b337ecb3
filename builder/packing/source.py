"""Code as it lies in files: read and hashed, made into an archive, and an archive identified by its content.

An archive is the same bytes wherever and whenever it is made: names sorted, one time, fixed modes, nothing deflated,
since zlib's bytes differ between builds of it. What it is known by is a digest of what goes in, so that it is known
before it is made, and is told again from an archive alone, wherever that comes from.
"""

import hashlib
import json
import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from builder.errors import of_file

MOST_BYTES = 262_144_000
"""Of code that Lambda unpacks, its layers included; zipped it has no limit of its own where it comes from a bucket.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
REQUIREMENTS = "requirements.txt"
"""What pip and uv call their lock file."""
COPY = "copy 1"
"""The recipe that packs files as they are, and its version; `code.recipe` has those of functions' folders."""
_LEFT_OUT = frozenset({"__pycache__", ".git"})
Ships = Callable[[Path, str], bool]
"""Whether a name within a folder is packed, a folder's with all that is below it."""
_TIME = (1980, 1, 1, 0, 0, 0)
_BLOCK = 1 << 20


class NoSource(Exception):
    """Something that no archive can be made of: its text says what, without the name of the whole."""


@dataclass(frozen=True, slots=True, order=True)
class SourceFile:
    """One file of an archive."""

    name: str
    """Its path within the archive."""
    mode: int
    """0o755 where its owner may execute it, else 0o644: Lambda reads it as somebody else."""
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an archive is made of files, as far as that tells one archive from another."""

    name: str = COPY
    runtime: str = ""
    architecture: str = ""


def asset_id(files: Sequence[SourceFile], recipe: Recipe) -> str:
    """Return what an archive of these files is known by, a SHA-256."""
    facts = [recipe.name, recipe.runtime, recipe.architecture, [[file.name, file.mode, file.sha256] for file in files]]
    return hashlib.sha256(json.dumps(facts, separators=(",", ":")).encode()).hexdigest()


def is_archive(path: Path) -> bool:
    """Return whether a file is an archive already, which is uploaded as it is."""
    return path.is_file() and zipfile.is_zipfile(path)


def ships_as_is(_folder: Path, name: str) -> bool:
    """Return whether a name is packed where a folder is packed as it is."""
    return name not in _LEFT_OUT


def read_source(path: Path, *, follow: bool = False, ships: Ships = ships_as_is) -> tuple[SourceFile, ...]:
    """Return what goes into the archive of a folder, or of a file alone, sorted by name.

    With `follow` a link within the folder is what it leads to, as CDK packs it.
    Raises NoSource for links and other things that are no files, for a folder without any, and for more than Lambda
    takes.
    """
    files, size = [], 0
    for name, file in files_below(path, follow=follow, ships=ships):
        with _opened(file) as opened:
            info = os.fstat(opened.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise NoSource(f"has something in it that is no ordinary file: {name}")
            size += info.st_size
            check_size(size)
            files.append(SourceFile(name, _mode(info.st_mode), _sha256(opened), info.st_size))
    if not files:
        raise NoSource("has no file in it")
    return tuple(files)


def files_below(path: Path, *, follow: bool = False, ships: Ships = ships_as_is) -> tuple[tuple[str, Path], ...]:
    """Return everything below a folder that is packed, by its name in the archive. Raises NoSource for links."""
    return tuple(sorted(_files(path, follow=follow, ships=ships)))


def write_archive(path: Path, to: IO[bytes], *, follow: bool = False) -> tuple[SourceFile, ...]:
    """Write the archive of a folder, or of a file alone; return what went in, as it was at that moment."""
    return write_files(files_below(path, follow=follow), to)


def write_files(
    files: Iterable[tuple[str, Path]], to: IO[bytes], comment: Callable[[Sequence[SourceFile]], bytes] | None = None
) -> tuple[SourceFile, ...]:
    """Write an archive of these files in this order, with a comment on what went in; return what did.

    Raises NoSource for more than Lambda takes.
    """
    written: list[SourceFile] = []
    size = 0
    with zipfile.ZipFile(to, "w", zipfile.ZIP_STORED) as archive:
        for name, file in files:
            with _opened(file) as opened:
                mode, data = _mode(os.fstat(opened.fileno()).st_mode), opened.read()
            info = zipfile.ZipInfo(name, date_time=_TIME)
            info.create_system = 3
            info.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(info, data)
            written.append(SourceFile(name, mode, hashlib.sha256(data).hexdigest(), len(data)))
            size += len(data)
            check_size(size)
        if comment:
            archive.comment = comment(written)
    return tuple(written)


def read_archive(archive: IO[bytes]) -> tuple[SourceFile, ...]:
    """Return what went into an archive of our own making. Raises NoSource for any other."""
    return read_commented(archive)[0]


def read_commented(archive: IO[bytes]) -> tuple[tuple[SourceFile, ...], bytes]:
    """Return what went into an archive of our own making, and its comment. Raises NoSource for any other."""
    files = []
    try:
        with zipfile.ZipFile(archive) as opened:
            comment = opened.comment
            for info in opened.infolist():
                with opened.open(info) as inner:
                    digest = _sha256(inner)
                files.append(SourceFile(info.filename, info.external_attr >> 16 & 0o777, digest, info.file_size))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise NoSource("is no archive") from error
    return tuple(files), comment


def check_archive(path: Path) -> str:
    """Return the SHA-256 of an archive that somebody else made. Raises NoSource where Lambda would not take it."""
    try:
        with zipfile.ZipFile(path) as opened:
            check_size(sum(info.file_size for info in opened.infolist()))
    except zipfile.BadZipFile as error:
        raise NoSource("is a broken archive") from error
    return sha256_of(path)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as opened:
        return _sha256(opened)


def _files(path: Path, *, follow: bool, ships: Ships) -> Iterator[tuple[str, Path]]:
    if not path.is_dir():
        yield path.name, path
        return
    for folder, below, names in os.walk(path, followlinks=follow, onerror=_raise):
        here = Path(folder)
        below[:] = [name for name in below if ships(here, name)]
        packed = [name for name in names if ships(here, name)]
        for name in (*below, *packed):
            _check_name(name)
            if (here / name).is_symlink():
                _check_link(path, here / name, follow=follow)
        yield from ((PurePosixPath((here / name).relative_to(path)).as_posix(), here / name) for name in packed)


def _check_link(path: Path, link: Path, *, follow: bool) -> None:
    """Raise NoSource for a link that is not followed, or leads to nothing, out of the folder or back to where it is."""
    name = link.relative_to(path).as_posix()
    if not follow:
        raise NoSource(f"has a symbolic link in it: {name}")
    machine = Path(os.path.realpath(link))
    if not machine.exists() or not machine.is_relative_to(path.resolve()):
        raise NoSource(f"has a symbolic link in it that leads to nothing within it: {name}")
    above = (folder for folder in link.parents if folder.is_relative_to(path))
    if any(Path(os.path.realpath(folder)).is_relative_to(machine) for folder in above):
        raise NoSource(f"has a symbolic link in it that leads round in a circle: {name}")


def _check_name(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise NoSource(f"has a file in it whose name is no UTF-8: {name!r}") from error


def _raise(error: OSError) -> None:
    raise of_file(error, error.filename, doing="read")


def _opened(file: Path) -> IO[bytes]:
    """Open a file for reading; a pipe is not waited at. Raises BadInput where nobody may read it."""
    try:
        return os.fdopen(os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb")
    except OSError as error:
        raise of_file(error, file, doing="read") from error


def _mode(mode: int) -> int:
    return 0o755 if mode & stat.S_IXUSR else 0o644


def check_size(size: int, largest: str = "") -> None:
    """Raise NoSource for more than Lambda unpacks, with what of it is the largest."""
    if size > MOST_BYTES:
        of_it = f" ({largest})" if largest else ""
        raise NoSource(f"has more than the {MOST_BYTES:,} bytes that Lambda unpacks{of_it}")


def _sha256(opened: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := opened.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
