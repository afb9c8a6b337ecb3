"""A plan as one HTML page that needs nothing else: no network, no script; pure."""

import base64
import hashlib
import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from builder.deploy.records import Plan, ResourceChange
from builder.report.drawing import BOX_HEIGHT, draw
from builder.report.review import fate, is_lost, make_entries, make_tally, printable

_FOLDER = Path(__file__).with_name("page")


def plan(shown: Plan, file: str) -> str:
    """Return the page of a plan that is, or will be, saved in this file."""
    style = (_FOLDER / "plan.css").read_text()
    entries = make_entries(shown)
    return (
        _environment()
        .get_template("plan.html.j2")
        .render(
            plan=shown,
            file=file,
            tally=make_tally(shown),
            entries=entries,
            titles={entry.place: entry.title for entry in entries},
            drawing=draw(entries),
            box_height=BOX_HEIGHT,
            style=Markup(style),  # noqa: S704 - our own file, and nothing of the plan's
            # The page's policy lets this style in and nothing else.
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {"fate": fate, "pretty": _pretty, "tone": _tone}
    return environment


def _shown(value: object) -> object:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _tone(change: ResourceChange) -> str:
    return "lost" if is_lost(change) else "create" if change.action == "Add" else "update"


def _pretty(value: str) -> str:
    """Return a value as people read it: what is JSON in one line gets lines."""
    try:
        parsed = json.loads(value)
    except ValueError:
        return value
    return json.dumps(parsed, indent=2, ensure_ascii=False) if isinstance(parsed, dict | list) else value
