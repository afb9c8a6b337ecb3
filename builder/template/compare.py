"""Whether two templates are the same, as far as GetTemplate lets it be known; pure."""

import json
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from builder.template.text import read_json

_BEYOND_ASCII = re.compile("[^\x00-\x7f]")


class Comparison(Enum):
    """Whether a stack is deployed from a template, as far as GetTemplate lets it be known."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_KNOWN = "not known"
    """Alike as far as GetTemplate shows it: a change set tells."""


def compare_template(desired: str, deployed: object) -> Comparison:
    """Return whether what GetTemplate answers is the desired template.

    GetTemplate shows each character beyond ASCII as a `?` (aws-cloudformation/cloudformation-coverage-roadmap#814), and
    botocore reads what is JSON to objects: two of these are the same whatever the order of their keys, and a number
    is not known to be the one that was written where reading changes it (11.10). A desired `?` in the place of a
    deployed character beyond ASCII cannot be told from a deployed `?`.
    """
    shown = _as_data(deployed)
    if shown is None:
        if desired == deployed:
            return Comparison.SAME
        return Comparison.NOT_KNOWN if masked(desired) == deployed else Comparison.DIFFERENT
    wanted = _as_data(desired)
    if wanted is None:
        return Comparison.DIFFERENT
    known = compare_data(wanted, shown)
    return Comparison.NOT_KNOWN if known is Comparison.SAME and not _are_exact(desired) else known


def compare_data(desired: Mapping[str, Any], shown: Mapping[str, Any]) -> Comparison:
    """Return the same of two templates as data, whatever the order of their keys."""
    if _canonical(desired) == _canonical(shown):
        return Comparison.SAME
    alike = _canonical(desired, masked) == _canonical(shown, masked)
    return Comparison.NOT_KNOWN if alike else Comparison.DIFFERENT


def masked(text: str) -> str:
    """Return a text as GetTemplate shows it."""
    return _BEYOND_ASCII.sub("?", text)


def as_shown(template: object) -> str:
    """Return a text that is the same for two answers of GetTemplate that show the same template."""
    data = _as_data(template)
    return str(template) if data is None else _canonical(data)


def _as_data(template: object) -> Mapping[str, Any] | None:
    """Return the data of a template in JSON; None for one in YAML."""
    if isinstance(template, Mapping):
        return template
    try:
        return read_json(str(template))
    except RecursionError:
        return None


def _canonical(data: object, show: Callable[[str], str] = str) -> str:
    """Return data as one text, whatever the order of its keys; `show` is applied before they are sorted.

    Of Python's own comparison true is 1, and 1 is 1.0.
    """
    written = json.dumps(data, ensure_ascii=False, default=str)
    return json.dumps(json.loads(show(written)), sort_keys=True, ensure_ascii=False)


def _are_exact(text: str) -> bool:
    """Return whether every number of a JSON text is written again as it stands there."""
    changed: list[str] = []

    def read(number: str) -> float:
        found = float(number)
        if json.dumps(found) != number:
            changed.append(number)
        return found

    json.loads(text, parse_float=read)
    return not changed
