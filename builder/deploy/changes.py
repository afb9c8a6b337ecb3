"""A change set's changes, from the shape CloudFormation answers with to records; pure."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from builder.deploy.records import PropertyChange, ResourceChange, Risk
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
    if any(change.replacement in {"True", "Conditional"} for change in changes):
        return "replace"
    return "create" if changes and all(change.action == "Add" for change in changes) else "update"


def _resource(change: "ResourceChangeTypeDef") -> ResourceChange:
    properties = dict.fromkeys(_property(detail) for detail in change.get("Details", []) if "Target" in detail)
    return ResourceChange(
        action=change["Action"],
        logical_id=LogicalId(change["LogicalResourceId"]),
        type=change["ResourceType"],
        physical_id=change.get("PhysicalResourceId"),
        replacement=change.get("Replacement"),
        # The same property is listed once as a static and once as a dynamic change.
        properties=tuple(properties),
    )


def _property(detail: "ResourceChangeDetailTypeDef") -> PropertyChange:
    target = detail["Target"]
    named = ".".join(part for part in (target.get("Attribute"), target.get("Name")) if part)
    return PropertyChange(
        path=target.get("Path") or named,
        before=target.get("BeforeValue"),
        after=target.get("AfterValue"),
        recreation=target.get("RequiresRecreation", "Never"),
    )
