"""What CloudFormation's handlers call, checked against the policies of whoever they act for.

Written from each service's API reference, of what the resource's properties make a handler call; not from the lists in
the resource types' schemas, so that policies made from those are held against something else.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.iam import is_allowed, who_acts
from builder.local.adapter.refusals import Refused
from builder.local.adapter.resource_calls import CALLS, ApiCall, Properties


def install(handlers: Mapping[str, MutableMapping[str, Any]]) -> None:
    """Wrap the handlers of every type whose calls are known."""
    for kind, calls in CALLS.items():
        handler = handlers[kind]
        handler["create"] = _make_create(handler["create"], calls.create)
        handler["update"] = _make_update(handler["update"], calls.update)
        handler["delete"] = _make_delete(handler["delete"], calls.delete)


def _make_create(create: Callable[..., Any], calls: Callable[..., Iterator[ApiCall]]) -> Callable[..., Any]:
    def checked(logical_id: str, props: Properties, stack_name: str) -> object:
        _check(calls(props, stack_name, logical_id))
        return create(logical_id, props, stack_name)

    return checked


def _make_update(update: Callable[..., Any], calls: Callable[..., Iterator[ApiCall]]) -> Callable[..., Any]:
    def checked(physical_id: str, old: Properties, new: Properties, *rest: Any) -> object:  # noqa: ANN401
        _check(calls(physical_id, old, new))
        return update(physical_id, old, new, *rest)

    return checked


def _make_delete(delete: Callable[..., Any], calls: Callable[..., Iterator[ApiCall]]) -> Callable[..., Any]:
    def checked(physical_id: str, props: Properties, *rest: Any) -> object:  # noqa: ANN401
        _check(calls(physical_id, props))
        return delete(physical_id, props, *rest)

    return checked


def _check(calls: Iterator[ApiCall]) -> None:
    for call in calls:
        if not is_allowed(call.action, call.arn, call.keys):
            service = call.action.partition(":")[0].title()
            message = f"User: {who_acts()} is not authorized to perform: {call.action} on resource: {call.arn}"
            raise Refused(message, service=service, status=403, code="AccessDenied")
