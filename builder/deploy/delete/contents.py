"""A stack's contents: what is deleted with it, what prevents its deletion, and what it retains.

First how they are read; then the retained data that is deleted because somebody names it; then how resources are
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
from builder.resource_types import FUNCTION
from builder.resource_types.facts import goes_with, is_global_name
from builder.terms import LogicalId, Region, Site, StackId


@dataclass(frozen=True, slots=True)
class KeptData:
    """Data of one of the builder's own components that its stack retains when it is deleted."""

    stack: StackId
    site: Site
    """Where the stack is."""
    type: str
    path: LogicalId
    physical_id: str
    regions: tuple[str, ...]
    """Every region that has a copy of it."""

    @property
    def is_deletable(self) -> bool:
        """Whether it can be deleted by name; other data is deleted only by its own service."""
        holder = HOLDERS.get(self.type)
        return holder is not None and holder.remove is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveProtection:
    """One thing that protects a stack, or data in it, from being deleted."""

    kind: Literal["StackPolicy", "DeletionProtection", "ObjectLock", "TerminationProtection"]
    region: Region
    """Where it is in force: a table has deletion protection in each region by itself."""
    type: str = ""
    physical_id: str = ""
    """The resource's; empty for a stack."""
    path: str = ""


@dataclass(frozen=True, slots=True)
class StackContents:
    """One stack that exists, with the contents of it and of its nested stacks."""

    id: StackId
    stack: ObservedStack
    holders: tuple[tuple[str, str], ...]
    """Type and physical id of each resource of a type in HOLDERS that the stack's deletion deletes."""
    retained: tuple[tuple[str, str], ...] = ()
    """Type and physical id of each resource that the stack's template retains."""
    unclear: tuple[tuple[LogicalId, str], ...] = ()
    """Path and type of each resource with data whose template does not state whether it is deleted."""
    may_nest_reviews: bool = True
    """Whether new nested stacks in it may wait for a review; False where a listing shows none."""
    kept: tuple[KeptData, ...] = ()
    """The retained data of the builder's own components."""
    deleted: tuple[KeptData, ...] = ()
    """The data in `kept` that is deleted because somebody named it."""
    paths: Mapping[tuple[str, str], LogicalId] = field(default_factory=dict)
    """Logical id, or path below nested stacks, of each resource that holds data."""
    protections: tuple[ActiveProtection, ...] | None = None
    """What protects it from being deleted; None if that was not read yet."""

    @property
    def going(self) -> tuple[tuple[str, str], ...]:
        """Type and physical id of each resource of a type in HOLDERS that is deleted, with its stack or before it."""
        return (*self.holders, *((data.type, data.physical_id) for data in self.deleted))


async def observe_stack_contents(stack_id: StackId, stack: ObservedStack, clients: Clients) -> StackContents:
    """Return the stack with its contents, also of nested stacks; a retained nested stack retains all of its contents.

    A nested stack is deleted only with its root, but emptied like it.
    """
    held = await observe_contents(clients, stack, where=stack_id)
    of_holders = [content for content in held if content.type in HOLDERS]
    return StackContents(
        stack_id,
        stack,
        holders=tuple(
            (content.type, content.physical_id) for content in of_holders if content.fate in {"Delete", "Snapshot"}
        ),
        retained=tuple(
            (content.type, content.physical_id)
            for content in held
            if content.fate == "Retain" and not _goes_along(content, held)
        ),
        kept=tuple(
            KeptData(
                stack_id,
                stack.site,
                content.type,
                content.path,
                content.physical_id,
                content.regions or (stack.region,),
            )
            for content in held
            if content.fate == "Retain" and content.is_kept
        ),
        paths={(content.type, content.physical_id): content.path for content in of_holders},
        unclear=tuple(
            (content.path, content.type)
            for content in of_holders
            if content.fate is None and HOLDERS[content.type].is_helped
        ),
    )


