"""What CloudFormation has to be allowed, as its service role or in a fleet's account: what the types' handlers ask for.

What their schemas say wrong or say of everything at once is put right by the table in service_role.yaml.
Source: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

from builder.assembly.bound import Bound
from builder.policy.document import ANY, NOWHERE_IN_PARTICULAR, Grant, GrantTarget, LeftOut, PolicyScope, Rights, Verb
from builder.policy.resource import GROUNDS, LIFTS_BOUNDARY, BoundResource, each_nested, each_resource, place_of
from builder.template import find_object

_TAGGING = "tagging"
_TABLE = yaml.load(Path(__file__).with_name("service_role.yaml").read_bytes(), Loader=yaml.CSafeLoader)


def permissions(type_name: str, region: str, verb: Verb) -> dict[str, tuple[str, ...]] | None:
    """Return each action that CloudFormation may call for a resource type, with the handlers that do.

    None where AWS says nothing of the type: a custom resource, or a type whose schema lists no handlers.
    """
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, type_name).schema
    except ResourceNotFoundError:
        return None
    lists = {**schema.get("handlers", {}), _TAGGING: schema.get(_TAGGING, {})}
    if len(lists) == 1:
        return None
    actions: dict[str, list[str]] = {}
    for handler in _TABLE["handlers"][verb]:
        for action in _listed(lists.get(handler)):
            actions.setdefault(action, []).append(handler)
    return {action: tuple(handlers) for action, handlers in actions.items()}


def _listed(handler: object) -> Iterator[str]:
    listed = handler.get("permissions", []) if isinstance(handler, dict) else []
    yield from dict.fromkeys(str(action) for action in listed)


@dataclass(frozen=True, slots=True)
class Only:
    """Actions that a handler calls for the sake of some properties alone."""

    properties: tuple[str, ...]
    actions: tuple[str, ...]
    """Patterns. Only of what reaches beyond the resource's own ARN: who may delete it may as well change it."""


FOR_PROPERTIES = {
    type_name: tuple(Only(tuple(row["properties"]), tuple(row["actions"])) for row in rows)
    for type_name, rows in _TABLE["for properties"].items()
}
NO_ACTIONS = frozenset(_TABLE["no actions"])


def why_unneeded(action: str, resource: BoundResource) -> str | None:
    """Return why a handler's action is not needed for this resource, or None if it is."""
    if action in NO_ACTIONS:
        return "IAM has no action of this name"
    for only in FOR_PROPERTIES.get(resource.type, ()):
        concerned = any(fnmatchcase(action, pattern) for pattern in only.actions)
        if concerned and not any(resource.says(name) for name in only.properties):
            return f"for {' or '.join(only.properties)} of {resource.type}"
    return None


def extras(verb: Verb, type_name: str) -> dict[str, str]:
    """Return what the lists of a type's handlers lack for a verb, each action with its reason."""
    lacking: dict[str, str] = _TABLE["extras"].get(verb, {}).get(type_name, {})
    return lacking


def service_role_rights(bounds: tuple[Bound, ...], setting: PolicyScope, verb: Verb, *, whole: bool = False) -> Rights:
    """Return what CloudFormation needs for a verb.

    `whole` leaves nothing out of the handlers' lists: for a template that stops using a property, or in case AWS asks
    for more than these templates seem to need.
    """
    rights = Rights()
    for resource in each_resource(bounds):
        rights += _rights_of(resource, setting, verb, whole=whole)
    if verb in {Verb.PLAN, Verb.EXECUTE} and (templates := child_templates(bounds, setting)):
        place = GrantTarget("ChildTemplates", templates)
        actions = ("s3:GetObject", "s3:GetObjectVersion")
        rights += Rights(tuple(Grant(action, place, "templates of nested stacks") for action in actions))
    return rights


def child_templates(bounds: tuple[Bound, ...], setting: PolicyScope) -> tuple[str, ...]:
    """Return where the templates of nested stacks lie in S3, as far as that is known."""
    urls = (nested.text("TemplateURL") for nested in each_nested(bounds))
    places = [find_object(setting.fill(url)) for url in urls if url]
    return tuple(dict.fromkeys(setting.arn("s3", "", f"{place.bucket}/{place.key}") for place in places if place))


def _rights_of(resource: BoundResource, setting: PolicyScope, verb: Verb, *, whole: bool) -> Rights:
    listed = permissions(resource.type, resource.region, verb)
    if listed is None:
        where = f"{resource.bound.entry.id}: {resource.logical_id} ({resource.type})"
        return Rights(warnings=(f"{where}: its schema lists no permissions; add by hand what it needs",))
    granted, left_out = [], []
    for action, handlers in listed.items():
        because = f"{', '.join(handlers)} of {resource.type}"
        place = place_of(action, resource, setting)
        unneeded = _why_not(action, resource, place, whole=whole)
        if unneeded:
            left_out.append(LeftOut(action, unneeded))
        else:
            granted.append(Grant(action, place, because))
    for action, because in extras(verb, resource.type).items():
        granted.append(Grant(action, place_of(action, resource, setting), because))
    warnings = () if resource.type in GROUNDS else (f"{resource.type}: its actions are allowed on anything",)
    return Rights(tuple(granted), tuple(left_out), warnings if granted else ())


def _why_not(action: str, resource: BoundResource, place: GrantTarget, *, whole: bool) -> str | None:
    if action == LIFTS_BOUNDARY and "PermissionsBoundary" in resource.properties:
        return "it would lift the permissions boundary"
    if not place.arns:
        return f"for a role that a {resource.type} hands over"
    return None if whole else why_unneeded(action, resource)


ON_INSTANCES: dict[str, str] = _TABLE["on instances"]
ON_ANYTHING: dict[str, str] = _TABLE["on anything"]


def execution_role_rights(bounds: tuple[Bound, ...], setting: PolicyScope, fleet: str) -> Rights:
    """Return what the role needs; `fleet` is how the names of its StackSets begin, `tap-${EnvironmentSuffix}-`."""
    instances = tuple(replace(bound, entry=replace(bound.entry, name=_instance(fleet, bound))) for bound in bounds)
    stacks = GrantTarget("Instances", (setting.arn("cloudformation", ANY, f"stack/StackSet-{fleet}{ANY}/{ANY}"),))
    own = (
        *(Grant(action, stacks, because) for action, because in ON_INSTANCES.items()),
        *(Grant(action, NOWHERE_IN_PARTICULAR, because) for action, because in ON_ANYTHING.items()),
    )
    verbs = (service_role_rights(instances, setting, verb) for verb in (Verb.EXECUTE, Verb.DESTROY))
    return sum(verbs, Rights(own))


def _instance(fleet: str, bound: Bound) -> str:
    """Return the name of a stack that StackSets makes, as far as it can be known before."""
    return f"StackSet-{fleet}{bound.entry.id.replace('/', '-')}-{ANY}"
