"""What stack sets need to know of Organizations: who manages, which accounts a unit holds, whether access is given."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from builder.local.adapter.emulator import Place, acting_in, here, touch
from builder.local.adapter.handlers import Fault

_ORGANIZATIONS = "ministack.services.organizations"
_trusting: set[str] = set()
"""Management accounts whose organization lets StackSets in."""
_delegated: dict[str, str] = {}
"""The management accounts of the accounts that administer StackSets for them."""


def reset() -> None:
    """Forget whom organizations trust."""
    _trusting.clear()
    _delegated.clear()


def delegate(account: str, management: str) -> None:
    """Let an account administer the service-managed sets of the organization that another manages."""
    _delegated[account] = management


def recall(account: str) -> None:
    """Let an account administer nothing any more."""
    _delegated.pop(account, None)


def delegates(management: str) -> list[str]:
    """Return the accounts that administer StackSets for a management account."""
    return [account for account, manager in _delegated.items() if manager == management]


def management_of(account: str) -> str:
    """Return the management account for which an account administers StackSets, or the account itself."""
    return _delegated.get(account, account)


@contextmanager
def called_as(call_as: str) -> Iterator[None]:
    """Act within in the management account for a caller who says DELEGATED_ADMIN; raises Fault if it is none.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
    """
    place = here()
    if call_as != "DELEGATED_ADMIN":
        yield
        return
    if place.account not in _delegated:
        raise Fault(
            "ValidationError",
            f"Account used is not a delegated administrator: {place.account}",
        )
    with acting_in(Place(_delegated[place.account], place.region)):
        yield


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
