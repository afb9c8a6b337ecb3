"""Into the accounts of a fleet themselves, by a role in each: for what StackSets neither tells nor does."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from builder.aws import Clients, together
from builder.deploy.observe import ObservedStack, observe_stack
from builder.errors import BadInput
from builder.fleet.records import Instance, StackSet
from builder.terms import AccountId

R = TypeVar("R")
# The clients of an account take megabytes: no more are there at a time than the threads can keep busy.
AT_ONCE = 16

Work = Callable[[StackSet, Instance, Clients], Coroutine[Any, Any, R]]


async def in_accounts(
    clients: Clients, instances: Iterable[tuple[StackSet, Instance]], role: str | None, work: Work[R]
) -> list[R]:
    """Do the work on each instance with clients that reach it; return what came of it, account by account.

    Some accounts are worked in at a time, and their clients go with that. `role` is the name of the one to take there;
    else it is the execution role of the sets. Raises BadInput where the sets have none.
    """
    by_account: dict[AccountId, list[tuple[StackSet, Instance]]] = defaultdict(list)
    for stack_set, one in instances:
        by_account[AccountId(str(one.site.account))].append((stack_set, one))
    arns = {account: _role_arn(*those[0], role) for account, those in by_account.items()}
    gate = asyncio.Semaphore(AT_ONCE)

    async def in_one(account: AccountId) -> list[R]:
        async with gate:
            reaching = clients.reaching({account: arns[account]})
            return await together(work(stack_set, one, reaching) for stack_set, one in by_account[account])

    done = await together(in_one(account) for account in by_account)
    return [result for some in done for result in some]


async def observe_instance_stack(one: Instance, reaching: Clients) -> ObservedStack | None:
    """Return the stack of an instance, looked at in its own account; None if it has none."""
    if not one.stack:
        return None
    found = await observe_stack(reaching, one.site, one.stack)
    return found if found is not None and found.facts.exists else None


def _role_arn(stack_set: StackSet, one: Instance, role: str | None) -> str:
    name = role or stack_set.execution_role
    if not name:
        raise BadInput(
            where="--role",
            what=f"{stack_set.id} is service-managed: it has no execution role that this account may assume",
            next_step="--role OrganizationAccountAccessRole    or another role that trusts this account",
        )
    partition = one.stack.split(":")[1] if one.stack else "aws"
    return f"arn:{partition}:iam::{one.site.account}:role/{name}"
