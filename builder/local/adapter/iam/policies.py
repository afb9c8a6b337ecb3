"""Who acts, and what their policies allow, for what AWS does on their behalf after their own request was allowed.

With AUTH=true the emulator checks a request's own action. It checks no role that a request passes on, and nothing that
CloudFormation does for a caller or with a service role; and it takes some of Lambda's operations for others
(DeleteFunctionConcurrency for PutFunctionConcurrency), and some for none.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from builder.local.adapter.emulator import account_id, region_name, replace, touch
from builder.local.asgi import App, Receive, Scope, Send

_EVALUATOR = "ministack.core.iam_evaluator"
_ACTIONS = "ministack.core.iam_actions"
_INVOKES = dict.fromkeys(("Invoke", "InvokeAsync", "InvokeWithResponseStream"), "InvokeFunction")

_caller: ContextVar[str] = ContextVar("caller", default="")
"""The access key of the request; what a request starts in the background inherits it."""
_role: ContextVar[str] = ContextVar("role", default="")
"""The ARN of the role that CloudFormation has assumed, or "" where it acts as the caller."""


def is_enforced() -> bool:
    """Return whether this emulator checks policies."""
    return bool(touch("ministack.app:AUTH"))


def install() -> None:
    """Keep the caller of each request that the emulator checks, and name Lambda's actions by its model."""
    replace(f"{_EVALUATOR}:enforce", _keep_caller)
    touch(f"{_ACTIONS}:_BOTOCORE_SERVICE_MAP")["lambda"] = ["lambda"]
    replace(f"{_ACTIONS}:_lambda_action", _make_lambda_action)


def _make_lambda_action(guess: Callable[[str, str], str | None]) -> Callable[[str, str], str | None]:
    """Return what names the action of a request by the operation in botocore's model.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
    """

    def action(method: str, path: str) -> str | None:
        operation = touch(f"{_ACTIONS}:_match_rest_action")("lambda", method, path)
        return _INVOKES.get(operation, operation) or guess(method, path)

    return action


def _keep_caller(enforce: Callable[..., Any]) -> Callable[..., Any]:
    def enforce_and_keep(access_key_id: str, *arguments: Any, **named: Any) -> object:  # noqa: ANN401  the emulator's own
        _caller.set(access_key_id or "")
        return enforce(access_key_id, *arguments, **named)

    return enforce_and_keep


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    """Act as a role within the block; without one, as before."""
    token = _role.set(role or _role.get())
    try:
        yield
    finally:
        _role.reset(token)


def is_allowed(action: str, arn: str, keys: Mapping[str, str] | None = None, *, as_caller: bool = False) -> bool:
    """Return whether the role that acts, or else the caller, may do this; an account's own key may do anything.

    `as_caller` asks of the caller whatever role acts. A KMS key's own policy has to allow it too.
    """
    policies, limits, who = _role_s() if _role.get() and not as_caller else _caller_s()
    if policies is None:
        return True
    account = account_id()
    context = touch(f"{_EVALUATOR}:EvalContext")(
        principal_arn=who,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=arn,
        region=region_name(),
        service_context={key.lower(): value for key, value in (keys or {}).items()},
    )
    result = touch(f"{_EVALUATOR}:evaluate")(context, policies, *limits)
    key_policy = touch(f"{_EVALUATOR}:_resource_policy")("kms", arn) if action.startswith("kms:") else None
    if key_policy is not None:
        combine = touch(f"{_EVALUATOR}:combine_resource_policy")
        result = combine(result, context, *key_policy, required=True, limits=limits)
    return str(result.decision) == "Allow"


def who_calls() -> str:
    """Return the ARN of the caller."""
    return _caller_s()[2]


def who_acts() -> str:
    """Return the ARN of the role that acts, or else of the caller."""
    return (_role_s() if _role.get() else _caller_s())[2]


def _role_s() -> tuple[Any, Any, str]:
    name, account = _role.get().rpartition("/")[2], account_id()
    # A role that AWS makes for a service of its own may do what that service does.
    linked = name.startswith("AWSServiceRoleFor")
    policies = None if linked else touch(f"{_EVALUATOR}:_gather_role_policies")(name, account)
    limits = touch(f"{_EVALUATOR}:_permissions_boundary")(touch("ministack.services.iam:_roles"), name, account)
    return policies, limits, f"arn:aws:sts::{account}:assumed-role/{name}/AWSCloudFormation"


def _caller_s() -> tuple[Any, Any, str]:
    principal = touch(f"{_EVALUATOR}:resolve_principal")(_caller.get(), account_id())
    return principal.policies, principal.limits, principal.arn


# What a proxy that ends TLS says to the server behind it; the emulator reads aws:SecureTransport from it.
_HEADER = (b"x-forwarded-proto", b"https")


def secure(app: App) -> App:
    """Return the application, for which every request came over TLS."""

    async def secured(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], _HEADER]}
        await app(scope, receive, send)

    return secured
