"""What CloudFormation has to be allowed, and the caller of a verb.

First what CloudFormation needs, as its service role or in a fleet's account: what the types' handlers call. The table
in service_role.yaml corrects what their schemas have wrong or too broad. Then what each verb itself calls in AWS, from
the table in calls.yaml, and on which ARNs; without a service role the caller needs CloudFormation's rights as well.
Source: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

from builder.assembly.assets import BUCKET_PARAMETER, REGION
from builder.assembly.bound import Bound
from builder.policy.buckets import BATCH_SERVICE, batch_jobs, batch_roles, paired_buckets
from builder.policy.document import (
    ANY,
    NOWHERE_IN_PARTICULAR,
    Grant,
    GrantTarget,
    LeftOut,
    PolicyContext,
    Rights,
    Test,
    Verb,
)
from builder.policy.existing import data_places, promotion_records
from builder.policy.resource import (
    ACTION_ARNS,
    LIFTS_BOUNDARY,
    BoundResource,
    child_templates,
    each_nested,
    each_resource,
    encryption_keys,
    kept_values,
    place_of,
    transforms,
)
from builder.resource_types import ALARM, BUCKET, FUNCTION, FUNCTION_URL, KEYS, LOG_GROUP, STACK_SET, TABLES, TOPIC

_TAGGING = "tagging"
_ROLE_TABLE = yaml.load(Path(__file__).with_name("service_role.yaml").read_bytes(), Loader=yaml.CSafeLoader)


def permissions(type_name: str, region: str, verb: Verb) -> dict[str, tuple[str, ...]] | None:
    """Return each action that CloudFormation may call for a resource type, with the handlers that call it.

    None if AWS documents no handlers of the type: a custom resource, or a type whose schema lists none.
    """
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, type_name).schema
    except ResourceNotFoundError:
        return None
    lists = {**schema.get("handlers", {}), _TAGGING: schema.get(_TAGGING, {})}
    if len(lists) == 1:
        return None
    actions: dict[str, list[str]] = {}
    for handler in _ROLE_TABLE["handlers"][verb]:
        for action in _listed(lists.get(handler)):
            actions.setdefault(action, []).append(handler)
    return {action: tuple(handlers) for action, handlers in actions.items()}


def _listed(handler: object) -> Iterator[str]:
    listed = handler.get("permissions", []) if isinstance(handler, dict) else []
    yield from dict.fromkeys(str(action) for action in listed)


@dataclass(frozen=True, slots=True)
class Only:
    """Actions that a handler calls only for some properties."""

    properties: tuple[str, ...]
    actions: tuple[str, ...]
    """Patterns, only of actions beyond the resource's own ARN: a caller who may delete it may as well change it."""


FOR_PROPERTIES = {
    type_name: tuple(Only(tuple(row["properties"]), tuple(row["actions"])) for row in rows)
    for type_name, rows in _ROLE_TABLE["for properties"].items()
}
NO_ACTIONS = frozenset(_ROLE_TABLE["no actions"])


def why_unneeded(action: str, resource: BoundResource) -> str | None:
    """Return why this resource does not need a handler's action, or None if it does."""
    if action in NO_ACTIONS:
        return "IAM has no action of this name"
    for only in FOR_PROPERTIES.get(resource.type, ()):
        concerned = any(fnmatchcase(action, pattern) for pattern in only.actions)
        if concerned and not any(resource.says(name) for name in only.properties):
            return f"for {' or '.join(only.properties)} of {resource.type}"
    return None


def extras(verb: Verb, type_name: str) -> dict[str, str]:
    """Return what a type's handler lists lack for a verb, each action with its reason."""
    lacking: dict[str, str] = _ROLE_TABLE["extras"].get(verb, {}).get(type_name, {})
    return lacking


