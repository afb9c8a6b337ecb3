"""What CloudFormation has to be allowed to handle an assembly's resources: as its service role, or as the caller."""

from builder.assembly.bound import Bound
from builder.assembly.template_url import find_object
from builder.policy.handlers import permissions
from builder.policy.places import GROUNDS
from builder.policy.placing import LIFTS_BOUNDARY, place_of
from builder.policy.records import Grant, LeftOut, Place, Rights, Setting, Verb
from builder.policy.resource import Resource, each_nested, each_resource
from builder.policy.unneeded import why_unneeded

NESTED = "AWS::CloudFormation::Stack"

# What the handlers' lists lack, by verb and type.
EXTRAS: dict[tuple[Verb, str], tuple[tuple[str, str], ...]] = {
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2gt_IAM.html
    (Verb.DESTROY, "AWS::DynamoDB::GlobalTable"): (
        ("dynamodb:DeleteTableReplica", "DynamoDB wants it for each replica; the delete handler's list lacks it"),
    ),
    # With IncludeNestedStacks CloudFormation makes, runs and deletes change sets of nested stacks, and tags these. That
    # it takes the role's permissions for it, and which exactly, is unverified.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/change-sets-for-nested-stacks.html
    (Verb.PLAN, NESTED): (
        ("cloudformation:CreateChangeSet", "change sets of nested stacks, made with their root's"),
        ("cloudformation:DeleteChangeSet", "change sets of nested stacks, deleted with their root's"),
        ("cloudformation:DeleteStack", "nested stacks that only waited for a change set"),
        ("cloudformation:DescribeChangeSet", "change sets of nested stacks"),
        ("cloudformation:TagResource", "the root's tags on nested stacks"),
    ),
    (Verb.EXECUTE, NESTED): (
        ("cloudformation:CreateChangeSet", "change sets of nested stacks, made on the way"),
        ("cloudformation:DeleteChangeSet", "change sets of nested stacks, deleted with their root's"),
        ("cloudformation:DescribeChangeSet", "change sets of nested stacks"),
        ("cloudformation:ExecuteChangeSet", "change sets of nested stacks, executed with their root's"),
        ("cloudformation:TagResource", "the root's tags on nested stacks"),
        ("cloudformation:UntagResource", "tags that a root no longer has"),
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
    if verb in {Verb.PLAN, Verb.EXECUTE} and (templates := child_templates(bounds, setting)):
        place = Place("ChildTemplates", templates)
        actions = ("s3:GetObject", "s3:GetObjectVersion")
        rights += Rights(tuple(Grant(action, place, "templates of nested stacks") for action in actions))
    return rights


def child_templates(bounds: tuple[Bound, ...], setting: Setting) -> tuple[str, ...]:
    """Return where the templates of nested stacks lie in S3, as far as that is known."""
    urls = (one.text("TemplateURL") for one in each_nested(bounds))
    places = [find_object(setting.fill(url)) for url in urls if url]
    return tuple(dict.fromkeys(setting.arn("s3", "", f"{one.bucket}/{one.key}") for one in places if one))


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
