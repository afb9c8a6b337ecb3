"""Early validation: what CloudFormation checks of a template while it makes a change set.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html; the texts are
from reports of it (aws-cloudformation/rain pull request 744, aws/aws-cdk-cli issue 1000 and pull request 1463).
"""

from collections.abc import Iterator
from typing import Any

from fake_aws.cloudformation.effects import effects_of, is_taken
from fake_aws.cloudformation.intrinsics import Evaluator
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.records import ChangeSet, Finding
from fake_aws.cloudformation.types import known, physical_id, schema

PROPERTY = "AWS::EarlyValidation::PropertyValidation"
EXISTENCE = "AWS::EarlyValidation::ResourceExistenceCheck"


def findings(journal: Journal, evaluator: Evaluator, change_set: ChangeSet) -> Iterator[Finding]:
    """Yield everything found wrong, the test's own findings last."""
    resources = evaluator.template.resources
    for logical_id in sorted(resources):
        if evaluator.has(resources[logical_id]):
            yield from _properties(logical_id, resources[logical_id])
    for change in change_set.changes:
        if change["Action"] == "Add" or change.get("Replacement") == "True":
            yield from _existing(journal, evaluator, change)
        elif change["Action"] == "Remove" and change["PolicyAction"] == "Delete":
            yield from _filled_bucket(journal, change)
    for primed in journal.world.script.findings:
        if primed.where.covers(*journal.at):
            yield primed.finding


def _properties(logical_id: str, resource: dict[str, Any]) -> Iterator[Finding]:
    about, given = schema(resource["Type"]), resource.get("Properties", {}).keys()
    path = f"/Resources/{logical_id}/Properties"
    for name in sorted(given - about.properties):
        yield _property_finding(f"{path}/{name}", f"Unsupported property [{name}]", logical_id, resource["Type"])
    for name in sorted(about.required - given):
        yield _property_finding(path, f"Required property [{name}] not found", logical_id, resource["Type"])


def _property_finding(path: str, reason: str, logical_id: str, type_name: str) -> Finding:
    return Finding("PROPERTY_VALIDATION", PROPERTY, "FAIL", path, reason, logical_id, type_name)


def _existing(journal: Journal, evaluator: Evaluator, change: dict[str, Any]) -> Iterator[Finding]:
    logical_id, type_name = change["LogicalResourceId"], change["ResourceType"]
    name_property = known(type_name).name_property
    properties = evaluator.template.resources[logical_id].get("Properties", {})
    if name_property is None or name_property not in properties:
        return
    named = {name_property: evaluator.value(properties[name_property])}
    name = physical_id(type_name, journal.place, logical_id, named, "")
    if name == change["PhysicalResourceId"]:
        return  # a replacement under its own name, which fails only when it is executed
    there = (journal.world, journal.place)
    if is_taken(*there, type_name, name) and effects_of(there[0], type_name).found_early(*there, name):
        reason = f"Resource of type '{type_name}' with identifier '{name}' already exists."
        path = f"/Resources/{logical_id}"
        yield Finding("NAME_CONFLICT_VALIDATION", EXISTENCE, "FAIL", path, reason, logical_id, type_name)


def _filled_bucket(journal: Journal, change: dict[str, Any]) -> Iterator[Finding]:
    name = change["PhysicalResourceId"]
    if change["ResourceType"] == "AWS::S3::Bucket" and name in journal.world.filled_buckets():
        reason = (
            f"The bucket '{name}' is not empty. You must either delete all objects and versions or use the deletion"
            " policy to retain it, otherwise the delete operation will fail."
        )
        logical_id = change["LogicalResourceId"]
        yield Finding(
            "BUCKET_EMPTINESS_VALIDATION",
            EXISTENCE,
            "WARN",
            f"/Resources/{logical_id}",
            reason,
            logical_id,
            change["ResourceType"],
        )


def failure_reason(findings: list[Finding]) -> str | None:
    """Return the change set's reason to fail, or None where only warnings were found."""
    hooks = sorted({each.hook for each in findings if each.mode == "FAIL"})
    if not hooks:
        return None
    return (
        f"The following hook(s)/validation failed: [{', '.join(hooks)}]. To troubleshoot Early Validation errors, use"
        " the DescribeEvents API for detailed failure information."
    )
