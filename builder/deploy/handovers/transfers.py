"""Data that moves, as change sets: what one stack releases and retains, and another imports; pure.

A *release* takes two updates: the first retains the data and makes every reference to it a literal, the second removes
the resource from its stack. CloudFormation obeys the deployed template's policy, so the first has to come before. An
*import* is a change set of its own type over exactly what is deployed: it only adds the imported resources, with their
current properties, and changes no tags. So a new stack is created before its import, with its tags and a placeholder;
ordinary updates after it bring the rest of the assembly's template.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from builder.assembly.manifest import UsePreviousValue
from builder.deploy.desired import DesiredStack
from builder.deploy.observe.live import LiveResource
from builder.deploy.observe.stacks import ObservedStack
from builder.deploy.records import PLACEHOLDER_TYPE, PLAN_AGAIN, ResourceChange
from builder.errors import Stopped
from builder.resource_types.fate import POLICY_ATTRIBUTES
from builder.template import (
    Unmovable,
    is_retained,
    read_template,
    references_to,
    released,
    with_resources,
)
from builder.terms import Arn, LogicalId, StackId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ResourceToImportTypeDef

RETAIN = "Retain"
PLACEHOLDER = "Placeholder"
"""The one resource of a stack that has released all others: CloudFormation keeps no stack without any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The data that a stack imports, and the data that it releases."""

    imports: Mapping[LogicalId, LiveResource] = field(default_factory=dict)
    sources: Mapping[LogicalId, StackId] = field(default_factory=dict)
    """The stack of the deployment that has to release it first."""
    releases: Mapping[LogicalId, StackId] = field(default_factory=dict)
    """What it releases, with the stack that imports it or has imported it."""
    literals: Mapping[tuple[str, str | None], str] = field(default_factory=dict)
    """The values of references to the released data: by its logical id alone, or with an attribute."""
    former: Mapping[LogicalId, str] = field(default_factory=dict)
    """Who has released what is imported, if it was part of the deployment: a stack, or a region in a promotion."""
    is_only: bool = False
    """Whether only the import is done now: a region that has a replica of the data is skipped."""
    is_exact: bool = False
    """Whether the deployed template is known exactly as it was sent."""
    policy: str | None = None
    """The deployed stack policy, if it denies that the data leaves: it is restored afterwards."""
    opened: str = ""
    """The policy until then, which denies everything else that the deployed one denies."""

    @property
    def targets(self) -> "tuple[ResourceToImportTypeDef, ...]":
        """The resources that it imports, as CreateChangeSet expects them."""
        return tuple(
            {
                "ResourceType": live.type,
                "LogicalResourceId": name,
                "ResourceIdentifier": dict(live.identifier),
            }
            for name, live in self.imports.items()
        )


NO_TRANSFER = Transfer()


def text_deployed(deployed: object, where: StackId, *, is_exact: bool) -> str:
    """Return a deployed template, as GetTemplate shows it, as text that can be sent again.

    Raises Stopped where it may differ from what was sent: GetTemplate shows a `?` for each character beyond ASCII, so
    unless the text `is_exact` a `?` may stand for one.
    """
    text = deployed if isinstance(deployed, str) else json.dumps(deployed)
    if "?" in text and not is_exact:
        raise Stopped(
            where=where,
            what="data leaves or enters the stack by an update of the template that is deployed, and that has a `?`, "
            "which may stand for another character: it is not sent again",
            next_step="take the character out of the stack's template, deploy that, and plan again",
        )
    return text


def make_empty(desired: DesiredStack) -> DesiredStack:
    """Return a new stack before its import: with its tags and its values, and without its resources.

    A parameter that a later update adds would change all that refers to it, such as a name, though the value is the
    same: *unverified* whether AWS's change sets show that as a replacement.
    """
    template, resources = read_template(desired.template, desired.id), {PLACEHOLDER: {"Type": PLACEHOLDER_TYPE}}
    values = {
        name: value
        for name, value in desired.parameters.items()
        if isinstance(value, str) and name not in {*template.from_ssm, *template.no_echo}
    }
    # Only their types: a pattern may have characters that GetTemplate hides.
    types = {name: str(body.get("Type", "String")) for name, body in template.parameters.items() if name in values}
    declared = {name: {"Type": types[name]} for name in sorted(types)}
    if not declared:
        return _between(desired, with_resources(None, resources))
    document = {"AWSTemplateFormatVersion": "2010-09-09", "Parameters": declared, "Resources": resources}
    text = json.dumps(document, indent=2)
    return replace(_between(desired, text), parameters={name: values[name] for name in declared})


def make_import(desired: DesiredStack, observed: ObservedStack, deployed: object, transfer: Transfer) -> DesiredStack:
    """Return the stack after its import: what is deployed, and the imported resources with their current properties.

    Their policies are those of the assembly: an import has to state one, and a stricter one would be lost afterwards.
    """
    base = text_deployed(deployed, desired.id, is_exact=transfer.is_exact)
    template = read_template(desired.template, desired.id)
    bodies: dict[str, dict[str, Any]] = {
        name: {"Type": live.type, **_policies(template.resource(name)), "Properties": dict(live.definition)}
        for name, live in transfer.imports.items()
    }
    with movable(desired.id):
        made = _between(desired, with_resources(base, bodies))
    return _as_it_stands(made, observed)


def _policies(resource: Mapping[str, Any]) -> dict[str, str]:
    policies = {name: resource[name] for name in POLICY_ATTRIBUTES if name in resource}
    known = {name: value if isinstance(value, str) else RETAIN for name, value in policies.items()}
    return {"DeletionPolicy": "Delete"} | known


def created(desired: DesiredStack) -> ObservedStack:
    """Return a stack as it will be once it is created without its resources; its values are known."""
    return ObservedStack(
        site=desired.site,
        name=desired.name,
        arn=Arn(""),
        status="CREATE_COMPLETE",
        status_reason="",
        change_set=None,
        created="",
        last_change="",
        parameters={name: value for name, value in desired.parameters.items() if isinstance(value, str)},
        tags=desired.tags,
        outputs={},
        capabilities=(),
        termination_protection=False,
    )


def make_release(
    desired: DesiredStack, observed: ObservedStack, deployed: object, transfer: Transfer
) -> DesiredStack | None:
    """Return the stack with its data retained and no references to it; None where it is so already.

    Raises Stopped where the template's text cannot be edited so.
    """
    text = text_deployed(deployed, desired.id, is_exact=transfer.is_exact)
    template, names = read_template(text, desired.id), tuple(transfer.releases)
    with movable(desired.id):
        if not references_to(template, names) and all(is_retained(template, name) for name in names):
            return None
        made = released(text, names, transfer.literals)
    return _as_it_stands(_between(desired, made), observed)


@contextmanager
def movable(where: StackId) -> Iterator[None]:
    """Raise Stopped if the block raises Unmovable: the deployed template's text cannot be edited as needed."""
    try:
        yield
    except Unmovable as error:
        raise Stopped(
            where=where,
            what=f"data is to leave or enter the stack, and its deployed template {error}",
            next_step="write the value itself into the stack's template, deploy that, and plan again",
        ) from error


