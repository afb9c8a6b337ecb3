"""What stack sets need to know of Organizations: who manages, which accounts a unit holds, whether access is given."""

from collections.abc import Iterator, Mapping
from typing import Any

from builder.local.adapter.emulator import touch
from builder.local.adapter.stack_set.wire import Fault

_ORGANIZATIONS = "ministack.services.organizations"
_trusting: set[str] = set()
"""Management accounts whose organization lets StackSets in."""


def reset() -> None:
    """Forget whom organizations trust."""
    _trusting.clear()


def activate(account: str) -> None:
    """Let StackSets work in all accounts of the organization that an account manages."""
    touch(f"{_ORGANIZATIONS}:_ensure_org")()
    _trusting.add(account)


def deactivate(account: str) -> None:
    """Let StackSets in no more."""
    _trusting.discard(account)


def is_active(account: str) -> bool:
    """Return whether StackSets may work in the organization that an account manages."""
    return account in _trusting


def check_active(account: str) -> None:
    """Raise Fault where StackSets may not work in the account's organization."""
    if not is_active(account):
        raise Fault("ValidationError", "You must enable organizations access to operate a service managed stack set")


def units_of(account: str) -> list[str]:
    """Return the unit that an account is in, then those above it, the root last; of the request's organization."""
    units, record = touch(f"{_ORGANIZATIONS}:_ous"), touch(f"{_ORGANIZATIONS}:_accounts").get(account)
    found = []
    while record is not None and (parent := record.get("_ParentId")):
        found.append(str(parent))
        record = units.get(parent)
    return found


def accounts_in(unit: str, *, management: str) -> list[str]:
    """Return the active accounts in a unit and in those below it, but never the management account.

    Raises Fault for a unit that the request's organization does not have.
    """
    if unit not in {*touch(f"{_ORGANIZATIONS}:_ous"), *touch(f"{_ORGANIZATIONS}:_roots")}:
        raise Fault("ValidationError", f"OrganizationalUnit with id {unit} not found")
    return [one["Id"] for one in _active() if one["Id"] != management and unit in units_of(one["Id"])]


def _active() -> Iterator[Mapping[str, Any]]:
    return (one for one in list(touch(f"{_ORGANIZATIONS}:_accounts").values()) if one["Status"] == "ACTIVE")
