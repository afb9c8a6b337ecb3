"""Guards: changes that lose data or an address, and others' reviews, each permitted only by name; pure."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol

from builder.deploy.draft.adoption import adoption_hit
from builder.deploy.progress import Allowed, Emit
from builder.deploy.records import (
    Deferred,
    Deletion,
    GuardHit,
    Orphan,
    PendingReview,
    PropertyChange,
    Protection,
    ResourceChange,
    StackPolicy,
    Step,
)
from builder.errors import BadInput, Stopped
from builder.resource_types import GLOBAL_TABLE
from builder.resource_types.facts import at_stake, fixed_properties
from builder.template import is_open
from builder.terms import Region, StackId

TERMINATION_PROTECTION = "TerminationProtection"
"""The word in `--allow` for lifting a stack's termination protection."""
STACK_POLICY = "StackPolicy"
"""The word in `--allow` for replacing a stack's policy."""
_HARMLESS = frozenset({"Add", "Import", "SyncWithActual"})


class Changing(Protocol):
    """A change of a stack: a step, or a deferred one with the changes it expects."""

    @property
    def stack(self) -> StackId:
        """The stack's id in the assembly."""

    @property
    def region(self) -> Region:
        """Where the stack is or will be."""

    @property
    def changes(self) -> tuple[ResourceChange, ...]:
        """The changes of its resources."""


def guard_hits(
    steps: Iterable[Changing],
    deletions: Iterable[Deletion] = (),
    orphans: Iterable[Orphan] = (),
    protections: Iterable[Protection] = (),
    policies: Iterable[StackPolicy] = (),
) -> tuple[GuardHit, ...]:
    """Return every guard hit of the plan once, in the plan's order, deletions of whole stacks last.

    A resource may have several; one `--allow` permits them all.
    """
    steps, deletions, policies = tuple(steps), tuple(deletions), tuple(policies)
    # A policy that is opened for a release still denies all else, and is restored.
    opened = {policy.stack for policy in policies if policy.opens}
    adopted = [step.stack for step in steps if isinstance(step, Step) and step.adoption is not None]
    leaving: tuple[Orphan | Deletion, ...] = (*orphans, *deletions)
    hits = [
        *(hit for step in steps for change in step.changes for hit in _of_change(step, change)),
        *(hit for step in steps if isinstance(step, Step | Deferred) for hit in _of_import(step)),
        *(hit for step in steps for hit in _new_primaries(step, leaving)),
        *(hit for deletion in deletions for hit in _of_removal(deletion)),
        *(_replacing(policy) for policy in policies if policy.stack not in opened and _replaces(policy)),
        *(_lifting(protection) for protection in protections if not protection.protect),
    ]
    return tuple(dict.fromkeys((*map(adoption_hit, adopted), *hits)))


def _hit(stack: str, logical_id: str, why: str) -> GuardHit:
    return GuardHit(stack=stack, logical_id=logical_id, why=why, allow=f"{stack}/{logical_id}")


def _of_change(step: Changing, change: ResourceChange) -> Iterator[GuardHit]:
    if change.action in _HARMLESS or change.is_moved:
        return
    lost = at_stake(change.type)
    if lost and (fate := _fate(change, lost)):
        yield _hit(step.stack, change.logical_id, f"{change.type} {fate}")
    # For any type: a nested stack that could not be read, an unknown answer.
    for loss in change.losses:
        yield _hit(step.stack, change.logical_id, f"{change.type} loses {loss}")
    for name in _refused(change):
        why = "the change set shows it as harmless, and the update would fail and be rolled back"
        yield _hit(step.stack, change.logical_id, f"{change.type} keeps its {name} for good: {why}")


