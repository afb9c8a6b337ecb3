"""The newest value of CloudWatch metrics, where there is one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from builder.aws import Clients, call
from builder.terms import Region

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


async def observe_metric(clients: Clients, region: Region, metric: Metric, now: datetime) -> float | None:
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
        f"{region}: {metric.name}",
        clients.cloudwatch(region).get_metric_data,
        MetricDataQueries=[query],
        StartTime=now - _WINDOW,
        EndTime=now,
    )
    points = [
        point
        for result in answer["MetricDataResults"]
        for point in zip(result["Timestamps"], result["Values"], strict=True)
    ]
    return max(points)[1] if points else None
