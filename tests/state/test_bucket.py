from datetime import timedelta
from typing import Any

from builder.state.observe import observe_bucket
from state.standing import EAST, NOW, WEST, Standing


def test_pending_is_read_where_the_destination_is_and_failed_where_the_source_is(standing: Standing) -> None:
    dimensions: list[Any] = [
        {"Name": "SourceBucket", "Value": standing.bucket(EAST)},
        {"Name": "DestinationBucket", "Value": standing.bucket(WEST)},
        {"Name": "RuleId", "Value": "to-us-west-2"},
    ]
    for region, name, value in ((WEST, "OperationsPendingReplication", 7), (EAST, "OperationsFailedReplication", 2)):
        standing.clients.cloudwatch(region).put_metric_data(
            Namespace="AWS/S3",
            MetricData=[
                {"MetricName": name, "Dimensions": dimensions, "Timestamp": NOW - timedelta(minutes=1), "Value": value}
            ],
        )
    source = standing.run(observe_bucket(standing.look(EAST), standing.bucket(EAST)))
    (rule,) = source.rules
    assert (source.versioning, rule.id, rule.status) == ("Enabled", "to-us-west-2", "Enabled")
    assert (rule.pending, rule.failed) == (7, 2)


def test_a_bucket_without_rules_has_none(standing: Standing) -> None:
    assert standing.run(observe_bucket(standing.look(WEST), standing.bucket(WEST))).rules == ()


def test_a_destination_that_is_gone_leaves_what_is_pending_unknown(standing: Standing) -> None:
    standing.clients.s3(WEST).delete_bucket(Bucket=standing.bucket(WEST))
    (rule,) = standing.run(observe_bucket(standing.look(EAST), standing.bucket(EAST))).rules
    assert (rule.pending, rule.failed) == (None, None)