def _of_import(step: Step | Deferred) -> Iterator[GuardHit]:
    """Yield a guard hit for each import of a resource that no stack of ours owned, and for each setting it loses."""
    for change in step.changes if step.type == "IMPORT" else ():
        if not change.other_stack:
            why = f"{change.type} {change.physical_id} is there already: from its import on this stack updates it"
            yield _hit(step.stack, change.logical_id, why)
        for loss in change.losses:
            yield _hit(step.stack, change.logical_id, f"{change.type} loses {loss}")


def _refused(change: ResourceChange) -> Iterator[str]:
    """Yield the properties that AWS refuses to change, although the change set shows a change in place."""
    if change.action != "Modify" or change.is_replaced:
        return
    touched = {_property_of(touched.path): touched for touched in change.properties}
    for name, default in fixed_properties(change.type).items():
        if name in touched and not _same(touched[name], default):
            yield name


def _property_of(path: str) -> str:
    """Return the property in a path: of `/Properties/KeySpec`, or `Properties.KeySpec` without values."""
    return re.split(r"[/.]", path.removeprefix("/").removeprefix("Properties").lstrip("/."))[0]


def _same(touched: PropertyChange, default: str) -> bool:
    """Return whether a property, or its default, is the same before and after; False where that is unknown."""
    if touched.before is None and touched.after is None:
        return False
    before, after = (default if value is None else value for value in (touched.before, touched.after))
    return before.strip('"').lower() == after.strip('"').lower()


def _fate(change: ResourceChange, lost: str) -> str:
    """Return what the change does with the existing resource, in words; empty if it stays."""
    kept = (change.policy_action or "").removeprefix("ReplaceAnd")
    if change.action == "Remove":
        return _removed(kept, lost)
    if change.action != "Modify":
        return f"is at stake: CloudFormation cannot say beforehand what becomes of it and of {lost}"
    if change.is_replaced:
        may = "may be" if change.replacement == "Conditional" else "is"
        return _replaced(may, kept, lost)
    return ""


def _removed(kept: str, lost: str, deleted: str = "is deleted") -> str:
    match kept:
        case "Retain":
            return (
                f"leaves the stack: it stays, with {lost}, but no stack updates or deletes it any more, "
                "and its name stays taken"
            )
        case "Snapshot":
            return f"{deleted}: a snapshot is all that stays of {lost}"
        case _:
            return f"{deleted}: with it goes {lost}"


def _replaced(may: str, kept: str, lost: str) -> str:
    match kept:
        case "Retain":
            return (
                f"{may} replaced by a new one without {lost}: the old one stays, but no stack updates or deletes it "
                "any more, and where both have one name the replacement fails"
            )
        case "Snapshot":
            return f"{may} replaced by a new one: a snapshot is all that stays of {lost}"
        case _:
            return f"{may} replaced: with the old one goes {lost}"


def _new_primaries(step: Changing, leaving: tuple[Orphan | Deletion, ...]) -> Iterator[GuardHit]:
    tables = [change for change in step.changes if change.action == "Add" and change.type == GLOBAL_TABLE]
    for stack in leaving:
        for held in stack.resources:
            if held.type != GLOBAL_TABLE or stack.stack == step.stack:
                continue
            for table in tables:
                primary = "a new primary region: " if stack.region != step.region else ""
                why = f"{primary}{held.logical_id} of {stack.stack}, which the assembly no longer has, is the table now"
                yield _hit(step.stack, table.logical_id, why)


def protection_hit(stack: StackId) -> GuardHit:
    """Return the guard hit of deleting a stack with termination protection."""
    why = "the stack is protected from deletion; where this is allowed, its termination protection is lifted first"
    return _hit(stack, TERMINATION_PROTECTION, why)


def _lifting(protection: Protection) -> GuardHit:
    why = "the stack is protected from deletion, and is not any more once this is done"
    return _hit(protection.stack, TERMINATION_PROTECTION, why)


def _replaces(policy: StackPolicy) -> bool:
    """Return whether the replaced policy denies something."""
    return policy.standing is not None and not is_open(policy.standing)