def _goes_along(content: Content, held: Iterable[Content]) -> bool:
    """Return whether a resource belongs to a function that is deleted with the same stack."""
    _, _, name = content.physical_id.partition(":function:")
    gone = {content.physical_id for content in held if content.type == FUNCTION and content.fate == "Delete"}
    return goes_with(content.type) == FUNCTION and name.partition(":")[0] in gone


def check_clear(stacks: Iterable[StackContents]) -> None:
    """Raise Stopped, or Several, unless each resource to be emptied is certain to be deleted with its stack.

    A stack with a running operation is skipped: it is read again afterwards.
    """
    errors = [_unclear(contents) for contents in stacks if contents.unclear and contents.stack.facts.settled]
    if errors:
        raise gathered(errors)


def _unclear(contents: StackContents) -> Stopped:
    named = ", ".join(f"{name} ({kind})" for name, kind in contents.unclear)
    return Stopped(
        where=contents.id,
        what=f"{named}: the deployed template does not tell whether it stays when the stack goes. Nothing was emptied",
        next_step=f"aws cloudformation delete-stack --region {contents.stack.region} --stack-name {contents.stack.name}"
        "    keeps what is to stay, and empties nothing",
    )


def delete_kept(
    stacks: Iterable[StackContents], names: Collection[str], unseen: Collection[Region]
) -> tuple[StackContents, ...]:
    """Return the stacks, marking the retained data that is named for deletion.

    `unseen` are regions that could not be read. A name that no stack lists counts as deleted already, as long as all
    listed data is named.
    Raises BadInput for any other such name; Stopped where another stack has the data too, where that cannot be read,
    or where a person has to delete it.
    """
    stacks = tuple(stacks)
    kept = {data.physical_id: data for stack in stacks for data in stack.kept}
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
        replace(contents, deleted=tuple(data for data in contents.kept if data.physical_id in names))
        for contents in stacks
    )
    if errors := [
        error for contents in chosen for data in contents.deleted for error in _reasons(data, stacks, unseen)
    ]:
        raise gathered(errors)
    return chosen


def _reasons(data: KeptData, stacks: tuple[StackContents, ...], unseen: Collection[Region]) -> Iterator[Stopped]:
    """Yield each reason why data that was named cannot be deleted."""
    own = (data.type, data.physical_id)
    for other in stacks:
        is_same_name = is_global_name(data.type) or other.stack.region == data.site.region
        if other.id != data.stack and is_same_name and own in {*other.holders, *other.retained}:
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


async def stop_writes(contents: StackContents, clients: Clients) -> None:
    """Stop everything that writes to the resources that will be emptied."""
    await together(
        HOLDERS[kind].stop_writes(clients.of(contents.stack.site), contents.stack.region, physical_id)
        for kind, physical_id in contents.going
    )


async def empty(contents: StackContents, clients: Clients, emit: Emit) -> None:
    """Stop writes to the stack's resources, and remove the contents that prevent their deletion."""
    await stop_writes(contents, clients)
    for kind, physical_id in contents.holders:
        on_deleted = _reporter(emit, contents.id, physical_id)
        await HOLDERS[kind].empty(clients.of(contents.stack.site), contents.stack.region, physical_id, on_deleted)


async def unblock(stack_id: StackId, stack: ObservedStack, clients: Clients) -> None:
    """Remove the reasons for which the deletion was refused; the stack is read again, since it may hold more by now."""
    now = await observe_stack_contents(stack_id, stack, clients)
    check_clear([now])
    await stop_writes(now, clients)
    for kind, physical_id in now.holders:
        await HOLDERS[kind].unblock(clients.of(stack.site), stack.region, physical_id)


def _reporter(emit: Emit, stack: StackId, physical_id: str) -> Callable[[int], None]:
    """Return a callback that emits how many entries of a resource are removed, of one whose emptying starts now."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    def report(removed: int) -> None:
        passed_s = max(loop.time() - began, 0.001)
        per_second = round(removed / passed_s)
        emit(BucketEmptied(stack=stack, bucket=physical_id, versions=removed, per_second=per_second))

    return report
