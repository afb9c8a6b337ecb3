"""AWS::CloudWatch::Alarm with metric math, and the API's alarms, evaluated whenever somebody looks.

    Metrics:
      - {Id: errors, ReturnData: false, MetricStat: {Metric: {...}, Period: 60, Stat: Sum}}
      - {Id: rate, Expression: "100 * errors / requests"}

What CloudWatch refuses of an alarm is refused in its words, as far as they are known.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.cloudwatch.evaluation import (
    CLOUDWATCH,
    COMPARISONS,
    Alarm,
    Query,
    evaluate_alarm,
    period_of,
    queries_of,
    reads,
)
from builder.local.adapter.cloudwatch.expressions import Unplayed, names
from builder.local.adapter.emulator import region_name, replace, touch
from builder.local.adapter.handlers import HandlerError, Properties, Reply, is_true

_PROVISIONERS = "ministack.services.cloudformation.provisioners"
_OF_ONE_METRIC = ("MetricName", "Namespace", "Dimensions", "Statistic", "ExtendedStatistic", "Period", "Unit")
_TREATMENTS = frozenset({"breaching", "notBreaching", "ignore", "missing"})
_UNPLAYED = ("ThresholdMetricId", "EvaluationCriteria", "EvaluationInterval")
_DAY = 86_400
_HOUR = 3_600
_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")


def install() -> None:
    """Take alarms on metric math, refuse what CloudWatch refuses, and evaluate alarms as it does."""
    replace(f"{_PROVISIONERS}:_cw_metric_alarm_record", _make_record)
    replace(f"{CLOUDWATCH}:_put_metric_alarm", _make_put)
    replace(f"{CLOUDWATCH}:_evaluate_alarm", lambda _: evaluate_alarm)
    for name in ("_describe_alarms", "_describe_alarms_for_metric", "_describe_alarm_history"):
        replace(f"{CLOUDWATCH}:{name}", _make_describe)


def find_refusal(props: Properties) -> str | None:
    """Return CloudWatch's message for an alarm that it refuses, or None."""
    return next(_refusals(props), None)


def _refusals(props: Properties) -> Iterator[str]:
    for name in _UNPLAYED:
        if props.get(name) is not None:
            yield f"The embedded AWS does not play {name} of an alarm"
    if (comparison := props.get("ComparisonOperator")) not in COMPARISONS:
        yield f"The embedded AWS does not play the ComparisonOperator {comparison}"
    if props.get("Threshold") is None:
        yield "The parameter Threshold is required"
    if props.get("TreatMissingData", "missing") not in _TREATMENTS:
        yield f"Option {props['TreatMissingData']} for parameter TreatMissingData is invalid."
    if props.get("Metrics"):
        yield from _metric_refusals(props)
    elif not props.get("MetricName") or not props.get("Namespace"):
        yield "The parameters MetricName and Namespace are required without Metrics"
    elif not (props.get("Statistic") or props.get("ExtendedStatistic")):
        yield "Exactly one of Statistic and ExtendedStatistic must be specified"
    yield from _other_refusals(props)


def _other_refusals(props: Properties) -> Iterator[str]:
    """Yield what holds of periods and actions, whatever an alarm watches."""
    periods = int(props.get("EvaluationPeriods") or 0)
    if int(props.get("DatapointsToAlarm") or 1) > periods:
        yield "DatapointsToAlarm must be less than or equal to EvaluationPeriods"
    yield from _period_refusals(period_of(_with_numbers(props)), periods)
    for arn in (arn for name in _ACTIONS for arn in props.get(name) or []):
        region = arn.split(":")[3] if arn.startswith("arn:aws:sns:") else region_name()
        if region != region_name():
            yield f"Invalid region {region} specified. Only {region_name()} is supported."


def _period_refusals(period: int, periods: int) -> Iterator[str]:
    if period not in {10, 20, 30} and (period <= 0 or period % 60):
        yield f"Period {period} is not valid: it must be 10, 20, 30 or a multiple of 60"
    if period < _HOUR and period * periods > _DAY:
        yield (f"Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= {_DAY}).")