def _replacing(policy: StackPolicy) -> GuardHit:
    why = "the stack policy that stands is replaced by another, which may let updates do what that one denies"
    return _hit(policy.stack, STACK_POLICY, why)


def _of_removal(deletion: Deletion) -> Iterator[GuardHit]:
    if deletion.protected:
        yield protection_hit(deletion.stack)
    for resource in deletion.resources:
        if lost := at_stake(resource.type):
            fate = _removed(resource.policy_action or "", lost, "is deleted with its stack")
            yield _hit(deletion.stack, resource.logical_id, f"{resource.type} {fate}")


_WILD = {"**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True, slots=True)
class Permission:
    """One `--allow`, and the names that it permits; none where all that it names is done already."""

    allow: str
    names: tuple[str, ...]


def check_allowed(
    hits: Iterable[GuardHit],
    pending: Iterable[PendingReview],
    allow: Collection[str],
    shown: Collection[str] | None = None,
    *,
    otherwise: str = "",
) -> tuple[Permission, ...]:
    """Return what each `allow` permits, if all of it is allowed; `otherwise` names another option that allows it.

    `shown` has the names, done already or not, that the writer of the `allow` could see; None if that is all names. A
    pattern matches only those: a newer guard is permitted only by its full name. Raises Stopped, naming everything that
    is not allowed; BadInput for an `allow` that fits neither a needed name nor one in `shown`: a leftover, or a typing
    error.
    """
    needed = _needed(hits, pending)
    could = tuple(dict.fromkeys((*needed, *(shown or ()))))
    for pattern in allow:
        if not any(fits(pattern, name) for name in could):
            raise BadInput(where=f"--allow {pattern}", what=_names_nothing(pattern, could))
    permissions = tuple(
        Permission(pattern, tuple(name for name in needed if _lets_pass(pattern, name, shown)))
        for pattern in dict.fromkeys(allow)
    )
    missing = {name: whys for name, whys in needed.items() if name not in allowed_names(permissions)}
    if missing:
        lines = "\n  ".join(f"{name}: {why}" for name, whys in missing.items() for why in whys)
        raise Stopped(
            where="not allowed yet",
            what=f"\n  {lines}\nNothing was executed",
            next_step=f"{' '.join(f'--allow {name}' for name in missing)}    lets exactly this pass{otherwise}",
        )
    return permissions


def not_named(hits: Iterable[GuardHit], allow: Collection[str]) -> tuple[GuardHit, ...]:
    """Return the hits that no `allow` names."""
    return tuple(hit for hit in hits if not any(fits(pattern, hit.allow) for pattern in allow))


def allowed_names(permissions: Iterable[Permission]) -> frozenset[str]:
    """Return every name that is allowed; a pattern counts only for names shown when it was written."""
    return frozenset(name for permission in permissions for name in permission.names)


def tell_allowed(permissions: Iterable[Permission], emit: Emit) -> None:
    """Report for each `--allow` how many guard hits it permits."""
    for permission in permissions:
        emit(Allowed(allow=permission.allow, passes=len(permission.names), names=permission.names))


def _lets_pass(allow: str, name: str, shown: Collection[str] | None) -> bool:
    return allow == name or ((shown is None or name in shown) and fits(allow, name))


def fits(allow: str, name: str) -> bool:
    """Return whether a name or pattern of `--allow` fits a name; pure."""
    if allow == name:
        return True
    parts = re.split(r"(\*\*|[*?])", allow)
    return re.fullmatch("".join(_WILD.get(part, re.escape(part)) for part in parts), name, re.DOTALL) is not None


def _needed(hits: Iterable[GuardHit], pending: Iterable[PendingReview]) -> dict[str, list[str]]:
    """Return the names that `--allow` has to have, each with every reason."""
    needed: dict[str, list[str]] = {}
    for hit in hits:
        needed.setdefault(hit.allow, []).append(hit.why)
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
