"""dr.yaml and the handler from disk: the file to a model, every fault at once and each with its place."""

import os
import sys
import warnings
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from builder.config.available import runtime_fault, runtime_warning
from builder.config.between import faults_between
from builder.config.document import ConfigFault, KeyPath, Lines, NotYaml, YamlDocument, read_document
from builder.config.model import Config, FunctionConfig
from builder.config.words import FOLLOWS, in_words
from builder.errors import BadInput, did_you_mean, gathered, of_file


@dataclass(frozen=True, slots=True)
class Wanted:
    """What dr.yaml asks for, with the handler's source it names."""

    config: Config
    folder: Path
    """The folder of dr.yaml; every path in it is relative to this one."""
    handler: str
    warnings: tuple[str, ...] = ()
    """What to tell a person, though nothing is wrong yet."""
    lines: Lines = field(default_factory=Lines)
    """Where each key is, for those who find fault later."""


def read_wanted(path: Path, today: date | None = None) -> Wanted:
    """Return what dr.yaml asks for, with the handler it names; `today` tells which runtimes come to their end.

    Raises BadInput, or Several of them: one for each fault of the file, in the file's order.
    """
    document = _read(path)
    lines = Lines(path.as_posix(), document.lines)
    said = document.data
    if not isinstance(said, dict):
        raise BadInput(where=lines.where(()), what=_no_mapping(said), next_step="python -m builder init FOLDER")
    config, faults = _config(said, document)
    function = _function(said)
    handler = _handler(path.parent, function)
    faults += [*faults_between(said), *_ended(function, today)]
    if isinstance(handler, ConfigFault):
        faults.append(handler)
    if faults or config is None or isinstance(handler, ConfigFault):
        raise gathered(_errors(faults, lines))
    return Wanted(config, path.parent, handler, _warnings(function, today, lines), lines)


def _read(path: Path) -> YamlDocument:
    try:
        return read_document(path.read_bytes())
    except OSError as error:
        next_step = "python -m builder init FOLDER    writes one to begin with; --config FILE names another"
        raise of_file(error, path, doing="read", next_step=next_step) from error
    except NotYaml as error:
        raise BadInput(where=f"{path.as_posix()}:{error.line}", what=error.what) from error


def _no_mapping(said: object) -> str:
    found = "is empty" if said is None else f"holds a {'list' if isinstance(said, list) else 'single value'}"
    return f"the file {found}, and should hold keys with values, the first of them project: NAME"


def _config(said: dict[str, object], document: YamlDocument) -> tuple[Config | None, list[ConfigFault]]:
    try:
        return Config.model_validate(said), [*document.faults]
    except ValidationError as error:
        details = error.errors(include_url=False)
        # A list with one bad entry also counts as one too short.
        details = [detail for detail in details if detail["type"] != "too_short" or not detail["input"]]
        details = [detail for detail in details if detail["type"] != FOLLOWS]
        found = [in_words(detail, document.words) for detail in details]
        # What could not be read has been told; that it is then missing or of the wrong kind is an after-effect.
        return None, [*document.faults, *(fault for fault in found if not _within(fault.place, document.unread))]


def _within(place: KeyPath, unread: set[KeyPath]) -> bool:
    return any(place[:length] in unread for length in range(len(place) + 1))


def _function(said: dict[str, object]) -> FunctionConfig | None:
    """Return the function as far as its file and runtime go, or None if these two are not told well."""
    function = said.get("function", {})
    if not isinstance(function, dict):
        return None
    try:
        return FunctionConfig.model_validate({key: function[key] for key in ("runtime", "source") if key in function})
    except ValidationError:
        return None


def _handler(folder: Path, function: FunctionConfig | None) -> str | ConfigFault:
    if function is None:
        return ""
    try:
        return read_handler(folder, function)
    except BadHandler as error:
        return ConfigFault(("function", "source"), str(error))


def _ended(function: FunctionConfig | None, today: date | None) -> list[ConfigFault]:
    what = runtime_fault(function.runtime, today) if function and today else None
    return [ConfigFault(("function", "runtime"), what)] if what else []


def _warnings(function: FunctionConfig | None, today: date | None, lines: Lines) -> tuple[str, ...]:
    what = runtime_warning(function.runtime, today) if function and today else None
    return (f"{lines.where(('function', 'runtime'))}: {what}",) if what else ()


def _errors(faults: list[ConfigFault], lines: Lines) -> list[BadInput]:
    placed = {
        (fault.line or lines.line(fault.place), lines.where(fault.place, fault.line), fault.what) for fault in faults
    }
    return [BadInput(where=where, what=what) for _, where, what in sorted(placed)]


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
