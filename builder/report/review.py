"""A plan as people review it: an entry for each thing it does to a stack, the riskiest first; pure."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, assert_never

from builder.deploy.plan.guards import STACK_POLICY, TERMINATION_PROTECTION
from builder.deploy.records import (
    RISKS,
    Adoption,
    AnyStep,
    Deferred,
    Deletion,
    GuardHit,
    Plan,
    PropertyChange,
    Protection,
    ResourceChange,
    Risk,
    StackPolicy,
    StackResource,
    Step,
    Upload,
)
from builder.deploy.step_order import StepPlace, make_stack_steps, make_waits
from builder.terms import LogicalId, Site, StackId, StackName

Does = Literal["delete", "upload"] | Risk
_RISKIEST_FIRST: tuple[Does, ...] = ("delete", *RISKS, "upload")
_SIGNS: Mapping[str, str] = {"Add": "+", "Remove": "-", "Import": "<", "Dynamic": "?", "SyncWithActual": "="}
_POLICY_TYPE = "stack policy"
_FATES: Mapping[str, str] = {
    "Add": "created",
    "Remove": "removed",
    "Import": "imported",
    "Dynamic": "to be seen",
    "SyncWithActual": "put right",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change set, created or deferred, the deletion of a whole stack, or only a change of its protection."""

    place: int
    """Its place in the plan; 0 is the first."""
    stack: StackId
    site: Site
    name: StackName
    does: Does
    because: str = ""
    """Why the stack is deleted, or why the change set is created only during the execution."""
    part: int = 1
    """Its number among the change sets of its stack."""
    console: str = ""
    """The address of its console page; empty if there is none yet."""
    after: tuple[int, ...] = ()
    """The places of the entries that have to be done before."""
    changes: tuple[ResourceChange, ...]
    """The riskiest first."""
    guards: tuple[GuardHit, ...] = ()
    findings: tuple[str, ...] = ()
    protect: bool | None = None
    """Whether the stack's termination protection is set or lifted at its end; None if neither."""
    is_setting_alone: bool = False
    """Whether only its policy or its protection changes."""
    stacks: str = ""
    """For a StackSet the number of accounts and regions, `500 stacks`; empty for a single stack."""
    adoption: Adoption | None = None
    """Set if it makes the stack this deployment's."""
    notes: tuple[str, ...] = ()
    """For a StackSet what is done where, and remarks for a person."""

    @property
    def rank(self) -> "Rank":
        """The attention that it needs."""
        return Rank.LOSES if self.guards else _RANKS[self.does]

    @property
    def opens(self) -> tuple[str, ...]:
        """What its resources open to the world, each with the resource's logical id first."""
        return tuple(f"{change.logical_id}: {sentence}" for change in self.changes for sentence in change.opens)

    @property
    def title(self) -> str:
        """The stack's id, with the number of the change set if it is not the stack's first."""
        return f"{self.stack} ({self.part})" if self.part > 1 else self.stack

    @property
    def where(self) -> str:
        """Where its stack is: the region, with the account before it if that is not the credentials'."""
        return " ".join(filter(None, self.site))

    @property
    def is_later(self) -> bool:
        """Whether its change set is created later."""
        return bool(self.because) and self.does not in {"delete", "upload"}

    @property
    def effect(self) -> str:
        """The number of resources with each change: `1 replaced, 2 updated`."""
        if self.does == "upload":
            return "code"
        resources = [change for change in self.changes if change.type != _POLICY_TYPE]
        fates = Counter(fate(change) for change in resources)
        effects = [f"{count} {word}" for word, count in fates.items()] or ["no resource"]
        effects += ["stack policy"] if len(resources) < len(self.changes) else []
        effect = ", ".join([*effects, *(["termination protection"] if self.protect is not None else [])])
        if not self.stacks:
            return effect
        return f"{self.stacks}: {effect}" if self.changes else self.stacks

    @property
    def remark(self) -> str:
        """A remark beside its changes; mostly empty."""
        return "; ".join(filter(None, (self._summary, self._protection)))

    @property
    def _summary(self) -> str:
        if self.notes:
            return ""
        if self.does == "upload":
            return self.because
        if self.does == "delete":
            return f"the whole stack is deleted: {self.because}"
        if self.is_later:
            return f"its change set is made during the execution: {self.because}"
        if self.adoption is not None:
            coming = ", ".join(self.adoption.to_come)
            after = (
                f"; what the assembly says otherwise ({coming}) comes with the next plan; adopt writes down what stands"
                if coming
                else ""
            )
            return f"it is adopted: given this deployment's tags, and nothing else of it changes{after}"
        only_outputs = all(change.type == _POLICY_TYPE for change in self.changes) and not self.is_setting_alone
        return "only its outputs change" if only_outputs else ""

    @property
    def _protection(self) -> str:
        match self.protect:
            case None:
                return ""
            case True:
                return "its termination protection is set: nobody deletes the stack before it is lifted"
            case False:
                return "its termination protection is lifted: from then on anybody may delete the stack"


