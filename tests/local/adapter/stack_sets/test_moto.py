"""The calls that moto has too, held against moto: what moto answers, at any depth, is answered."""

from collections.abc import Iterator
from typing import Any

import boto3

from local.account import PRIMARY
from local.adapter.stack_sets.fleet import Fleet, template

Calls = list[tuple[str, dict[str, Any]]]


def _calls(account: str) -> Calls:
    stack_set = {"StackSetName": "set"}
    where = {**stack_set, "Accounts": [account], "Regions": [PRIMARY]}
    named = [{"ParameterKey": "Name", "ParameterValue": "/b"}]
    return [
        ("create_stack_set", {**stack_set, "TemplateBody": template(), "Description": "d", "Parameters": named}),
        ("create_stack_instances", {**where, "ParameterOverrides": named}),
        ("describe_stack_set", stack_set),
        ("describe_stack_instance", {**stack_set, "StackInstanceAccount": account, "StackInstanceRegion": PRIMARY}),
        ("list_stack_instances", stack_set),
        ("describe_stack_set_operation", {**stack_set, "OperationId": ""}),
        ("list_stack_set_operations", stack_set),
        ("list_stack_set_operation_results", {**stack_set, "OperationId": ""}),
        ("update_stack_instances", {**where, "ParameterOverrides": named}),
        ("update_stack_set", {**stack_set, "TemplateBody": template()}),
        ("delete_stack_instances", {**where, "RetainStacks": False}),
        ("list_stack_sets", {}),
        ("delete_stack_set", stack_set),
    ]


def _members(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all members of a reply; those of a list's elements are one."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "ResponseMetadata":
                yield f"{path}.{name}".strip(".")
                yield from _members(inner, f"{path}.{name}".strip("."))
    if isinstance(value, list):
        for inner in value:
            yield from _members(inner, path)


def _replies(client: Any, calls: Calls, fleet: Fleet | None = None) -> dict[str, set[str]]:
    """Make the calls, those about an operation on the latest one; return each reply's members."""
    members, latest = {}, ""
    for name, request in calls:
        reply = getattr(client, name)(**request | ({"OperationId": latest} if "OperationId" in request else {}))
        members[name] = set(_members(reply))
        if "OperationId" in reply:
            latest = reply["OperationId"]
            if fleet:
                fleet.wait(latest)
    return members


def test_all_that_moto_answers_is_answered(fleet: Fleet) -> None:
    from moto import mock_aws  # noqa: PLC0415 - it takes a second

    with mock_aws():
        client = boto3.client("cloudformation", region_name=PRIMARY, aws_access_key_id="a", aws_secret_access_key="b")
        motos = _replies(client, _calls("123456789012"))
    ours = _replies(fleet.cloudformation, _calls(fleet.targets[0]), fleet)
    assert {name: motos[name] - ours[name] for name in motos} == {name: set() for name in motos}
