"""The newest value of CloudWatch metrics, where there is one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from builder.aws import call
from builder.state.look import Look

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

# S3 and DynamoDB publish each minute, by best effort.
_WINDOW = timedelta(minutes=15)
_PERIOD_S = 60


@dataclass(frozen=True, slots=True)
class Metric:
    """What is asked for."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str = "Average"


async def observe_metric(look: Look, metric: Metric) -> float | None:
    """Return the newest value of the last quarter of an hour, or None if nothing was published."""
    query: MetricDataQueryTypeDef = {
        "Id": "newest",
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
            },
            "Period": _PERIOD_S,
            "Stat": metric.statistic,
        },
    }
    answer = await call(
        f"{look.region}: {metric.name}",
        look.clients.cloudwatch(look.region).get_metric_data,
        MetricDataQueries=[query],
        StartTime=look.now - _WINDOW,
        EndTime=look.now,
    )
    points = [
        point
        for result in answer["MetricDataResults"]
        for point in zip(result["Timestamps"], result["Values"], strict=True)
    ]
    return max(points)[1] if points else None
