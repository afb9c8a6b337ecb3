"""The handler's file: read, and refused here where Lambda would only refuse it at the first request."""

import os
import sys
import warnings
from pathlib import Path

from builder.config.model import FunctionConfig
from builder.config.nearest import did_you_mean

# What Lambda takes inline.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html
_MAX_BYTES = 4 * 1024 * 1024


class BadHandler(Exception):
    """The handler cannot be what the function runs; the message says why, and where in it."""


def read_handler(folder: Path, function: FunctionConfig) -> str:
    """Return the source of the handler that dr.yaml names, `folder` being dr.yaml's. Raises BadHandler."""
    name = function.handler_file
    try:
        raw = (folder / name).read_bytes()
    except OSError as error:
        raise BadHandler(f"cannot read {name} ({error.strerror}){_nearest(folder, function)}") from error
    except ValueError as error:
        # A zero byte, which YAML can write and no path can hold.
        raise BadHandler(f"cannot read {name!r} ({error})") from error
    if len(raw) > _MAX_BYTES:
        raise BadHandler(f"{name} has {len(raw):,} bytes, and a function's inline code {_MAX_BYTES:,} at most")
    try:
        # Line ends as they are in the file, minus Windows' own: the template is the same on every machine.
        source = raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadHandler(f"{name}, line {line}: is not UTF-8") from error
    if "handler" not in (_python_names(name, source) if name.endswith(".py") else source):
        raise BadHandler(f"{name} has no `handler`, which is what Lambda calls")
    return source


def _nearest(folder: Path, function: FunctionConfig) -> str:
    """Ask for the folder that has the file: the one of the path itself, or one beside or below it."""
    file = Path(function.handler_file).name
    source = Path(function.source)
    if source.name == file:
        return f" (did you mean {source.parent.as_posix()}?)"
    try:
        near = [path.parent for path in (folder / source).parent.glob(f"*/{file}")]
    except OSError:
        near = []  # a name longer than names can be: there is nothing beside it
    return did_you_mean(function.source, [Path(os.path.relpath(path, folder)).as_posix() for path in near])


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