def service_role_rights(
    bounds: tuple[Bound, ...], context: PolicyContext, verb: Verb, *, whole: bool = False
) -> Rights:
    """Return what CloudFormation needs for a verb.

    `whole` includes all of the handlers' lists: for a template that stops using a property, or in case AWS checks more
    than these templates seem to need.
    """
    rights = Rights()
    for resource in each_resource(bounds):
        rights += _rights_of(resource, context, verb, whole=whole)
    if verb in {Verb.PLAN, Verb.EXECUTE, Verb.PROMOTE} and (templates := child_templates(bounds, context)):
        place = GrantTarget("ChildTemplates", templates)
        actions = ("s3:GetObject", "s3:GetObjectVersion")
        rights += Rights(tuple(Grant(action, place, "templates of nested stacks") for action in actions))
    return rights


def _rights_of(resource: BoundResource, context: PolicyContext, verb: Verb, *, whole: bool) -> Rights:
    listed = permissions(resource.type, resource.region, verb)
    if listed is None:
        where = f"{resource.bound.entry.id}: {resource.logical_id} ({resource.type})"
        return Rights(warnings=(f"{where}: its schema lists no permissions; add by hand what it needs",))
    granted, left_out = [], []
    for action, handlers in listed.items():
        because = f"{', '.join(handlers)} of {resource.type}"
        place = place_of(action, resource, context)
        unneeded = _why_not(action, resource, place, whole=whole)
        if unneeded:
            left_out.append(LeftOut(action, unneeded))
        else:
            granted.append(Grant(action, place, because))
    for action, because in extras(verb, resource.type).items():
        if not whole and why_unneeded(action, resource):
            continue
        granted.append(Grant(action, place_of(action, resource, context), because))
    warnings = () if resource.type in ACTION_ARNS else (f"{resource.type}: its actions are allowed on anything",)
    return Rights(tuple(granted), tuple(left_out), warnings if granted else ())


def _why_not(action: str, resource: BoundResource, place: GrantTarget, *, whole: bool) -> str | None:
    if action == LIFTS_BOUNDARY and "PermissionsBoundary" in resource.properties:
        return "it would lift the permissions boundary"
    if not place.arns:
        return f"for a role that a {resource.type} hands over"
    return None if whole else why_unneeded(action, resource)


ON_INSTANCES: dict[str, str] = _ROLE_TABLE["on instances"]
ON_ANYTHING: dict[str, str] = _ROLE_TABLE["on anything"]


def execution_role_rights(bounds: tuple[Bound, ...], context: PolicyContext, fleet: str) -> Rights:
    """Return what the role needs; `fleet` is the prefix of its StackSets' names, `tap-${EnvironmentSuffix}-`."""
    instances = tuple(replace(bound, entry=replace(bound.entry, name=_instance(fleet, bound))) for bound in bounds)
    stacks = GrantTarget("Instances", (context.arn("cloudformation", ANY, f"stack/StackSet-{fleet}{ANY}/{ANY}"),))
    own = (
        *(Grant(action, stacks, because) for action, because in ON_INSTANCES.items()),
        *(Grant(action, NOWHERE_IN_PARTICULAR, because) for action, because in ON_ANYTHING.items()),
    )
    verbs = (service_role_rights(instances, context, verb) for verb in (Verb.EXECUTE, Verb.DESTROY))
    return sum(verbs, Rights(own))


def _instance(fleet: str, bound: Bound) -> str:
    """Return the name of a stack that StackSets creates, as far as it is known before."""
    # A nested stack's name begins with its parent's.
    return f"StackSet-{fleet}{'-'.join(bound.entry.id.split('/')[:2])}-{ANY}"


