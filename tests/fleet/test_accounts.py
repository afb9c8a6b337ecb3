import asyncio
import tracemalloc

import boto3
import pytest

from builder.aws import Clients
from builder.errors import BadInput
from builder.fleet.records import StackInstance, StackSet
from builder.fleet.targets import AT_ONCE, in_accounts, observe_instance_stack
from fleet.rig import FleetRig
from fleet.stack_sets import ACCOUNTS, WEST, instance, stack_set

MANY = [f"{number:012d}" for number in range(4 * AT_ONCE)]


def test_some_accounts_are_worked_in_at_a_time_and_each_ones_sets_together(rig: FleetRig) -> None:
    now, most = set[str](), 0

    async def work(set_: StackSet, at: StackInstance, reaching: Clients) -> tuple[str, str]:
        nonlocal most
        now.add(str(at.site.account))
        most = max(most, len(now))
        await asyncio.sleep(1)
        now.discard(str(at.site.account))
        return str(at.site.account), set_.id

    sets = [stack_set("us-west-2/storage"), stack_set("us-west-2/service")]
    pairs = [(set_, instance(account)) for set_ in sets for account in MANY]
    done = rig.run(lambda: in_accounts(rig.clients, pairs, "role", work))
    assert done == [(account, set_.id) for account in MANY for set_ in sets]
    assert most == AT_ONCE


def test_an_instance_that_has_no_stack_takes_no_call(rig: FleetRig) -> None:
    assert rig.run(lambda: observe_instance_stack(instance(ACCOUNTS[0]), rig.clients)) is None
    assert rig.world.calls == []


def test_without_a_role_to_take_there_nothing_is_begun(rig: FleetRig) -> None:
    async def work(set_: StackSet, at: StackInstance, reaching: Clients) -> None:
        raise AssertionError

    bare = stack_set(is_service_managed=True)
    with pytest.raises(BadInput, match="service-managed"):
        rig.run(lambda: in_accounts(rig.clients, [(bare, instance(ACCOUNTS[0]))], None, work))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_accounts() -> None:
    clients = Clients(boto3.Session("key", "secret", region_name=WEST))

    async def work(set_: StackSet, at: StackInstance, reaching: Clients) -> None:
        reaching.of(at.site).cloudformation(WEST)

    def peak(accounts: list[str]) -> int:
        pairs = [(stack_set(), instance(account)) for account in accounts]
        tracemalloc.start()
        try:
            asyncio.run(in_accounts(clients, pairs, "role", work))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(MANY[:1])
    assert peak(MANY) < len(MANY) * 500_000
