"""A physical name that something outside the stack holds already fails the resource; the emulator takes it over.

Taken over, the thing would be the stack's: its next rollback or deletion would destroy what was somebody else's.
"""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from builder.local.adapter.emulator import touch
from builder.local.adapter.refusals import AlreadyExists


@dataclass(frozen=True, slots=True)
class _Named:
    """Where the emulator keeps what a property names, and what the service says when the name is taken."""

    name_property: str
    store: str
    service: str
    message: str


_NAMED = {
    "AWS::DynamoDB::Table": _Named(
        "TableName", "ministack.services.dynamodb:_tables", "DynamoDb", "Table already exists: {name}"
    ),
    "AWS::IAM::Role": _Named(
        "RoleName", "ministack.services.iam:_roles", "Iam", "Role with name {name} already exists."
    ),
    "AWS::Lambda::Function": _Named(
        "FunctionName", "ministack.services.lambda_svc:_functions", "Lambda", "Function already exist: {name}"
    ),
    "AWS::Logs::LogGroup": _Named(
        "LogGroupName",
        "ministack.services.cloudwatch_logs:_log_groups",
        "CloudWatchLogs",
        "Resource of type 'AWS::Logs::LogGroup' with identifier '{name}' already exists.",
    ),
}


def install(handlers: Mapping[str, MutableMapping[str, Any]]) -> None:
    """Wrap the creation of each type that has a name of its own."""
    for kind, named in _NAMED.items():
        handlers[kind]["create"] = _make_create(handlers[kind]["create"], named)


def _make_create(create: Callable[..., Any], named: _Named) -> Callable[..., Any]:
    def create_unless_taken(logical_id: str, props: Mapping[str, Any], stack_name: str) -> object:
        name = props.get(named.name_property)
        if name and name in touch(named.store):
            raise AlreadyExists(named.message.format(name=name), service=named.service)
        return create(logical_id, props, stack_name)

    return create_unless_taken
