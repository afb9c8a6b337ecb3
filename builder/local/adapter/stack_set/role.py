"""The two roles of a self-managed set: one that administers, and in each target account one that executes.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html
"""

import json
from collections.abc import Mapping
from typing import Any

from builder.local.adapter.emulator import touch
from builder.local.adapter.stack_set.records import Place
from builder.local.adapter.stack_set.wire import Fault

ADMINISTRATION = "AWSCloudFormationStackSetAdministrationRole"
EXECUTION = "AWSCloudFormationStackSetExecutionRole"


def roles_of(definition: Mapping[str, Any], home: Place) -> dict[str, str]:
    """Return AdministrationRoleARN and ExecutionRoleName of a set, by default AWS's; none for a service-managed one."""
    if definition["PermissionModel"] == "SERVICE_MANAGED":
        return {}
    return {
        "AdministrationRoleARN": definition.get(
            "AdministrationRoleARN", f"arn:aws:iam::{home.account}:role/{ADMINISTRATION}"
        ),
        "ExecutionRoleName": definition.get("ExecutionRoleName", EXECUTION),
    }


def check_administration(roles: Mapping[str, str], home: Place) -> None:
    """Raise Fault unless the administration role is there and CloudFormation may take it."""
    if arn := roles.get("AdministrationRoleARN"):
        found = _find(home.account, _name(arn))
        if found is None or "cloudformation.amazonaws.com" not in json.dumps(_trust(found)):
            raise Fault("ValidationError", f"Role {arn} is invalid or cannot be assumed")


def find_refusal(roles: Mapping[str, str], home: Place, account: str) -> str | None:
    """Return why the administration role can't take the execution role of an account; None when it can."""
    if not roles:
        return None
    admin, wanted = roles["AdministrationRoleARN"], roles["ExecutionRoleName"]
    found = _find(account, wanted)
    trusted = {admin, home.account, f"arn:aws:iam::{home.account}:root", "*"}
    if found is not None and trusted & _principals(found):
        return None
    return f"Account {account} should have '{wanted}' role with trust relationship to Role '{_name(admin)}'."


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _find(account: str, name: str) -> Mapping[str, Any] | None:
    with touch("ministack.core.responses:request_scope")(account, "us-east-1"):
        found: Mapping[str, Any] | None = touch("ministack.services.iam:_roles").get(name)
        return found


def _trust(role: Mapping[str, Any]) -> Mapping[str, Any]:
    document: str | Mapping[str, Any] = role["AssumeRolePolicyDocument"]
    parsed: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
    return parsed


def _principals(role: Mapping[str, Any]) -> set[str]:
    """Return who may take a role by its AWS principals; what its conditions say is not looked at."""
    statements = _trust(role).get("Statement", [])
    named: set[str] = set()
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        who = principal.get("AWS", []) if isinstance(principal, dict) else principal
        if statement["Effect"] == "Allow":
            named.update([who] if isinstance(who, str) else who)
    return named
