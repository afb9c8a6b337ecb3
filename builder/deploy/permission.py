"""What somebody has to allow by name before it is executed: tripped guards, and others' reviews; pure."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from builder.deploy.records import PendingReview, Trip
from builder.errors import BadInput, Stopped


def check_allowed(
    tripped: Iterable[Trip], pending: Iterable[PendingReview], allow: Collection[str], known: Collection[str] = ()
) -> None:
    """Return if all of it is allowed.

    Raises Stopped, naming everything that is not; BadInput for an `allow` that names nothing of it and is not
    `known` either: a leftover, or a slip of the pen.
    """
    needed = _needed(tripped, pending)
    could = (*needed, *known)
    for name in allow:
        if name not in could:
            raise BadInput(where=f"--allow {name}", what=_names_nothing(name, tuple(dict.fromkeys(could))))
    missing = {name: whys for name, whys in needed.items() if name not in allow}
    if missing:
        told = "\n  ".join(f"{name}: {why}" for name, whys in missing.items() for why in whys)
        raise Stopped(
            where="not allowed yet",
            what=f"\n  {told}\nNothing was executed",
            next_step=f"{' '.join(f'--allow {name}' for name in missing)}    lets exactly this pass",
        )


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