class On(Enum):
    """The resources on which an action is allowed."""

    ANYTHING = auto()
    STACKS = auto()
    """The assembly's stacks, by name: a stack that does not exist yet has no tag."""
    TAGGED_STACKS = auto()
    """Every stack with the deployment's tag, in any region, also those that the assembly no longer has."""
    EVERY_STACK = auto()
    """Every stack of the account: an adopted stack may be in no assembly yet."""
    POLICY_STACKS = auto()
    """The assembly's stacks that are to have a stack policy."""
    UNTAGGED_STACKS = auto()
    """The assembly's stacks, by name, without that tag: none of their change sets was ever executed."""
    NEW_CHANGE_SETS = auto()
    """The assembly's stacks, for change sets of our names, with the service role where there is one."""
    TRANSFORMS = auto()
    """The templates' transforms: AWS's own, and macros of the account."""
    OUR_CHANGE_SETS = auto()
    """The assembly's stacks, for change sets of our names."""
    CHANGE_SETS = auto()
    """Change sets of our names, by their own ARNs."""
    SERVICE_ROLE = auto()
    ARTIFACTS = auto()
    """Objects in the buckets for code and templates."""
    ARTIFACT_BUCKETS = auto()
    CHILD_TEMPLATES = auto()
    """The templates of nested stacks, where they are in S3."""
    KEPT_VALUES = auto()
    """The SSM parameters whose values stacks take."""
    PROMOTION = auto()
    """The SSM parameter that records a region's promotion, if there is a table to move."""
    BUCKETS = auto()
    PAIRED_BUCKETS = auto()
    """Buckets that replicate to each other."""
    OBJECTS = auto()
    BATCH_ROLES = auto()
    """The roles by which S3 replicates objects from before a rule."""
    JOBS = auto()
    """The account's jobs of S3 Batch Operations, in the regions that have buckets."""
    EXISTING_BUCKETS = auto()
    """Buckets that existed before."""
    TABLES = auto()
    EXISTING_TABLES = auto()
    """Tables that existed before, in any region."""
    STREAMS = auto()
    """The streams of both."""
    GLOBAL_TABLES = auto()
    """Tables that existed before, as global tables of DynamoDB's first version."""
    TABLE_KEYS = auto()
    """Any key, if a table is or may be encrypted by one."""
    TABLE_ALIASES = auto()
    """The listing of keys' aliases, in the same case."""
    EVERY_TABLE = auto()
    """Calls that list something of all tables, if there are any."""
    KEYS = auto()
    """The keys of encrypted tables and buckets, as these services use them for the caller."""
    LOG_GROUPS = auto()
    OWN_KEYS = auto()
    """The assembly's own keys."""
    FUNCTIONS = auto()
    FUNCTION_ROLES = auto()
    """The roles that the functions run with."""
    EXPERIMENTS = auto()
    """The experiment that pauses replication, and what is started from it."""
    ALARMS = auto()
    """Every alarm of the regions with any of the assembly's: *unverified* whether AWS checks the requested names or
    all."""
    EXPERIMENT_ALARMS = auto()
    """Every alarm of the regions with an experiment: an alarm that stops it may be in any stack, or in none."""
    TOPICS = auto()
    SIGNED_FUNCTIONS = auto()
    """Functions with a URL that requires, or may require, signed requests."""
    ACCOUNT_ROLES = auto()
    """The roles in other accounts for their stacks."""
    EVERY_STACK_SET = auto()
    """Every StackSet of the account, of any deployment."""
    STACK_SETS = auto()
    """The fleet's StackSets, with the targets of their operations."""
    INSTANCE_ROLES = auto()
    """The role in each of the fleet's accounts."""
    ORGANIZATION = auto()
    """The organization as a whole, if sets target it."""
    UNITS = auto()
    """The organization's units, if sets target them."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation, by botocore's name, with the actions that AWS checks for it."""

    service: str
    operation: str
    because: str
    needs: tuple[tuple[str, On], ...] = ()


_CALL_TABLE = yaml.load(Path(__file__).with_name("calls.yaml").read_bytes(), Loader=yaml.CSafeLoader)


def _read(rows: Sequence[str | Mapping[str, Any]]) -> Iterator[Call]:
    for row in rows:
        match row:
            case str():
                yield from _read(_CALL_TABLE["shared"][row])
            case {"all of": verb, "only": operations}:
                yield from (call for call in _read(_CALL_TABLE["verbs"][verb]) if call.operation in operations.split())
            case {"all of": verb}:
                yield from _read(_CALL_TABLE["verbs"][verb])
            case _:
                yield _read_call(**row)


