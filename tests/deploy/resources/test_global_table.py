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


def test_every_replica_but_the_stack_s_own_goes(deployed: Rig) -> None:
    assert "us-west-2" in replicas(deployed)
    deployed.run(lambda: global_table.unblock(deployed.clients, US_EAST_1, "tap-dev-global"))
    assert "us-west-2" not in replicas(deployed)


@pytest.mark.slow
def test_a_replica_that_never_goes_is_not_waited_for_without_end(deployed: Rig) -> None:
    deployed.world.replica_change_s = 10**6
    with pytest.raises(Failed, match="its replica in us-west-2 is DELETING after an hour"):
        deployed.run(lambda: global_table.unblock(deployed.clients, US_EAST_1, "tap-dev-global"))


def test_a_table_that_is_gone_has_nothing_to_release(rig: Rig) -> None:
    rig.run(lambda: global_table.unblock(rig.clients, US_EAST_1, "gone"))


@pytest.mark.slow
def test_another_refusal_is_told(deployed: Rig) -> None:
    deployed.world.faults.add(Fault.THROTTLE, service="dynamodb")
    with pytest.raises(AwsError, match="ThrottlingException"):
        deployed.run(lambda: global_table.unblock(deployed.clients, US_EAST_1, "tap-dev-global"))


def test_items_keep_nothing_back(deployed: Rig) -> None:
    calls = len(deployed.world.calls)
    holder = global_table.HOLDER
    deployed.run(lambda: holder.stop_writes(deployed.clients, US_EAST_1, "tap-dev-global"))
    deployed.run(lambda: holder.empty(deployed.clients, US_EAST_1, "tap-dev-global", lambda _: None))
    assert len(deployed.world.calls) == calls
