"""What whoever runs a verb has to be allowed: our own calls, and without a service role CloudFormation's as well."""

from dataclasses import dataclass

from builder.assembly.bound import Bound
from builder.policy.calls import CALLS, On
from builder.policy.places import GROUNDS
from builder.policy.records import ANY, NOWHERE_IN_PARTICULAR, Grant, Place, Rights, Setting
from builder.policy.resource import each_resource
from builder.policy.service_role import service_role_rights
from builder.policy.verbs import Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who runs the verb, and how."""

    deployment: str
    """`tap-dev`: the value of the tag that its stacks carry, and how its change sets' names begin."""
    tag: str
    """The key of that tag."""
    role_arn: str | None = None
    """The role that CloudFormation takes, where it takes one."""
    artifacts_bucket: str | None = None
    """Where templates that are too large for a request go; `{region}` stands for a stack's region."""


def caller_rights(
    bounds: tuple[Bound, ...], setting: Setting, verb: Verb, caller: Caller, *, whole: bool = False
) -> Rights:
    """Return what the caller needs for a verb; `whole` as in `service_role_rights`."""
    granted = tuple(
        Grant(action, place, f"{call.operation}: {call.because}")
        for call in CALLS[verb]
        for action, on in call.needs
        if (place := _place(on, bounds, setting, caller)).arns
    )
    own = Rights(granted)
    return own if caller.role_arn else own + service_role_rights(bounds, setting, verb, whole=whole)


def _place(on: On, bounds: tuple[Bound, ...], setting: Setting, caller: Caller) -> Place:
    stacks = tuple(
        setting.arn("cloudformation", bound.entry.region, f"stack/{bound.entry.name}/{ANY}") for bound in bounds
    )
    tag = f"aws:ResourceTag/{caller.tag}"
    names = (f"{caller.deployment}-{ANY}",)
    change_sets = setting.arn("cloudformation", ANY, f"changeSet/{names[0]}/{ANY}")
    match on:
        case On.ANYTHING:
            return NOWHERE_IN_PARTICULAR
        case On.STACKS:
            return Place("Stacks", stacks)
        case On.TAGGED_STACKS:
            any_stack = setting.arn("cloudformation", ANY, f"stack/{ANY}")
            return Place("TaggedStacks", (any_stack,), (("StringEquals", tag, (caller.deployment,)),))
        case On.UNTAGGED_STACKS:
            # Unverified that a stack in review has none of its change sets' tags yet; if it had, it would stay.
            return Place("UntaggedStacks", stacks, (("Null", tag, ("true",)),))
        case On.NEW_CHANGE_SETS:
            role = (("StringEquals", "cloudformation:RoleArn", (caller.role_arn,)),) if caller.role_arn else ()
            return Place("NewChangeSets", stacks, (("StringLike", "cloudformation:ChangeSetName", names), *role))
        case On.OUR_CHANGE_SETS:
            # We name them by ARN; whether AWS then compares the ARN, the name or nothing is unverified: all three pass.
            tests = (("StringLikeIfExists", "cloudformation:ChangeSetName", (*names, change_sets)),)
            return Place("OurChangeSets", stacks, tests)
        case On.CHANGE_SETS:
            return Place("ChangeSets", (change_sets,))
        case On.SERVICE_ROLE:
            tests = (("StringEquals", "iam:PassedToService", ("cloudformation.amazonaws.com",)),)
            return Place("ServiceRole", (caller.role_arn,) if caller.role_arn else (), tests)
        case On.ARTIFACTS:
            return Place("Artifacts", _artifacts(bounds, setting, caller.artifacts_bucket))
        case On.OBJECTS:
            return Place("Objects", tuple(f"{arn}/{ANY}" for arn in _grounds("AWS::S3::Bucket", bounds, setting)))
        case On.BUCKETS:
            return Place("Buckets", _grounds("AWS::S3::Bucket", bounds, setting))
        case On.TABLES:
            return Place("Tables", _grounds("AWS::DynamoDB::GlobalTable", bounds, setting))
        case On.FUNCTIONS:
            return Place("Functions", _grounds("AWS::Lambda::Function", bounds, setting))


def _artifacts(bounds: tuple[Bound, ...], setting: Setting, bucket: str | None) -> tuple[str, ...]:
    if bucket is None:
        return ()
    names = (bucket.replace("{region}", bound.entry.region) for bound in bounds)
    return tuple(dict.fromkeys(setting.arn("s3", "", f"{name}/{ANY}") for name in names))


def _grounds(type_name: str, bounds: tuple[Bound, ...], setting: Setting) -> tuple[str, ...]:
    resources = (resource for resource in each_resource(bounds) if resource.type == type_name)
    arns = (arn for resource in resources for arn in GROUNDS[type_name].place(resource, setting).arns)
    return tuple(dict.fromkeys(arns))
