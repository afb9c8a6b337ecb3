"""What a stack holds: what goes with it, what is in its way, and what it leaves behind.

First what is seen of it; then what is left behind and goes all the same, where somebody names it; then how what goes is
emptied.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from builder.aws import Clients, together
from builder.deploy.observe.nested import Content, observe_contents
from builder.deploy.observe.stacks import ObservedStack
from builder.deploy.progress import BucketEmptied, Emit
from builder.deploy.resources import HOLDERS
from builder.errors import BadInput, Stopped, did_you_mean, gathered
from builder.resource_types import GLOBAL_TABLE
from builder.terms import LogicalId, Region, Site, StackId


@dataclass(frozen=True, slots=True)
class KeptData:
    """Data of a component of the builder's own that its stack leaves behind when it goes."""

    stack: StackId
    site: Site
    """Where the stack stands."""
    type: str
    path: LogicalId
    physical_id: str
    regions: tuple[str, ...]
    """Every region that holds a copy of it."""

    @property
    def is_deletable(self) -> bool:
        """Whether it is deleted where somebody names it; what is not is left to its own service."""
        holder = HOLDERS.get(self.type)
        return holder is not None and holder.remove is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveProtection:
    """One thing that protects a stack, or data in it, from being deleted."""

    kind: Literal["StackPolicy", "DeletionProtection", "ObjectLock", "TerminationProtection"]
    region: Region
    """Where it stands: a table has deletion protection in each region by itself."""
    type: str = ""
    physical_id: str = ""
    """Of the resource; empty of a stack."""
    path: str = ""


@dataclass(frozen=True, slots=True)
class StackContents:
    """One stack that is there, with what it and the stacks nested in it hold."""

    id: StackId
    stack: ObservedStack
    holders: tuple[tuple[str, str], ...]
    """Type and physical id of each resource that holds data, and goes."""
    retained: tuple[tuple[str, str], ...] = ()
    """Type and physical id of each resource that the stack's template leaves behind."""
    unclear: tuple[tuple[LogicalId, str], ...] = ()
    """Logical id, or path below nested stacks, and type of each that would be emptied, if only it was said to go."""
    may_nest_reviews: bool = True
    """Whether stacks that are to be nested in it may wait for a review; False where a listing shows none."""
    kept: tuple[KeptData, ...] = ()
    """Of what is left behind the data of the builder's own components."""
    deleted: tuple[KeptData, ...] = ()
    """Of that what goes all the same, because somebody named it."""
    paths: Mapping[tuple[str, str], LogicalId] = field(default_factory=dict)
    """Logical id of each holder, or path below nested stacks."""
    protections: tuple[ActiveProtection, ...] | None = None
    """What protects it from being deleted; None where nobody has looked yet."""

    @property
    def going(self) -> tuple[tuple[str, str], ...]:
        """Type and physical id of each resource that holds data and goes, with its stack or before it."""
        return (*self.holders, *((one.type, one.physical_id) for one in self.deleted))


async def observe_stack_contents(stack_id: StackId, stack: ObservedStack, clients: Clients) -> StackContents:
    """Return the stack with what it holds, in nested stacks too; what a template leaves behind keeps all that is in it.

    A nested stack is deleted by its root's deletion alone, but emptied like it.
    """
    held = await observe_contents(clients, stack, where=stack_id)
    holders = [one for one in held if one.type in HOLDERS]
    return StackContents(
        stack_id,
        stack,
        holders=tuple((one.type, one.physical_id) for one in holders if one.fate in {"Delete", "Snapshot"}),
        retained=tuple(
            (one.type, one.physical_id) for one in held if one.fate == "Retain" and not _goes_along(one, held)
        ),
        kept=tuple(
            KeptData(stack_id, stack.site, one.type, one.path, one.physical_id, one.regions or (stack.region,))
            for one in held
            if one.fate == "Retain" and one.is_kept
        ),
        paths={(one.type, one.physical_id): one.path for one in held if one.type in HOLDERS},
        unclear=tuple((one.path, one.type) for one in holders if one.fate is None and HOLDERS[one.type].is_helped),
    )


# A function takes them with it, whatever their own policies say; SAM's transform says Retain of every version.
# https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
_OF_FUNCTION = frozenset({"AWS::Lambda::Alias", "AWS::Lambda::Version"})


def _goes_along(content: Content, held: Iterable[Content]) -> bool:
    """Return whether a resource is of a function that is deleted with the same stack."""
    _, _, name = content.physical_id.partition(":function:")
    gone = {one.physical_id for one in held if one.type == "AWS::Lambda::Function" and one.fate == "Delete"}
    return content.type in _OF_FUNCTION and name.partition(":")[0] in gone


