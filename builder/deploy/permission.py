"""What somebody has to allow by name before it is executed: tripped guards, and others' reviews.

`--allow` takes a name, or a pattern of names: `*` stands for any text within one part of a name, `?` for one character
of it, `**` also for several parts. A pattern lets pass what the plan showed, and is told with how many that are.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from builder.deploy.progress import Allowed, Emit
from builder.deploy.records import PendingReview, Trip
from builder.errors import BadInput, Stopped

_WILD = {"**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True, slots=True)
class Permission:
    """One `--allow`, and what it lets pass; nothing where all that it names is done already."""

    allow: str
    names: tuple[str, ...]


def check_allowed(
    tripped: Iterable[Trip],
    pending: Iterable[PendingReview],
    allow: Collection[str],
    shown: Collection[str] | None = None,
) -> tuple[Permission, ...]:
    """Return what each `allow` lets pass, if all of it is allowed.

    `shown` is what whoever wrote the `allow` could see beforehand, done by now or not; None where that is all of it. A
    pattern is for no more: what has come up since, or was kept from them, is let pass by its name alone.
    Raises Stopped, naming everything that is not allowed; BadInput for an `allow` that names nothing of it and nothing
    that was `shown` either: a leftover, or a slip of the pen.
    """
    needed = _needed(tripped, pending)
    could = tuple(dict.fromkeys((*needed, *(shown or ()))))
    for one in allow:
        if not any(_names(one, name) for name in could):
            raise BadInput(where=f"--allow {one}", what=_names_nothing(one, could))
    permissions = tuple(
        Permission(one, tuple(name for name in needed if _lets_pass(one, name, shown))) for one in dict.fromkeys(allow)
    )
    missing = {name: whys for name, whys in needed.items() if name not in allowed_names(permissions)}
    if missing:
        told = "\n  ".join(f"{name}: {why}" for name, whys in missing.items() for why in whys)
        raise Stopped(
            where="not allowed yet",
            what=f"\n  {told}\nNothing was executed",
            next_step=f"{' '.join(f'--allow {name}' for name in missing)}    lets exactly this pass",
        )
    return permissions


def allowed_names(permissions: Iterable[Permission]) -> frozenset[str]:
    """Return every name that is allowed: only what was shown before, whatever else a pattern would fit."""
    return frozenset(name for one in permissions for name in one.names)


def tell_allowed(permissions: Iterable[Permission], emit: Emit) -> None:
    """Say of each `--allow` how many it lets pass."""
    for one in permissions:
        emit(Allowed(allow=one.allow, passes=len(one.names), names=one.names))


def _lets_pass(allow: str, name: str, shown: Collection[str] | None) -> bool:
    return allow == name or ((shown is None or name in shown) and _names(allow, name))


def _names(allow: str, name: str) -> bool:
    if allow == name:
        return True
    parts = re.split(r"(\*\*|[*?])", allow)
    return re.fullmatch("".join(_WILD.get(part, re.escape(part)) for part in parts), name, re.DOTALL) is not None


def _needed(tripped: Iterable[Trip], pending: Iterable[PendingReview]) -> dict[str, list[str]]:
    """Return what `--allow` has to name, with every reason."""
    needed: dict[str, list[str]] = {}
    for trip in tripped:
        needed.setdefault(trip.allow, []).append(trip.why)
    for review in pending:
        why = "it waits for somebody's review, and executing this plan would delete it"
        needed.setdefault(review.allow, []).append(why)
    return needed


def _names_nothing(name: str, could: tuple[str, ...]) -> str:
    if not could:
        return "names nothing in the plan: nothing in it has to be allowed"
    meant = get_close_matches(name, could, n=1)
    hint = f" (did you mean {meant[0]}?)" if meant else ""
    return f"names nothing in the plan{hint}; what could be allowed: {', '.join(could)}"
