"""What a change set shows: every resource that would be added, modified, replaced or removed, and why.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html and
API_ResourceChangeDetail
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fake_aws.cloudformation.compare import ABSENT, changed_properties, leaves, recreation, same, shown
from fake_aws.cloudformation.deployments import PlannedChild
from fake_aws.cloudformation.drift_aware import sync_details, tell_drift
from fake_aws.cloudformation.intrinsics import KNOWN_AFTER_APPLY, Evaluator, Unresolved, causes
from fake_aws.cloudformation.live import drifted_base
from fake_aws.cloudformation.records import Resource
from fake_aws.cloudformation.template import references
from fake_aws.cloudformation.types import STACK_TYPE, schema
from fake_aws.json_value import Json, as_json
from fake_aws.refusals import AwsRefusal, Unsupported

Detail = dict[str, Any]
_PLAIN_ATTRIBUTES = ("Metadata", "DeletionPolicy", "UpdateReplacePolicy")


@dataclass(frozen=True, slots=True)
class DesiredResource:
    """A resource as the new template declares it."""

    logical_id: str
    declared: dict[str, Any]
    properties: dict[str, Any]
    tags: dict[str, str]

    @property
    def type(self) -> str:
        """Its resource type."""
        return str(self.declared["Type"])


@dataclass(slots=True)
class Differ:
    """Compares a stack's resources with a new template; gathers the changes in dependency order."""

    evaluator: Evaluator
    """Of the new template; its lookup must be `self.lookup`."""
    present: dict[str, Resource]
    tags: dict[str, str]
    moved_parameters: frozenset[str]
    """Parameters whose value is another than before."""
    drift_read_at: datetime | None = None
    """When a drift-aware change set looked at what the resources really are; None for others."""
    effects: dict[str, str] = field(default_factory=dict)
    """Per resource that was looked at: add, replace, modify or same."""
    children: dict[str, PlannedChild] | None = None
    """What change sets of their own say of nested stacks, by logical id; None where there are none to be."""
    names_empty_children: bool = False
    """Whether a row names a nested stack's change set though nothing changes there."""

    def changes(self) -> list[dict[str, Any]]:
        """Return the ResourceChanges, the values of properties included; contexts are no text yet."""
        template = self.evaluator.template
        rows = []
        logical_ids = [lid for lid in in_order(self.evaluator) if self.evaluator.has(template.resources[lid])]
        for logical_id in logical_ids:
            declared = template.resources[logical_id]
            properties = self.evaluator.value(declared.get("Properties", {}))
            tags = self.tags if schema(declared["Type"]).taggable else {}
            change = self._change(DesiredResource(logical_id, declared, properties, tags))
            if change is not None:
                rows.append(change)
        removed = [each for lid, each in sorted(self.present.items()) if lid not in logical_ids and each.exists]
        rows += [self._with_drift(_remove(each), each) for each in removed]
        return sorted(rows, key=lambda each: str(each["LogicalResourceId"]))

    def _with_drift(self, change: dict[str, Any], present: Resource) -> dict[str, Any]:
        return change if self.drift_read_at is None else tell_drift(change, present, self.drift_read_at)

    def lookup(self, logical_id: str, attribute: str | None) -> Json:
        """Return what is known of another resource before the change is made."""
        effect = self.effects.get(logical_id, "add")
        name = logical_id if attribute is None else f"{logical_id}.{attribute}"
        if effect in {"add", "replace"} or (effect == "modify" and attribute is not None):
            return Unresolved(KNOWN_AFTER_APPLY, frozenset({name}))
        return looked_up(self.present[logical_id], attribute)

    def _change(self, desired: DesiredResource) -> dict[str, Any] | None:
        present = self.present.get(desired.logical_id)
        if present is None or not present.good:
            self.effects[desired.logical_id] = "add"
            return self._with_child(_add(desired))
        if desired.type == STACK_TYPE:
            return self._nested(desired, present)
        if present.lost and self.drift_read_at is not None:
            self.effects[desired.logical_id] = "add"
            return self._with_drift(_add(desired), present)
        details = list(self._details(present, desired))
        noted = list(sync_details(present, desired.properties, self.drift_read_at)) if self.drift_read_at else []
        if not details:
            self.effects[desired.logical_id] = "same"
            return _sync(present, desired, noted) if noted else None
        replacement = _replacement(details)
        self.effects[desired.logical_id] = "modify" if replacement == "False" else "replace"
        change = {
            **_head("Modify", desired.logical_id, desired.type, present.physical_id),
            "Replacement": replacement,
            "Scope": sorted({detail["Target"]["Attribute"] for detail in details}),
            "Details": details,
            "BeforeContext": self._base(present, desired),
            "AfterContext": desired.properties,
        }
        if replacement != "False":
            policy = desired.declared.get("UpdateReplacePolicy", "Delete")
            change["PolicyAction"] = f"ReplaceAnd{policy}"
        row = self._with_drift(change, present)
        return {**row, "Details": [*row["Details"], *noted]}

    def _nested(self, desired: DesiredResource, present: Resource) -> dict[str, Any] | None:
        """Return the row of a nested stack: without change sets of its own it may always change."""
        details = list(self._details(present, desired))
        planned = None if self.children is None else self.children.get(desired.logical_id)
        may_change = planned is None or planned.changes
        self.effects[desired.logical_id] = "modify" if may_change else "same"
        if not details and not may_change:
            return None
        if not details:
            details = [_detail(Target("Properties"), "Dynamic", "Automatic")]
        change = {
            **_head("Modify", desired.logical_id, desired.type, present.physical_id),
            "Replacement": "False",
            "Scope": sorted({detail["Target"]["Attribute"] for detail in details}),
            "Details": details,
            "BeforeContext": present.properties,
            "AfterContext": desired.properties,
        }
        return self._with_child(change)

    def _with_child(self, change: dict[str, Any]) -> dict[str, Any]:
        planned = (self.children or {}).get(change["LogicalResourceId"])
        if planned is None:
            return change
        named = planned.changes or self.names_empty_children
        return {
            **change,
            "PhysicalResourceId": planned.stack_id,
            "ChangeSetId": planned.change_set_id if named else None,
        }

    def _base(self, present: Resource, desired: DesiredResource) -> dict[str, Any]:
        if self.drift_read_at is None:
            return present.properties
        return drifted_base(present, desired.properties)

    def _details(self, present: Resource, desired: DesiredResource) -> Iterator[Detail]:
        for name in _PLAIN_ATTRIBUTES:
            if present.declared.get(name) != desired.declared.get(name):
                yield _detail(_attribute(name, present.declared, desired.declared), "Static", "DirectModification")
        base = self._base(present, desired)
        for name in changed_properties(base, desired.properties):
            yield from self._property_details(name, base.get(name, ABSENT), present, desired)
        for key in sorted(present.tags.keys() | desired.tags.keys()):
            before, after = present.tags.get(key, ABSENT), desired.tags.get(key, ABSENT)
            if before != after:
                yield _detail(Target("Tags", f"/Properties/Tags/{key}", before, after), "Static", "DirectModification")

    def _property_details(self, name: str, base: Json, present: Resource, desired: DesiredResource) -> Iterator[Detail]:
        attribute = "Tags" if name == "Tags" else "Properties"
        before = present.declared.get("Properties", {}).get(name, ABSENT)
        after = desired.declared.get("Properties", {}).get(name, ABSENT)
        targets = [
            Target(attribute, leaf.path, leaf.before, leaf.after, name, recreation(desired.type, name))
            for leaf in leaves(base, desired.properties.get(name, ABSENT), f"/Properties/{name}")
        ]
        waits_for = sorted(causes(desired.properties.get(name)))
        moved = sorted({each for each, _ in references(after)} & self.moved_parameters)
        for target in targets:
            if before is ABSENT or after is ABSENT or not same(before, after):
                yield _detail(target, "Static", "DirectModification")
            elif moved:
                for parameter in moved:
                    yield _detail(target, "Static", "ParameterReference", parameter)
            elif not waits_for:
                yield _detail(target, "Static", "DirectModification")
            for cause in waits_for:
                source = "ResourceAttribute" if "." in cause else "ResourceReference"
                if cause in self.evaluator.template.parameters:
                    source = "ParameterReference"
                yield _detail(target, "Dynamic", source, cause)