def check_clear(standing: Iterable[StackContents]) -> None:
    """Return if it is known of all that would be emptied that it goes with its stack. Raises Stopped, or Several.

    While an operation runs on a stack nobody can tell; it is looked at again afterwards.
    """
    errors = [_unclear(one) for one in standing if one.unclear and one.stack.facts.settled]
    if errors:
        raise gathered(errors)


def _unclear(one: StackContents) -> Stopped:
    named = ", ".join(f"{name} ({kind})" for name, kind in one.unclear)
    return Stopped(
        where=one.id,
        what=f"{named}: the deployed template does not tell whether it stays when the stack goes. Nothing was emptied",
        next_step=f"aws cloudformation delete-stack --region {one.stack.region} --stack-name {one.stack.name}"
        "    keeps what is to stay, and empties nothing",
    )


# Of these a name is good in every region.
_GLOBAL = frozenset({GLOBAL_TABLE, "AWS::S3::Bucket"})


def delete_kept(
    standing: Iterable[StackContents], names: Collection[str], unseen: Collection[Region]
) -> tuple[StackContents, ...]:
    """Return the stacks with what of the retained data goes all the same, by its names; `unseen` are other regions.

    A name that no stack lists is of what is gone already, as long as everything that is listed was named.
    Raises BadInput for one that is not; Stopped where another stack holds it too, where that cannot be told, or where
    it takes a person to delete it.
    """
    standing = tuple(standing)
    kept = {one.physical_id: one for stack in standing for one in stack.kept}
    strangers = [name for name in names if name not in kept]
    if strangers and kept.keys() - set(names):
        listed = ", ".join(sorted(kept))
        raise BadInput(
            where=f"--delete-retained {strangers[0]}",
            what=f"no stack lists it as data that a component retains{did_you_mean(strangers[0], kept)}; "
            f"what is listed: {listed}",
            next_step="leave out what is gone with its stack already",
        )
    chosen = tuple(
        replace(one, deleted=tuple(data for data in one.kept if data.physical_id in names)) for one in standing
    )
    if errors := [error for one in chosen for data in one.deleted for error in _reasons(data, standing, unseen)]:
        raise gathered(errors)
    return chosen


def _reasons(data: KeptData, standing: tuple[StackContents, ...], unseen: Collection[Region]) -> Iterator[Stopped]:
    """Yield why it does not go though it was named."""
    own = (data.type, data.physical_id)
    for other in standing:
        elsewhere = data.type in _GLOBAL or other.stack.region == data.site.region
        if other.id != data.stack and elsewhere and own in {*other.holders, *other.retained}:
            yield Stopped(
                where=data.stack,
                what=f"{data.physical_id} is also in {other.id}, and would go from under it",
                next_step=f"python -m builder destroy    without --delete-retained {data.physical_id} leaves it there",
            )
    if dark := [region for region in data.regions if region in unseen]:
        yield Stopped(
            where=data.stack,
            what=f"whether a stack in {', '.join(dark)} holds {data.physical_id} too, nobody could see",
            next_step="the same again, once that answers",
        )
    if not data.is_deletable:
        yield Stopped(where=data.stack, what=f"{data.physical_id} ({data.type}) is deleted by its own service alone")


async def stop_writes(standing: StackContents, clients: Clients) -> None:
    """Stop whatever would fill again what is about to be emptied."""
    await together(
        HOLDERS[kind].stop_writes(clients.of(standing.stack.site), standing.stack.region, physical_id)
        for kind, physical_id in standing.going
    )


async def empty(one: StackContents, clients: Clients, emit: Emit) -> None:
    """Remove what keeps the stack from being deleted, once nothing fills it again."""
    await stop_writes(one, clients)
    for kind, physical_id in one.holders:
        told = _teller(emit, one.id, physical_id)
        await HOLDERS[kind].empty(clients.of(one.stack.site), one.stack.region, physical_id, told)


async def unblock(stack_id: StackId, stack: ObservedStack, clients: Clients) -> None:
    """Remove what the deletion was refused for; there may be more in the stack than was found in it at first."""
    now = await observe_stack_contents(stack_id, stack, clients)
    check_clear([now])
    await stop_writes(now, clients)
    for kind, physical_id in now.holders:
        await HOLDERS[kind].unblock(clients.of(stack.site), stack.region, physical_id)


def _teller(emit: Emit, stack: StackId, bucket: str) -> Callable[[int], None]:
    """Return what says how far the emptying that begins now has come."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    def tell(versions: int) -> None:
        passed_s = max(loop.time() - began, 0.001)
        emit(BucketEmptied(stack=stack, bucket=bucket, versions=versions, per_second=round(versions / passed_s)))

    return tell