def _read_call(call: str, because: str, *, at: str = "", by: str = "", needs: Mapping[str, str] | None = None) -> Call:
    service, _, operation = call.partition(":")
    needed = needs or dict.fromkeys(by.split() or (call,), at)
    pairs = tuple((action, On[name]) for action, names in needed.items() for name in names.split())
    return Call(service, operation, because, pairs)


CALLS = {Verb(verb): tuple(_read(rows)) for verb, rows in _CALL_TABLE["verbs"].items()}
FAULT_CALLS = {fault: tuple(_read(rows)) for fault, rows in _CALL_TABLE["faults"].items()}
"""What a drill calls for a kind of fault, beyond what every drill does; reserved concurrency is every drill's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCaller:
    """The caller of the verb, and its options."""

    deployment: str
    """`tap-dev`: the value of its stacks' tag, and the prefix of its change sets' names."""
    tag: str
    """The key of that tag."""
    role_arn: str | None = None
    """The role that CloudFormation assumes, if any."""
    artifacts_bucket: str | None = None
    """The bucket for templates that are too large for a request; `{region}` stands for a stack's region."""
    asset_buckets: tuple[str, ...] = ()
    """Other buckets from which templates take files, in the same form."""
    account_roles: tuple[str, ...] = ()
    """The roles in other accounts for their stacks."""
    faults: tuple[str, ...] = ()
    """The kinds of fault that are drilled; none stands for those without calls beyond every drill's."""
    instance_role: str | None = None
    """The name of the role in each account of a fleet; None for the execution role of its sets."""


def caller_rights(
    bounds: tuple[Bound, ...], context: PolicyContext, verb: Verb, caller: PolicyCaller, *, whole: bool = False
) -> Rights:
    """Return what the caller needs for a verb; `whole` as in `service_role_rights`."""
    places = _places(bounds, context, caller)
    more = [call for fault in caller.faults for call in FAULT_CALLS[fault]] if verb is Verb.DRILL else []
    granted = tuple(
        Grant(action, places[on], f"{call.operation}: {call.because}")
        for call in (*CALLS[verb], *more)
        for action, on in call.needs
        if places[on].arns
    )
    own = Rights(granted)
    # Drift is detected with the caller's permissions, whatever role the stack has.
    by_role = caller.role_arn and verb is not Verb.DRIFT
    return own if by_role else own + service_role_rights(bounds, context, verb, whole=whole)


