"""The state of an alarm by what was published for its metric's own dimensions, and by what is missing.

The emulator takes every dimension of a metric together, looks at one period, and never at what is missing. CloudWatch
evaluates by the minute; here an alarm is evaluated when somebody looks at it, over the periods that end then, and keeps
a state that it was given until something new is published or its period is over.
Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

import operator
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.cloudwatch.expressions import Series, evaluate, names
from builder.local.adapter.emulator import touch

Alarm = MutableMapping[str, Any]
Query = Mapping[str, Any]

CLOUDWATCH = "ministack.services.cloudwatch"
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}

_seen: dict[object, object] = {}
"""How much was published when an alarm, by its ARN and configuration, was last evaluated."""
_TABLES = "AWS/DynamoDB"


def evaluate_alarm(alarm: Alarm) -> None:
    """Set the state that an alarm has now, notify whom it tells of a change, and evaluate the alarms above it."""
    now, period = time.time(), period_of(alarm)
    if not _is_due(alarm, now, period):
        return
    state, reason = _decide(alarm, _series(alarm, now, period))
    before = alarm["StateValue"]
    if state == before:
        return
    alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=now)
    touch(f"{CLOUDWATCH}:_record_history")(alarm["AlarmName"], before, state, reason)
    touch(f"{CLOUDWATCH}:_dispatch_alarm_actions")(alarm, before, state, reason)
    touch(f"{CLOUDWATCH}:_evaluate_parent_alarms")(alarm)


def period_of(alarm: Mapping[str, Any]) -> int:
    """Return the seconds of an alarm's period, which is that of its metrics where it has several."""
    periods = [query["MetricStat"]["Period"] for query in queries_of(alarm) if "MetricStat" in query]
    return int(max(periods, default=60))


def queries_of(alarm: Mapping[str, Any]) -> list[Query]:
    """Return what an alarm watches as queries; that of an alarm on one metric has the id "m"."""
    if alarm.get("Metrics"):
        queries: list[Query] = alarm["Metrics"]
        return queries
    metric = {name: alarm.get(name) for name in ("Namespace", "MetricName", "Dimensions")}
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
    return [{"Id": "m", "MetricStat": {"Metric": metric, "Period": alarm.get("Period", 60), "Stat": statistic}}]


def _is_due(alarm: Alarm, now: float, period: int) -> bool:
    """Return whether an alarm is new, its state old, or something was published since it was last evaluated."""
    place = (alarm["AlarmArn"], alarm["AlarmConfigurationUpdatedTimestamp"])
    published = [
        (len(points), points[-1].get("Count", 1) if points else 0) for points in map(_points, queries_of(alarm))
    ]
    before, _seen[place] = _seen.get(place), published
    return before != published or now - float(alarm["StateUpdatedTimestamp"]) >= period


def _points(query: Query) -> list[Mapping[str, Any]]:
    if "MetricStat" not in query:
        return []
    metric = query["MetricStat"]["Metric"]
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions") or []}
    key = (metric["Namespace"], metric["MetricName"], touch(f"{CLOUDWATCH}:_dims_key")(dimensions))
    points: list[Mapping[str, Any]] = touch(f"{CLOUDWATCH}:_metrics").get(key) or []
    return points


def _series(alarm: Alarm, now: float, period: int) -> Series:
    """Return the values that an alarm compares, one for each period that it evaluates."""
    count = int(alarm["EvaluationPeriods"])
    series: dict[str, Series] = {}
    pending = list(queries_of(alarm))
    for query in [query for query in pending if "MetricStat" in query]:
        series[query["Id"]] = tuple(_statistic(query, now - i * period, period) for i in range(count))
        pending.remove(query)
    # Expressions may read others, in any order; `alarms` has refused those that read none that is there.
    while pending:
        query = pending.pop(0)
        read = {other["Id"] for other in pending} & reads(query, queries_of(alarm))
        if read:
            pending.append(query)
        else:
            series[query["Id"]] = evaluate(query["Expression"], series)
    return series[returned(queries_of(alarm))]


def reads(query: Query, queries: Iterable[Query]) -> set[str]:
    """Return the ids of other queries that an expression names."""
    from_expression = names(query.get("Expression", "0"))
    return {other["Id"] for other in queries if other is not query} & from_expression


def returned(queries: Iterable[Query]) -> str:
    """Return the id of the query whose values an alarm compares."""
    return str(next(query["Id"] for query in queries if query.get("ReturnData", True)))


def _statistic(query: Query, until: float, period: int) -> float | None:
    points = [point for point in _points(query) if until - period < point["Timestamp"] <= until]
    statistics = touch(f"{CLOUDWATCH}:_calc_stats")(points)
    if not statistics:
        return None
    value = touch(f"{CLOUDWATCH}:_stat_value")(statistics, query["MetricStat"]["Stat"], points)
    return None if value is None else float(value)


def _decide(alarm: Alarm, series: Series) -> tuple[str, str]:
    """Return the state and the reason for it."""
    treated, state = _treatment(alarm), alarm["StateValue"]
    compare, threshold = COMPARISONS[alarm["ComparisonOperator"]], float(alarm["Threshold"])
    present = [value for value in series if value is not None]
    if not present and treated == "missing":
        return "INSUFFICIENT_DATA", f"Insufficient Data: {len(series)} datapoints were unknown."
    breaching = sum(compare(value, threshold) for value in present)
    if treated == "breaching":
        breaching += len(series) - len(present)
    needed = min(int(alarm.get("DatapointsToAlarm") or len(series)), len(series))
    if treated == "missing":
        needed = min(needed, len(present))  # what is there decides
    shown = f"[{', '.join(map(str, present))}] {alarm['ComparisonOperator']} {threshold}"
    if breaching >= needed:
        return "ALARM", f"Threshold Crossed: {breaching} out of the last {len(series)} datapoints: {shown}"
    if treated == "ignore" and len(present) - breaching <= len(series) - needed:
        return str(state), str(alarm["StateReason"])  # what is missing could decide it either way
    return "OK", f"Threshold not crossed: {breaching} out of the last {len(series)} datapoints: {shown}"


def _treatment(alarm: Alarm) -> str:
    """Return how an alarm takes missing data: of tables it keeps its state, whatever it says."""
    namespaces = {query["MetricStat"]["Metric"]["Namespace"] for query in queries_of(alarm) if "MetricStat" in query}
    return "ignore" if _TABLES in namespaces else str(alarm.get("TreatMissingData") or "missing")
