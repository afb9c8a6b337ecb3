"""A change set's changes, from the shape CloudFormation answers with to records; pure."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from builder.deploy.records import PropertyChange, ResourceChange, Risk
from builder.deploy.resources import HOLDERS, Seen
from builder.deploy.resources.holder import Properties
from builder.deploy.resources.public_access import define, newly_public
from builder.resource_types import NESTED_STACK
from builder.resource_types.facts import at_stake
from builder.terms import LogicalId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ChangeTypeDef, ResourceChangeDetailTypeDef, ResourceChangeTypeDef


# How CloudFormation says that there was nothing to do. Other texts exist for templates with transforms, so a
# change set that failed with another reason is a failure, never "no changes".
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html
_NO_CHANGES = ("The submitted information didn't contain changes.", "No updates are to be performed.")
# All that these can say, as far as this project knows. Whatever else they say stops at a guard.
ACTIONS = frozenset({"Add", "Modify", "Remove", "Import", "Dynamic", "SyncWithActual"})
REPLACEMENTS = frozenset({"True", "False", "Conditional"})
POLICY_ACTIONS = frozenset(
    {"Delete", "Retain", "Snapshot", "ReplaceAndDelete", "ReplaceAndRetain", "ReplaceAndSnapshot"}
)
# How much of a resource a policy keeps.
_KEEPS = {"Delete": 0, "Snapshot": 1, "RetainExceptOnCreate": 2, "Retain": 2}
_KEEPING = ("DeletionPolicy", "UpdateReplacePolicy")


def is_no_change(status: str, reason: str) -> bool:
    """Return whether a change set ended without changes; an output-only edit is a change though it lists none."""
    return status == "FAILED" and reason.startswith(_NO_CHANGES)


def rate_risk(changes: Iterable[ResourceChange]) -> Risk:
    """Return the worst that the changes do; a replacement that is only possible counts as one."""
    changes = tuple(changes)
    if any(change.action == "Remove" or change.action not in ACTIONS for change in changes):
        return "remove"
    if any(change.is_replaced for change in changes):
        return "replace"
    return "create" if changes and all(change.action == "Add" for change in changes) else "update"


def read_change(change: "ChangeTypeDef", above: str = "") -> ResourceChange:
    """Return what happens to one resource; what is no change of a resource stops at a guard.

    `above` is the path of the nested stack whose change set it is in, `Child/`; empty for the outermost.
    """
    if "ResourceChange" not in change:
        kind = str(change.get("Type", "?"))
        return ResourceChange(
            action=kind, logical_id=LogicalId(f"{above}?"), type=kind, losses=(_not_known("kind of change", kind),)
        )
    return _resource(change["ResourceChange"], above)


def without_values(changes: Iterable[ResourceChange]) -> tuple[ResourceChange, ...]:
    """Return the changes without the values of any property: of NoEcho parameters, some may have one in them.

    Which ones nobody can tell: AWS shows nobody the value before. *Unverified* whether a change set does.
    """
    return tuple(
        replace(
            change,
            definition="",
            properties=tuple(dict.fromkeys(replace(one, before=None, after=None) for one in change.properties)),
        )
        for change in changes
    )


def after_properties(change: "ResourceChangeTypeDef") -> Properties:
    """Return what a resource's properties will be, as far as the change set shows them."""
    return _context(change.get("AfterContext")) or {}


def lost_policies(type_name: str, policies: Iterable[tuple[str, str | None, str | None]]) -> tuple[str, ...]:
    """Return what a resource loses by policies that keep less than before; each with its name, before and after.

    None is what an absent policy means, which is Delete. Only of what holds something worth keeping.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    """
    lost = "all that is in it" if type_name == NESTED_STACK else at_stake(type_name)
    if not lost:
        return ()
    return tuple(
        f"its {name} {before or 'Delete'}, which becomes {after or 'Delete'}: "
        f"what removes or replaces it later takes {lost} with it"
        for name, before, after in policies
        if _KEEPS.get(before or "Delete", 2) > _KEEPS.get(after or "Delete", 0)
    )


