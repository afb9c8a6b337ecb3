from typing import get_args

import pytest

from builder.aws import Clients
from builder.deploy.delete.contents import ActiveProtection, StackContents
from builder.deploy.delete.protections import check_unheld
from builder.deploy.observe.stacks import observe_stack
from builder.deploy.resources import HOLDERS, Holder, Seen
from builder.deploy.resources.holder import HoldKind, held_by_nothing, stay_quiet
from builder.errors import Stopped
from builder.terms import Region, Site, StackId, StackName
from deploy.rig import Rig


def test_a_plain_holder_only_guards(rig: Rig) -> None:
    plain = Holder()
    seen = Seen(before={"A": 1}, after={"A": 2})
    assert (plain.losses(seen), plain.warnings(seen), plain.regions({}), plain.singly) == ((), (), (), ())

    async def delete_stack(clients: Clients) -> None:
        await plain.stop_writes(clients, Region("us-east-1"), "id")
        await plain.empty(clients, Region("us-east-1"), "id", lambda _: None)
        await plain.unblock(clients, Region("us-east-1"), "id")

    rig.run(lambda: delete_stack(rig.clients))
    assert rig.world.calls == []


def test_only_what_is_emptied_or_released_is_helped() -> None:
    helped = {name for name, holder in HOLDERS.items() if holder.is_helped}
    assert helped == {"AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket"}


HOLDING = {name: holder for name, holder in HOLDERS.items() if holder.holds is not held_by_nothing}


@pytest.mark.parametrize("name", HOLDERS)
def test_what_lifts_a_deletion_protection_has_its_own_command_too(name: str) -> None:
    holder = HOLDERS[name]
    command = holder.lifts(Region("us-east-1"), "orders")
    assert bool(command) is (holder.lift is not stay_quiet)
    if command:
        assert name in HOLDING
        assert command.startswith(f"aws {name.split('::')[1].lower()}")
        assert " us-east-1 " in command
        assert "orders" in command


@pytest.mark.parametrize("name", HOLDING)
@pytest.mark.parametrize("kind", get_args(HoldKind))
def test_the_remedy_of_what_is_held_is_that_of_its_type(deployed: Rig, name: str, kind: HoldKind) -> None:
    region = Region("us-east-1")
    held = ActiveProtection(kind=kind, region=region, type=name, physical_id="orders")
    stack = deployed.run(lambda: observe_stack(deployed.clients, Site(None, region), StackName("tap-dev-table")))
    assert stack is not None
    with pytest.raises(Stopped, match=r"orders has .+ in us-east-1\. Nothing was emptied") as caught:
        check_unheld(StackContents(id=StackId("us-east-1/table"), stack=stack, holders=(), protections=(held,)))
    command = HOLDING[name].lifts(region, "orders") if kind == "DeletionProtection" else ""
    assert caught.value.next_step.partition("    ")[0] == command


def test_where_the_details_are_left_out_anything_may_be_touched() -> None:
    assert Seen().may_touch("Replicas")
    assert Seen(touched=frozenset({"Replicas"})).may_touch("Replicas")
    assert not Seen(touched=frozenset({"Tags"})).may_touch("Replicas")
