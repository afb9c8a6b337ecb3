"""Macros of the account: the type AWS::CloudFormation::Macro, and a call of the function behind one.

A function may ask AWS while it is called: its call is waited for on another thread than that which answers requests.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-macro.html; the texts
of failures are as people pasted them.
"""

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import account_id, region_name, touch
from builder.local.adapter.handlers import AlreadyExists, HandlerError, PhysicalResource, Properties

TYPE = "AWS::CloudFormation::Macro"

_CFN = "ministack.services.cloudformation"
_LAMBDA = "ministack.services.lambda_svc"
_HOSTED = "AWS::"


class TransformError(ValueError):
    """A transform that fails, in CloudFormation's words."""


def install(handlers: MutableMapping[str, Any]) -> None:
    """Add the type, and let requests for change sets wait elsewhere while there is a macro."""
    handlers[TYPE] = {"create": _create, "update": _update, "delete": _delete}
    touch(f"{_CFN}.provisioners:_REPLACING_PROPERTIES")[TYPE] = ("Name",)
    services = touch("ministack.app:SERVICE_HANDLERS")
    services["cloudformation"] = _make_handle(services["cloudformation"])


def _make_handle(handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> object:  # noqa: ANN401  the emulator's own
        request = (method, path, headers, body, query)
        if b"CreateChangeSet" in body and any(_macros()):
            return await asyncio.to_thread(lambda: asyncio.run(_await(handle(*request))))
        return await handle(*request)

    return handle_request


async def _await(answer: Awaitable[Any]) -> object:
    return await answer


# -- the type: the macros are those of the stacks' own records


def _macros() -> Iterator[tuple[str, str]]:
    """Yield name and function of each macro of the account and region."""
    for stack in list(touch(f"{_CFN}:_stacks").values()):
        for resource in list(stack.get("_resources", {}).values()):
            if resource.get("ResourceType") == TYPE and stack["StackStatus"] != "DELETE_COMPLETE":
                yield resource["PhysicalResourceId"], resource["Properties"]["FunctionName"]


def _create(logical_id: str, props: Properties, stack_name: str) -> PhysicalResource:
    del logical_id, stack_name
    name = str(props.get("Name") or "")
    if not name or not props.get("FunctionName"):
        raise HandlerError("Model validation failed (#: required key [Name, FunctionName])", service="CloudFormation")
    if name in dict(_macros()):
        raise AlreadyExists(f"{number(name)} already exists", service="CloudFormation")
    return name, {}


def _update(physical_id: str, old: Properties, new: Properties, stack_name: str) -> PhysicalResource:
    del old, new, stack_name
    return physical_id, {}


def _delete(physical_id: str, props: Properties) -> None:
    """Do nothing: there is no more of it than the stack's record."""
    del physical_id, props


# -- a call


def number(name: str) -> str:
    """Return a macro's name as CloudFormation shows it."""
    return f"{account_id()}::{name}"


def call(name: str, params: Mapping[str, Any], fragment: object, values: Mapping[str, str]) -> object:
    """Return what a macro makes of a fragment. Raises TransformError, for AWS's own transforms by their names too."""
    if name.startswith(_HOSTED):
        raise TransformError(f"Transform {name} failed with: the embedded AWS does not have this transform")
    function = dict(_macros()).get(name)
    if function is None:
        raise TransformError(f"No transform named {number(name)} found.")
    request_id = str(touch("ministack.core.responses:new_uuid")())
    event = {
        "region": region_name(),
        "accountId": account_id(),
        "fragment": copy.deepcopy(fragment),
        "transformId": number(name),
        "params": params,
        "requestId": request_id,
        "templateParameterValues": dict(values),
    }
    answer = _invoke(name, function, event)
    if answer.get("requestId") != request_id or "status" not in answer:
        raise TransformError(f"Received malformed response from transform {number(name)}")
    if str(answer["status"]).lower() != "success":
        reason = answer.get("errorMessage")
        with_reason = f"with: {reason}." if reason else "without an error message."
        raise TransformError(f"Transform {number(name)} failed {with_reason}")
    if "fragment" not in answer:
        raise TransformError(f"Received malformed response from transform {number(name)}")
    return answer["fragment"]


def _invoke(name: str, function: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
    record, config, _ = touch(f"{_LAMBDA}:_get_func_record_for_ref")(function)
    if record is None or config is None:
        raise TransformError(f"Transform {number(name)} failed with: Function not found: {function}.")
    bound = touch(f"{_LAMBDA}:_execution_record_for_config")(record, config)
    result = touch(f"{_LAMBDA}:_execute_function_with_config_scope")(bound, event)
    body = result.get("body")
    if result.get("error") or result.get("throttle"):
        what = body.get("errorMessage", "") if isinstance(body, dict) else str(body)
        raise TransformError(f"Transform {number(name)} failed with: {what}.")
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except ValueError:
            body = None
    return body if isinstance(body, dict) else {}
