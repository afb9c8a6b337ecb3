"""The template of a StackSet resolved for one stack, and what an update does to that stack's resources; pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from builder.assembly.bound import bind_stack
from builder.deploy.change_sets.review import changed_policies, lost_policies
from builder.deploy.records import PropertyChange, ResourceChange
from builder.deploy.resources import HOLDERS, Seen
from builder.deploy.resources.public_access import newly_public, public_access
from builder.graph import closure
from builder.resource_types import NESTED
from builder.resource_types.facts import at_stake, create_only, is_unknown, perhaps_create_only
from builder.resource_types.fate import POLICY_ATTRIBUTES, fate_on_deletion, fate_on_replacement
from builder.template import Template, at, names_in, properties_of, read_template
from builder.terms import LogicalId, Region


def resolve_template(body: str, parameters: Mapping[str, str], region: Region, where: str = "body") -> Template:
    """Return the template with all known values of its resources resolved, without those whose condition is false.

    A condition that only an account decides stands in full in its resource.
    Raises BadInput for a template that cannot be read; `where` is its StackSet.
    """
    template = read_template(body, where)
    binding = bind_stack(template, "${AWS::StackName}", region, parameters).binding
    resources = {}
    for name, resource in template.resources().items():
        own = {key: value for key, value in resource.items() if key != "Condition"}
        exists = binding.truth(resource["Condition"]) if "Condition" in resource else True
        if exists is not False:
            condition = {} if exists else {"Condition": binding.condition(resource["Condition"])}
            resources[name] = _in_texts({**binding.value(own), **condition})
    return Template({**template.data, "Resources": resources})


def _in_texts(value: object) -> object:
    """Return a value with its numbers and booleans as the text that CloudFormation makes of them."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case Mapping():
            return {name: _in_texts(inner) for name, inner in value.items()}
        case list():
            return [_in_texts(inner) for inner in value]
    return value


_ATTRIBUTES = ("CreationPolicy", "UpdatePolicy", *POLICY_ATTRIBUTES)


_DOES: Mapping[str | None, str] = {"True": "Always", "Conditional": "Conditionally"}


Resource = Mapping[str, Any]


def find_changes(deployed: Template, desired: Template) -> tuple[ResourceChange, ...]:
    """Return each change of a resource from one template to the other; both are resolved."""
    before, after = deployed.resources(), desired.resources()
    modified = {
        name: change
        for name in after
        if name in before and (change := _modified(LogicalId(name), before[name], after[name])) is not None
    }
    stay = {name: resource for name, resource in after.items() if name in before}
    modified = _spread_to_unknown(_spread(_spread_to_unknown(modified, stay), stay), stay)
    return (
        *(_gone(LogicalId(name), resource) for name, resource in before.items() if name not in after),
        *(_change("Add", LogicalId(name), resource) for name, resource in after.items() if name not in before),
        *(modified[name] for name in after if name in modified),
    )


def merge_changes(change_lists: Iterable[tuple[ResourceChange, ...]]) -> tuple[ResourceChange, ...]:
    """Return every change of these lists once; where a resource has several, the gravest, with what all of them do.

    What one stack loses is lost, whatever the others keep.
    """
    merged: dict[tuple[str, LogicalId], ResourceChange] = {}
    for change in (change for changes in change_lists for change in changes):
        known = merged.setdefault((change.action, change.logical_id), change)
        if known != change:
            merged[change.action, change.logical_id] = _merged(known, change)
    return tuple(merged.values())


_REPLACEMENTS = (None, "False", "Conditional", "True")
_KEPT = ("Retain", "Snapshot", "Delete")


def _merged(known: ResourceChange, other: ResourceChange) -> ResourceChange:
    gravest = max((known, other), key=lambda change: _REPLACEMENTS.index(change.replacement))
    ending = [change for change in (known, other) if change.is_replaced or change.action == "Remove"]
    return replace(
        gravest,
        policy_action=max((change.policy_action for change in ending), key=_lost_by, default=None),
        scope=tuple(dict.fromkeys((*known.scope, *other.scope))),
        properties=tuple(dict.fromkeys((*known.properties, *other.properties))),
        losses=tuple(dict.fromkeys((*known.losses, *other.losses))),
        warnings=tuple(dict.fromkeys((*known.warnings, *other.warnings))),
        opens=tuple(dict.fromkeys((*known.opens, *other.opens))),
    )


def _lost_by(policy_action: str | None) -> int:
    """Return how much is lost by what becomes of a resource: most where nobody can tell."""
    kept = (policy_action or "").removeprefix("ReplaceAnd")
    return _KEPT.index(kept) if kept in _KEPT else len(_KEPT)


def _change(action: str, name: LogicalId, resource: Resource) -> ResourceChange:
    kind = str(resource.get("Type", ""))
    opens = public_access(kind, properties_of(resource)) if action == "Add" else ()
    return ResourceChange(action=action, logical_id=name, type=kind, opens=opens)


def _gone(name: LogicalId, resource: Resource) -> ResourceChange:
    change = replace(_change("Remove", name, resource), policy_action=fate_on_deletion(resource))
    return replace(change, losses=_UNSEEN) if change.type in NESTED else change


_UNSEEN = ("perhaps what it holds: nothing looks into the nested stacks of an account",)


