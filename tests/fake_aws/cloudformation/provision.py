"""What happens to one resource: create, update, replace, delete, each with the events CloudFormation writes.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-resource-status-codes.html and the
event texts as seen in public bug reports (see SPEC.md).
"""

import copy
import string

from fake_aws.cloudformation.changes import looked_up
from fake_aws.cloudformation.compare import changed_properties, recreation
from fake_aws.cloudformation.effects import EFFECTS, NO_EFFECTS, forget_name, take_name
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.records import Deployment, Resource
from fake_aws.cloudformation.side_by_side import Job, Steps
from fake_aws.cloudformation.template import references
from fake_aws.cloudformation.types import known, needs_region, physical_id, schema
from fake_aws.json_value import Json
from fake_aws.refusals import AwsRefusal


class Provisioner:
    """Brings a stack's resources to what a deployment wants; one operation's worth."""

    def __init__(self, journal: Journal, wanted: Deployment) -> None:
        self.journal = journal
        self.wanted = wanted
        self.evaluator = journal.evaluator(wanted, self._lookup)
        self.created: list[str] = []

    def wanted_ids(self) -> list[str]:
        """Return the resources the template has, conditions evaluated."""
        resources = self.evaluator.template.resources
        return [lid for lid in sorted(resources) if self.evaluator.has(resources[lid])]

    def jobs(self, action_back: str | None = None) -> dict[str, Job]:
        """Return a job for each wanted resource; `action_back` is the script's name for an update on the way back."""
        return {
            lid: Job(
                steps=lambda lid=lid: self._bring(lid, action_back or "UPDATE"),  # type: ignore[misc]  # early binding
                needs=self.evaluator.template.needs(lid),
                cancel=lambda lid=lid: self._cancelled(lid),  # type: ignore[misc]  # early binding
            )
            for lid in self.wanted_ids()
        }

    def _lookup(self, logical_id: str, attribute: str | None) -> Json:
        return looked_up(self.journal.stack.resources[logical_id], attribute)

    def _bring(self, logical_id: str, update_action: str) -> Steps:
        declared = self.evaluator.template.resources[logical_id]
        properties = self.evaluator.value(declared.get("Properties", {}))
        tags = dict(self.wanted.tags) if schema(declared["Type"]).taggable else {}
        present = self.journal.stack.resources.get(logical_id)
        fresh = Resource(
            logical_id, declared["Type"], "", self.journal.now, properties=properties, declared=declared, tags=tags
        )
        if present is None or not present.good:
            if present is not None and present.exists:
                self._clear_away(present)
            self.journal.stack.resources[logical_id] = fresh
            self.created.append(logical_id)
            return (yield from self._create(fresh))
        changed = changed_properties(present.properties, properties)
        present.declared = declared
        if not changed and present.tags == tags and present.status != "UPDATE_FAILED":
            return True
        if any(recreation(present.type, name) != "Never" for name in changed):
            return (yield from self._replace(present, fresh))
        return (yield from self._update(present, fresh, update_action))

    def _clear_away(self, resource: Resource) -> None:
        """Remove what a failed creation left half made."""
        world, place = self.journal.world, self.journal.place
        EFFECTS.get(resource.type, NO_EFFECTS).delete(world, place, resource)
        forget_name(world, place, resource.type, resource.physical_id or "")

    def _create(self, resource: Resource) -> Steps:
        journal = self.journal
        seconds = journal.seconds("CREATE", resource.logical_id)
        journal.resource(resource, "CREATE_IN_PROGRESS")
        yield seconds * 0.3
        try:
            self._make(resource)
        except AwsRefusal as refusal:
            journal.resource(resource, "CREATE_FAILED", refusal.message)
            return False
        journal.resource(resource, "CREATE_IN_PROGRESS", "Resource creation Initiated")
        yield seconds * 0.7
        try:
            _fail_as_primed(journal, "CREATE", resource)
        except AwsRefusal as refusal:
            journal.resource(resource, "CREATE_FAILED", refusal.message)
            return False
        journal.resource(resource, "CREATE_COMPLETE")
        return True

    def _make(self, resource: Resource) -> None:
        world, place = self.journal.world, self.journal.place
        suffix = "".join(world.random.choices(string.ascii_uppercase + string.digits, k=12))
        name = physical_id(resource.type, place, resource.logical_id, resource.properties, suffix)
        take_name(world, place, resource.type, name)
        resource.physical_id = name
        resource.attributes = known(resource.type).attributes(place, name, resource.properties)
        EFFECTS.get(resource.type, NO_EFFECTS).create(world, place, resource)

    def _update(self, present: Resource, fresh: Resource, action: str) -> Steps:
        journal = self.journal
        journal.resource(present, "UPDATE_IN_PROGRESS", becoming=fresh.properties)
        yield journal.seconds(action, present.logical_id)
        old = present.properties
        try:
            _fail_as_primed(journal, action, present)
            present.properties = fresh.properties
            EFFECTS.get(present.type, NO_EFFECTS).update(journal.world, journal.place, present, old)
        except AwsRefusal as refusal:
            present.properties = old
            journal.resource(present, "UPDATE_FAILED", refusal.message)
            return False
        present.tags = fresh.tags
        present.attributes = known(present.type).attributes(
            journal.place, present.physical_id or "", present.properties
        )
        journal.resource(present, "UPDATE_COMPLETE")
        return True

    def _replace(self, present: Resource, fresh: Resource) -> Steps:
        journal = self.journal
        why = "Requested update requires the creation of a new physical resource; hence creating one."
        journal.resource(present, "UPDATE_IN_PROGRESS", why, becoming=fresh.properties)
        yield journal.seconds("CREATE", fresh.logical_id) * 0.3
        try:
            _fail_as_primed(journal, "UPDATE", fresh)
            _refuse_same_name(present, fresh)
            self._make(fresh)
        except AwsRefusal as refusal:
            journal.resource(present, "UPDATE_FAILED", refusal.message)
            return False
        journal.stack.resources[present.logical_id] = fresh
        journal.stack.replaced.append(present)
        journal.resource(fresh, "UPDATE_IN_PROGRESS", "Resource creation Initiated")
        yield journal.seconds("CREATE", fresh.logical_id) * 0.7
        journal.resource(fresh, "UPDATE_COMPLETE")
        return True

    def _cancelled(self, logical_id: str) -> None:
        resource = self.journal.stack.resources[logical_id]
        if logical_id in self.created:
            self.journal.resource(resource, "CREATE_FAILED", "Resource creation cancelled")
        else:
            self.journal.resource(resource, "UPDATE_FAILED", "Resource update cancelled")


