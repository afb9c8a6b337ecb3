"""What happens to one resource: create, update, replace, delete, each with the events CloudFormation writes.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-resource-status-codes.html and the
event texts as seen in public bug reports (see SPEC.md).
"""

import string
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import replace

from fake_aws.cloudformation.changes import looked_up
from fake_aws.cloudformation.compare import changed_properties, recreation
from fake_aws.cloudformation.deployments import Deployment
from fake_aws.cloudformation.effects import NO_EFFECTS, Make, effects_of, forget_name, take_name
from fake_aws.cloudformation.imports import as_taken_over, imports_touch, take_over
from fake_aws.cloudformation.journal import EXPRESS, REQUEST_SHARE, Journal
from fake_aws.cloudformation.live import Goal, goal_against_drift, goal_of_rollback, goal_of_update
from fake_aws.cloudformation.policies import denial
from fake_aws.cloudformation.records import Resource
from fake_aws.cloudformation.side_by_side import Job, Steps
from fake_aws.cloudformation.types import STACK_TYPE, known, physical_id, schema
from fake_aws.json_value import Json
from fake_aws.refusals import AwsRefusal


class Provisioner:
    """Brings a stack's resources to what a deployment wants; one operation's worth."""

    def __init__(self, journal: Journal, desired: Deployment, *, way_back: bool = False) -> None:
        self.journal = journal
        self.desired = desired
        self.way_back = way_back
        self.evaluator = journal.evaluator(desired, self._lookup)
        self.created: list[str] = []

    def desired_ids(self) -> list[str]:
        """Return the resources the template has, conditions evaluated."""
        resources = self.evaluator.template.resources
        return [lid for lid in sorted(resources) if self.evaluator.has(resources[lid])]

    def jobs(self) -> dict[str, Job]:
        """Return a job for each wanted resource, and one that fails for each whose removal the stack policy denies."""
        self.journal.stack.target = self.desired
        return self._denied_removals() | {
            lid: Job(
                steps=lambda lid=lid: self._bring(lid),  # type: ignore[misc]  # early binding
                needs=self.evaluator.template.needs[lid],
                cancel=lambda lid=lid: self._cancelled(lid),  # type: ignore[misc]  # early binding
            )
            for lid in self.desired_ids()
        }

    def _denied_removals(self) -> dict[str, Job]:
        desired, jobs = self.desired_ids(), dict[str, Job]()
        for lid, each in self.journal.stack.resources.items():
            if lid not in desired and each.exists and (denied := self._denial("Update:Delete", each)) is not None:
                steps = lambda each=each, denied=denied: self._deny(each, denied)  # noqa: E731  early binding
                jobs[lid] = Job(steps, frozenset(), lambda: None)
        return jobs

    def _denial(self, action: str, resource: Resource) -> str | None:
        if self.way_back:
            return None
        return denial(self.journal.stack.policy, action, resource.logical_id, resource.type)

    def _deny(self, resource: Resource, denied: str) -> Steps:
        yield 0.0
        self.journal.resource(resource, "UPDATE_FAILED", denied)
        return False

    def _lookup(self, logical_id: str, attribute: str | None) -> Json:
        return looked_up(self.journal.stack.resources[logical_id], attribute)

    def _bring(self, logical_id: str) -> Steps:
        declared = self.evaluator.template.resources[logical_id]
        present = self.journal.stack.resources.get(logical_id)
        try:
            properties = self.evaluator.value(declared.get("Properties", {}))
        except AwsRefusal as refusal:
            return self._not_evaluated(logical_id, present, declared, refusal)
        tags = dict(self.desired.tags) if schema(declared["Type"]).taggable else {}
        fresh = Resource(
            logical_id, declared["Type"], "", self.journal.now, properties=properties, declared=declared, tags=tags
        )
        if present is None or not present.good or (present.lost and self.desired.reverts_drift):
            if present is not None and present.exists and not (yield from self._clear_away(present)):
                return False
            self.journal.stack.resources[logical_id] = fresh
            self.created.append(logical_id)
            return (yield from (self._import if logical_id in self.desired.imports else self._create)(fresh))
        goal = self._goal(present, properties)
        present.declared = declared
        journal = self.journal
        differs = effects_of(journal.world, present.type).differs(
            journal.world, journal.place, replace(fresh, physical_id=present.physical_id)
        )
        if not goal.changed and present.tags == tags and present.status != "UPDATE_FAILED" and not differs:
            _become(present, fresh, goal)
            return True
        replaced = any(recreation(present.type, name) != "Never" for name in goal.changed)
        denied = self._denial("Update:Replace" if replaced else "Update:Modify", present)
        if denied is not None:
            return (yield from self._deny(present, denied))
        if replaced:
            return (yield from self._replace(present, fresh))
        return (yield from self._update(present, fresh, goal))

    def _not_evaluated(
        self, logical_id: str, present: Resource | None, declared: dict[str, Json], refusal: AwsRefusal
    ) -> bool:
        """Fail a resource whose properties name what is not there."""
        if present is not None:
            self.journal.resource(present, "UPDATE_FAILED", refusal.message)
            return False
        fresh = Resource(logical_id, str(declared["Type"]), "", self.journal.now, declared=declared)
        self.journal.stack.resources[logical_id] = fresh
        self.created.append(logical_id)
        self.journal.resource(fresh, "CREATE_FAILED", refusal.message)
        return False

    def _goal(self, present: Resource, properties: dict[str, Json]) -> Goal:
        if self.way_back:
            return goal_of_rollback(present, self.journal.stack.before_resources.get(present.logical_id), properties)
        return (goal_against_drift if self.desired.reverts_drift else goal_of_update)(present, properties)

    def _clear_away(self, resource: Resource) -> Steps:
        """Remove what a failed creation left half made."""
        world, place = self.journal.world, self.journal.place
        effects = effects_of(world, resource.type)
        try:
            yield from effects.deleting(world, place, resource)
            effects.delete(world, place, resource)
        except AwsRefusal as refusal:
            self.journal.resource(resource, "CREATE_FAILED", refusal.message)
            return False
        forget_name(world, place, resource.type, resource.physical_id or "")
        return True

    def _create(self, resource: Resource) -> Steps:
        journal = self.journal
        journal.resource(resource, "CREATE_IN_PROGRESS")
        yield journal.seconds("CREATE", resource.logical_id) * REQUEST_SHARE
        try:
            self._make(resource)
            journal.resource(resource, "CREATE_IN_PROGRESS", "Resource creation Initiated")
            yield from effects_of(journal.world, resource.type).creating(journal.world, journal.place, resource)
            reason = yield from self._settle("CREATE", resource)
        except AwsRefusal as refusal:
            if refusal.code == "AlreadyExists":
                resource.physical_id = None  # what stands is not its own, and no rollback deletes it
            journal.resource(resource, "CREATE_FAILED", refusal.message)
            return False
        resource.attributes = self._attributes(resource)
        journal.resource(resource, "CREATE_COMPLETE", reason)
        return True

    def _import(self, resource: Resource) -> Steps:
        """Take over what stands already, as it is; then its update handler gives it the stack's tags."""
        journal = self.journal
        resource.physical_id = self.desired.imports[resource.logical_id]
        journal.resource(resource, "IMPORT_IN_PROGRESS", "Resource import started.")
        yield journal.seconds("IMPORT", resource.logical_id)
        try:
            journal.fail_as_primed("IMPORT", resource)
            take_over(journal, resource)
        except AwsRefusal as refusal:
            journal.resource(resource, "IMPORT_FAILED", refusal.message)
            return False
        resource.attributes = self._attributes(resource)
        journal.resource(resource, "IMPORT_COMPLETE", "Resource import completed.")
        why = "Apply stack-level tags to imported resource if applicable."
        drifted = resource.actual
        if journal.world.quirks.imports_apply_the_template:
            return (yield from self._update(resource, resource, Goal([], resource.properties), why))
        good = yield from self._update(resource, resource, Goal([], as_taken_over(resource)), why)
        resource.actual = drifted
        return good

    def _attributes(self, resource: Resource) -> dict[str, str]:
        ask = effects_of(self.journal.world, resource.type).attributes
        if ask is not None:
            return ask(self.journal.world, resource)
        return known(resource.type).attributes(self.journal.place, resource.physical_id or "", resource.properties)

    def _settle(
        self, action: str, resource: Resource, settle: Make | None = None, *, primed: bool = True
    ) -> Generator[float, None, str | None]:
        """Wait until the service has done what it took on; in express mode it goes on by itself. Returns the reason."""
        journal = self.journal
        settle = settle or effects_of(journal.world, resource.type).settle
        left = journal.seconds(action, resource.logical_id) * (1 - REQUEST_SHARE)
        if not journal.stack.express:
            yield left
        if primed:
            journal.fail_as_primed(action, resource)
        if not journal.stack.express:
            settle(journal.world, journal.place, resource)
            return None

        def in_the_background() -> Iterator[float]:
            yield left
            settle(journal.world, journal.place, resource)

        journal.start(in_the_background)
        return EXPRESS

    def _make(self, resource: Resource) -> None:
        world, place = self.journal.world, self.journal.place
        suffix = "".join(world.random.choices(string.ascii_uppercase + string.digits, k=12))
        planned = self.desired.children.get(resource.logical_id)
        name = physical_id(resource.type, place, resource.logical_id, resource.properties, suffix)
        if planned is not None:
            name = planned.stack_id  # it waits in review already
        take_name(world, place, resource.type, name)
        resource.physical_id = name
        resource.attributes = self._attributes(resource)
        effects_of(world, resource.type).create(world, place, resource)

    def _update(self, present: Resource, fresh: Resource, goal: Goal, why: str | None = None) -> Steps:
        journal, action = self.journal, "UPDATE_ROLLBACK" if self.way_back else "UPDATE"
        journal.resource(present, "UPDATE_IN_PROGRESS", why, becoming=fresh.properties)
        yield journal.seconds(action, present.logical_id) * REQUEST_SHARE
        changed = replace(present, properties=goal.live, tags=fresh.tags)
        effects, before = effects_of(journal.world, present.type), present.attempted or present.properties
        if why is not None and not imports_touch(journal.world, present.type):
            effects = NO_EFFECTS
        try:
            _refuse_lost(present)
            effects.update(journal.world, journal.place, changed, present.properties)
            yield from effects.updating(journal.world, journal.place, changed, before)
            reason = yield from self._settle(action, present, effects.settle)
        except AwsRefusal as refusal:
            if journal.stack.disable_rollback and present.type != STACK_TYPE:
                yield from self._put_back(present, goal.live)
            elif not self.way_back:
                present.attempted = goal.live
            journal.resource(present, "UPDATE_FAILED", refusal.message)
            return False
        present.attempted = None
        _become(present, fresh, goal)
        present.attributes = self._attributes(present)
        journal.resource(present, "UPDATE_COMPLETE", reason)
        return True

    def _put_back(self, present: Resource, attempted: dict[str, Json]) -> Generator[float, None, None]:
        """Make what failed what it was before: without a rollback of the stack, its resource alone goes back."""
        journal, effects = self.journal, effects_of(self.journal.world, present.type)
        with suppress(AwsRefusal):  # then it stays where it got to
            yield from effects.updating(journal.world, journal.place, present, attempted)

    def _replace(self, present: Resource, fresh: Resource) -> Steps:
        journal = self.journal
        why = "Requested update requires the creation of a new physical resource; hence creating one."
        journal.resource(present, "UPDATE_IN_PROGRESS", why, becoming=fresh.properties)
        yield journal.seconds("CREATE", fresh.logical_id) * REQUEST_SHARE
        try:
            journal.fail_as_primed("UPDATE", fresh)
            _refuse_replacement(present, fresh, allowed=self.way_back or not journal.stack.disable_rollback)
            self._make(fresh)
        except AwsRefusal as refusal:
            journal.resource(present, "UPDATE_FAILED", refusal.message)
            return False
        journal.stack.resources[present.logical_id] = fresh
        journal.stack.replaced.append(present)
        journal.resource(fresh, "UPDATE_IN_PROGRESS", "Resource creation Initiated")
        reason = yield from self._settle("CREATE", fresh, primed=False)
        journal.resource(fresh, "UPDATE_COMPLETE", reason)
        return True

    def _cancelled(self, logical_id: str) -> None:
        resource, world = self.journal.stack.resources[logical_id], self.journal.world
        effects_of(world, resource.type).cancel(world, self.journal.place, resource)
        if resource.imported is None and logical_id in self.created:
            self.journal.resource(resource, "CREATE_FAILED", "Resource creation cancelled")
        else:
            self.journal.resource(resource, "UPDATE_FAILED", "Resource update cancelled")


def _become(present: Resource, fresh: Resource, goal: Goal) -> None:
    present.properties, present.tags = fresh.properties, fresh.tags
    present.actual = goal.live if changed_properties(fresh.properties, goal.live) else None


def _refuse_lost(present: Resource) -> None:
    if present.lost:
        raise AwsRefusal(
            "NotFound",
            f"Resource of type '{present.type}' with identifier '{present.physical_id}' was not found."
            " (HandlerErrorCode: NotFound)",
        )


def _refuse_replacement(present: Resource, fresh: Resource, *, allowed: bool) -> None:
    if not allowed:
        raise AwsRefusal("Replacement", "Replacement type updates not supported on stack with disable-rollback.")
    name_property = known(fresh.type).name_property
    if name_property is None or name_property not in fresh.properties:
        return
    if fresh.properties[name_property] == present.properties.get(name_property):
        raise AwsRefusal(
            "CustomName",
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename"
            f" {fresh.properties[name_property]} and update the stack again.",
        )
