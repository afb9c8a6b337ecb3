"""What CloudFormation has to be allowed to handle an assembly's resources: as its service role, or as the caller."""

from builder.assembly.bound import Bound
from builder.policy.handlers import permissions
from builder.policy.places import GROUNDS
from builder.policy.placing import LIFTS_BOUNDARY, place_of
from builder.policy.records import Grant, LeftOut, Place, Rights, Setting, Verb
from builder.policy.resource import Resource, each_resource
from builder.policy.unneeded import why_unneeded

# What the handlers' lists lack, by verb and type.
EXTRAS: dict[tuple[Verb, str], tuple[tuple[str, str], ...]] = {
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2gt_IAM.html
    (Verb.DESTROY, "AWS::DynamoDB::GlobalTable"): (
        ("dynamodb:DeleteTableReplica", "DynamoDB wants it for each replica; the delete handler's list lacks it"),
    ),
}


def service_role_rights(bounds: tuple[Bound, ...], setting: Setting, verb: Verb, *, whole: bool = False) -> Rights:
    """Return what CloudFormation needs for a verb.

    `whole` leaves nothing out of the handlers' lists: for a template that stops using a property, or in case AWS asks
    for more than these templates seem to need.
    """
    rights = Rights()
    for resource in each_resource(bounds):
        rights += _rights_of(resource, setting, verb, whole=whole)
    return rights


def _rights_of(resource: Resource, setting: Setting, verb: Verb, *, whole: bool) -> Rights:
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
    for action, because in EXTRAS.get((verb, resource.type), ()):
        granted.append(Grant(action, place_of(action, resource, setting), because))
    warnings = () if resource.type in GROUNDS else (f"{resource.type}: its actions are allowed on anything",)
    return Rights(tuple(granted), tuple(left_out), warnings if granted else ())


def _why_not(action: str, resource: Resource, place: Place, *, whole: bool) -> str | None:
    if action == LIFTS_BOUNDARY and "PermissionsBoundary" in resource.properties:
        return "it would lift the permissions boundary"
    if not place.arns:
        return f"for a role that a {resource.type} hands over"
    return None if whole else why_unneeded(action, resource)
