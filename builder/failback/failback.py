"""Failback by decision: compare both regions, then let clients go back, or hold them elsewhere."""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from builder.aws import Clients, together
from builder.deploy.desired import Deployment
from builder.errors import AwsError, Failed
from builder.failback.buckets import compare_buckets
from builder.failback.hold import (
    HoldPlaces,
    await_hold,
    held_at,
    observe_hold,
    prove_replication,
    release_hold,
    write_hold,
)
from builder.failback.pair import (
    ClientView,
    RegionPair,
    ServiceOptions,
    ServiceSighting,
    make_places,
    observe_clients_view,
    observe_pair,
    observe_services,
    problems_of,
)
from builder.failback.records import (
    BucketComparison,
    Difference,
    FailbackEmit,
    FailbackFindings,
    FailbackNote,
    FailbackWay,
    HoldSighting,
    TableComparison,
)
from builder.failback.tables import CompareOptions, compare_tables
from builder.terms import Region

ComparisonWithExamples = tuple[TableComparison | BucketComparison, tuple[Difference, ...]]
"""How a table or a component's buckets compare, and the first differences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailbackContext:
    """All that a failback needs besides its options."""

    deployment: Deployment
    clients: Clients
    endpoint: str | None
    """Where to connect instead of to the function URLs' own hosts."""
    now: Callable[[], datetime]
    emit: FailbackEmit


