"""Finds the stack or change set that a request names, or refuses as each operation does."""

from typing import Any

from fake_aws.calls import Request
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.records import ChangeSet, Stack
from fake_aws.refusals import AwsRefusal, validation_error


def stack_with_id(request: Request, name: str) -> Stack:
    """Return the stack; DescribeStacks, GetTemplate and the resource lists refuse in these words."""
    stack = request.state.find(name)
    if stack is None:
        raise validation_error(f"Stack with id {name} does not exist")
    return stack


def stack_named(request: Request, name: str) -> Stack:
    """Return the stack; the change set operations, events and changes to a stack refuse in these words."""
    stack = request.state.find(name)
    if stack is None:
        raise validation_error(f"Stack [{name}] does not exist")
    return stack


def journal(request: Request, stack: Stack) -> Journal:
    """Return the stack in its place."""
    return Journal(request.world, request.account, request.region, stack)


def find_change_set(request: Request, params: dict[str, Any]) -> tuple[Stack, ChangeSet] | None:
    """Return the change set by its ARN, or by its name and its stack's; None if there is none."""
    name = params["ChangeSetName"]
    if name.startswith("arn:"):
        for stack in request.state.stacks.values():
            if name in stack.change_sets:
                return stack, stack.change_sets[name]
        return None
    if "StackName" not in params:
        raise validation_error("StackName must be specified if ChangeSetName is not specified as an ARN.")
    stack = stack_named(request, params["StackName"])
    for change_set in stack.change_sets.values():
        if change_set.name == name:
            return stack, change_set
    return None


def change_set_named(request: Request, params: dict[str, Any]) -> tuple[Stack, ChangeSet]:
    """Return the change set, or refuse with ChangeSetNotFound."""
    pair = find_change_set(request, params)
    if pair is None:
        raise AwsRefusal("ChangeSetNotFound", f"ChangeSet [{params['ChangeSetName']}] does not exist", status=404)
    return pair