@dataclass(frozen=True, slots=True, kw_only=True)
class InAccounts:
    """The meaning of change sets of StackSets in accounts, for the pages of their plan."""

    entries: tuple[Entry, ...]
    """One for each StackSet, the riskiest first; their places come first."""
    headline: tuple[str, ...]
    lists: tuple[str, ...] = ()
    """The accounts of each letter in the notes."""


class Rank(StrEnum):
    """The order in which reviewers read; the value is the heading."""

    LOSES = "Deletes, removes, replaces, or stops at a guard"
    UPDATES = "Updates"
    CREATES = "Creates"
    UPLOADS = "Uploads"


_RANKS: Mapping[Does, Rank] = {
    "delete": Rank.LOSES,
    "remove": Rank.LOSES,
    "replace": Rank.LOSES,
    "update": Rank.UPDATES,
    "create": Rank.CREATES,
    "upload": Rank.UPLOADS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The counts of a plan: stacks by what is done to them, resources that are replaced or removed, and uploads."""

    create: int
    update: int
    replacements: int
    removals: int
    delete: int
    unchanged: int
    left_out: int
    upload: int = 0
    postponed: int = 0

    def __str__(self) -> str:
        """`3 to create, 1 to update (1 replacement), 4 unchanged`."""
        going = [
            f"{count} {word}{'s' if count > 1 else ''}"
            for count, word in ((self.replacements, "replacement"), (self.removals, "removal"))
            if count
        ]
        updates = f"{self.update} to update" + (f" ({', '.join(going)})" if going else "")
        deletions = f"{self.delete} to delete, " if self.delete else ""
        left_out = f", {self.left_out} left out" if self.left_out else ""
        left_out += f", {self.postponed} postponed" if self.postponed else ""
        uploads = f"{self.upload} to upload, " if self.upload else ""
        return f"{self.create} to create, {updates}, {uploads}{deletions}{self.unchanged} unchanged{left_out}"


def make_tally(plan: Plan) -> Tally:
    """Return the counts of a plan; a possible replacement counts as one."""
    touched = {change_set.stack for change_set in plan.change_sets}
    # An import is the first update of its stack.
    made = {
        (change_set.stack, "CREATE" if change_set.type == "CREATE" else "UPDATE") for change_set in plan.change_sets
    }
    kinds = [kind for _, kind in made]
    settings = {*(policy.stack for policy in plan.policies), *(protection.stack for protection in plan.protections)}
    kinds += ["UPDATE" for _ in settings - touched]
    changes = [change for change_set in plan.change_sets for change in change_set.changes]
    return Tally(
        create=kinds.count("CREATE"),
        update=kinds.count("UPDATE"),
        replacements=sum(change.is_replaced for change in changes),
        removals=sum(change.is_removed for change in changes),
        delete=len(plan.deletions),
        unchanged=len(plan.unchanged),
        left_out=len(plan.left_out),
        upload=len(plan.uploads),
        postponed=len(plan.postponed),
    )


def make_entries(plan: Plan) -> tuple[Entry, ...]:
    """Return everything that a plan does, the riskiest first: what a guard stops, then by what is lost."""
    changed = {change_set.stack for change_set in plan.change_sets}
    protects = {protection.stack: protection.protect for protection in plan.protections}
    policies = {policy.stack: policy for policy in plan.policies}
    # Each is shown at its stack's last change set, or if there is none, both at the policy.
    alone = replace(
        plan,
        policies=tuple(policy for policy in plan.policies if policy.stack not in changed),
        protections=tuple(step for step in plan.protections if step.stack not in {*changed, *policies}),
    )
    stacks = make_stack_steps(alone)
    steps = {StepPlace(stack, place): step for stack, steps in stacks.items() for place, step in enumerate(steps)}
    waits, places = make_waits(steps), {at: place for place, at in enumerate(steps)}
    entries = []
    for at, step in steps.items():
        is_last = at.place == len(stacks[at.stack]) - 1
        entry = replace(
            _entry(places[at], step),
            after=tuple(places[before] for before in waits[at]),
            protect=protects.get(at.stack) if is_last else None,
        )
        if is_last and at.stack in policies:
            entry = replace(entry, changes=(*entry.changes, _policy_change(policies[at.stack])))
        entries.append(_guarded(plan, entry))
    return tuple(sorted(entries, key=_gravity))


def entries_of(plan: Plan, accounts: InAccounts | None) -> tuple[Entry, ...]:
    """Return everything that a plan does: first in accounts, if it does, then to the stacks themselves."""
    first = accounts.entries if accounts else ()
    moved = len(first)
    own = (
        replace(entry, place=entry.place + moved, after=tuple(place + moved for place in entry.after))
        for entry in make_entries(plan)
    )
    return (*first, *own)


def without_links(plan: Plan) -> Plan:
    """Return the plan without links into the console, which shows nothing of another endpoint."""
    return replace(plan, steps=tuple(replace(step, console="") for step in plan.steps))


def make_ranks(entries: Sequence[Entry]) -> tuple[tuple[Rank, tuple[Entry, ...]], ...]:
    """Return the entries by rank, the first rank first; a rank without any is left out."""
    by_rank = [(rank, tuple(entry for entry in entries if entry.rank is rank)) for rank in Rank]
    return tuple((rank, ranked) for rank, ranked in by_rank if ranked)


def definition_lines(change: ResourceChange) -> tuple[str, ...]:
    """Return the properties of a created resource, in lines as people read them; empty if they are unknown."""
    try:
        properties = json.loads(change.definition) if change.definition else {}
        return tuple(json.dumps(properties, indent=2, ensure_ascii=False).splitlines()) if properties else ()
    except (ValueError, RecursionError):
        return (change.definition,)


def sign(change: ResourceChange) -> str:
    """Return the character for a resource's change: `+`, `-`, `~` and rarer ones."""
    return _SIGNS.get(change.action, "~")


def fate(change: ResourceChange) -> str:
    """Return a resource's change, in a word or three."""
    if change.is_replaced:
        return "may be replaced" if change.replacement == "Conditional" else "replaced"
    if change.is_moved:
        return f"retained, for {change.other_stack} to import"
    if change.action == "Import" and change.other_stack:
        return f"imported, from {change.other_stack}"
    return _FATES.get(change.action, "updated")


def is_lost(change: ResourceChange) -> bool:
    """Return whether the existing resource, or something in it, is or may be deleted for good."""
    return change.is_removed or change.action == "Dynamic" or change.is_replaced or bool(change.losses)


def _entry(place: int, step: AnyStep) -> Entry:
    entry = Entry(place=place, stack=step.stack, site=step.site, name=step.name, does="update", changes=())
    match step:
        case Step() | Deferred():
            # A plan is read from a file, and links of some schemes must not be followed.
            console = step.console if isinstance(step, Step) and step.console.startswith("https://") else ""
            return replace(
                entry,
                does=step.risk,
                because="" if isinstance(step, Step) else step.because,
                part=step.part,
                console=console,
                changes=step.changes,
                findings=step.findings,
                adoption=step.adoption if isinstance(step, Step) else None,
            )
        case Deletion():
            return replace(entry, does="delete", because=step.because, changes=tuple(map(_removed, step.resources)))
        case Protection() | StackPolicy():
            return replace(entry, is_setting_alone=True)
        case Upload():
            what = f"{step.source} ({step.size:,} bytes, SHA-256 {step.sha256[:12]}) is uploaded"
            return replace(entry, does="upload", because=what)
    assert_never(step)


def _policy_change(policy: StackPolicy) -> ResourceChange:
    """Return the change of a stack's policy in the form of a resource's change."""
    before, after = _parts(policy.standing), _parts(policy.policy)
    return ResourceChange(
        action="Add" if policy.standing is None else "Modify",
        logical_id=LogicalId(STACK_POLICY),
        type=_POLICY_TYPE,
        properties=tuple(
            PropertyChange(path=path, before=before.get(path), after=after.get(path))
            for path in dict.fromkeys((*before, *after))
            if before.get(path) != after.get(path)
        ),
    )


def _parts(policy: str | None) -> dict[str, str]:
    """Return the parts of a policy, each by its place; the whole text if it cannot be parsed."""
    if policy is None:
        return {}
    try:
        read = json.loads(policy)
        parts = {key: value for key, value in read.items() if key != "Statement"}
        for number, statement in enumerate(read["Statement"]):
            parts |= {f"Statement[{number}].{key}": value for key, value in statement.items()}
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return {"policy": policy}
    return {path: value if isinstance(value, str) else json.dumps(value) for path, value in parts.items()}


def _removed(resource: StackResource) -> ResourceChange:
    return ResourceChange(
        action="Remove", logical_id=resource.logical_id, type=resource.type, policy_action=resource.policy_action
    )


def _guarded(plan: Plan, entry: Entry) -> Entry:
    """Return the entry with its guard hits; the changes that they stop come first."""
    changed: set[str] = {change.logical_id for change in entry.changes}
    if entry.protect is False:
        changed.add(TERMINATION_PROTECTION)
    if entry.adoption is not None:
        changed.add("")
    guards = tuple(hit for hit in plan.guards if hit.stack == entry.stack and hit.logical_id in changed)
    guarded = {hit.logical_id for hit in guards}
    return replace(
        entry, guards=guards, changes=tuple(sorted(entry.changes, key=lambda change: _weight(change, guarded)))
    )


def _gravity(entry: Entry) -> tuple[bool, int, bool, int]:
    does = _RISKIEST_FIRST.index(
        entry.does if entry.changes or entry.does == "upload" else "create"
    )  # whatever it is, it deletes nothing
    warns = any(change.warnings for change in entry.changes)
    return not entry.guards, does, not (warns or entry.opens), entry.place


def _weight(change: ResourceChange, guarded: Collection[str]) -> tuple[bool, bool, bool, bool]:
    warns = bool(change.warnings or change.opens)
    return change.logical_id not in guarded, not is_lost(change), not warns, change.action == "Add"
