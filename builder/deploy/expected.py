"""What a change set may show that cannot be made yet: the difference of two templates, and what follows from it; pure.

An upper bound: a change set that stays within it does nothing that the plan did not say.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from builder.deploy.changes import lost_policies
from builder.deploy.nested import NESTED
from builder.deploy.records import PropertyChange, ResourceChange
from builder.deploy.resources import HOLDERS, Seen
from builder.deploy.resources.public_access import define, newly_public, public_access
from builder.deploy.template import properties_of, resources_of
from builder.terms import LogicalId

_SUB = re.compile(r"\$\{([A-Za-z0-9]+)")
_ATTRIBUTES = ("Metadata", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy")
_EVERYTHING = "/"


def expect_changes(
    deployed: Mapping[str, Any], desired: Mapping[str, Any], parameters: Iterable[str] = (), *, tags: bool = False
) -> tuple[ResourceChange, ...]:
    """Return the most that a change set from one template to the other may show.

    `parameters` are the names of those whose values change; `tags` says that the stack's tags do. A modified resource
    lists the paths that may change, `/Properties/Replicas`. What refers to a modified resource may be modified too.
    """
    before, after = resources_of(deployed), resources_of(desired)
    touched: dict[str, set[str]] = {}
    for name in before.keys() & after.keys():
        paths = set(_differences(before[name], after[name], frozenset(parameters)))
        if tags:
            paths.add("/Properties/Tags")
        if after[name].get("Type") == NESTED:
            paths.add(_EVERYTHING)  # it is listed whatever happens to it; what does, is below it
        if paths:
            touched[name] = paths
    _spread(touched, before.keys(), after)
    return (
        *(_change("Remove", name, before[name]) for name in before if name not in after),
        *(_change("Add", name, after[name]) for name in after if name not in before),
        *(_modify(name, before[name], after[name], touched[name]) for name in after if name in touched),
    )


def beyond(expected: Iterable[ResourceChange], shown: Iterable[ResourceChange]) -> tuple[str, ...]:
    """Return what a change set shows and nobody expected, one line each."""
    allowed = {(change.action, change.logical_id): change for change in expected}
    new = tuple(f"{change.logical_id}/" for change in expected if change.action == "Add" and change.type == NESTED)
    lines = []
    for change in shown:
        known = allowed.get((change.action, change.logical_id))
        if known is None and change.action == "Add" and change.logical_id.startswith(new):
            continue  # inside a nested stack that was expected to be new
        if known is None:
            lines.append(f"{change.action} {change.logical_id} ({change.type})")
            continue
        paths = [one.path for one in known.properties]
        lines += [
            f"{change.action} {change.logical_id}: {touched.path}"
            for touched in change.properties
            if change.action == "Modify" and not _within(touched.path, paths)
        ]
        if change.is_replaced and not known.is_replaced:
            lines.append(f"{change.logical_id} ({change.type}) would be replaced")
        lines += [
            f"{change.logical_id} ({change.type}) loses {loss}" for loss in change.losses if loss not in known.losses
        ]
    return tuple(dict.fromkeys(lines))


def _change(action: str, name: str, resource: Mapping[str, Any]) -> ResourceChange:
    kind, properties = str(resource.get("Type", "")), properties_of(resource)
    is_new = action == "Add"
    return ResourceChange(
        action=action,
        logical_id=LogicalId(name),
        type=kind,
        opens=public_access(kind, properties) if is_new else (),
        definition=define(properties) if is_new else "",
    )


def _modify(name: str, before: Mapping[str, Any], after: Mapping[str, Any], paths: Iterable[str]) -> ResourceChange:
    type_name = str(after.get("Type", ""))
    holder = HOLDERS.get(type_name)
    seen = Seen(before=properties_of(before), after=properties_of(after))
    return ResourceChange(
        action="Modify",
        logical_id=LogicalId(name),
        type=type_name,
        properties=tuple(PropertyChange(path=path) for path in sorted(paths)),
        losses=(
            *(holder.losses(seen) if holder else ()),
            *lost_policies(str(after.get("Type")), _policies(before, after)),
        ),
        opens=newly_public(str(after.get("Type", "")), properties_of(before), properties_of(after)),
        warnings=holder.warnings(seen) if holder else (),
    )


def _policies(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str | None, str | None]]:
    for name in ("DeletionPolicy", "UpdateReplacePolicy"):
        was, will = before.get(name), after.get(name)
        if was != will:
            yield name, None if was is None else str(was), None if will is None else str(will)


def _within(path: str, allowed: list[str]) -> bool:
    # CloudFormation says a path (/Properties/Replicas/1) where values are shown, else Properties.Replicas.
    said = path if path.startswith("/") else f"/{path.replace('.', '/')}"
    return any(said == one or said.startswith(f"{one.rstrip('/')}/") for one in allowed)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], parameters: frozenset[str]) -> Iterator[str]:
    was, will = properties_of(before), properties_of(after)
    for name in was.keys() | will.keys():
        if was.get(name) != will.get(name) or not parameters.isdisjoint(references(will.get(name))):
            yield f"/Properties/{name}"
    yield from (f"/{name}" for name in _ATTRIBUTES if before.get(name) != after.get(name))
    if before.get("Type") != after.get("Type"):
        yield _EVERYTHING


def _spread(touched: dict[str, set[str]], standing: Iterable[str], after: Mapping[str, Mapping[str, Any]]) -> None:
    """Add what refers to a touched resource: CloudFormation shows it as a dynamic change."""
    users = {name: dict(_users_of(after[name])) for name in standing if name in after}
    while True:
        sources = touched.keys()
        more = {
            name: {f"/Properties/{prop}" for prop, refers in properties.items() if not refers.isdisjoint(sources)}
            for name, properties in users.items()
        }
        if all(paths <= touched.get(name, set()) for name, paths in more.items()):
            return
        for name, paths in more.items():
            if paths:
                touched.setdefault(name, set()).update(paths)


def _users_of(resource: Mapping[str, Any]) -> Iterator[tuple[str, set[str]]]:
    for name, value in properties_of(resource).items():
        yield name, set(references(value))


def references(value: object) -> Iterator[str]:
    """Yield every logical id, parameter and condition that a value refers to."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            match key, inner:
                case "Ref", str():
                    yield inner
                case "Fn::GetAtt", [str(name), *_]:
                    yield name
                case "Fn::Sub", str() | [str(), *_]:
                    yield from _SUB.findall(inner if isinstance(inner, str) else inner[0])
                    yield from references(inner)
                case "Fn::GetStackOutput", _:
                    yield key
                    yield from references(inner)
                case _:
                    yield from references(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from references(inner)
