"""dr.yaml from disk: the file to a model, every fault at once and each with its place."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from builder.config.between import faults_between
from builder.config.document import Document, NotYaml, read_document
from builder.config.fault import Fault, Lines, Place
from builder.config.handler import BadHandler, read_handler
from builder.config.model import Config, FunctionConfig
from builder.config.runtimes import runtime_fault, runtime_warning
from builder.config.words import FOLLOWS, in_words
from builder.errors import BadInput, gathered, of_file


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
    if isinstance(handler, Fault):
        faults.append(handler)
    if faults or config is None or isinstance(handler, Fault):
        raise gathered(_errors(faults, lines))
    return Wanted(config, path.parent, handler, _warnings(function, today, lines), lines)


def _read(path: Path) -> Document:
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


def _config(said: dict[str, object], document: Document) -> tuple[Config | None, list[Fault]]:
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


def _within(place: Place, unread: set[Place]) -> bool:
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


def _handler(folder: Path, function: FunctionConfig | None) -> str | Fault:
    if function is None:
        return ""
    try:
        return read_handler(folder, function)
    except BadHandler as error:
        return Fault(("function", "source"), str(error))


def _ended(function: FunctionConfig | None, today: date | None) -> list[Fault]:
    what = runtime_fault(function.runtime, today) if function and today else None
    return [Fault(("function", "runtime"), what)] if what else []


def _warnings(function: FunctionConfig | None, today: date | None, lines: Lines) -> tuple[str, ...]:
    what = runtime_warning(function.runtime, today) if function and today else None
    return (f"{lines.where(('function', 'runtime'))}: {what}",) if what else ()


def _errors(faults: list[Fault], lines: Lines) -> list[BadInput]:
    placed = {
        (fault.line or lines.line(fault.place), lines.where(fault.place, fault.line), fault.what) for fault in faults
    }
    return [BadInput(where=where, what=what) for _, where, what in sorted(placed)]
