"""dr.yaml from disk: the file to a model, every fault with its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from builder.config.model import Config
from builder.errors import BadInput


@dataclass(frozen=True, slots=True)
class Wanted:
    """What dr.yaml asks for, with the handler's source it names."""

    config: Config
    folder: Path
    """The folder of dr.yaml; every path in it is relative to this one."""
    handler: str


def read_wanted(path: Path) -> Wanted:
    """Read dr.yaml and the handler it names.

    Raises BadInput with one line for each fault of the file.
    """
    config = _read_config(path)
    source = path.parent / config.function.source / "index.py"
    try:
        handler = source.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(
            where=f"{path.name}: function.source",
            what=f"cannot read {config.function.source}/index.py ({error.strerror})",
        ) from error
    return Wanted(config=config, folder=path.parent, handler=handler)


def _read_config(path: Path) -> Config:
    try:
        said = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    except OSError as error:
        raise BadInput(
            where=str(path),
            what=f"cannot be read ({error.strerror})",
            next_step="python -m builder --config FILE ...    names another file",
        ) from error
    except yaml.YAMLError as error:
        raise BadInput(where=str(path), what=f"is not YAML: {' '.join(str(error).split())}") from error
    try:
        return Config.model_validate(said)
    except ValidationError as error:
        raise BadInput(where=path.name, what=_in_words(error.errors())) from error


def _in_words(faults: Sequence[ErrorDetails]) -> str:
    lines = [f"{_place(fault['loc'])}: {_reason(fault)}" for fault in faults]
    return lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} faults", *lines])


def _place(loc: Sequence[int | str]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return path.removeprefix(".") or "the file"


def _reason(fault: ErrorDetails) -> str:
    match fault["type"]:
        case "value_error":
            return str(fault["msg"]).removeprefix("Value error, ")
        case "extra_forbidden":
            return "is not a key of dr.yaml"
        case "missing":
            return "is required"
        case _:
            return f"{fault['input']!r}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
