from datetime import timedelta
from typing import Any

from builder.state.observe import observe_bucket
from state.rig import EAST, NOW, WEST, StateRig


def test_pending_is_read_where_the_destination_is_and_failed_where_the_source_is(deployed: StateRig) -> None:
    dimensions: list[Any] = [
        {"Name": "SourceBucket", "Value": deployed.bucket(EAST)},
        {"Name": "DestinationBucket", "Value": deployed.bucket(WEST)},
        {"Name": "RuleId", "Value": "to-us-west-2"},
    ]
    for region, name, value in ((WEST, "OperationsPendingReplication", 7), (EAST, "OperationsFailedReplication", 2)):
        deployed.clients.cloudwatch(region).put_metric_data(
            Namespace="AWS/S3",
            MetricData=[
                {"MetricName": name, "Dimensions": dimensions, "Timestamp": NOW - timedelta(minutes=1), "Value": value}
            ],
        )
    source = deployed.run(observe_bucket(deployed.context(EAST), deployed.bucket(EAST)))
    (rule,) = source.rules
    assert (source.versioning, rule.id, rule.status) == ("Enabled", "to-us-west-2", "Enabled")
    assert (rule.pending, rule.failed) == (7, 2)


def test_a_bucket_without_rules_has_none(deployed: StateRig) -> None:
    assert deployed.run(observe_bucket(deployed.context(WEST), deployed.bucket(WEST))).rules == ()


def test_a_destination_that_is_gone_leaves_what_is_pending_unknown(deployed: StateRig) -> None:
    deployed.clients.s3(WEST).delete_bucket(Bucket=deployed.bucket(WEST))
    (rule,) = deployed.run(observe_bucket(deployed.context(EAST), deployed.bucket(EAST))).rules
    assert (rule.pending, rule.failed) == (None, None)
