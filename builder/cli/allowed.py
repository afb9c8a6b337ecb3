"""`--allow` of a command that is typed again after a crash: what is done by then is noted, and refuses nothing.

What is known of a deployment, and what of it is done, is `deploy/plan/done_before.py`.
"""

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from builder.cli.session import Session

if TYPE_CHECKING:
    from builder.deploy import Deployment, Plan
    from builder.deploy.plan.done_before import KnownNames, StackNames


def without_done(  # noqa: PLR0913 - by keyword but for what is planned
    session: Session,
    plan: "Plan",
    deployment: "Deployment",
    allow: Collection[str],
    *,
    is_asked: bool,
    sets: "Callable[[], Iterable[StackNames]]" = tuple,
) -> tuple[str, ...]:
    """Return the `--allow` that name something in a plan; note each of the others, whose work is done.

    Raises BadInput for one that names nothing, and, unless somebody `is_asked`, for one that nothing shows to be done
    by an earlier run of the same assembly.
    """
    from builder.deploy.plan.done_before import find_known, named_in_vain, names_of_hits

    hits = names_of_hits(plan)
    in_vain = named_in_vain(hits, allow)
    if not in_vain:
        return tuple(allow)
    known = session.run(find_known(plan, deployment, session.clients, in_vain, sets()))
    return keep_hits(session, allow, hits, known, is_asked=is_asked)


def keep_hits(
    session: Session, allow: Collection[str], hits: Collection[str], known: "KnownNames", *, is_asked: bool = True
) -> tuple[str, ...]:
    """Return the `--allow` that fit a hit, note the others that are known, and raise BadInput for any that is not."""
    from builder.deploy.plan.done_before import check_known, named_in_vain
    from builder.deploy.progress import Allowed

    in_vain = named_in_vain(hits, allow)
    check_known(in_vain, known, hits, is_asked=is_asked)
    for typed in in_vain:
        session.console.warn(f"note: --allow {typed} names nothing that is left to do, and lets nothing pass")
        if session.options.json_events:
            session.console.tell(Allowed(allow=typed, passes=0, names=()))
    return tuple(typed for typed in allow if typed not in in_vain)
