"""What CloudFormation has to be allowed, as its service role or in a fleet's account: what the types' handlers ask for.

Source: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

from builder.assembly.bound import Bound
from builder.policy.document import ANY, NOWHERE_IN_PARTICULAR, Grant, GrantTarget, LeftOut, PolicyScope, Rights, Verb
from builder.policy.resource import GROUNDS, LIFTS_BOUNDARY, BoundResource, each_nested, each_resource, place_of
from builder.resource_types import NESTED_STACK
from builder.template import find_object

_TAGGING = "tagging"
HANDLERS: dict[Verb, tuple[str, ...]] = {
    # Early validation looks whether a name is taken, and a drift-aware change set at what is there.
    Verb.PLAN: ("read", "list"),
    # Whatever a change set does, its rollback undoes.
    Verb.EXECUTE: ("create", "read", "update", "delete", "list", _TAGGING),
    Verb.DESTROY: ("read", "delete"),
    Verb.STATUS: (),
    # What detecting drift looks at.
    Verb.DRIFT: ("read",),
    Verb.DRILL: (),
    Verb.FLEET_PLAN: ("read", "list"),
    Verb.FLEET_EXECUTE: ("create", "read", "update", "delete", "list", _TAGGING),
    Verb.FLEET_STATUS: (),
    Verb.FLEET_DESTROY: ("read", "delete"),
}
"""The handlers that run for each verb; stack tags reach every resource that can have any."""


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
    found: dict[str, list[str]] = {}
    for handler in HANDLERS[verb]:
        for action in _listed(lists.get(handler)):
            found.setdefault(action, []).append(handler)
    return {action: tuple(handlers) for action, handlers in found.items()}


def _listed(handler: object) -> Iterator[str]:
    listed = handler.get("permissions", []) if isinstance(handler, dict) else []
    yield from dict.fromkeys(str(action) for action in listed)


@dataclass(frozen=True, slots=True)
class Only:
    """Actions that a handler calls for the sake of some properties alone."""

    properties: tuple[str, ...]
    actions: tuple[str, ...]
    """Patterns. Only of what reaches beyond the resource's own ARN: who may delete it may as well change it."""


_KEY = ("kms:*",)
FOR_PROPERTIES: dict[str, tuple[Only, ...]] = {
    "AWS::DynamoDB::GlobalTable": (
        Only(
            ("ReadProvisionedThroughputSettings", "WriteProvisionedThroughputSettings"),
            # Reading them stays: whether a table has any is found out by asking.
            tuple(f"application-autoscaling:{verb}*" for verb in ("Delete", "Deregister", "Put", "Register")),
        ),
        Only(("KinesisStreamSpecification",), ("kinesis:*",)),
        Only(("KMSMasterKeyId",), _KEY),
    ),
    "AWS::IAM::Role": (Only(("ManagedPolicyArns",), ("iam:AttachRolePolicy",)),),
    "AWS::Lambda::Function": (
        Only(("S3Bucket",), ("s3:GetObject", "s3:GetObjectVersion")),
        Only(("VpcConfig",), ("ec2:Describe*",)),
        Only(("FileSystemConfigs",), ("elasticfilesystem:*", "s3files:*")),
        Only(("KmsKeyArn", "SourceKMSKeyArn"), _KEY),
        Only(("Layers",), ("lambda:GetLayerVersion",)),
        Only(("CodeSigningConfigArn",), ("lambda:GetCodeSigningConfig",)),
        Only(("CapacityProviderConfig",), ("lambda:PassCapacityProvider",)),
    ),
    "AWS::Logs::LogGroup": (
        Only(("DataProtectionPolicy",), ("logs:CreateLogDelivery", "s3:*", "firehose:*")),
        Only(("FieldIndexPolicies",), ("logs:PutIndexPolicy", "logs:DeleteIndexPolicy")),
        Only(("ResourcePolicyDocument",), ("logs:PutResourcePolicy", "logs:DeleteResourcePolicy")),
    ),
    "AWS::S3::Bucket": (Only(("MetadataConfiguration", "MetadataTableConfiguration"), ("s3tables:*",)),),
}
# Operations of S3's API, listed as if they were actions; IAM has each under another name, which is listed as well.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
NO_ACTIONS = frozenset(
    f"s3:{name}"
    for name in (
        "DeleteBucketAnalyticsConfiguration",
        "DeleteBucketCors",
        "DeleteBucketEncryption",
        "DeleteBucketLifecycle",
        "DeleteBucketMetricsConfiguration",
        "DeleteBucketReplication",
        "DeleteBucketTagging",
        "PutBucketReplication",
        "PutObjectLockConfiguration",
    )
)


