"""Which stack of a region has a table or a bucket among its resources."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from builder.aws import Clients, call, together
from builder.deploy.observe.stacks import (
    ObservedResource,
    ObservedStack,
    SiteView,
    is_absence,
    observe_resources,
    observe_stack,
    observe_template,
)
from builder.errors import AwsError
from builder.resource_types import BUCKET, TABLES
from builder.resource_types.fate import fate_on_deletion
from builder.template import read_deployed
from builder.terms import Arn, LogicalId, Site, StackName

OWNED_AS = (*TABLES, BUCKET)
"""The types by which a stack can have a table or a bucket."""
CDK_REPLICA = "Custom::DynamoDBReplica"
"""How CDK 1, and `Table` of CDK 2, create a replica: it is deleted as soon as the custom resource is.

Source: https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_dynamodb.Table.html"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The stack that lists a table or a bucket, in one region."""

    site: Site
    stack_name: StackName
    stack_arn: Arn
    logical_id: LogicalId
    type: str
    tags: Mapping[str, str]
    """The stack's own tags."""
    replicating: tuple[LogicalId, ...] = ()
    """CDK's custom resources in it whose deletion deletes a replica, without retained ones."""
    parent: Arn | None = None
    """The stack in which it is nested."""


async def observe_owner(
    clients: Clients, site: Site, physical_id: str, *, types: Collection[str] = OWNED_AS
) -> Owner | None:
    """Return the stack of a site that lists a resource of these types by its name; None where there is none.

    CloudFormation answers with one stack, and that may be another: names are not unique between types (a bucket's
    policy has the bucket's name), and a deleted stack is shown with its former resources for 90 days. Then every stack
    of the site is read.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
    """
    client = clients.of(site).cloudformation(site.region)
    where = f"{site.region}: {physical_id}"
    try:
        answer = await call(where, client.describe_stack_resources, PhysicalResourceId=physical_id)
    except AwsError as error:
        if is_absence(error):
            return None
        raise
    arns = dict.fromkeys(Arn(resource.get("StackId", "")) for resource in answer["StackResources"])
    for arn in arns:
        stack = await observe_stack(clients, site, arn)
        if stack is not None and (owner := await _owner(clients, stack, physical_id, types)):
            return owner
    stacks = [stack for stack in await SiteView(clients, site).every_stack() if stack.arn not in arns]
    owners = await together(_owner(clients, stack, physical_id, types) for stack in stacks)
    return next((owner for owner in owners if owner is not None), None)


async def _owner(clients: Clients, stack: ObservedStack, physical_id: str, types: Collection[str]) -> Owner | None:
    if not stack.may_hold:
        return None
    held = await observe_resources(clients, stack)
    owned = [resource for resource in held if resource.physical_id == physical_id and resource.type in types]
    if not owned:
        return None
    return Owner(
        site=stack.site,
        stack_name=stack.name,
        stack_arn=stack.arn,
        logical_id=owned[0].logical_id,
        type=owned[0].type,
        tags=stack.tags,
        replicating=await _replicating(clients, stack, [resource for resource in held if resource.type == CDK_REPLICA]),
        parent=stack.parent,
    )


async def _replicating(
    clients: Clients, stack: ObservedStack, replicas: Collection[ObservedResource]
) -> tuple[LogicalId, ...]:
    if not replicas:
        return ()
    where = f"{stack.region}/{stack.name}"
    template = read_deployed(await observe_template(clients, stack, "Processed"), where)
    return tuple(
        replica.logical_id
        for replica in replicas
        if fate_on_deletion(template.resource(replica.logical_id)) != "Retain"
    )