def _metric_refusals(props: Properties) -> Iterator[str]:
    queries = queries_of(_with_numbers(props))
    if both := [name for name in _OF_ONE_METRIC if props.get(name) is not None]:
        yield f"The parameters {', '.join(both)} must not be specified with Metrics"
    if sum(query.get("ReturnData", True) is not False for query in queries) != 1:
        yield "Exactly one element of the metrics list should return data."
    repeated = [name for name, count in Counter(query["Id"] for query in queries).items() if count > 1]
    if repeated:
        yield f"The Ids {', '.join(repeated)} occur more than once in the metrics list"
    for query in queries:
        if ("Expression" in query) == ("MetricStat" in query):
            yield f"The metric {query['Id']} must have either an Expression or a MetricStat"
        elif "Expression" in query:
            yield from _expression_refusals(query, queries)


def _expression_refusals(query: Query, queries: list[Query]) -> Iterator[str]:
    try:
        missing = names(query["Expression"]) - reads(query, queries)
    except Unplayed as error:
        yield str(error)
        return
    if missing:
        yield f"Error in expression '{query['Id']}': no metric of the list has the Id {', '.join(sorted(missing))}"


def _with_numbers(props: Properties) -> dict[str, Any]:
    """Return an alarm's properties with the numbers and booleans that a template may give as text."""
    converted = dict(props)
    if props.get("Metrics"):
        converted["Metrics"] = [_converted(query) for query in props["Metrics"]]
    elif "Period" in props:
        converted["Period"] = int(props["Period"])
    return converted


def _converted(query: Query) -> Query:
    converted = dict(query)
    if "ReturnData" in query:
        converted["ReturnData"] = is_true(query["ReturnData"])
    if "MetricStat" in query:
        converted["MetricStat"] = {**query["MetricStat"], "Period": int(query["MetricStat"]["Period"])}
    if "Period" in query:
        converted["Period"] = int(query["Period"])
    return converted


# -- AWS::CloudWatch::Alarm


def _make_record(make: Callable[[str, Properties], Alarm]) -> Callable[[str, Properties], Alarm]:
    def make_record(name: str, props: Properties) -> Alarm:
        if refusal := find_refusal(props):
            raise HandlerError(refusal, service="CloudWatch")
        if not props.get("Metrics"):
            return make(name, props)
        of_one_metric = {key: value for key, value in props.items() if key != "Metrics"}
        return _of_several(make(name, {**of_one_metric, "MetricName": "any", "Namespace": "any"}), props)

    return make_record


def _of_several(alarm: Alarm, props: Properties) -> Alarm:
    """Return the record of an alarm on one metric as one on metric math."""
    for name in _OF_ONE_METRIC:
        alarm.pop(name, None)
    alarm["Metrics"] = _with_numbers(props)["Metrics"]
    return alarm


# -- the API


def _make_put(put: Callable[..., Reply]) -> Callable[..., Reply]:
    def put_alarm(params: Mapping[str, Any], document: Mapping[str, Any], *protocol: bool, **named: bool) -> Reply:
        if not document:  # the query protocol, which botocore no longer speaks
            return put(params, document, *protocol, **named)
        if refusal := find_refusal(document):
            flags = {"use_json": named.get("is_json", len(protocol) > 1 and protocol[1]), "use_cbor": protocol[0]}
            reply: Reply = touch(f"{CLOUDWATCH}:_error")("ValidationError", refusal, 400, **flags)
            return reply
        plain = {key: value for key, value in document.items() if key != "Metrics"}
        reply = put(params, plain, *protocol, **named)
        alarm: MutableMapping[str, Any] | None = touch(f"{CLOUDWATCH}:_alarms").get(document["AlarmName"])
        if reply[0] == 200 and alarm is not None and document.get("Metrics"):
            evaluate_alarm(_of_several(alarm, document))
        return reply

    return put_alarm


def _make_describe(describe: Callable[..., Reply]) -> Callable[..., Reply]:
    def evaluate_and_describe(*arguments: Any, **named: Any) -> Reply:  # noqa: ANN401  the emulator's own
        touch(f"{CLOUDWATCH}:_evaluate_all_alarms")()
        return describe(*arguments, **named)

    return evaluate_and_describe
