"""Stack policies: what they are set to, and which change of a resource they deny when a change set is executed.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_SetStackPolicy.html and API_GetStackPolicy
"""

import json
from fnmatch import fnmatchcase
from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation.lookup import stack_named
from fake_aws.json_value import Json
from fake_aws.refusals import Unsupported, validation_error

ACTIONS = frozenset({"Update:Modify", "Update:Replace", "Update:Delete", "Update:*"})
_KEYS = frozenset({"Sid", "Effect", "Action", "Principal", "Resource", "NotResource", "Condition"})


def get_stack_policy(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetStackPolicy: no body where none was ever set."""
    return {"StackPolicyBody": stack_named(request, params["StackName"]).policy}


def set_stack_policy(request: Request, params: dict[str, Any]) -> Reply:
    """Answer SetStackPolicy; a policy can be replaced, and never removed."""
    stack = stack_named(request, params["StackName"])
    if "StackPolicyBody" not in params:
        raise validation_error("Either StackPolicyBody or StackPolicyURL must be specified")
    _statements(params["StackPolicyBody"])
    stack.policy = params["StackPolicyBody"]
    return {}


def _statements(body: str) -> list[dict[str, Any]]:
    try:
        statements = json.loads(body)["Statement"]
    except (ValueError, KeyError, TypeError) as error:
        raise validation_error(f"Error validating stack policy: Invalid stack policy ({error})") from None
    for each in statements:
        if unknown := each.keys() - _KEYS:
            raise Unsupported(f"stack policy: the fake does not know {sorted(unknown)}")
        if each["Effect"] not in {"Allow", "Deny"} or each.get("Principal") != "*":
            raise validation_error("Error validating stack policy: Invalid stack policy")
        if strangers := set(_list(each["Action"])) - ACTIONS:
            raise validation_error(f"Error validating stack policy: Invalid action {min(strangers)}")
    return list(statements)


def denial(policy: str | None, action: str, logical_id: str, type_name: str) -> str | None:
    """Return why the policy does not let the action (`Update:Modify`, ...) happen to a resource, or None if it does."""
    if policy is None:
        return None
    resource = f"LogicalResourceId/{logical_id}"
    fitting = [
        (number, each)
        for number, each in enumerate(_statements(policy), start=1)
        if {action, "Update:*"} & set(_list(each["Action"])) and _covers(each, resource, type_name)
    ]
    for number, each in fitting:
        if each["Effect"] == "Deny":
            return (
                f"Action denied by stack policy: Statement [#{number}] does not allow [{action}] for resource"
                f" [{resource}];"
            )
    return None if fitting else f"Action not allowed by stack policy: [{action}] for resource [{resource}]"


def _covers(statement: dict[str, Any], resource: str, type_name: str) -> bool:
    excepts = "NotResource" in statement
    named = _list(statement["NotResource" if excepts else "Resource"])
    if any(fnmatchcase(resource, each) for each in named) is excepts:
        return False
    for operator, keys in statement.get("Condition", {}).items():
        if operator not in {"StringEquals", "StringLike"} or keys.keys() != {"ResourceType"}:
            raise Unsupported(f"stack policy: the fake does not know the condition {operator} {keys}")
        types = _list(keys["ResourceType"])
        like = operator == "StringLike"
        if not any(fnmatchcase(type_name, each) if like else type_name == each for each in types):
            return False
    return True


def _list(value: Json) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
