"""Trusted access of StackSets, its delegated administrators, and the accounts of organizational units."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from builder.local.adapter.emulator import AccountRegion, acting_in, here, touch
from builder.local.adapter.handlers import ApiError

_ORGANIZATIONS = "ministack.services.organizations"
_trusting: set[str] = set()
"""Management accounts whose organization lets StackSets in."""
_delegated: dict[str, str] = {}
"""The management accounts of the accounts that administer StackSets for them."""


def reset() -> None:
    """Delete all trust and delegation."""
    _trusting.clear()
    _delegated.clear()


def delegate(account: str, management: str) -> None:
    """Register an account as delegated administrator of StackSets for a management account."""
    _delegated[account] = management


def recall(account: str) -> None:
    """Deregister a delegated administrator."""
    _delegated.pop(account, None)


def delegates(management: str) -> list[str]:
    """Return the accounts that administer StackSets for a management account."""
    return [account for account, manager in _delegated.items() if manager == management]


def management_of(account: str) -> str:
    """Return the management account for which an account administers StackSets, or the account itself."""
    return _delegated.get(account, account)


@contextmanager
def called_as(call_as: str) -> Iterator[None]:
    """Act in the management account where `call_as` is DELEGATED_ADMIN. Raises ApiError unless the caller is one.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
    """
    place = here()
    if call_as != "DELEGATED_ADMIN":
        yield
        return
    if place.account not in _delegated:
        raise ApiError(
            "ValidationError",
            f"Account used is not a delegated administrator: {place.account}",
        )
    with acting_in(AccountRegion(_delegated[place.account], place.region)):
        yield


def activate(account: str) -> None:
    """Activate trusted access of StackSets to the organization of a management account."""
    touch(f"{_ORGANIZATIONS}:_ensure_org")()
    _trusting.add(account)


def deactivate(account: str) -> None:
    """Deactivate trusted access of StackSets."""
    _trusting.discard(account)


def is_active(account: str) -> bool:
    """Return whether StackSets has trusted access to the organization of a management account."""
    return account in _trusting


def check_active(account: str) -> None:
    """Raise ApiError unless StackSets has trusted access to the account's organization."""
    if not is_active(account):
        raise ApiError("ValidationError", "You must enable organizations access to operate a service managed stack set")


def units_of(account: str) -> list[str]:
    """Return the unit that an account is in, then those above it, the root last; of the request's organization."""
    units, record = touch(f"{_ORGANIZATIONS}:_ous"), touch(f"{_ORGANIZATIONS}:_accounts").get(account)
    parents = []
    while record is not None and (parent := record.get("_ParentId")):
        parents.append(str(parent))
        record = units.get(parent)
    return parents


def accounts_in(unit: str, *, management: str) -> list[str]:
    """Return the active accounts in a unit and in those below it, but never the management account.

    Raises ApiError for a unit that the request's organization does not have.
    """
    if unit not in {*touch(f"{_ORGANIZATIONS}:_ous"), *touch(f"{_ORGANIZATIONS}:_roots")}:
        raise ApiError("ValidationError", f"OrganizationalUnit with id {unit} not found")
    return [record["Id"] for record in _active() if record["Id"] != management and unit in units_of(record["Id"])]


def _active() -> Iterator[Mapping[str, Any]]:
    return (record for record in list(touch(f"{_ORGANIZATIONS}:_accounts").values()) if record["Status"] == "ACTIVE")
