from typing import Any

import pytest

from builder.deploy.change_sets.change_set import is_no_change
from builder.deploy.change_sets.review import rate_risk, read_change
from builder.deploy.records import PropertyChange, ResourceChange
from builder.terms import LogicalId


def change(action: str, replacement: str | None = None) -> ResourceChange:
    return ResourceChange(action=action, logical_id=LogicalId("A"), type="AWS::S3::Bucket", replacement=replacement)


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        ("FAILED", "The submitted information didn't contain changes. Submit different information", True),
        ("FAILED", "No updates are to be performed.", True),
        ("FAILED", "", False),
        ("FAILED", "Transform AWS::Serverless-2016-10-31 failed", False),
        ("CREATE_COMPLETE", "", False),
    ],
)
def test_only_a_known_reason_means_no_changes(status: str, reason: str, expected: bool) -> None:  # noqa: FBT001
    assert is_no_change(status, reason) is expected


@pytest.mark.parametrize(
    ("changes", "risk"),
    [
        ([change("Add")], "create"),
        ([change("Add"), change("Modify", "False")], "update"),
        ([], "update"),
        ([change("Modify", "Conditional"), change("Add")], "replace"),
        ([change("Modify", "True"), change("Remove")], "remove"),
    ],
)
def test_the_worst_change_rates_the_step(changes: list[ResourceChange], risk: str) -> None:
    assert rate_risk(changes) == risk


def test_a_property_listed_statically_and_dynamically_is_one_change() -> None:
    target = {
        "Attribute": "Properties",
        "Name": "MemorySize",
        "RequiresRecreation": "Never",
        "BeforeValue": "128",
        "AfterValue": "256",
    }
    resource: Any = {
        "Type": "Resource",
        "ResourceChange": {
            "Action": "Modify",
            "LogicalResourceId": "Function",
            "PhysicalResourceId": "tap-dev-primary",
            "ResourceType": "AWS::Lambda::Function",
            "Replacement": "False",
            "Details": [{"Target": target}, {"Target": target, "Evaluation": "Dynamic"}, {"ChangeSource": "x"}],
        },
    }
    read = read_change(resource)
    assert read.properties == (PropertyChange(path="Properties.MemorySize", before="128", after="256"),)
    assert (read.action, read.logical_id, read.replacement) == ("Modify", "Function", "False")
