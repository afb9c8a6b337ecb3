from datetime import timedelta

from builder.state.observe import Metric, observe_metric
from state.rig import EAST, NOW, StateRig

LAG = Metric("AWS/DynamoDB", "ReplicationLatency", {"TableName": "tap-dev-global", "ReceivingRegion": "us-west-2"})


def test_the_newest_value_is_taken_and_none_where_nothing_was_published(deployed: StateRig) -> None:
    assert deployed.run(observe_metric(deployed.context(EAST), LAG)) is None
    deployed.clients.cloudwatch(EAST).put_metric_data(
        Namespace=LAG.namespace,
        MetricData=[
            {
                "MetricName": LAG.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in LAG.dimensions.items()],
                "Timestamp": NOW - timedelta(minutes=ago),
                "Value": value,
            }
            for ago, value in ((9, 900.0), (3, 800.0))
        ],
    )
    assert deployed.run(observe_metric(deployed.context(EAST), LAG)) == 800.0
    later = NOW + timedelta(hours=1)
    assert deployed.run(observe_metric(deployed.context(EAST, later), LAG)) is None
