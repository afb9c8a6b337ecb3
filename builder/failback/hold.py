"""The hold that clients read: observe it in each region, write it, release it, and await that in every region.

A client believes the regions other than its preferred one first, so a hold ends for all clients once these show none.
Before that, `prove_replication` shows that replication works at this time: it writes the hold with a new mark, which
has to arrive.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from builder.aws import Pace, call, together
from builder.client import NotKnown
from builder.errors import Failed, Stopped
from builder.failback.records import FailbackEmit, FailbackWay, HoldMoved, HoldSighting, MarkerSeen
from builder.terms import Region

T = TypeVar("T")
_PACE = Pace(first_s=0.0, every_s=0.2, fraction=0.1, longest_s=2.0)
_MARK = "mark"
_AGAIN_S = 2.0
"""How long a region is asked again if it does not answer."""


class HoldItem(Protocol):
    """The item of a hold, as `ReplicatedHold` has it."""

    def shown(self, at: str) -> Mapping[str, object] | None:
        """Return the item as one region shows it, None if it shows none. Raises NotKnown."""

    def write(self, to: str, *, at: str, **more: str) -> None:
        """Write the item at one region. Raises NotKnown."""

    def release(self, at: str) -> None:
        """Delete the item at one region. Raises NotKnown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPlaces:
    """The item of the hold, and the regions that have it."""

    item: HoldItem
    regions: tuple[Region, ...]
    """All regions, in the order that clients prefer them."""
    target: str
    """The path of the item, for messages."""
    unreachable: Mapping[Region, str]
    """The regions that no request is sent to, each with the reason."""


async def observe_hold(places: HoldPlaces) -> tuple[HoldSighting, ...]:
    """Return the hold as each region shows it, in the order of preference. If a region cannot show it, say why."""
    return tuple(await together(_observe(places, region) for region in places.regions))


async def _observe(places: HoldPlaces, region: Region) -> HoldSighting:
    if region in places.unreachable:
        return HoldSighting(region=region, problem=places.unreachable[region])
    try:
        shown = await _patiently(lambda: _shown(places, region), _AGAIN_S)
    except NotKnown as error:
        return HoldSighting(region=region, problem=f"GET {places.target}: {error}")
    held = shown.get("region") if shown is not None else None
    return HoldSighting(region=region, held=None if held is None else Region(str(held)))


def held_at(sightings: Sequence[HoldSighting]) -> Region | None:
    """Return where clients are held, as they read it: the preferred region last. Raises Stopped if it is unknown."""
    preferred, *others = sightings
    unread = []
    for sighting in reversed(others):
        if sighting.held is not None:
            return sighting.held
        if sighting.problem:
            unread.append(f"{sighting.region}: {sighting.problem}")
    if preferred.held is not None and unread:
        return preferred.held
    if unread:
        raise Stopped(
            where="hold",
            what="is not known, so that nobody can tell where clients are\n  " + "\n  ".join(unread),
            next_step="--target PATH    of an item that the function's URL keeps, as clients are given it;"
            " --check --from REGION    compares all the same",
        )
    return None


async def prove_replication(
    places: HoldPlaces, held: Region, way: FailbackWay, patience_s: float, emit: FailbackEmit
) -> None:
    """Write the hold with a mark in the source, and return once the target shows the mark.

    Clients stay held where they are. Raises Failed if the mark does not arrive.
    """
    loop, mark = asyncio.get_running_loop(), secrets.token_hex(8)
    await _write(places, held, way.source, **{_MARK: mark})
    since = loop.time()

    async def is_marked() -> bool:
        shown = await _shown(places, way.target)
        return shown is not None and shown.get(_MARK) == mark

    if not await _until(is_marked, patience_s):
        raise Failed(
            where=way.target,
            what=f"does not show after {patience_s:g} s what was written to {places.target} in {way.source}: "
            "replication is behind, or stands still",
            next_step="python -m builder status    shows how replication stands; then the same again",
        )
    after_s = round(loop.time() - since, 3)
    emit(MarkerSeen(source=way.source, target=way.target, after_s=after_s))


async def release_hold(places: HoldPlaces, held: Region) -> None:
    """Let all clients go back. Raises Failed if the hold could not be deleted."""

    def release() -> None:
        places.item.release(held)

    await _as_failed(held, places, lambda: call(held, release))


async def write_hold(places: HoldPlaces, region: Region) -> None:
    """Hold all clients in a region. Raises Failed if the hold could not be written."""
    await _write(places, region, region)


async def await_hold(places: HoldPlaces, held: Region | None, patience_s: float, emit: FailbackEmit) -> None:
    """Return once every region shows the hold in `held`, or no hold if that is None. Raises Failed if one does not."""
    regions = [region for region in places.regions if region not in places.unreachable]

    async def is_seen(region: Region) -> bool:
        shown = await _shown(places, region)
        return (shown.get("region") if shown is not None else None) == held

    seen = await together(_until(partial(is_seen, region), patience_s) for region in regions)
    showing = tuple(region for region, is_there in zip(regions, seen, strict=True) if is_there)
    emit(HoldMoved(held=held, seen_in=showing))
    if late := [region for region in regions if region not in showing]:
        expected = "no hold" if held is None else f"the hold of {held}"
        raise Failed(
            where=", ".join(late),
            what=f"does not show {expected} after {patience_s:g} s ({', '.join(showing) or 'no region'} does): "
            "replication is behind, or somebody has written another since",
            next_step="python -m builder failback --check    shows what each region has",
        )


async def _write(places: HoldPlaces, to: Region, at: Region, **more: str) -> None:
    def write() -> None:
        places.item.write(to, at=at, **more)

    await _as_failed(at, places, lambda: call(at, write))


async def _as_failed(region: Region, places: HoldPlaces, work: Callable[[], Awaitable[T]]) -> T:
    """Return what the work returns. Raises Failed if the hold could not be changed."""
    try:
        return await work()
    except NotKnown as error:
        raise Failed(
            where=f"{region}: {places.target}",
            what=f"could not be changed by the function's URL: {error}",
            next_step="--target PATH    of an item that it keeps, with PUT, GET and DELETE, as clients are given it",
        ) from error


async def _shown(places: HoldPlaces, region: Region) -> Mapping[str, object] | None:
    def show() -> Mapping[str, object] | None:
        return places.item.shown(region)

    return await call(region, show)


async def _patiently(read: Callable[[], Awaitable[T]], within_s: float) -> T:
    """Return what `read` returns. While it raises NotKnown, call it again, for so long at most."""
    loop = asyncio.get_running_loop()
    since = loop.time()
    while True:
        try:
            return await read()
        except NotKnown:
            if loop.time() - since >= within_s:
                raise
            await asyncio.sleep(_PACE.wait_s(loop.time() - since))


async def _until(check: Callable[[], Awaitable[bool]], within_s: float) -> bool:
    """Call `check` until it returns True, and return whether it did in time. NotKnown counts as False."""
    loop = asyncio.get_running_loop()
    since = loop.time()
    while True:
        try:
            if await check():
                return True
        except NotKnown:
            pass
        if loop.time() - since >= within_s:
            return False
        await asyncio.sleep(_PACE.wait_s(loop.time() - since))
