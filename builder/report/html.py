"""A plan as one HTML page that needs nothing else: no network, no script; pure."""

import json

from builder.deploy.records import Plan, ResourceChange
from builder.report.drawing import BOX_HEIGHT, draw
from builder.report.fill import fill
from builder.report.review import define, fate, is_lost, make_entries, make_ranks, make_tally


def plan(shown: Plan, file: str) -> str:
    """Return the page of a plan that is, or will be, saved in this file."""
    entries = make_entries(shown)
    return fill(
        "plan.html.j2",
        ("plan.css",),
        {"define": define, "fate": fate, "pretty": _pretty, "tone": _tone},
        plan=shown,
        file=file,
        tally=make_tally(shown),
        entries=entries,
        ranks=make_ranks(entries),
        titles={entry.place: entry.title for entry in entries},
        drawing=draw(entries),
        box_height=BOX_HEIGHT,
    )


def _tone(change: ResourceChange) -> str:
    return "lost" if is_lost(change) else "create" if change.action == "Add" else "update"


def _pretty(value: str) -> str:
    """Return a value as people read it: what is JSON in one line gets lines."""
    try:
        parsed = json.loads(value)
        return json.dumps(parsed, indent=2, ensure_ascii=False) if isinstance(parsed, dict | list) else value
    except (ValueError, RecursionError):
        return value