@dataclass(frozen=True, slots=True, kw_only=True)
class FailbackOptions:
    """The options of a failback."""

    target: str
    """The path of the hold."""
    component: str | None = None
    """The function whose URLs clients call, if there are several."""
    source: Region | None = None
    """Where clients are; by default where they are held, or where they are without a hold."""
    hold: Region | None = None
    """Where clients should be held; None to let them go back."""
    sample: int | None = None
    with_objects: bool = True
    patience_s: float = 10.0
    """How long replication of a write may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientsWhereabouts:
    """Where clients are held, and from where to where they would go."""

    view: ClientView
    services: Mapping[Region, ServiceSighting]
    places: HoldPlaces
    holds: tuple[HoldSighting, ...]
    held: Region | None
    way: FailbackWay

    @property
    def is_released(self) -> bool:
        """Whether no region shows a hold."""
        return self.held is None and all(hold.held is None for hold in self.holds)


async def observe_whereabouts(context: FailbackContext, options: FailbackOptions) -> ClientsWhereabouts:
    """Return where clients are. Raises Stopped if no region shows it and `source` does not say it."""
    view = await _observe_view(context, options)
    for where, region in (("--from", options.source), ("--hold", options.hold)):
        if region is not None:
            view.check(region, where)
    observing = ServiceOptions(clients=context.clients.hurried(), now=context.now(), endpoint=context.endpoint)
    services = await observe_services(view, observing)
    places = make_places(view, services, context.clients.credentials(), context.endpoint, options.target)
    holds = tuple(_explained(hold, services[hold.region]) for hold in await observe_hold(places))
    held = options.source if options.source is not None and any(hold.problem for hold in holds) else held_at(holds)
    way = _way(view, options, held)
    return ClientsWhereabouts(view=view, services=services, places=places, holds=holds, held=held, way=way)


def _way(view: ClientView, options: FailbackOptions, held: Region | None) -> FailbackWay:
    """Return from where to where clients would go.

    Clients may be held in the primary itself: after a promotion they prefer another region until they are given the new
    order of regions.
    """
    first, second = view.regions[:2]
    source = options.source or held
    if options.hold is not None:
        return FailbackWay(source=source or (first if options.hold != first else second), target=options.hold)
    return FailbackWay(source=source or second, target=second if source == first else first)


def _explained(hold: HoldSighting, service: ServiceSighting) -> HoldSighting:
    """Return the sighting. If the hold is not known, add what else is wrong in its region."""
    if not hold.problem or service.problem in {"", hold.problem}:
        return hold
    return replace(hold, problem=f"{hold.problem}; {service.problem}")


async def _observe_view(context: FailbackContext, options: FailbackOptions) -> ClientView:
    """Return the system as clients know it. Raises AwsError; for a silent region the remedy is `--skip-region`."""
    try:
        return await observe_clients_view(context.deployment, context.clients.hurried(), options.component)
    except AwsError as error:
        if error.answered:
            raise
        next_step = "--skip-region REGION    goes without one that does not answer: --hold another, by decision"
        raise AwsError(
            where=error.where, code=error.code, what=error.what, next_step=next_step, answered=False
        ) from error


async def observe_failback(
    context: FailbackContext, options: FailbackOptions, whereabouts: ClientsWhereabouts
) -> FailbackFindings:
    """Return what speaks for and against sending clients that way. Emit differences as they are found.

    Tables and buckets are compared only if neither region is skipped. Raises AwsError.
    """
    view, way = whereabouts.view, whereabouts.way
    problems = problems_of(way, whereabouts.services)
    nothing = FailbackFindings(deployment=view.deployment, way=way, holds=whereabouts.holds, problems=problems)
    if way.is_none or {way.source, way.target} & view.skipped.keys():
        return nothing
    pair = await observe_pair(context.deployment, context.clients, view, way)
    for table in pair.tables:
        context.emit(table.size(options.sample))
    comparisons = await _compare(context, options, pair)
    unread = () if options.with_objects else tuple(f"{pair.component}: not compared" for pair in pair.buckets)
    return FailbackFindings(
        deployment=view.deployment,
        way=way,
        holds=whereabouts.holds,
        problems=(*problems, *pair.problems),
        tables=tuple(comparison for comparison, _ in comparisons if isinstance(comparison, TableComparison)),
        buckets=tuple(comparison for comparison, _ in comparisons if isinstance(comparison, BucketComparison)),
        examples={comparison.component: examples for comparison, examples in comparisons},
        notes=(*pair.notes, *unread),
    )


async def _compare(
    context: FailbackContext, options: FailbackOptions, pair: RegionPair
) -> list[ComparisonWithExamples]:
    """Return how all tables and buckets compare. The comparisons run concurrently, each with its own patience."""
    clients, patience_s, now, emit = context.clients, options.patience_s, context.now, context.emit
    comparing = CompareOptions(patience_s=patience_s, sample=options.sample)
    work: list[Coroutine[Any, Any, ComparisonWithExamples]] = [
        compare_tables(clients, table, comparing, emit) for table in pair.tables
    ]
    if options.with_objects:
        work += [compare_buckets(clients, bucket, patience_s=patience_s, now=now, emit=emit) for bucket in pair.buckets]
    return await together(work)


async def let_go(
    context: FailbackContext, options: FailbackOptions, whereabouts: ClientsWhereabouts, *, is_forced: bool
) -> None:
    """Release the hold, or write the new one, and wait until every region shows that.

    Before that, prove that a new write arrives in the region that clients go to. Raises Failed if it does not arrive,
    or if a region shows another hold in the end. With `is_forced`, since somebody has allowed the loss by name, only
    emit a note about the failure.
    """
    places, way, patience_s, emit = whereabouts.places, whereabouts.way, options.patience_s, context.emit
    is_seen = not way.is_none and not {way.source, way.target} & places.unreachable.keys()
    if is_seen and (whereabouts.held is not None or options.hold is not None):
        held = whereabouts.held or way.source
        with _failures_noted(emit) if is_forced else nullcontext():
            await prove_replication(places, held, way, patience_s, emit)
        # A failure in this direction is no loss: future writes only arrive late in the region that clients leave.
        with _failures_noted(emit):
            await prove_replication(places, held, way.back, patience_s, emit)
    if options.hold is not None:
        await write_hold(places, options.hold)
    elif whereabouts.held is not None:
        await release_hold(places, whereabouts.held)
    with _failures_noted(emit) if is_forced else nullcontext():
        await await_hold(places, options.hold, patience_s, emit)


@contextmanager
def _failures_noted(emit: FailbackEmit) -> Iterator[None]:
    """Turn Failed into a note, and go on."""
    try:
        yield
    except Failed as error:
        emit(FailbackNote(str(error)))
