"""An assembly's templates, bound to their stacks and nested stacks; their resources as IAM names them.

For each resource: where each action on it is allowed.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from builder.assembly.bound import Bound, bind_entries
from builder.assembly.components import OutputOf
from builder.assembly.store import Assembly
from builder.errors import BuilderError
from builder.policy.document import ANY, NOWHERE_IN_PARTICULAR, GrantTarget, PolicyContext, Test
from builder.resource_types import (
    ALARM,
    BUCKET,
    FUNCTION,
    FUNCTION_URL,
    GLOBAL_TABLE,
    KEY,
    LOG_GROUP,
    NESTED_STACK,
    REPLICA_KEY,
    ROLE,
    STACK_SET,
    TABLE,
    TOPIC,
)
from builder.resource_types.facts import ARN_FORMATS, key_property, name_property, service_linked_role, service_prefix
from builder.template import Template, find_object, properties_of, read_template
from builder.terms import Region, StackId

ReadUrl = Callable[[Region, str], str | None]
"""Returns the template at a TemplateURL, searched from a region; None if it is not in S3."""
_DEPTH = 8


def bind_templates(assembly: Assembly) -> tuple[Bound, ...]:
    """Return every stack with its template. Raises BadInput for a file that is no template."""
    return bind_entries(assembly.manifest, assembly.templates)


def of_account(bounds: tuple[Bound, ...], account: str, home: str | None) -> tuple[Bound, ...]:
    """Return the stacks of an account: those that name it, and for the home account those that name none.

    Without a `home`, the home account is any that no stack names.
    """
    named = {bound.entry.account for bound in bounds}
    is_home = account == home if home else account not in named
    return tuple(
        bound for bound in bounds if bound.entry.account == account or (is_home and bound.entry.account is None)
    )


def bind_nested(
    bounds: tuple[Bound, ...], context: PolicyContext, read: ReadUrl
) -> tuple[tuple[Bound, ...], tuple[str, ...]]:
    """Return the stacks with those nested in them, to any depth, and a warning for each that was not read.

    A nested stack's name is known except for its end. An unread one is returned without its resources.
    """
    every: list[Bound] = []
    warnings: list[str] = []
    level = bounds
    for _ in range(_DEPTH):
        every += level
        below = [
            _nested(bound, name, body, context, read) for bound in level for name, body in bound.resources(NESTED_STACK)
        ]
        warnings += [warning for _, warning in below if warning]
        level = tuple(bound for bound, _ in below)
        if not level:
            break
    return tuple(every), tuple(warnings)


def _nested(
    parent: Bound, name: str, body: Mapping[str, object], context: PolicyContext, read: ReadUrl
) -> tuple[Bound, str]:
    properties = properties_of(body)
    given = properties.get("Parameters")
    entry = replace(
        parent.entry,
        id=StackId(f"{parent.entry.id}/{name}"),
        name=f"{parent.entry.name}-{name}-{ANY}",
        parameters={
            str(key): text if (text := parent.text(value)) is not None else OutputOf((parent.entry.id, str(key)))
            for key, value in (given.items() if isinstance(given, dict) else ())
        },
    )
    url = parent.text(properties.get("TemplateURL"))
    template, why = _read(parent, url and context.fill(url), read)
    warning = f"{entry.id}: its template {why}: add by hand what its resources need" if why else ""
    return Bound(entry, url or "", template), warning


def _read(parent: Bound, url: str | None, read: ReadUrl) -> tuple[Template, str]:
    """Return the template at a nested stack's URL, or why it is unknown."""
    if url is None:
        return Template(), "lies nobody can tell where before the deployment"
    try:
        text = read(parent.entry.region, url)
        return (read_template(text, url), "") if text is not None else (Template(), f"does not lie in S3 ({url})")
    except BuilderError as error:
        return Template(), f"could not be read from {url} ({error.what})"


# The suffix of a name that CloudFormation generates, after a hyphen. Where the whole would be too long, stack name and
# logical id get half of the rest each; AWS documents neither, so less than the half is relied on.
_TAIL = 12
_SURE = 20
# The most characters of a name in each service; the least of them for any other service.
_SHORTEST = 63
_CHARACTERS = {"dynamodb": 255, "iam": 64, "lambda": 64, "logs": 512}


