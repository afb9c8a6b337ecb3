"""The actions of Organizations that the emulator lacks, and those that StackSets has a part in.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/Welcome.html
"""

import json
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import AccountRegion, account_id, acting_in, here, touch
from builder.local.adapter.handlers import Reply
from builder.local.adapter.organizations import access

Payload = Mapping[str, Any]
OrganizationsAction = Callable[[Payload], Reply]

_ORGANIZATIONS = "ministack.services.organizations"
STACK_SETS = "member.org.stacksets.cloudformation.amazonaws.com"
_STORES = {"ACCOUNT": "_accounts", "ORGANIZATIONAL_UNIT": "_ous"}


def install(account_moved: Callable[[str, str], None]) -> None:
    """Add the actions to the emulator's; `account_moved` is called with the management and the moved account."""
    actions: MutableMapping[str, OrganizationsAction] = touch(f"{_ORGANIZATIONS}:_DISPATCH")
    actions["MoveAccount"] = _make_move(actions["MoveAccount"], account_moved)
    actions.update(
        DeregisterDelegatedAdministrator=_deregister,
        CreateOrganization=actions["DescribeOrganization"],
        DisableAWSServiceAccess=_disable,
        EnableAWSServiceAccess=_enable,
        ListAWSServiceAccessForOrganization=_list_enabled,
        ListChildren=_list_children,
        ListDelegatedAdministrators=_list_delegates,
        RegisterDelegatedAdministrator=_register,
    )
    for name, handle in actions.items():
        if name.startswith(("Describe", "List")):
            actions[name] = _make_read(handle)


def _make_move(move: OrganizationsAction, account_moved: Callable[[str, str], None]) -> OrganizationsAction:
    def move_and_deploy(payload: Payload) -> Reply:
        reply = move(payload)
        if reply[0] == 200:
            account_moved(account_id(), payload["AccountId"])
        return reply

    return move_and_deploy


def _make_read(read: OrganizationsAction) -> OrganizationsAction:
    """Return the action, which a delegated administrator calls as the management account."""

    def read_organization(payload: Payload) -> Reply:
        account, region = here()
        with acting_in(AccountRegion(access.management_of(account), region)):
            return read(payload)

    return read_organization


def _register(payload: Payload) -> Reply:
    access.delegate(payload["AccountId"], account_id())
    return _answer({})


def _deregister(payload: Payload) -> Reply:
    access.recall(payload["AccountId"])
    return _answer({})


def _list_delegates(_payload: Payload) -> Reply:
    accounts = touch(f"{_ORGANIZATIONS}:_accounts")
    members = ("Id", "Arn", "Email", "Name", "Status", "JoinedMethod", "JoinedTimestamp")
    delegates = [{name: accounts[account][name] for name in members} for account in access.delegates(account_id())]
    return _answer({"DelegatedAdministrators": delegates})


def _enable(payload: Payload) -> Reply:
    if payload["ServicePrincipal"] == STACK_SETS:
        access.activate(account_id())
    return _answer({})


def _disable(payload: Payload) -> Reply:
    if payload["ServicePrincipal"] == STACK_SETS:
        access.deactivate(account_id())
    return _answer({})


def _list_enabled(_payload: Payload) -> Reply:
    enabled = [STACK_SETS] if access.is_active(account_id()) else []
    return _answer({"EnabledServicePrincipals": [{"ServicePrincipal": service} for service in enabled]})


def _list_children(payload: Payload) -> Reply:
    kind = payload["ChildType"]
    records = touch(f"{_ORGANIZATIONS}:{_STORES[kind]}").values()
    children = [record["Id"] for record in records if record["_ParentId"] == payload["ParentId"]]
    return _answer({"Children": [{"Id": record, "Type": kind} for record in children]})


def _answer(body: Mapping[str, Any]) -> Reply:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body)
