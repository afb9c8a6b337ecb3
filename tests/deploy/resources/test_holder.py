from builder.aws import Clients
from builder.deploy.resources import HOLDERS, Holder, Seen
from builder.terms import Region
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


def test_where_the_details_are_left_out_anything_may_be_touched() -> None:
    assert Seen().may_touch("Replicas")
    assert Seen(touched=frozenset({"Replicas"})).may_touch("Replicas")
    assert not Seen(touched=frozenset({"Tags"})).may_touch("Replicas")