def _modified(name: LogicalId, before: Resource, after: Resource) -> ResourceChange | None:
    kind = str(after.get("Type", ""))
    if before.get("Type") != after.get("Type"):
        # CloudFormation refuses such an update. It is shown as a replacement.
        return _replaced(replace(_change("Modify", name, before), replacement="True"), after)
    was, will = properties_of(before), properties_of(after)
    touched = [prop for prop in dict.fromkeys((*was, *will)) if was.get(prop) != will.get(prop)]
    attributes = [attribute for attribute in _ATTRIBUTES if before.get(attribute) != after.get(attribute)]
    may_go = "Condition" in after and before.get("Condition") != after["Condition"]
    if not touched and not attributes and not may_go:
        return None
    replacement = _replacement(kind, was, will)
    holder = HOLDERS.get(kind)
    seen = Seen(before=was, after=will, touched=frozenset(touched))
    change = ResourceChange(
        # In which accounts it stays is known to nobody beforehand.
        action="Dynamic" if may_go else "Modify",
        logical_id=name,
        type=kind,
        replacement=replacement,
        scope=(*(["Properties"] if touched else []), *attributes),
        properties=tuple(
            PropertyChange(path=f"/Properties/{prop}", before=_as_text(was.get(prop)), after=_as_text(will.get(prop)))
            for prop in touched
        ),
        losses=(
            *(holder.losses(seen) if holder else ()),
            *lost_policies(kind, changed_policies(before, after)),
            *(_UNSEEN if kind in NESTED and (touched or may_go) else ()),
        ),
        warnings=holder.warnings(seen) if holder else (),
        opens=newly_public(kind, was, will),
    )
    return _replaced(change, after) if change.is_replaced else change


def _replacement(kind: str, was: Mapping[str, Any], will: Mapping[str, Any]) -> str:
    def differ(path: str) -> bool:
        return at(was, *path.split("/")) != at(will, *path.split("/"))

    if any(differ(path) for path in create_only(kind)):
        return "True"
    if is_unknown(kind) and was != will:
        return "Conditional"
    if any(differ(path) for path in perhaps_create_only(kind)):
        return "Conditional"
    return "False"


def _replaced(change: ResourceChange, after: Resource) -> ResourceChange:
    """Return the change, with what CloudFormation does with the old resource."""
    fate = fate_on_replacement(after)
    recreation = _DOES[change.replacement]
    properties = tuple(replace(property_, recreation=recreation) for property_ in change.properties)
    return replace(change, policy_action=f"ReplaceAnd{fate}" if fate else None, properties=properties)


def _as_text(value: object) -> str | None:
    return None if value is None else value if isinstance(value, str) else str(value)


def _spread(changes: dict[str, ResourceChange], stay: Mapping[str, Resource]) -> dict[str, ResourceChange]:
    """Add the resources that refer to one that is or may be replaced: their values change, and may replace them too.

    The attributes of a type that is not guarded may change with any update.
    """
    users = {name: dict(_fixed_properties(name, resource)) for name, resource in stay.items()}
    needs = {name: frozenset[str]().union(*properties.values()) for name, properties in users.items()}
    unsure = {name for name, change in changes.items() if change.is_replaced or not _has_fixed_attributes(change.type)}
    unsure |= {name for name in users if not closure(needs, name).isdisjoint(unsure)}
    spread = dict(changes)
    for name, properties in users.items():
        touched = [prop for prop, names in properties.items() if not names.isdisjoint(unsure)]
        if touched and not (name in changes and changes[name].is_replaced):
            spread[name] = _perhaps_replaced(name, stay[name], changes.get(name), touched)
    return spread


def _has_fixed_attributes(kind: str) -> bool:
    return bool(at_stake(kind)) and not is_unknown(kind)


def _spread_to_unknown(changes: dict[str, ResourceChange], stay: Mapping[str, Resource]) -> dict[str, ResourceChange]:
    """Add the resources of unknown types that refer to one that is or may be replaced: any change may replace them."""
    users = {
        name: {prop: frozenset(names_in(value)) - {name} for prop, value in properties_of(resource).items()}
        for name, resource in stay.items()
        if is_unknown(str(resource.get("Type", "")))
    }
    spread = dict(changes)
    while True:
        replaced = {name for name, change in spread.items() if change.is_replaced}
        more = {
            name: touched
            for name, properties in users.items()
            if name not in replaced
            and (touched := [prop for prop, names in properties.items() if not names.isdisjoint(replaced)])
        }
        if not more:
            return spread
        for name, touched in more.items():
            spread[name] = _perhaps_replaced(name, stay[name], spread.get(name), touched)


def _fixed_properties(name: str, resource: Resource) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the references in properties whose change replaces a resource, where a guard would stop the replacement.

    The replacement of a type that is not guarded loses nothing.
    """
    kind = str(resource.get("Type", ""))
    fixed = create_only(kind) if at_stake(kind) else ()
    for prop, value in properties_of(resource).items():
        if prop in fixed:
            yield prop, frozenset(names_in(value)) - {name}


def _perhaps_replaced(
    name: str, resource: Resource, known: ResourceChange | None, touched: Iterable[str]
) -> ResourceChange:
    change = known or _change("Modify", LogicalId(name), resource)
    paths = {property_.path for property_ in change.properties}
    added = (PropertyChange(path=path) for prop in touched if (path := f"/Properties/{prop}") not in paths)
    return _replaced(replace(change, replacement="Conditional", properties=(*change.properties, *added)), resource)
