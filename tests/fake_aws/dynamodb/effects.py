"""What an AWS::DynamoDB::GlobalTable does to DynamoDB as its stack creates, updates and deletes it.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
"""

from typing import TYPE_CHECKING, Any

from fake_aws.dynamodb.operations import SOURCE_OF_YOUNG, is_source_of_young, protected
from fake_aws.dynamodb.records import Replica, Table
from fake_aws.refusals import AwsRefusal

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import Resource
    from fake_aws.cloudformation.types import Place
    from fake_aws.world import World


def create(world: "World", place: "Place", resource: "Resource") -> None:
    """Make the table with all its replicas."""
    name = resource.physical_id or ""
    wanted = _regions(resource.properties)
    if place.region not in wanted:
        raise _invalid(f"Replicas must contain the region of the stack, {place.region}")
    if len(wanted) > 1 and "StreamSpecification" not in resource.properties:
        raise _invalid("StreamSpecification is required when there is more than one replica")
    now = world.datetime()
    replicas = {region: Replica(region, now, deletion_protection=kept) for region, kept in wanted.items()}
    world.tables[place.account, name] = Table(name, place.account, place.region, now, replicas)


def update(world: "World", place: "Place", resource: "Resource", _: dict[str, Any]) -> None:
    """Add or remove one replica, and take over deletion protection."""
    table = world.tables[place.account, resource.physical_id or ""]
    wanted = _regions(resource.properties)
    moved = wanted.keys() ^ table.replicas.keys()
    if len(moved) > 1:
        raise _invalid("Cannot add, delete, or update more than one replica in a single update")
    if place.region not in wanted:
        raise _invalid(f"Replicas must contain the region of the stack, {place.region}")
    for region in moved - wanted.keys():
        if table.replicas[region].deletion_protection:
            raise protected(table, region)
        del table.replicas[region]
    for region, kept in wanted.items():
        table.replicas.setdefault(region, Replica(region, world.datetime())).deletion_protection = kept


def delete(world: "World", place: "Place", resource: "Resource") -> None:
    """Delete the table in every region, unless a replica is protected or too young."""
    key = (place.account, resource.physical_id or "")
    table = world.tables.get(key)
    if table is None:
        return
    for region, replica in table.replicas.items():
        if replica.deletion_protection:
            raise protected(table, region)
    if is_source_of_young(world, table):
        raise AwsRefusal("ValidationException", SOURCE_OF_YOUNG)
    del world.tables[key]


def _regions(properties: dict[str, Any]) -> dict[str, bool]:
    return {each["Region"]: bool(each.get("DeletionProtectionEnabled", False)) for each in properties["Replicas"]}


def _invalid(text: str) -> AwsRefusal:
    return AwsRefusal(
        "ValidationException",
        f'Resource handler returned message: "{text}" (RequestToken: fake, HandlerErrorCode: InvalidRequest)',
    )