@dataclass(frozen=True, slots=True)
class BoundResource:
    """One resource of one stack."""

    bound: Bound
    logical_id: str
    body: Mapping[str, Any]

    @property
    def type(self) -> str:
        """Its type, `AWS::S3::Bucket`."""
        return str(self.body.get("Type"))

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its properties, empty if it has none."""
        return properties_of(self.body)

    @property
    def region(self) -> str:
        """The region of its stack."""
        return self.bound.entry.region

    def text(self, name: str) -> str | None:
        """Return a property as text, or None if it is unknown."""
        return self.bound.text(self.properties.get(name))

    def says(self, name: str) -> bool:
        """Return whether a property of this name is set, at any depth."""
        return any(key == name for key, _ in _entries(self.properties))

    def entries(self) -> Iterator[tuple[str, object]]:
        """Yield every value within the properties with its property's name; functions as they are written."""
        return _entries(self.properties)


def each_resource(bounds: tuple[Bound, ...]) -> Iterator[BoundResource]:
    """Yield every resource of every stack."""
    for bound in bounds:
        for logical_id, body in bound.resources():
            yield BoundResource(bound, logical_id, body)


def each_nested(bounds: tuple[Bound, ...]) -> Iterator[BoundResource]:
    """Yield every nested stack in a template."""
    return (resource for resource in each_resource(bounds) if resource.type == NESTED_STACK)


def child_templates(bounds: tuple[Bound, ...], context: PolicyContext) -> tuple[str, ...]:
    """Return the places in S3 of nested stacks' templates, as far as they are known."""
    urls = (nested.text("TemplateURL") for nested in each_nested(bounds))
    places = [_object_at(context.fill(url)) for url in urls if url]
    return tuple(dict.fromkeys(context.arn("s3", "", place) for place in places if place))


def _object_at(url: str) -> str | None:
    """Return the bucket and key of a URL, pseudo parameters as they are; the end of a host is AWS's anyway."""
    words: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        return words.setdefault(match[0], f"word-{len(words)}-")

    place = find_object(re.sub(r"\$\{[^}]*\}", stand_in, url.replace("${AWS::URLSuffix}", "amazonaws.com")))
    if place is None:
        return None
    named = f"{place.bucket}/{place.key}"
    for word, other in words.items():
        named = named.replace(other, word)
    return named


def physical_name(resource: BoundResource, context: PolicyContext) -> str:
    """Return a resource's name, or a pattern of the name that CloudFormation generates."""
    service = ARN_FORMATS[resource.type].service
    if name_property(resource.type) in resource.properties or "BucketNamePrefix" in resource.properties:
        return context.fill(resource.bound.name_of(resource.body) or ANY)
    stack = context.fill(resource.bound.entry.name)
    made_up = f"{stack}-{resource.logical_id}-"
    if len(made_up) + _TAIL > _CHARACTERS.get(service, _SHORTEST):
        # A name that a template completes may be of any length.
        made_up = stack.partition("${")[0][:_SURE]
    return f"{made_up.lower() if service == 's3' else made_up}{ANY}"


