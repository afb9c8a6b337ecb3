"""An account that leaves a fleet: what becomes of each of its stacks, before anybody agrees; pure."""

from collections.abc import Iterator
from typing import assert_never

from rich.text import Text

from builder.fleet.drop import Aim, LeavingAccount
from builder.report.screen import printable
from builder.terms import AccountId, counted


def leaving_text(leaving: LeavingAccount) -> Text:
    """Return a line for each stack, in the order in which they go, under what happens to all of them."""
    deleted, stay = len(leaving.deleted), len(leaving.stacks) - len(leaving.deleted)
    said = [f"{counted(deleted, 'stack')} deleted, with all that is in them"] if deleted else []
    said += [f"{counted(stay, 'instance')} taken out of their sets, no stack touched"] if stay else []
    lines = [Text(f"{leaving.account} leaves the fleet: {', '.join(said)}", style="bold red" if deleted else "bold")]
    return Text("\n").join([*lines, *_lines(leaving)])


def _lines(leaving: LeavingAccount) -> Iterator[Text]:
    deleted = leaving.deleted
    for one in leaving.stacks:
        does = "deletes" if one in deleted else "leaves" if one.instance.stack else "has no stack"
        style = "red" if does == "deletes" else "yellow"
        name = one.instance.stack.partition(":stack/")[2].partition("/")[0]
        head = (f"  {one.stack_set.id}  ", "bold"), (does, style)
        yield Text.assemble(*head, f"  {one.instance.site.region}  {name or one.stack_set.name}")
    if leaving.unreachable:
        yield Text(f"  note: the stacks stay in the account: {printable(leaving.unreachable)}", style="yellow")


def targeted_text(leaving: LeavingAccount) -> str:
    """Return what to change so that the next deployment does not bring the account back; empty where nothing."""
    if not leaving.targeted_by:
        return ""
    ways = dict.fromkeys(_way_out(leaving.account, aim) for aim in leaving.targeted_by)
    then = "python -m builder render, then python -m builder fleet deploy"
    return f"the fleet's stack still aims at the account: {'; '.join(ways)}; then {then}: else it comes back"


def _way_out(account: AccountId, aim: Aim) -> str:
    """Return the edit by which this leads to the account no more."""
    if not aim.unit or aim.filter == "INTERSECTION":
        return f"take {account} out of fleet.accounts in dr.yaml"
    moved = f"move {account} out of {aim.unit}"
    match aim.filter:
        case "DIFFERENCE":
            return f"add {account} to fleet.accounts in dr.yaml, whom account_filter: difference leaves out"
        case "UNION":
            return moved
        case "NONE":
            return f'{moved}, or leave it out in dr.yaml: accounts: ["{account}"], account_filter: difference'
    assert_never(aim.filter)


def drop_hint(accounts: tuple[AccountId, ...]) -> str:
    """Return the command for accounts whose role cannot be taken, and whom it takes out; empty where there are none."""
    if not accounts:
        return ""
    others = f", and so for {counted(len(accounts) - 1, 'other account')}" if len(accounts) > 1 else ""
    return f"python -m builder fleet drop {accounts[0]}    where its role is gone for good: takes it out{others}"
