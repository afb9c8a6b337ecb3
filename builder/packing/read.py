"""What a function's folder leads to: a small handler travels in the template, everything else as an archive.

Nothing of a folder is left behind without a word: one file alone goes inline, and only where nothing that it needs lies
beside it.
"""

import fnmatch
import os
import posixpath
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import did_you_mean
from builder.packing.imports import check_imports
from builder.packing.recipe import FILES, choose_recipe, ships_of
from builder.packing.source import NoSource, Recipe, asset_id, files_below, read_source

# What Lambda takes inline.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html
_MAX_BYTES = 4 * 1024 * 1024
_BESIDE = ("README*", "LICENSE*", "*.md", "tests/*", "test_*.py", "*_test.py", "*.test.js", "requirements.txt")
"""Files that a handler does not read when it runs; a requirements.txt among them asks for nothing."""
_NODE_ENDS = (".js", ".mjs", ".cjs")


@dataclass(frozen=True, slots=True)
class Handler:
    """A function's code as dr.yaml says it."""

    source: str
    """Its folder, relative to that of dr.yaml."""
    handler: str
    """What Lambda calls in it, `app.main.handler`."""
    runtime: str
    architecture: str

    @property
    def is_python(self) -> bool:
        """Whether it is Python, else it is for Node.js."""
        return self.runtime.startswith("python")

    @property
    def files(self) -> tuple[str, ...]:
        """The files that may hold the handler, within its folder: the first that is there does.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
        """
        module = self.handler.rpartition(".")[0]
        if self.is_python:
            path = module.replace(".", "/")
            return (f"{path}.py", f"{path}/__init__.py")
        return tuple(f"{module}{end}" for end in _NODE_ENDS)

    @property
    def inline(self) -> str:
        """The name that CloudFormation gives to what it takes inline."""
        return "index.py" if self.is_python else "index.js"

    @property
    def name(self) -> str:
        """What it is called in that file."""
        return self.handler.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Inline:
    """Code that is written into the template."""

    text: str


@dataclass(frozen=True, slots=True)
class Packed:
    """Code that travels through a bucket."""

    id: str
    source: str
    recipe: Recipe
    entry: str
    """The file of the handler, whose imports are checked once packages are there."""


Code = Inline | Packed


class BadHandler(Exception):
    """The handler cannot be what the function runs; the message says why, and where in it."""


def read_code(root: Path, function: Handler) -> Code:
    """Return what a function's folder leads to, `root` being dr.yaml's. Raises BadHandler."""
    entry = _find_entry(root, function)
    text = _read_text(root, function, entry)
    folder = root / function.source
    try:
        if not _is_within(function.source):
            return _alone(function, entry, folder, text)
        _check_no_link(root, function.source)
        recipe = choose_recipe(folder, function.runtime)
        own = files_below(folder, ships=ships_of(recipe, folder))
        if recipe == FILES:
            check_imports(dict(own), (), [entry], function.runtime)
            if _travels_inline(function, entry, [name for name, _ in own], text):
                return Inline(text)
        files = read_source(folder, ships=ships_of(recipe, folder))
    except NoSource as fault:
        raise BadHandler(f"{function.source} {fault}") from fault
    made = Recipe(recipe, function.runtime, function.architecture)
    return Packed(asset_id(files, made), posixpath.normpath(function.source), made, entry)


def _check_no_link(root: Path, source: str) -> None:
    path = root
    for part in Path(source).parts:
        path /= part
        if path.is_symlink():
            raise NoSource(f"leads through {path.relative_to(root).as_posix()}, which is a symbolic link")


def _is_within(source: str) -> bool:
    """Return whether a folder may be packed: the folder of dr.yaml itself is one in which render and build write."""
    path = posixpath.normpath(source)
    return path not in (".", "..") and not path.startswith(("../", "/"))


def _alone(function: Handler, entry: str, folder: Path, text: str) -> Inline:
    """Return the handler alone, from a folder that is not packed. Raises NoSource where it is not enough."""
    if entry != function.inline or len(text.encode()) > _MAX_BYTES:
        raise NoSource(
            "is not within the folder of dr.yaml, or is that itself, and is not packed: name a folder within it"
        )
    check_imports({entry: folder / entry}, (), [entry], function.runtime)
    return Inline(text)


def left_out(root: Path, source: str) -> tuple[str, ...]:
    """Return the files in a function's folder that look like secrets, and are not packed."""
    try:
        return tuple(sorted(path.name for path in (root / source).iterdir() if path.name.startswith(".env")))
    except (OSError, ValueError):
        return ()


def _travels_inline(function: Handler, entry: str, names: Sequence[str], text: str) -> bool:
    if entry != function.inline or len(text.encode()) > _MAX_BYTES:
        return False
    return all(name == entry or any(fnmatch.fnmatchcase(name, pattern) for pattern in _BESIDE) for name in names)


def _find_entry(root: Path, function: Handler) -> str:
    there = [name for name in function.files if _is_file(root / function.source / name)]
    return there[0] if there else function.files[0]


def _is_file(path: Path) -> bool:
    """Return whether a file is there; a path that no system can open is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _read_text(root: Path, function: Handler, entry: str) -> str:
    """Return the source of the handler's file."""
    name = f"{function.source}/{entry}"
    try:
        raw = (root / name).read_bytes()
    except OSError as error:
        raise BadHandler(f"cannot read {name} ({error.strerror}){_nearest(root, function)}") from error
    except ValueError as error:
        # A zero byte, which YAML can write and no path can hold.
        raise BadHandler(f"cannot read {name!r} ({error})") from error
    try:
        # Line ends as they are in the file, minus Windows' own: the template is the same on every machine.
        source = raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadHandler(f"{name}, line {line}: is not UTF-8") from error
    if function.name not in (_python_names(name, source) if name.endswith(".py") else source):
        raise BadHandler(f"{name} has no `{function.name}`, which is what Lambda calls")
    return source


def _nearest(root: Path, function: Handler) -> str:
    """Ask for the folder that has the file: the one of the path itself, or one beside or below it."""
    file = Path(function.files[0])
    source = Path(function.source)
    if _is_file(root / source / file.with_suffix(".ts")):
        return f": {file.with_suffix('.ts')} is TypeScript, which has to be built before"
    if source.name == file.name:
        return f" (did you mean {source.parent.as_posix()}?)"
    try:
        near = [path.parent for path in (root / source).parent.glob(f"*/{file.name}")]
    except OSError:
        near = []  # a name longer than names can be: there is nothing beside it
    return did_you_mean(function.source, [Path(os.path.relpath(path, root)).as_posix() for path in near])


def _python_names(name: str, source: str) -> tuple[str, ...]:
    """Return the names at the top of a Python file."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return compile(source, name, "exec", dont_inherit=True).co_names
    except SyntaxError as error:
        reader = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise BadHandler(f"{name}, line {error.lineno}: {error.msg} (as Python {reader} reads it)") from error
    except (ValueError, RecursionError, MemoryError) as error:
        # A zero byte, or nesting beyond what the parser takes.
        raise BadHandler(f"{name}: {str(error) or 'nested too deeply to be read'}") from error