def _between(desired: DesiredStack, template: str) -> DesiredStack:
    digest = hashlib.sha256(template.encode()).hexdigest()
    return replace(desired, template=template, sha256=digest, parameters={}, interim=None, nested={})


def _as_it_stands(desired: DesiredStack, observed: ObservedStack) -> DesiredStack:
    """Return the stack with its deployed parameters, tags and capabilities."""
    return replace(
        desired,
        parameters={name: UsePreviousValue() for name in observed.parameters},
        tags=dict(observed.tags),
        capabilities=observed.capabilities,
    )


def expect_imports(transfer: Transfer) -> tuple[ResourceChange, ...]:
    """Return what the change set of an import may show."""
    return tuple(
        ResourceChange(
            action="Import",
            logical_id=name,
            type=live.type,
            physical_id=live.name,
            definition=json.dumps(live.definition, sort_keys=True, default=str),
            other_stack=transfer.sources.get(name) or transfer.former.get(name, ""),
            losses=(*((_UNVERSIONED,) if live.unversioned else ()), *live.losses),
        )
        for name, live in transfer.imports.items()
    )


_UNVERSIONED = "the way back to a bucket without versions: versioning, once on, is only ever suspended"


def with_transfer(
    changes: Iterable[ResourceChange], transfer: Transfer, *, shown: bool = True
) -> tuple[ResourceChange, ...]:
    """Return the changes with the stack that data moves to or comes from.

    An expected removal is Retain, as it will be by then; a `shown` one has its own policy action.
    """
    return tuple(_with_transfer(change, transfer, shown=shown) for change in changes)


def _with_transfer(change: ResourceChange, transfer: Transfer, *, shown: bool) -> ResourceChange:
    if change.action == "Remove" and change.logical_id in transfer.releases:
        fate = change.policy_action if shown else RETAIN
        return replace(change, other_stack=transfer.releases[change.logical_id], policy_action=fate)
    if change.action == "Import" and change.logical_id in transfer.imports:
        own = next(expected for expected in expect_imports(transfer) if expected.logical_id == change.logical_id)
        return replace(change, other_stack=own.other_stack, losses=own.losses)
    return change


def check_transfer(where: StackId, transfer: Transfer, changes: Iterable[ResourceChange], *, is_import: bool) -> None:
    """Raise Stopped unless data leaves the stack only as retained, and an import shows only what it imports."""
    if faults := tuple(_faults(transfer, tuple(changes), is_import=is_import)):
        lines = "\n  ".join(faults)
        raise Stopped(
            where=where, what=f"its change set does not move data as it has to:\n  {lines}", next_step=PLAN_AGAIN
        )


def _faults(transfer: Transfer, changes: tuple[ResourceChange, ...], *, is_import: bool) -> Iterator[str]:
    for change in changes:
        if change.action == "Remove" and change.logical_id in transfer.releases and change.policy_action != RETAIN:
            fate = change.policy_action or "not said"
            yield f"{change.logical_id} ({change.type}) leaves the stack, and its PolicyAction is {fate}, not {RETAIN}"
    if not is_import:
        return
    rows = {change.logical_id: change for change in changes}
    for name, live in transfer.imports.items():
        row = rows.pop(name, None)
        if row is None or row.action != "Import":
            yield f"{name} is not imported: {row.action if row else 'no row'} is shown of it"
        elif row.physical_id not in {None, "", live.name}:
            yield f"{name} is imported from {row.physical_id}, and not from {live.name}"
    yield from (f"{change.action} {name} ({change.type}) is more than an import" for name, change in rows.items())
