"""What KMS checks of a key policy before it takes it.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from builder.local.adapter.emulator import account_id, touch

_TEXT = re.compile("[\\t\\n\\r\\x20-\\xff]+")
_LIMIT = 32_768
LOCKED_OUT = "The new key policy will not allow you to update the key policy in the future."
_NOBODY = "Policy contains a statement with one or more invalid principals."
_ROLE = re.compile(r"arn:aws:iam::(\d{12}):role/(?:.*/)?([^/]+)")


def find_refusal(policy: str | Mapping[str, Any]) -> str | None:
    """Return KMS's message for a key policy that it refuses, or None."""
    text = policy if isinstance(policy, str) else json.dumps(policy, ensure_ascii=False)
    if not _TEXT.fullmatch(text) or len(text) > _LIMIT:
        return (
            "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must satisfy regular "
            f"expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+, and have at most {_LIMIT} characters"
        )
    document = json.loads(text)
    if not all(map(_exists, _principals(document))):
        return _NOBODY
    if not any(_lets_change(statement) for statement in _statements(document)):
        return LOCKED_OUT
    return None


def allows_service(policy: str, services: set[str]) -> bool:
    """Return whether a key policy has a statement that allows one of these services anything."""
    return any(
        statement.get("Effect") == "Allow" and services & {*_listed(_principal(statement).get("Service"))}
        for statement in _statements(json.loads(policy))
    )


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statements = document.get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def _principal(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    principal = statement.get("Principal", {})
    return {"AWS": principal} if isinstance(principal, str) else principal


def _listed(value: object) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _principals(document: Mapping[str, Any]) -> Iterator[str]:
    for statement in _statements(document):
        yield from _listed(_principal(statement).get("AWS"))


def _exists(principal: str) -> bool:
    """Return whether a role of this account exists; nothing is known of others."""
    role = _ROLE.fullmatch(principal)
    return role is None or role[1] != account_id() or role[2] in touch("ministack.services.iam:_roles")


def _lets_change(statement: Mapping[str, Any]) -> bool:
    actions = _listed(statement.get("Action"))
    return (
        statement.get("Effect") == "Allow"
        and bool(_listed(_principal(statement).get("AWS")))
        and any(fnmatchcase("kms:putkeypolicy", action.lower()) for action in actions)
    )
