"""A function URL with AuthType NONE answers 403 unless the function's policy lets everyone in.

Since October 2025 that takes two statements, one an action. The emulator runs the function without either.
Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from builder.local.adapter.emulator import replace, touch

Statement = Mapping[str, Any]
Answer = tuple[int, Mapping[str, str], bytes]

_LAMBDA = "ministack.services.lambda_svc"
_FORBIDDEN: Answer = (
    403,
    {"Content-Type": "application/json", "x-amzn-ErrorType": "AccessDeniedException"},
    json.dumps(
        {
            "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
            "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
        }
    ).encode(),
)
_TOO_MANY = 429
_REQUEST = {"lambda:FunctionUrlAuthType": "NONE", "lambda:InvokedViaFunctionUrl": "true"}
_ACTIONS = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")


def install() -> None:
    """Put the check before every request to a function URL."""
    replace(f"{_LAMBDA}:handle_function_url_request", _make_handler)


def lets_everyone_in(statements: Iterable[Statement]) -> bool:
    """Return whether a function's policy allows an unsigned caller both actions, through a URL with AuthType NONE."""
    allowed = {statement["Action"] for statement in statements if _applies(statement)}
    return allowed.issuperset(_ACTIONS)


def _applies(statement: Statement) -> bool:
    if statement["Effect"] != "Allow" or statement["Principal"] != "*":
        return False
    conditions = statement.get("Condition", {})
    # Any other condition asks for something that an unsigned request does not have: a source, an organization.
    return all(
        operator in ("StringEquals", "Bool") and _REQUEST.get(key) == value
        for operator, tests in conditions.items()
        for key, value in tests.items()
    )


def _make_handler(handle: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    async def handle_if_allowed(url_id: str, method: str, *args: object, **kwargs: object) -> Answer:
        found = touch(f"{_LAMBDA}:resolve_function_url")(url_id)
        # A preflight carries no credentials: the URL's CORS settings answer it, before any authorization.
        is_preflight = found and method == "OPTIONS" and found[-1].get("Cors")
        if found and not is_preflight and not _is_open(*found):
            return _FORBIDDEN
        return _named(await handle(url_id, method, *args, **kwargs))

    return handle_if_allowed


def _named(answer: Answer) -> Answer:
    """Return an answer of Lambda's own to a throttled request with its error's name in a header, as its API has it.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (that URLs do the same is unverified)
    """
    status, headers, body = answer
    if status != _TOO_MANY or b'"TooManyRequestsException"' not in body:
        return answer
    return status, {**headers, "x-amzn-ErrorType": "TooManyRequestsException"}, body


def _is_open(account: str, region: str, name: str, qualifier: str | None, config: Mapping[str, Any]) -> bool:
    """Return whether an unsigned request may pass; with another AuthType the emulator's own check decides."""
    if config.get("AuthType") != "NONE":
        return True
    function = touch(f"{_LAMBDA}:_functions").get_scoped(account, region, name)
    if function is None:
        return True
    arn = function["config"]["FunctionArn"] + (f":{qualifier}" if qualifier else "")
    return lets_everyone_in(one for one in function["policy"]["Statement"] if one["Resource"] == arn)