def _resource(change: "ResourceChangeTypeDef", above: str) -> ResourceChange:
    properties = dict.fromkeys(_property(detail) for detail in change.get("Details", []) if "Target" in detail)
    type_name = change["ResourceType"]
    holder = HOLDERS.get(type_name)
    modified = holder if change["Action"] == "Modify" else None
    seen = _seen(change)
    shown = [one for one in (seen.before, seen.after) if one is not None] if holder else []
    return ResourceChange(
        action=change["Action"],
        logical_id=LogicalId(f"{above}{change['LogicalResourceId']}"),
        type=type_name,
        physical_id=change.get("PhysicalResourceId"),
        replacement=change.get("Replacement"),
        policy_action=change.get("PolicyAction"),
        scope=tuple(change.get("Scope", [])),
        losses=(
            *(modified.losses(seen) if modified else ()),
            *(_policies(change) if change["Action"] == "Modify" else ()),
            *_unknown(change),
        ),
        warnings=modified.warnings(seen) if modified else (),
        opens=newly_public(change["ResourceType"], seen.before, seen.after),
        definition=define(seen.after) if change["Action"] in {"Add", "Import"} else "",
        # The same property is listed once as a static and once as a dynamic change.
        properties=tuple(properties),
        regions=tuple(dict.fromkeys(region for one in shown if holder for region in holder.regions(one))),
    )


def _policies(change: "ResourceChangeTypeDef") -> tuple[str, ...]:
    """Return what is lost by changes of the attributes that say what becomes of a resource."""
    type_name = change["ResourceType"]
    targets = [detail["Target"] for detail in change.get("Details", []) if "Target" in detail]
    known, unknown = [], []
    for target in targets:
        name = target.get("Attribute", "")
        if name not in _KEEPING:
            continue
        if "BeforeValue" in target or "AfterValue" in target:
            known.append((name, target.get("BeforeValue"), target.get("AfterValue")))
        else:
            unknown.append(name)
    hidden = {name for name in (*unknown, *(change.get("Scope", []))) if name in _KEEPING} - {one[0] for one in known}
    if not at_stake(type_name) and type_name != NESTED_STACK:
        return ()
    return (
        *lost_policies(type_name, dict.fromkeys(known)),
        *(f"perhaps its {name}: CloudFormation does not show it before and after" for name in sorted(hidden)),
    )


def _unknown(change: "ResourceChangeTypeDef") -> Iterator[str]:
    """Yield a loss for each word that AWS has and this project has not: nobody can tell what it does."""
    if change["Action"] not in ACTIONS:
        yield _not_known("Action", change["Action"])
    if change.get("Replacement", "False") not in REPLACEMENTS:
        yield _not_known("Replacement", str(change.get("Replacement")))
    if change.get("PolicyAction", "Delete") not in POLICY_ACTIONS:
        yield _not_known("PolicyAction", str(change.get("PolicyAction")))


def _not_known(what: str, value: str) -> str:
    return f"perhaps all of it: CloudFormation says {what} {value}, which this builder does not know"


def _seen(change: "ResourceChangeTypeDef") -> Seen:
    names = [detail["Target"].get("Name") for detail in change.get("Details", []) if "Target" in detail]
    return Seen(
        before=_context(change.get("BeforeContext")),
        after=_context(change.get("AfterContext")),
        touched=frozenset(name for name in names if name) if names else None,
    )


def _context(text: str | None) -> Properties | None:
    """Return the properties in a context, which CloudFormation gives as JSON in a text."""
    try:
        context = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    properties = context.get("Properties") if isinstance(context, dict) else None
    return properties if isinstance(properties, dict) else None


def _property(detail: "ResourceChangeDetailTypeDef") -> PropertyChange:
    target = detail["Target"]
    named = ".".join(part for part in (target.get("Attribute"), target.get("Name")) if part)
    return PropertyChange(
        path=target.get("Path") or named,
        before=target.get("BeforeValue"),
        after=target.get("AfterValue"),
        recreation=target.get("RequiresRecreation", "Never"),
    )
