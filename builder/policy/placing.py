"""Where one of a handler's actions is allowed: on the resource itself, on what it hands over, or on anything."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from builder.policy.places import GROUNDS
from builder.policy.records import ANY, NOWHERE_IN_PARTICULAR, Place, Setting, Test
from builder.policy.resource import Resource

_HANDS_OVER = "iam:PassRole"
_SERVICE_LINKED_ROLE = "iam:CreateServiceLinkedRole"
# Which a type's handlers may make; the account has each once, for all time.
_SERVICE_LINKED = {
    "AWS::DynamoDB::GlobalTable": (
        "replication.dynamodb.amazonaws.com",
        "AWSServiceRoleForDynamoDBReplication",
    ),
}

# Actions of the types in GROUNDS, and of those that they hand things to, for which AWS knows no resource.
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
    "kms:ListAliases",
    "lambda:ListFunctions",
    "logs:CreateLogDelivery",
    "logs:*IndexPolic*",
    "logs:*ResourcePolic*",
    "logs:DescribeLogGroups",
    "s3:ListAllMyBuckets",
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


def place_of(action: str, resource: Resource, setting: Setting) -> Place:
    """Return what an action of the resource's handlers is allowed on; without ARNs where there is nothing for it."""
    ground = GROUNDS.get(resource.type)
    service = action.partition(":")[0]
    if action == _HANDS_OVER:
        return Place("PassedRoles", tuple(dict.fromkeys(_passed_roles(resource, setting))))
    if action == _SERVICE_LINKED_ROLE:
        return _service_linked_role(resource, setting)
    if ground is None or any(fnmatchcase(action, pattern) for pattern in WITHOUT_RESOURCE):
        return NOWHERE_IN_PARTICULAR
    if action in _ON_OBJECTS:
        buckets = ground.place(resource, setting)
        return Place("Objects", tuple(f"{arn}/*" for arn in buckets.arns))
    if service != ground.service:
        # What it hands over may be any of that service's things: only the template's author knows its name.
        return Place(f"Other{service.title().replace('-', '')}", (setting.arn(service, ANY, ANY),))
    place = ground.place(resource, setting)
    if action in BOUNDED and "PermissionsBoundary" in resource.properties:
        return Place(f"Bounded{place.name}", place.arns, _boundary(resource, setting))
    return place


def _boundary(resource: Resource, setting: Setting) -> tuple[Test, ...]:
    arn = resource.text("PermissionsBoundary")
    return (("StringEquals", "iam:PermissionsBoundary", (setting.fill(arn),)),) if arn else ()


def _service_linked_role(resource: Resource, setting: Setting) -> Place:
    service, role = _SERVICE_LINKED.get(resource.type, (ANY, ANY))
    tests: tuple[Test, ...] = (("StringEquals", "iam:AWSServiceName", (service,)),) if service != ANY else ()
    arn = setting.arn("iam", "", f"role/aws-service-role/{service}/{role}")
    return Place("ServiceLinkedRoles", (arn,), tests)


def _passed_roles(resource: Resource, setting: Setting) -> Iterator[str]:
    """Yield the roles that the resource's properties hand to a service; any, where a property's role can't be known."""
    roles = {name: Resource(resource.bound, name, body) for name, body in resource.bound.resources("AWS::IAM::Role")}
    for name, value in resource.entries():
        match value:
            case {"Fn::GetAtt": [str(role), "Arn"]} if role in roles:
                yield from GROUNDS["AWS::IAM::Role"].place(roles[role], setting).arns
            case str() | dict() if name.endswith(("Role", "RoleArn", "RoleARN")):
                text = resource.bound.text(value)
                if text is None:
                    yield setting.arn("iam", "", f"role/{ANY}")
                elif ":role/" in text:
                    yield setting.fill(text)
