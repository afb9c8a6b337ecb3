"""What a drift-aware change set says more: how resources drifted, and what it only takes note of.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from fake_aws.cloudformation.compare import ABSENT, Leaf, leaves, same, shown
from fake_aws.cloudformation.live import drifted_properties
from fake_aws.cloudformation.records import Resource

Change = dict[str, Any]


def drift_status(resource: Resource) -> str:
    """Return DELETED, MODIFIED or IN_SYNC."""
    if resource.lost:
        return "DELETED"
    return "MODIFIED" if drifted_properties(resource) else "IN_SYNC"


def drift_leaves(resource: Resource) -> Iterator[Leaf]:
    """Yield each value that is another than was deployed: `before` is as deployed, `after` as it is."""
    for name in drifted_properties(resource):
        yield from leaves(resource.properties.get(name, ABSENT), resource.live.get(name, ABSENT), f"/Properties/{name}")


def tell_drift(change: Change, present: Resource, read_at: datetime) -> Change:
    """Return the change with what is known of the resource's drift."""
    drifted = {leaf.path: leaf for leaf in drift_leaves(present)}
    details = []
    for detail in change["Details"]:
        target = detail["Target"] | {"BeforeValueFrom": "ACTUAL_STATE", "AfterValueFrom": "TEMPLATE"}
        if (leaf := drifted.get(target.get("Path", ""))) is not None:
            target["Drift"] = _live_drift(leaf, read_at)
        details.append(detail | {"Target": target})
    return change | {
        "Details": details,
        "ResourceDriftStatus": drift_status(present),
        "PreviousDeploymentContext": present.properties,
    }


def sync_details(present: Resource, desired: dict[str, Any], read_at: datetime) -> Iterator[dict[str, Any]]:
    """Yield a detail for each property that drifted to what the new template says: it is only taken note of."""
    for name in drifted_properties(present):
        if not same(present.live.get(name, ABSENT), desired.get(name, ABSENT)):
            continue
        for leaf in (each for each in drift_leaves(present) if each.path.split("/")[2] == name):
            value = {} if leaf.after is ABSENT else {"BeforeValue": shown(leaf.after), "AfterValue": shown(leaf.after)}
            target = {
                "Attribute": "Properties",
                "Name": name,
                "Path": leaf.path,
                "RequiresRecreation": "Never",
                "AttributeChangeType": "SyncWithActual",
                "BeforeValueFrom": "ACTUAL_STATE",
                "AfterValueFrom": "TEMPLATE",
                "Drift": _live_drift(leaf, read_at),
                **value,
            }
            yield {"Target": target, "Evaluation": "Static", "ChangeSource": "NoModification", "CausingEntity": None}


def _live_drift(leaf: Leaf, read_at: datetime) -> dict[str, Any]:
    return {
        "PreviousValue": None if leaf.before is ABSENT else shown(leaf.before),
        "ActualValue": None if leaf.after is ABSENT else shown(leaf.after),
        "DriftDetectionTimestamp": read_at,
    }