def _fail_as_primed(journal: Journal, action: str, resource: Resource) -> None:
    reason = journal.world.script.failure(action, resource.logical_id, journal.at)
    if reason is None and needs_region(resource.type) in journal.world.down:
        reason = f"{resource.type}: Service Unavailable (its control plane is in {needs_region(resource.type)})"
    if reason is not None:
        raise AwsRefusal("HandlerFailed", reason)


def _refuse_same_name(present: Resource, fresh: Resource) -> None:
    name_property = known(fresh.type).name_property
    if name_property is None or name_property not in fresh.properties:
        return
    if fresh.properties[name_property] == present.properties.get(name_property):
        raise AwsRefusal(
            "CustomName",
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename"
            f" {fresh.properties[name_property]} and update the stack again.",
        )


def delete_resource(journal: Journal, resource: Resource, *, rolling_back_create: bool = False) -> Steps:
    """Delete a resource, or skip it where its policy says so; returns whether it is gone or rightly left."""
    policy = resource.declared.get("DeletionPolicy", "Delete")
    keep = policy == "Retain" or (policy == "RetainExceptOnCreate" and not rolling_back_create)
    if rolling_back_create and journal.stack.retain_except_on_create:
        keep = False
    if keep:
        journal.resource(resource, "DELETE_SKIPPED")
        return True
    journal.resource(resource, "DELETE_IN_PROGRESS")
    yield journal.seconds("DELETE", resource.logical_id)
    try:
        _fail_as_primed(journal, "DELETE", resource)
        EFFECTS.get(resource.type, NO_EFFECTS).delete(journal.world, journal.place, resource)
    except AwsRefusal as refusal:
        journal.resource(resource, "DELETE_FAILED", refusal.message)
        return False
    forget_name(journal.world, journal.place, resource.type, resource.physical_id or "")
    journal.resource(resource, "DELETE_COMPLETE")
    return True


def delete_jobs(
    journal: Journal, resources: dict[str, Resource], *, rolling_back_create: bool = False
) -> dict[str, Job]:
    """Return a job for each resource that stands: dependants go first."""
    standing = {lid: each for lid, each in resources.items() if each.exists}
    used_by: dict[str, set[str]] = {lid: set() for lid in standing}
    for lid, each in standing.items():
        for needed in _named_in(each) & standing.keys() - {lid}:
            used_by[needed].add(lid)
    return {
        lid: Job(
            steps=lambda each=each: delete_resource(journal, each, rolling_back_create=rolling_back_create),  # type: ignore[misc]
            needs=frozenset(used_by[lid]),
            cancel=lambda: None,
        )
        for lid, each in standing.items()
    }


def _named_in(resource: Resource) -> frozenset[str]:
    explicit = resource.declared.get("DependsOn", [])
    named = {explicit} if isinstance(explicit, str) else set(explicit)
    return frozenset(named | {name for name, _ in references(resource.declared.get("Properties", {}))})


def copies(resources: dict[str, Resource]) -> dict[str, Resource]:
    """Return the resources as they are now, for a rollback to go back to."""
    return copy.deepcopy(resources)
