"""The stacks of every account of a world, read from inside it, and those of a bystander there."""

from typing import Any, NamedTuple

from fake_aws import World
from fleet.stack_sets import ACCOUNTS, EAST, WEST


class Place(NamedTuple):
    """A stack's account, region and ARN."""

    account: str
    region: str
    arn: str


Inventory = dict[Place, dict[str, Any]]

BYSTANDER = """\
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: NAME}}
"""


def take_inventory(world: World, *accounts: str) -> Inventory:
    """Return every stack that is not deleted, of these accounts or of all, with all that was ever done to it."""
    world.settle()
    return {
        Place(account, region, stack.id): {
            "status": stack.status,
            "template": stack.deployed.body,
            "parameters": dict(stack.deployed.parameters),
            "tags": dict(stack.deployed.tags),
            "resources": {name: resource.physical_id for name, resource in stack.resources.items() if resource.exists},
            "operations": [kind for kind, _ in stack.operations],
        }
        for (account, region), place in world._regions.items()
        for stack in place.cloudformation.stacks.values()
        if stack.status != "DELETE_COMPLETE" and account in (accounts or (account,))
    }


def add_bystanders(world: World) -> None:
    """Put a stack of nobody's fleet, and one of another StackSet's name, into every account."""
    for account in ACCOUNTS:
        for region in (EAST, WEST):
            for name in ("theirs", f"StackSet-tap-dev-{region}-storage-of-theirs-{world.new_uuid()}"):
                body = BYSTANDER.replace("NAME", f"{name[:40]}-queue")
                world.stack(name, account=account, region=region).deploy(body)