@dataclass(frozen=True, slots=True)
class Target:
    """What of a resource changes, and from what to what."""

    attribute: str
    path: str = ""
    before: Any = ABSENT
    after: Any = ABSENT
    name: str | None = None
    recreation: str = "Never"


def _attribute(name: str, before: dict[str, Any], after: dict[str, Any]) -> Target:
    """Return a change of DeletionPolicy and the like; of Metadata no values are shown."""
    if name == "Metadata":
        return Target(name)
    return Target(name, f"/{name}", before.get(name, ABSENT), after.get(name, ABSENT))


def _detail(target: Target, evaluation: str, source: str, cause: str | None = None) -> Detail:
    shape: Detail = {"Attribute": target.attribute, "RequiresRecreation": target.recreation}
    if target.attribute == "Properties" and target.name is not None:
        shape["Name"] = target.name
    if target.path:
        added, removed = target.before is ABSENT, target.after is ABSENT
        shape["Path"] = target.path
        shape["AttributeChangeType"] = "Add" if added else "Remove" if removed else "Modify"
        if not added:
            shape["BeforeValue"] = shown(target.before)
        if not removed:
            shape["AfterValue"] = shown(target.after)
    return {"Target": shape, "Evaluation": evaluation, "ChangeSource": source, "CausingEntity": cause}


