"""Where a resource's own actions are allowed: the ARNs that follow from its computed name, one entry a type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from builder.policy.records import ANY, Place, Setting
from builder.policy.resource import Resource, physical_name
from builder.resource_types.by_hand import ARN_FORMATS

Arns = Callable[[Resource, Setting], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a resource type's actions are allowed on."""

    name: str
    """A word for people: `Tables`."""
    service: str
    arns: Arns

    def place(self, resource: Resource, setting: Setting) -> Place:
        """Return the place of one resource."""
        return Place(self.name, self.arns(resource, setting))


def _own(resource: Resource, setting: Setting) -> tuple[str, ...]:
    form = ARN_FORMATS[resource.type]
    return (setting.arn(form.service, resource.region, form.resource.format(physical_name(resource, setting))),)


def _own_in_every_replica_s_region(resource: Resource, setting: Setting) -> tuple[str, ...]:
    """A replica is made, and deleted, with the caller's permissions in the replica's region."""
    replicas = resource.properties.get("Replicas")
    listed = replicas if isinstance(replicas, list) else []
    said = [resource.bound.text(one.get("Region")) if isinstance(one, Mapping) else None for one in listed]
    table = ARN_FORMATS[resource.type].resource.format(physical_name(resource, setting))
    return tuple(dict.fromkeys(setting.arn("dynamodb", region or ANY, table) for region in said))


def _role(resource: Resource, setting: Setting) -> tuple[str, ...]:
    path = (resource.text("Path") or "").strip("/")
    name = physical_name(resource, setting)
    return (setting.arn("iam", "", f"role/{path}/{name}" if path else f"role/{name}"),)


def _log_group(resource: Resource, setting: Setting) -> tuple[str, ...]:
    # Tags are authorised on the group's ARN, the rest on the one with its streams.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    (group,) = _own(resource, setting)
    return (group, f"{group}:*")


def _experiments(resource: Resource, setting: Setting) -> tuple[str, ...]:
    """AWS names the template; creating one is checked on the actions in it as well."""
    return (setting.arn("fis", resource.region, ANY),)


def _nested_stacks(resource: Resource, setting: Setting) -> tuple[str, ...]:
    """Its name begins with its parent's; the stacks nested in it have longer ones, which this covers too."""
    name = f"{resource.bound.entry.name}-{resource.logical_id}-{ANY}"
    return (setting.arn("cloudformation", resource.region, f"stack/{name}/{ANY}"),)


def _stack_sets(resource: Resource, setting: Setting) -> tuple[str, ...]:
    """The set, and what AWS names besides for its operations: where they reach, and the types that they handle.

    A delegated administrator's sets are in the management account, which its template does not name.
    """
    anywhere = replace(setting, account=ANY)
    home = anywhere if resource.text("CallAs") == "DELEGATED_ADMIN" else setting
    return (
        home.arn("cloudformation", resource.region, f"stackset/{resource.text('StackSetName') or ANY}:{ANY}"),
        anywhere.arn("cloudformation", ANY, f"stackset-target/{ANY}"),
        anywhere.arn("cloudformation", ANY, f"type/resource/{ANY}"),
    )


def _refers_to(type_name: str, said: str) -> Arns:
    """Return the ARN of another resource, which a property names by name or ARN."""

    def arns(resource: Resource, setting: Setting) -> tuple[str, ...]:
        form = ARN_FORMATS[type_name]
        name = resource.text(said)
        if name is None:
            return tuple(
                arn
                for other, body in resource.bound.resources(type_name)
                if resource.properties.get(said) in _references(other)
                for arn in _own(Resource(resource.bound, other, body), setting)
            ) or (setting.arn(form.service, resource.region, form.resource.format(ANY)),)
        if name.startswith("arn:"):
            return (setting.fill(name),)
        return (setting.arn(form.service, resource.region, form.resource.format(name)),)

    return arns


def _references(logical_id: str) -> tuple[object, ...]:
    return ({"Ref": logical_id}, {"Fn::GetAtt": [logical_id, "Arn"]})


_FUNCTIONS, _BUCKETS, _TABLES = "Functions", "Buckets", "Tables"

GROUNDS: dict[str, Ground] = {
    "AWS::CloudFormation::Stack": Ground("NestedStacks", "cloudformation", _nested_stacks),
    "AWS::CloudFormation::StackSet": Ground("StackSets", "cloudformation", _stack_sets),
    "AWS::DynamoDB::GlobalTable": Ground(_TABLES, "dynamodb", _own_in_every_replica_s_region),
    "AWS::DynamoDB::Table": Ground(_TABLES, "dynamodb", _own),
    "AWS::FIS::ExperimentTemplate": Ground("Experiments", "fis", _experiments),
    "AWS::IAM::Role": Ground("Roles", "iam", _role),
    "AWS::Lambda::Function": Ground(_FUNCTIONS, "lambda", _own),
    "AWS::Lambda::Permission": Ground(_FUNCTIONS, "lambda", _refers_to("AWS::Lambda::Function", "FunctionName")),
    "AWS::Lambda::Url": Ground(_FUNCTIONS, "lambda", _refers_to("AWS::Lambda::Function", "TargetFunctionArn")),
    "AWS::Logs::LogGroup": Ground("LogGroups", "logs", _log_group),
    "AWS::S3::Bucket": Ground(_BUCKETS, "s3", _own),
    "AWS::S3::BucketPolicy": Ground(_BUCKETS, "s3", _refers_to("AWS::S3::Bucket", "Bucket")),
}
"""Every type of the default system and its fleet; the actions of any other are allowed on anything, with a warning."""
