import pytest

from builder.deploy.resources import global_table
from builder.errors import AwsError, Failed
from builder.terms import Region
from deploy.rig import Rig
from fake_aws import Fault

US_EAST_1 = Region("us-east-1")


def replicas(rig: Rig) -> set[str]:
    table = rig.clients.dynamodb(US_EAST_1).describe_table(TableName="tap-dev-global")["Table"]
    return {replica["RegionName"] for replica in table.get("Replicas", [])}


def test_every_replica_but_the_stack_s_own_goes(standing: Rig) -> None:
    assert "us-west-2" in replicas(standing)
    standing.run(lambda: global_table.unblock(standing.clients, US_EAST_1, "tap-dev-global"))
    assert "us-west-2" not in replicas(standing)


@pytest.mark.slow
def test_a_replica_that_never_goes_is_not_waited_for_without_end(standing: Rig) -> None:
    standing.world.replica_change_s = 10**6
    with pytest.raises(Failed, match="its replica in us-west-2 is DELETING after an hour"):
        standing.run(lambda: global_table.unblock(standing.clients, US_EAST_1, "tap-dev-global"))


def test_a_table_that_is_gone_has_nothing_to_release(rig: Rig) -> None:
    rig.run(lambda: global_table.unblock(rig.clients, US_EAST_1, "gone"))


@pytest.mark.slow
def test_another_refusal_is_told(standing: Rig) -> None:
    standing.world.faults.add(Fault.THROTTLE, service="dynamodb")
    with pytest.raises(AwsError, match="ThrottlingException"):
        standing.run(lambda: global_table.unblock(standing.clients, US_EAST_1, "tap-dev-global"))


def test_items_keep_nothing_back(standing: Rig) -> None:
    calls = len(standing.world.calls)
    holder = global_table.HOLDER
    standing.run(lambda: holder.stop_writes(standing.clients, US_EAST_1, "tap-dev-global"))
    standing.run(lambda: holder.empty(standing.clients, US_EAST_1, "tap-dev-global", lambda _: None))
    assert len(standing.world.calls) == calls