def _entries(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    if name:
        yield name, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _entries(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _entries(item, name)


Arns = Callable[[BoundResource, PolicyContext], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ActionArns:
    """The resources on which a type's actions are allowed."""

    name: str
    """A name for people: `Tables`."""
    arns: Arns

    def place(self, resource: BoundResource, context: PolicyContext) -> GrantTarget:
        """Return the place of one resource."""
        return GrantTarget(self.name, self.arns(resource, context))


def _own(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    form = ARN_FORMATS[resource.type]
    return (context.arn(form.service, resource.region, form.resource.format(physical_name(resource, context))),)


def _own_in_every_replica_s_region(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    """Return the table's ARN in every replica's region: a replica is created and deleted with permissions there."""
    replicas = resource.properties.get("Replicas")
    listed = replicas if isinstance(replicas, list) else []
    regions = [
        resource.bound.text(replica.get("Region")) if isinstance(replica, Mapping) else None for replica in listed
    ]
    table = ARN_FORMATS[resource.type].resource.format(physical_name(resource, context))
    return tuple(dict.fromkeys(context.arn("dynamodb", region or ANY, table) for region in regions))


def _role(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    path = (resource.text("Path") or "").strip("/")
    name = physical_name(resource, context)
    return (context.arn("iam", "", f"role/{path}/{name}" if path else f"role/{name}"),)


def _log_group(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    # Tags are authorised on the group's ARN, the rest on the one with its streams.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    (group,) = _own(resource, context)
    return (group, f"{group}:*")


def _policied_topics(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    listed = resource.properties.get("Topics")
    topics = [
        BoundResource(resource.bound, name, body)
        for name, body in resource.bound.resources(TOPIC)
        if isinstance(listed, list) and {"Ref": name} in listed
    ]
    own = tuple(arn for topic in topics for arn in _own(topic, context))
    return own or (context.arn("sns", resource.region, ANY),)


def _key(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    """Return a pattern: AWS generates a key's id; that of a multi-region key begins with mrk-."""
    is_plain = resource.type == KEY and str(resource.properties.get("MultiRegion", False)).lower() != "true"
    return (context.arn("kms", resource.region, f"key/{'' if is_plain else 'mrk-'}{ANY}"),)


def _replica_key(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    """Return the replica key and its primary key, in its own region: AWS checks replication on both."""
    # Pseudo-parameters have colons of their own.
    arn = (resource.text("PrimaryKeyArn") or "").replace("AWS::", "").split(":")
    home = arn[3] if len(arn) > 3 and "$" not in arn[3] else ANY
    return (*_key(resource, context), context.arn("kms", home, f"key/mrk-{ANY}"))


def _alias(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    """Return the alias and the key that it points to: AWS checks a change of an alias on both."""
    name = context.fill(resource.text("AliasName") or f"alias/{ANY}")
    return (context.arn("kms", resource.region, name), context.arn("kms", resource.region, f"key/{ANY}"))


def _experiments(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    """Return a pattern: AWS names the template, and checks its creation on the actions in it as well."""
    return (context.arn("fis", resource.region, ANY),)


def _nested_stacks(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    """Return a pattern that begins with the parent's name; it includes the longer names of stacks nested deeper."""
    name = f"{resource.bound.entry.name}-{resource.logical_id}-{ANY}"
    return (context.arn("cloudformation", resource.region, f"stack/{name}/{ANY}"),)


def _stack_sets(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    """Return the set, and AWS's other resources of its operations: their targets, and the types that they handle.

    A delegated administrator's sets are in the management account, which its template does not name.
    """
    anywhere = replace(context, account=ANY)
    home = anywhere if resource.text("CallAs") == "DELEGATED_ADMIN" else context
    return (
        home.arn("cloudformation", resource.region, f"stackset/{resource.text('StackSetName') or ANY}:{ANY}"),
        anywhere.arn("cloudformation", ANY, f"stackset-target/{ANY}"),
        anywhere.arn("cloudformation", ANY, f"type/resource/{ANY}"),
    )


def _refers_to(type_name: str, property_name: str) -> Arns:
    """Return the function that returns the ARN of another resource, which a property has by name or ARN."""

    def arns(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
        form = ARN_FORMATS[type_name]
        name = resource.text(property_name)
        if name is None:
            return tuple(
                arn
                for other, body in resource.bound.resources(type_name)
                if resource.properties.get(property_name) in ({"Ref": other}, {"Fn::GetAtt": [other, "Arn"]})
                for arn in _own(BoundResource(resource.bound, other, body), context)
            ) or (context.arn(form.service, resource.region, form.resource.format(ANY)),)
        if name.startswith("arn:"):
            return (context.fill(name),)
        return (context.arn(form.service, resource.region, form.resource.format(name)),)

    return arns


_FUNCTIONS, _BUCKETS, _TABLES, _TOPICS = "Functions", "Buckets", "Tables", "Topics"
ACTION_ARNS: dict[str, ActionArns] = {
    NESTED_STACK: ActionArns("NestedStacks", _nested_stacks),
    STACK_SET: ActionArns("StackSets", _stack_sets),
    ALARM: ActionArns("Alarms", _own),
    GLOBAL_TABLE: ActionArns(_TABLES, _own_in_every_replica_s_region),
    TABLE: ActionArns(_TABLES, _own),
    "AWS::FIS::ExperimentTemplate": ActionArns("Experiments", _experiments),
    ROLE: ActionArns("Roles", _role),
    "AWS::KMS::Alias": ActionArns("Aliases", _alias),
    KEY: ActionArns("Keys", _key),
    REPLICA_KEY: ActionArns("ReplicaKeys", _replica_key),
    FUNCTION: ActionArns(_FUNCTIONS, _own),
    "AWS::Lambda::Permission": ActionArns(_FUNCTIONS, _refers_to(FUNCTION, "FunctionName")),
    FUNCTION_URL: ActionArns(_FUNCTIONS, _refers_to(FUNCTION, "TargetFunctionArn")),
    LOG_GROUP: ActionArns("LogGroups", _log_group),
    BUCKET: ActionArns(_BUCKETS, _own),
    "AWS::S3::BucketPolicy": ActionArns(_BUCKETS, _refers_to(BUCKET, "Bucket")),
    "AWS::SNS::Subscription": ActionArns(_TOPICS, _refers_to(TOPIC, "TopicArn")),
    TOPIC: ActionArns(_TOPICS, _own),
    "AWS::SNS::TopicPolicy": ActionArns(_TOPICS, _policied_topics),
}
"""Every type of the built-in components and of a fleet; actions of any other are allowed on anything, with a
warning."""


def encryption_keys(bounds: tuple[Bound, ...], context: PolicyContext) -> GrantTarget:
    """Return the keys of tables and buckets in their regions; only a deployment shows which key an alias has."""
    encrypted = [
        resource for resource in each_resource(bounds) if (name := key_property(resource.type)) and resource.says(name)
    ]
    places = [arn for resource in encrypted for arn in ACTION_ARNS[resource.type].place(resource, context).arns]
    # Pseudo-parameters have colons of their own.
    regions = [
        *(resource.region for resource in encrypted),
        *(arn.replace("AWS::", "").split(":")[3] for arn in places),
    ]
    arns = tuple(context.arn("kms", region, f"key/{ANY}") for region in dict.fromkeys(regions) if region)
    return GrantTarget("Keys", arns, (("StringLike", "kms:ViaService", ("dynamodb.*", "s3.*")),))


def kept_values(bounds: tuple[Bound, ...], context: PolicyContext) -> tuple[str, ...]:
    """Return the SSM parameters whose values stacks take."""
    names = [
        (bound.entry.region, bound.given(parameter) or ANY) for bound in bounds for parameter in bound.template.from_ssm
    ]
    return tuple(dict.fromkeys(context.arn("ssm", region, f"parameter/{name.lstrip('/')}") for region, name in names))


def transforms(bounds: tuple[Bound, ...], context: PolicyContext) -> tuple[str, ...]:
    """Return the ARNs of transforms: AWS's own have `aws` in place of the account.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-template.html. Only SAM's ARN is
    documented; the others are assumed to have its form.
    """
    arns = [
        replace(context, account="aws" if own else context.account).arn(
            "cloudformation", bound.entry.region, f"transform/{ANY if name is None else name.removeprefix('AWS::')}"
        )
        for bound in bounds
        for name in sorted(bound.template.called_transforms, key=str)
        for own in ([name.startswith("AWS::")] if name else [True, False])
    ]
    return tuple(dict.fromkeys(arns))


_HANDS_OVER_ROLE = "iam:PassRole"
_SERVICE_LINKED_ROLE = "iam:CreateServiceLinkedRole"
# Actions of the types in ACTION_ARNS, and of services that these pass resources to, without resources in AWS.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
WITHOUT_RESOURCE = (
    "application-autoscaling:Describe*",
    "cloudformation:CreateStackSet",
    # Of a template before there is a set.
    "cloudformation:GetTemplateSummary",
    "cloudformation:ListStackSets",
    "cloudwatch:PutMetricData",
    "dynamodb:ListTables",
    "ec2:Describe*",
    "fis:ListExperimentTemplates",
    "iam:ListRoles",
    "kinesis:ListStreams",
    "kms:CreateKey",
    "kms:ListAliases",
    "kms:ListKeys",
    "lambda:ListFunctions",
    "logs:CreateLogDelivery",
    "logs:*IndexPolic*",
    "logs:*ResourcePolic*",
    "logs:DescribeLogGroups",
    "s3:ListAllMyBuckets",
    "sns:GetSubscriptionAttributes",
    "sns:ListSubscriptions",
    "sns:ListTopics",
    "sns:SetSubscriptionAttributes",
    "sns:Unsubscribe",
)
_ON_OBJECTS = ("s3:DeleteObject", "s3:PutObjectAcl")
# These could give a role more than its boundary allows; AWS checks the role's boundary for each.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
BOUNDED = frozenset(
    f"iam:{name}"
    for name in (
        "AttachRolePolicy",
        "CreateRole",
        "DeleteRolePolicy",
        "DetachRolePolicy",
        "PutRolePermissionsBoundary",
        "PutRolePolicy",
    )
)
LIFTS_BOUNDARY = "iam:DeleteRolePermissionsBoundary"


def place_of(action: str, resource: BoundResource, context: PolicyContext) -> GrantTarget:
    """Return the resources on which a handler's action is allowed; without ARNs if the action needs none."""
    action_arns = ACTION_ARNS.get(resource.type)
    service = action.partition(":")[0]
    if action == _HANDS_OVER_ROLE:
        return GrantTarget("PassedRoles", tuple(dict.fromkeys(_passed_roles(resource, context))))
    if action == _SERVICE_LINKED_ROLE:
        return _service_linked_role(resource, context)
    if action_arns is None or any(fnmatchcase(action, pattern) for pattern in WITHOUT_RESOURCE):
        return NOWHERE_IN_PARTICULAR
    if action in _ON_OBJECTS:
        buckets = action_arns.place(resource, context)
        return GrantTarget("Objects", tuple(f"{arn}/*" for arn in buckets.arns))
    if service != service_prefix(resource.type):
        # What it passes may be any resource of that service: only the template's author knows its name.
        return GrantTarget(f"Other{service.title().replace('-', '')}", (context.arn(service, ANY, ANY),))
    place = action_arns.place(resource, context)
    if action in BOUNDED and "PermissionsBoundary" in resource.properties:
        return GrantTarget(f"Bounded{place.name}", place.arns, _boundary(resource, context))
    return place


def _boundary(resource: BoundResource, context: PolicyContext) -> tuple[Test, ...]:
    arn = resource.text("PermissionsBoundary")
    return (("StringEquals", "iam:PermissionsBoundary", (context.fill(arn),)),) if arn else ()


def _service_linked_role(resource: BoundResource, context: PolicyContext) -> GrantTarget:
    linked = service_linked_role(resource.type)
    service, role = (linked.service, linked.name) if linked else (ANY, ANY)
    tests: tuple[Test, ...] = (("StringEquals", "iam:AWSServiceName", (service,)),) if service != ANY else ()
    arn = context.arn("iam", "", f"role/aws-service-role/{service}/{role}")
    return GrantTarget("ServiceLinkedRoles", (arn,), tests)


def _passed_roles(resource: BoundResource, context: PolicyContext) -> Iterator[str]:
    """Yield the roles that the resource's properties pass to a service; any role, if a property's is unknown."""
    roles = {name: BoundResource(resource.bound, name, body) for name, body in resource.bound.resources(ROLE)}
    for name, value in resource.entries():
        match value:
            case {"Fn::GetAtt": [str(role), "Arn"]} if role in roles:
                yield from ACTION_ARNS[ROLE].place(roles[role], context).arns
            case str() | dict() if name.endswith(("Role", "RoleArn", "RoleARN")):
                text = resource.bound.text(value)
                if text is None:
                    yield context.arn("iam", "", f"role/{ANY}")
                elif ":role/" in text:
                    yield context.fill(text)