def _places(bounds: tuple[Bound, ...], context: PolicyContext, caller: PolicyCaller) -> dict[On, GrantTarget]:
    # A template that was not read is known only by its stack's name; stacks below it have longer names.
    names = [(bound, bound.entry.name) for bound in bounds]
    nested = [
        (nested_stack.bound, f"{nested_stack.bound.entry.name}-{nested_stack.logical_id}-{ANY}")
        for nested_stack in each_nested(bounds)
    ]
    stacks = tuple(
        dict.fromkeys(
            context.arn("cloudformation", bound.entry.region, f"stack/{name}/{ANY}")
            for bound, name in (*names, *nested)
        )
    )
    name, tag = f"{caller.deployment}-{ANY}", f"aws:ResourceTag/{caller.tag}"
    named, role = "cloudformation:ChangeSetName", "cloudformation:RoleArn"
    change_sets = context.arn("cloudformation", ANY, f"changeSet/{name}/{ANY}")
    roles = (caller.role_arn,) if caller.role_arn else ()
    with_role: tuple[Test, ...] = (("StringEquals", role, roles),) if roles else ()
    to_cloudformation: Test = ("StringEquals", "iam:PassedToService", ("cloudformation.amazonaws.com",))
    to_batch: Test = ("StringEquals", "iam:PassedToService", (BATCH_SERVICE,))
    buckets = _arns_of(bounds, context, BUCKET)
    tables = _arns_of(bounds, context, *TABLES)
    artifacts = _artifacts(bounds, context, (caller.artifacts_bucket, *caller.asset_buckets))
    return {
        On.ANYTHING: NOWHERE_IN_PARTICULAR,
        On.STACKS: GrantTarget("Stacks", stacks),
        On.POLICY_STACKS: GrantTarget(
            "PolicyStacks",
            tuple(
                context.arn("cloudformation", bound.entry.region, f"stack/{bound.entry.name}/{ANY}")
                for bound in bounds
                if bound.entry.stack_policy is not None
            ),
        ),
        On.TAGGED_STACKS: GrantTarget(
            "TaggedStacks",
            (context.arn("cloudformation", ANY, f"stack/{ANY}/{ANY}"),),
            (("StringEquals", tag, (caller.deployment,)),),
        ),
        On.EVERY_STACK: GrantTarget("EveryStack", (context.arn("cloudformation", ANY, f"stack/{ANY}/{ANY}"),)),
        # *Unverified* that a stack in review has none of its change sets' tags yet; if it has, it stays.
        On.UNTAGGED_STACKS: GrantTarget("UntaggedStacks", stacks, (("Null", tag, ("true",)),)),
        On.NEW_CHANGE_SETS: GrantTarget("NewChangeSets", stacks, (("StringLike", named, (name,)), *with_role)),
        # We name them by ARN; *unverified* whether AWS then compares the ARN, the name or nothing: all three pass.
        On.OUR_CHANGE_SETS: GrantTarget("OurChangeSets", stacks, (("StringLikeIfExists", named, (name, change_sets)),)),
        On.CHANGE_SETS: GrantTarget("ChangeSets", (change_sets,)),
        On.TRANSFORMS: GrantTarget("Transforms", transforms(bounds, context)),
        On.SERVICE_ROLE: GrantTarget("ServiceRole", roles, (to_cloudformation,)),
        On.ARTIFACTS: GrantTarget("Artifacts", tuple(f"{arn}/{ANY}" for arn in artifacts)),
        On.ARTIFACT_BUCKETS: GrantTarget("ArtifactBuckets", artifacts),
        On.CHILD_TEMPLATES: GrantTarget("ChildTemplates", child_templates(bounds, context)),
        On.KEPT_VALUES: GrantTarget("KeptValues", kept_values(bounds, context)),
        On.BUCKETS: GrantTarget("Buckets", buckets),
        On.PAIRED_BUCKETS: GrantTarget("PairedBuckets", paired_buckets(bounds, context)),
        On.OBJECTS: GrantTarget("Objects", tuple(f"{arn}/{ANY}" for arn in buckets)),
        On.BATCH_ROLES: GrantTarget("BatchRoles", batch_roles(bounds, context), (to_batch,)),
        On.JOBS: GrantTarget("Jobs", batch_jobs(bounds, context)),
        On.TABLES: GrantTarget("Tables", tables),
        On.PROMOTION: GrantTarget("Promotion", promotion_records(bounds, context, caller.deployment)),
        **{On[name]: target for name, target in data_places(bounds, context, tables).items()},
        On.KEYS: encryption_keys(bounds, context),
        On.OWN_KEYS: GrantTarget("OwnKeys", _arns_of(bounds, context, *KEYS)),
        On.LOG_GROUPS: GrantTarget("LogGroups", _arns_of(bounds, context, LOG_GROUP)),
        On.ACCOUNT_ROLES: GrantTarget("AccountRoles", caller.account_roles),
        On.FUNCTIONS: GrantTarget("Functions", _arns_of(bounds, context, FUNCTION)),
        On.FUNCTION_ROLES: GrantTarget(
            "FunctionRoles",
            _gathered(bounds, lambda function: place_of("iam:PassRole", function, context).arns, FUNCTION),
        ),
        On.EXPERIMENTS: GrantTarget("Experiments", _arns_of(bounds, context, "AWS::FIS::ExperimentTemplate")),
        On.ALARMS: GrantTarget("EveryAlarm", _gathered(bounds, partial(_every_alarm, context), ALARM)),
        On.EXPERIMENT_ALARMS: GrantTarget(
            "ExperimentAlarms", _gathered(bounds, partial(_every_alarm, context), "AWS::FIS::ExperimentTemplate")
        ),
        On.TOPICS: GrantTarget("Topics", _arns_of(bounds, context, TOPIC)),
        On.SIGNED_FUNCTIONS: GrantTarget(
            "SignedFunctions", _gathered(bounds, lambda url: _signed(url, context), FUNCTION_URL)
        ),
        **_fleet_places(bounds, context, caller),
    }


