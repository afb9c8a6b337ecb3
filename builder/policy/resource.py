"""An assembly's templates bound to their stacks, nested ones as well; their resources as IAM sees them; and where each
action on one is allowed.
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
"""Returns the template at a TemplateURL, which is looked for from a region; None where that is not in S3."""
_DEPTH = 8


def bind_templates(assembly: Assembly) -> tuple[Bound, ...]:
    """Return every stack with its template. Raises BadInput for a file that is no template."""
    return bind_entries(assembly.manifest, assembly.templates)


def of_account(bounds: tuple[Bound, ...], account: str, home: str | None) -> tuple[Bound, ...]:
    """Return the stacks that belong in an account: those that name it, and in the home account those that name none.

    Where nobody says which account is `home`, one that no stack names is.
    """
    named = {bound.entry.account for bound in bounds}
    is_home = account == home if home else account not in named
    return tuple(
        bound for bound in bounds if bound.entry.account == account or (is_home and bound.entry.account is None)
    )


def bind_nested(
    bounds: tuple[Bound, ...], context: PolicyContext, read: ReadUrl
) -> tuple[tuple[Bound, ...], tuple[str, ...]]:
    """Return the stacks with those that are nested in them, to any depth, and a warning for each that was not read.

    A nested stack's name is known but for its end. One that was not read is returned without its resources.
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
    """Return the template at a nested stack's URL, or why it is not known."""
    if url is None:
        return Template(), "lies nobody can tell where before the deployment"
    try:
        text = read(parent.entry.region, url)
        return (read_template(text, url), "") if text is not None else (Template(), f"does not lie in S3 ({url})")
    except BuilderError as error:
        return Template(), f"could not be read from {url} ({error.what})"


# What CloudFormation adds to a name that it makes up, after a hyphen. Where the whole would be too long, stack name and
# logical id get half of the rest each; AWS documents neither, so less than the half is relied on.
_TAIL = 12
_SURE = 20
# How many characters a service takes for a name; the least of them for any other.
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
        """Its properties, none if it has none."""
        return properties_of(self.body)

    @property
    def region(self) -> str:
        """The region of its stack."""
        return self.bound.entry.region

    def text(self, name: str) -> str | None:
        """Return a property as text, or None where that can't be known."""
        return self.bound.text(self.properties.get(name))

    def says(self, name: str) -> bool:
        """Return whether a property of this name is set, at any depth."""
        return any(key == name for key, _ in _entries(self.properties))

    def entries(self) -> Iterator[tuple[str, object]]:
        """Yield every value within the properties with the name it is set by; functions as they are written."""
        return _entries(self.properties)


def each_resource(bounds: tuple[Bound, ...]) -> Iterator[BoundResource]:
    """Yield every resource of every stack."""
    for bound in bounds:
        for logical_id, body in bound.resources():
            yield BoundResource(bound, logical_id, body)


def each_nested(bounds: tuple[Bound, ...]) -> Iterator[BoundResource]:
    """Yield every nested stack that a template names."""
    return (resource for resource in each_resource(bounds) if resource.type == NESTED_STACK)


def child_templates(bounds: tuple[Bound, ...], context: PolicyContext) -> tuple[str, ...]:
    """Return where the templates of nested stacks lie in S3, as far as that is known."""
    urls = (nested.text("TemplateURL") for nested in each_nested(bounds))
    places = [_object_at(context.fill(url)) for url in urls if url]
    return tuple(dict.fromkeys(context.arn("s3", "", place) for place in places if place))


