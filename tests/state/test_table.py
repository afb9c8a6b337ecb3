import pytest

from builder.errors import AwsError
from builder.state.observe import observe_replica
from state.rig import EAST, WEST, StateRig


def test_a_replica_is_seen_in_its_own_region(deployed: StateRig) -> None:
    deployed.clients.dynamodb(WEST).update_continuous_backups(
        TableName="tap-dev-global", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    here = deployed.run(observe_replica(deployed.context(EAST), "tap-dev-global"))
    there = deployed.run(observe_replica(deployed.context(WEST), "tap-dev-global"))
    assert (here.status, here.point_in_time_recovery, here.latency_ms) == ("ACTIVE", True, {WEST: None})
    assert (there.status, there.point_in_time_recovery, there.latency_ms) == ("ACTIVE", False, {EAST: None})


def test_each_index_is_seen_with_its_status(deployed: StateRig) -> None:
    deployed.clients.dynamodb(EAST).update_table(
        TableName="tap-dev-global",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "day")],
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": "by_day",
                    "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            }
        ],
    )
    seen = deployed.run(observe_replica(deployed.context(EAST), "tap-dev-global"))
    assert [*seen.indexes] == ["by_day"]
    assert seen.indexes["by_day"] in {"CREATING", "ACTIVE"}


def test_a_table_that_is_not_there_is_an_error(deployed: StateRig) -> None:
    with pytest.raises(AwsError, match="nobody"):
        deployed.run(observe_replica(deployed.context(EAST), "nobody"))