def _replacement(details: list[Detail]) -> str:
    needs = {(detail["Target"]["RequiresRecreation"], detail["Evaluation"]) for detail in details}
    if ("Always", "Static") in needs:
        return "True"
    return "Conditional" if any(need != "Never" for need, _ in needs) else "False"


def _head(action: str, logical_id: str, type_name: str, physical_id: str | None) -> dict[str, Any]:
    return {
        "Action": action,
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceType": type_name,
        "Scope": [],
        "Details": [],
    }


def _add(desired: DesiredResource) -> dict[str, Any]:
    head = _head("Add", desired.logical_id, desired.type, None)
    return {**head, "AfterContext": desired.properties}


def _sync(present: Resource, desired: DesiredResource, details: list[Detail]) -> dict[str, Any]:
    return {
        **_head("SyncWithActual", desired.logical_id, desired.type, present.physical_id),
        "ResourceDriftStatus": "MODIFIED",
        "Scope": ["Properties"],
        "Details": details,
        "BeforeContext": present.live,
        "AfterContext": desired.properties,
        "PreviousDeploymentContext": present.properties,
    }


def _remove(present: Resource) -> dict[str, Any]:
    policy = present.declared.get("DeletionPolicy", "Delete")
    head = _head("Remove", present.logical_id, present.type, present.physical_id)
    policy = "Retain" if policy == "RetainExceptOnCreate" else policy
    return {**head, "PolicyAction": policy, "BeforeContext": present.properties}


_VALUES = frozenset({"Path", "BeforeValue", "AfterValue", "AttributeChangeType"})


def with_values(change: dict[str, Any]) -> dict[str, Any]:
    """Return the change as DescribeChangeSet shows it with IncludePropertyValues."""
    texts = {key: as_json({"Properties": value}) for key, value in change.items() if key.endswith("Context")}
    return change | texts


def without_values(change: dict[str, Any]) -> dict[str, Any]:
    """Return the change as DescribeChangeSet shows it without IncludePropertyValues: one detail per property."""
    kept: list[Detail] = []
    for detail in change["Details"]:
        target = {key: value for key, value in detail["Target"].items() if key not in _VALUES}
        short = {**detail, "Target": target}
        if short not in kept:
            kept.append(short)
    plain = {key: value for key, value in change.items() if not key.endswith("Context")}
    return {**plain, "Details": kept}


def in_order(evaluator: Evaluator) -> list[str]:
    """Return the template's resources, each after what it needs."""
    template, done = evaluator.template, dict[str, None]()

    def visit(logical_id: str) -> None:
        for needed in sorted(template.needs[logical_id]):
            visit(needed)
        done.setdefault(logical_id)

    for logical_id in sorted(template.resources):
        visit(logical_id)
    return list(done)


def looked_up(resource: Resource, attribute: str | None) -> str | None:
    """Return what Ref or GetAtt of a deployed resource gives."""
    if attribute is None:
        return resource.physical_id
    if attribute not in resource.attributes and resource.type == STACK_TYPE:
        raise AwsRefusal(
            "NotFound", f"Output '{attribute.partition('.')[2]}' not found in stack '{resource.physical_id}'"
        )
    if attribute not in resource.attributes:
        raise Unsupported(f"the fake does not know {resource.type}.{attribute}")
    return resource.attributes[attribute]
