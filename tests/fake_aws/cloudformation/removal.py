"""How a stack's resources go: one by one, dependants first, or left behind where their policy says so.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html
"""

from dataclasses import replace

from fake_aws.cloudformation.effects import effects_of, forget_name, leave
from fake_aws.cloudformation.imports import imports_touch
from fake_aws.cloudformation.journal import EXPRESS, REQUEST_SHARE, Journal
from fake_aws.cloudformation.records import Resource
from fake_aws.cloudformation.side_by_side import Job, Steps
from fake_aws.cloudformation.template import named_in
from fake_aws.json_value import Json
from fake_aws.refusals import AwsRefusal


def delete_resource(journal: Journal, resource: Resource, *, rolling_back_create: bool = False) -> Steps:
    """Delete a resource, or skip it where its policy says so; returns whether it is gone or rightly left."""
    if resource.imported is not None:
        return (yield from _give_back(journal, resource, resource.imported))
    policy = resource.declared.get("DeletionPolicy", "Delete")
    keep = policy == "Retain" or (policy == "RetainExceptOnCreate" and not rolling_back_create)
    if rolling_back_create and journal.stack.retain_except_on_create:
        keep = False
    if keep:
        skip(journal, resource)
        return True
    journal.resource(resource, "DELETE_IN_PROGRESS")
    yield journal.seconds("DELETE", resource.logical_id) * (REQUEST_SHARE if journal.stack.express else 1)
    try:
        journal.fail_as_primed("DELETE", resource)
        effects = effects_of(journal.world, resource.type)
        yield from effects.deleting(journal.world, journal.place, resource)
        effects.delete(journal.world, journal.place, resource)
    except AwsRefusal as refusal:
        journal.resource(resource, "DELETE_FAILED", refusal.message)
        return False
    forget_name(journal.world, journal.place, resource.type, resource.physical_id or "")
    journal.resource(resource, "DELETE_COMPLETE", EXPRESS if journal.stack.express else None)
    return True


def _give_back(journal: Journal, resource: Resource, before: dict[str, Json]) -> Steps:
    """Undo an import: the resource stands on as it was before, without a stack."""
    journal.resource(resource, "IMPORT_ROLLBACK_IN_PROGRESS")
    yield journal.seconds("IMPORT_ROLLBACK", resource.logical_id)
    try:
        journal.fail_as_primed("IMPORT_ROLLBACK", resource)
    except AwsRefusal as refusal:
        journal.resource(resource, "IMPORT_ROLLBACK_FAILED", refusal.message)
        return False
    was = replace(resource, logical_id="", properties=before, tags={})
    if imports_touch(journal.world, resource.type):
        effects = effects_of(journal.world, resource.type)
        effects.update(journal.world, journal.place, was, resource.properties)
        effects.settle(journal.world, journal.place, was)
    leave(journal.world, journal.place, was)
    resource.imported = None
    journal.resource(resource, "IMPORT_ROLLBACK_COMPLETE")
    return True


def skip(journal: Journal, resource: Resource) -> None:
    """Leave a resource behind: it stands on, and belongs to no stack."""
    journal.resource(resource, "DELETE_SKIPPED")
    leave(journal.world, journal.place, resource)


def delete_jobs(
    journal: Journal, resources: dict[str, Resource], *, rolling_back_create: bool = False
) -> dict[str, Job]:
    """Return a job for each resource that stands: dependants go first."""
    existing = {lid: each for lid, each in resources.items() if each.exists}
    used_by: dict[str, set[str]] = {lid: set() for lid in existing}
    for lid, each in existing.items():
        for needed in named_in(each.declared) & existing.keys() - {lid}:
            used_by[needed].add(lid)
    return {
        lid: Job(
            steps=lambda each=each: delete_resource(journal, each, rolling_back_create=rolling_back_create),  # type: ignore[misc]
            needs=frozenset(used_by[lid]),
            cancel=lambda: None,
        )
        for lid, each in existing.items()
    }