def why_unneeded(action: str, resource: BoundResource) -> str | None:
    """Return why a handler's action is not needed for this resource, or None if it is."""
    if action in NO_ACTIONS:
        return "IAM has no action of this name"
    for only in FOR_PROPERTIES.get(resource.type, ()):
        concerned = any(fnmatchcase(action, pattern) for pattern in only.actions)
        if concerned and not any(resource.says(name) for name in only.properties):
            return f"for {' or '.join(only.properties)} of {resource.type}"
    return None


# What the handlers' lists lack, by verb and type.
EXTRAS: dict[tuple[Verb, str], tuple[tuple[str, str], ...]] = {
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2gt_IAM.html
    (Verb.DESTROY, "AWS::DynamoDB::GlobalTable"): (
        ("dynamodb:DeleteTableReplica", "DynamoDB wants it for each replica; the delete handler's list lacks it"),
    ),
    # With IncludeNestedStacks CloudFormation makes, runs and deletes change sets of nested stacks, and tags these. That
    # it takes the role's permissions for it, and which exactly, is unverified.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/change-sets-for-nested-stacks.html
    (Verb.PLAN, NESTED_STACK): (
        ("cloudformation:CreateChangeSet", "change sets of nested stacks, made with their root's"),
        ("cloudformation:DeleteChangeSet", "change sets of nested stacks, deleted with their root's"),
        ("cloudformation:DeleteStack", "nested stacks that only waited for a change set"),
        ("cloudformation:DescribeChangeSet", "change sets of nested stacks"),
        ("cloudformation:TagResource", "the root's tags on nested stacks"),
    ),
    (Verb.EXECUTE, NESTED_STACK): (
        ("cloudformation:CreateChangeSet", "change sets of nested stacks, made on the way"),
        ("cloudformation:DeleteChangeSet", "change sets of nested stacks, deleted with their root's"),
        ("cloudformation:DescribeChangeSet", "change sets of nested stacks"),
        ("cloudformation:ExecuteChangeSet", "change sets of nested stacks, executed with their root's"),
        ("cloudformation:TagResource", "the root's tags on nested stacks"),
        ("cloudformation:UntagResource", "tags that a root no longer has"),
    ),
}


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
    for action, because in EXTRAS.get((verb, resource.type), ()):
        granted.append(Grant(action, place_of(action, resource, setting), because))
    warnings = () if resource.type in GROUNDS else (f"{resource.type}: its actions are allowed on anything",)
    return Rights(tuple(granted), tuple(left_out), warnings if granted else ())


def _why_not(action: str, resource: BoundResource, place: GrantTarget, *, whole: bool) -> str | None:
    if action == LIFTS_BOUNDARY and "PermissionsBoundary" in resource.properties:
        return "it would lift the permissions boundary"
    if not place.arns:
        return f"for a role that a {resource.type} hands over"
    return None if whole else why_unneeded(action, resource)


# AWS names the whole service for it, on anything; that these are all it calls is unverified.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html
ON_INSTANCES: dict[str, str] = {
    "cloudformation:CreateStack": "an instance that is new",
    "cloudformation:UpdateStack": "an instance that a change reaches",
    "cloudformation:DeleteStack": "an instance that goes",
    "cloudformation:TagResource": "the set's tags on an instance",
    "cloudformation:UntagResource": "tags that the set no longer has",
    "cloudformation:DescribeStacks": "how far an instance is, and its outputs",
    "cloudformation:DescribeStackEvents": "why an instance failed",
    "cloudformation:DescribeStackResource": "what an instance holds",
    "cloudformation:DescribeStackResources": "what an instance holds",
    "cloudformation:ListStackResources": "what an instance holds",
    "cloudformation:GetTemplate": "what an instance runs now",
    "cloudformation:DetectStackDrift": "drift detection of the set",
    "cloudformation:DetectStackResourceDrift": "drift detection of the set",
    "cloudformation:DescribeStackResourceDrifts": "what drifted",
}
"""What StackSets does with an instance's stack, each with its reason."""
ON_ANYTHING: dict[str, str] = {
    "cloudformation:GetTemplateSummary": "the template's parameters, before there is a stack",
    "cloudformation:ValidateTemplate": "the template, before there is a stack",
    "cloudformation:DescribeStackDriftDetectionStatus": "how far drift detection is; IAM knows no resource for it",
}
"""What it does before there is a stack, or where IAM knows none, each with its reason."""


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
