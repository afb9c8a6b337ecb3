import pytest

from builder.errors import AwsError
from builder.state.observe import observe_replica
from state.standing import EAST, WEST, Standing


def test_a_replica_is_seen_in_its_own_region(standing: Standing) -> None:
    standing.clients.dynamodb(WEST).update_continuous_backups(
        TableName="tap-dev-global", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    here = standing.run(observe_replica(standing.look(EAST), "tap-dev-global"))
    there = standing.run(observe_replica(standing.look(WEST), "tap-dev-global"))
    assert (here.status, here.point_in_time_recovery, here.latency_ms) == ("ACTIVE", True, {WEST: None})
    assert (there.status, there.point_in_time_recovery, there.latency_ms) == ("ACTIVE", False, {EAST: None})


def test_each_index_is_seen_with_its_status(standing: Standing) -> None:
    standing.clients.dynamodb(EAST).update_table(
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
    seen = standing.run(observe_replica(standing.look(EAST), "tap-dev-global"))
    assert [*seen.indexes] == ["by_day"]
    assert seen.indexes["by_day"] in {"CREATING", "ACTIVE"}


def test_a_table_that_is_not_there_is_an_error(standing: Standing) -> None:
    with pytest.raises(AwsError, match="nobody"):
        standing.run(observe_replica(standing.look(EAST), "nobody"))