def _fleet_places(bounds: tuple[Bound, ...], context: PolicyContext, caller: PolicyCaller) -> dict[On, GrantTarget]:
    sets = tuple(resource for resource in each_resource(bounds) if resource.type == STACK_SET)
    roles = (caller.instance_role,) if caller.instance_role else (set_.text("ExecutionRoleName") for set_ in sets)
    anywhere = replace(context, account=ANY)
    follow = any(set_.text("PermissionModel") == "SERVICE_MANAGED" for set_ in sets)
    below = ("root/o-*/r-*", "ou/o-*/ou-*") if follow else ()
    return {
        On.EVERY_STACK_SET: GrantTarget(
            "EveryStackSet", (context.arn("cloudformation", ANY, f"stackset/{ANY}:{ANY}"),)
        ),
        On.STACK_SETS: GrantTarget("StackSets", _arns_of(bounds, context, STACK_SET)),
        On.INSTANCE_ROLES: GrantTarget(
            "InstanceRoles", tuple(dict.fromkeys(anywhere.arn("iam", "", f"role/{name}") for name in roles if name))
        ),
        On.ORGANIZATION: NOWHERE_IN_PARTICULAR if follow else GrantTarget("Organization", ()),
        On.UNITS: GrantTarget("Units", tuple(anywhere.arn("organizations", "", path) for path in below)),
    }


def _artifacts(bounds: tuple[Bound, ...], context: PolicyContext, buckets: Sequence[str | None]) -> tuple[str, ...]:
    """Return the buckets for large templates, and those from which stacks take code."""
    large = [bucket.replace(REGION, bound.entry.region) for bucket in buckets if bucket for bound in bounds]
    given = [bound.entry.parameters.get(BUCKET_PARAMETER) for bound in bounds]
    names = (*large, *(name for name in given if isinstance(name, str)))
    return tuple(dict.fromkeys(context.arn("s3", "", name) for name in names))


def _arns_of(bounds: tuple[Bound, ...], context: PolicyContext, *types: str) -> tuple[str, ...]:
    return _gathered(bounds, lambda resource: ACTION_ARNS[resource.type].place(resource, context).arns, *types)


def _every_alarm(context: PolicyContext, beside: BoundResource) -> tuple[str, ...]:
    return (context.arn("cloudwatch", beside.region, f"alarm:{ANY}"),)


def _signed(url: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    return () if url.text("AuthType") == "NONE" else ACTION_ARNS[FUNCTION_URL].place(url, context).arns


def _gathered(
    bounds: tuple[Bound, ...], arns_of: Callable[[BoundResource], tuple[str, ...]], *types: str
) -> tuple[str, ...]:
    arns = (arn for resource in each_resource(bounds) if resource.type in types for arn in arns_of(resource))
    return tuple(dict.fromkeys(arns))


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRequest:
    """The verbs of one policy, and their caller."""

    verbs: tuple[Verb, ...]
    caller: PolicyCaller
    of_service_role: bool = False
    """Whether it is CloudFormation's policy instead of the caller's."""
    whole: bool = False
    """Whether it includes everything in the resource types' schemas."""


def make_rights(bounds: tuple[Bound, ...], context: PolicyContext, request: PolicyRequest) -> Rights:
    """Return what is needed, verb after verb."""
    rights = Rights()
    for verb in request.verbs:
        if request.of_service_role:
            rights += service_role_rights(bounds, context, verb, whole=request.whole)
        else:
            rights += caller_rights(bounds, context, verb, request.caller, whole=request.whole)
    return rights
