"""What stands in a world when a command has ended, seen from inside it and not through the deployer's eyes."""

from typing import Any

from fake_aws import World

Picture = dict[str, Any]


def take_picture(world: World) -> Picture:
    """Return every stack that is not deleted, and what waits on it; every bucket and table, of a stack or of none."""
    world.settle()
    return {
        "stacks": {
            f"{region}/{stack.name}": {
                "status": stack.status,
                "template": stack.deployed.body,
                "parameters": stack.deployed.parameters,
                "tags": stack.deployed.tags,
                "outputs": {output["OutputKey"]: output["OutputValue"] for output in stack.outputs},
                "resources": {name: resource.status for name, resource in stack.resources.items() if resource.exists},
                "waiting": [
                    change_set.name
                    for change_set in stack.change_sets.values()
                    if change_set.execution_status == "AVAILABLE"
                ],
            }
            for (_, region), place in world._regions.items()
            for stack in place.cloudformation.stacks.values()
            if stack.status != "DELETE_COMPLETE"
        },
        "buckets": {bucket.name: bucket.replication is not None for bucket in world.buckets.values()},
        "tables": {table.name: sorted(table.replicas) for table in world.tables.values()},
        "names taken": sorted(kind for kind, *_ in world.names),
    }


def tell_history(world: World) -> dict[str, list[str]]:
    """Return every operation that CloudFormation began on a stack of each name, deleted ones included, in order."""
    history: dict[str, list[str]] = {}
    for (_, region), place in world._regions.items():
        for stack in place.cloudformation.stacks.values():
            history.setdefault(f"{region}/{stack.name}", []).extend(kind for kind, _ in stack.operations)
    return history
