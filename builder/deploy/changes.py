"""A change set's changes, from the shape CloudFormation answers with to records; pure."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from builder.deploy.records import PropertyChange, ResourceChange, Risk
from builder.deploy.resources import HOLDERS, Seen
from builder.deploy.resources.holder import Properties
from builder.terms import LogicalId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ChangeTypeDef, ResourceChangeDetailTypeDef, ResourceChangeTypeDef

# How CloudFormation says that there was nothing to do. Other texts exist for templates with transforms, so a
# change set that failed with another reason is a failure, never "no changes".
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html
_NO_CHANGES = ("The submitted information didn't contain changes.", "No updates are to be performed.")


def is_no_change(status: str, reason: str) -> bool:
    """Return whether a change set ended without changes; an output-only edit is a change though it lists none."""
    return status == "FAILED" and reason.startswith(_NO_CHANGES)


def read_changes(changes: Iterable["ChangeTypeDef"]) -> tuple[ResourceChange, ...]:
    """Return the resource changes in the order CloudFormation gives them."""
    return tuple(_resource(change["ResourceChange"]) for change in changes if "ResourceChange" in change)


def rate_risk(changes: Iterable[ResourceChange]) -> Risk:
    """Return the worst that the changes do; a replacement that is only possible counts as one."""
    changes = tuple(changes)
    if any(change.action == "Remove" for change in changes):
        return "remove"
    if any(change.is_replaced for change in changes):
        return "replace"
    return "create" if changes and all(change.action == "Add" for change in changes) else "update"


def _resource(change: "ResourceChangeTypeDef") -> ResourceChange:
    properties = dict.fromkeys(_property(detail) for detail in change.get("Details", []) if "Target" in detail)
    holder = HOLDERS.get(change["ResourceType"]) if change["Action"] == "Modify" else None
    seen = _seen(change)
    return ResourceChange(
        action=change["Action"],
        logical_id=LogicalId(change["LogicalResourceId"]),
        type=change["ResourceType"],
        physical_id=change.get("PhysicalResourceId"),
        replacement=change.get("Replacement"),
        policy_action=change.get("PolicyAction"),
        scope=tuple(change.get("Scope", [])),
        losses=holder.losses(seen) if holder else (),
        warnings=holder.warnings(seen) if holder else (),
        # The same property is listed once as a static and once as a dynamic change.
        properties=tuple(properties),
    )


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
    except ValueError:
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