def _object_at(url: str) -> str | None:
    """Return bucket and key of a URL, CloudFormation's words in it as they are; the end of a host is AWS's anyway."""
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
    """Return a resource's name, or a pattern of the name that CloudFormation makes up."""
    service = ARN_FORMATS[resource.type].service
    if name_property(resource.type) in resource.properties or "BucketNamePrefix" in resource.properties:
        return context.fill(resource.bound.name_of(resource.body) or ANY)
    stack = context.fill(resource.bound.entry.name)
    made_up = f"{stack}-{resource.logical_id}-"
    if len(made_up) + _TAIL > _CHARACTERS.get(service, _SHORTEST):
        # What a template completes may be of any length.
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
    """What a resource type's actions are allowed on."""

    name: str
    """A word for people: `Tables`."""
    arns: Arns

    def place(self, resource: BoundResource, context: PolicyContext) -> GrantTarget:
        """Return the place of one resource."""
        return GrantTarget(self.name, self.arns(resource, context))


def _own(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    form = ARN_FORMATS[resource.type]
    return (context.arn(form.service, resource.region, form.resource.format(physical_name(resource, context))),)


def _own_in_every_replica_s_region(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    """A replica is made, and deleted, with the caller's permissions in the replica's region."""
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
    """AWS makes up a key's id; that of one of several regions begins with mrk-."""
    is_plain = resource.type == KEY and str(resource.properties.get("MultiRegion", False)).lower() != "true"
    return (context.arn("kms", resource.region, f"key/{'' if is_plain else 'mrk-'}{ANY}"),)


def _replica_key(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    """Replicating is checked on the key that is replicated as well, in its own region."""
    # Pseudo-parameters have colons of their own.
    arn = (resource.text("PrimaryKeyArn") or "").replace("AWS::", "").split(":")
    home = arn[3] if len(arn) > 3 and "$" not in arn[3] else ANY
    return (*_key(resource, context), context.arn("kms", home, f"key/mrk-{ANY}"))


def _alias(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    """What becomes of an alias is checked on it, and on the key that it leads to."""
    name = context.fill(resource.text("AliasName") or f"alias/{ANY}")
    return (context.arn("kms", resource.region, name), context.arn("kms", resource.region, f"key/{ANY}"))


def _experiments(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    """AWS names the template; creating one is checked on the actions in it as well."""
    return (context.arn("fis", resource.region, ANY),)


def _nested_stacks(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    """Its name begins with its parent's; the stacks nested in it have longer ones, which this covers too."""
    name = f"{resource.bound.entry.name}-{resource.logical_id}-{ANY}"
    return (context.arn("cloudformation", resource.region, f"stack/{name}/{ANY}"),)


def _stack_sets(resource: BoundResource, context: PolicyContext) -> tuple[str, ...]:
    """The set, and what AWS names besides for its operations: where they reach, and the types that they handle.

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
    """Return the ARN of another resource, which a property names by name or ARN."""

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
"""Every type of the built-in components and of a fleet; those of any other are allowed on anything, with a warning."""


def encryption_keys(bounds: tuple[Bound, ...], context: PolicyContext) -> GrantTarget:
    """Return the keys of tables and buckets in their regions; which key an alias is only a deployment tells."""
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
    """Return the SSM parameters whose values stacks are given."""
    names = [
        (bound.entry.region, bound.given(parameter) or ANY) for bound in bounds for parameter in bound.template.from_ssm
    ]
    return tuple(dict.fromkeys(context.arn("ssm", region, f"parameter/{name.lstrip('/')}") for region, name in names))


def transforms(bounds: tuple[Bound, ...], context: PolicyContext) -> tuple[str, ...]:
    """Return the ARNs of transforms: AWS's own have `aws` in the place of the account.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-template.html. What is
    documented is the ARN of SAM's; the others' are taken to be of its form.
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
# Actions of the types in ACTION_ARNS, and of those that they pass things to, for which AWS knows no resource.
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
# With these somebody could give a role more than its boundary lets it have; AWS checks the role's boundary for each.
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
    """Return what an action of the resource's handlers is allowed on; without ARNs where there is nothing for it."""
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
        # What it hands over may be any of that service's things: only the template's author knows its name.
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
    """Yield the roles that the resource's properties hand to a service; any, where a property's role can't be known."""
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
