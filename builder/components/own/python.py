"""Templates that Python makes: each file's `template(context)` called in a process of its own.

A fresh process with a hash seed of its own, few variables, no network, and a clock that a second run finds moved: what
is not a pure function of its file and its context is found out by running it twice.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import BadInput, Failed, gathered
from builder.template import write_template

_CHILD = Path(__file__).with_name("child.py")
_LIMIT_S = 120
# What Python and its packages are found by; nothing that tells who runs it, or where.
_KEPT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT", "TMPDIR", "TEMP")


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonCall:
    """One call of a file's `template`."""

    file: str
    """Relative to the folder of dr.yaml."""
    context: Mapping[str, object]


def run_python(calls: Sequence[PythonCall], folder: Path, run: int = 0) -> tuple[bytes, ...]:
    """Return the template of each call, in their order; two different runs agree on what is a pure function.

    Raises BadInput, or Several, for a file that makes no template, Failed for one that never ends.
    """
    if not calls:
        return ()
    request = [{"file": call.file, "context": call.context} for call in calls]
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {"PYTHONHASHSEED": str(run + 1), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        process = subprocess.run(  # noqa: S603 - our own interpreter and file
            [sys.executable, str(_CHILD), str(run)],
            input=json.dumps(request).encode(),
            capture_output=True,
            cwd=folder,
            env=environment,
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        files = ", ".join(dict.fromkeys(call.file for call in calls))
        raise Failed(where=files, what=f"makes no template within {_LIMIT_S} s") from error
    if process.returncode or not process.stdout:
        files = ", ".join(dict.fromkeys(call.file for call in calls))
        why = process.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it left without a word"]
        raise BadInput(where=files, what=f"ends the process that makes templates: {why[0]}")
    answers = json.loads(process.stdout)
    if errors := {(answer["where"], answer["what"]): None for answer in answers if "what" in answer}:
        raise gathered([BadInput(where=where, what=what) for where, what in errors])
    return tuple(_written(answer["template"]) for answer in answers)


def check_repeated(templates: Iterable[tuple[str, bytes, bytes]]) -> None:
    """Raise BadInput, or Several, unless every file made the same templates in two runs."""
    differing = {file: (first, second) for file, first, second in templates if first != second}
    if differing:
        raise gathered([_unrepeatable(file, *both) for file, both in differing.items()])


def _unrepeatable(file: str, first: bytes, second: bytes) -> BadInput:
    lines = zip(first.decode().splitlines(), second.decode().splitlines(), strict=False)
    old, new = next(((old, new) for old, new in lines if old != new), ("", "more lines"))
    what = f"does not make the same template twice: `{old.strip()}` becomes `{new.strip()}`"
    return BadInput(
        where=file,
        what=what,
        next_step="take what differs (a clock, a random number, the order of a set) out, or hand it in by `options:`",
    )


def _written(template: object) -> bytes:
    return template.encode() if isinstance(template, str) else write_template(dict(template))  # type: ignore[call-overload]
