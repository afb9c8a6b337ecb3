"""The alarms of a region, the topic that they notify, and its subscriptions."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from awacs import sns as actions
from awacs.aws import Allow, ArnLike, Bool, Condition, Deny, PolicyDocument, Principal, Statement, StringEquals
from troposphere import Output, Parameter, Ref, Sub, Template, cloudwatch, sns

from builder.components.alarms.options import AlarmsConfig
from builder.components.alarms.stacks import (
    NAME,
    RegionAlarm,
    What,
    logical_id,
    make_options,
    make_watches,
    timeout_parameter,
    topic_name,
)
from builder.components.encryption import key_name
from builder.components.skeleton import add, make_skeleton, written
from builder.components.varying import Varying
from builder.config import Config, LoadedConfig
from builder.terms import Region
from builder.topology import Stack, names

# Any of the account's: those of stacks of one's own may notify the topic too.
_ALARM = Sub("arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*")


def make_template(loaded: LoadedConfig, stack: Stack) -> Template:
    """Return the template that this piece of dr.yaml leads to, for the stack's region.

    alarms: {email: [ops@example.com], table_latency_ms: 2000}
    """
    config, watches = loaded.config, make_watches(loaded.config, stack.region)
    options = config.alarms or AlarmsConfig()
    template = make_skeleton(f"{config.project}: alarms on what is seen in this region, and whom they tell")
    varying = make_options(config, watches)
    values = Varying(config, NAME, NAME, template, only={option.name for option in varying})
    for option in varying:
        if option.parameter not in template.parameters:
            template.add_parameter(_timeout(option.parameter))
    alarms = _Alarms(config, stack.region, values)
    add(
        template,
        _topic(config, stack.region),
        _topic_policy(),
        *map(_subscription, options.email),
        *map(alarms.make, watches),
    )
    template.add_output(Output("TopicArn", Description="The topic that the alarms notify", Value=Ref("Topic")))
    return template


def _timeout(name: str) -> Parameter:
    return Parameter(
        name, Type="Number", Description="Seconds until a call of the function is given up", MinValue=1, MaxValue=900
    )


def _topic(config: Config, region: Region) -> sns.Topic:
    # Never under the key aws/sns, with which CloudWatch cannot publish.
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    topic, key = sns.Topic("Topic", TopicName=Sub(topic_name(config))), key_name(config, region)
    if key is not None:
        topic.KmsMasterKeyId = key
    return topic


def _subscription(address: str) -> sns.SubscriptionResource:
    # By the address: another order of the list subscribes nobody anew.
    title = f"Mail{hashlib.sha256(address.encode()).hexdigest()[:8]}"
    return sns.SubscriptionResource(title, TopicArn=Ref("Topic"), Protocol="email", Endpoint=address)


def _topic_policy() -> sns.TopicPolicy:
    """It takes the place of the policy that a topic has by itself, so the owner's rights are repeated.

    Source: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    """
    topic = [Ref("Topic")]
    owner = Principal("AWS", Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root"))
    manage = [
        actions.AddPermission,
        actions.DeleteTopic,
        actions.GetTopicAttributes,
        actions.ListSubscriptionsByTopic,
        actions.Publish,
        actions.RemovePermission,
        actions.SetTopicAttributes,
        actions.Subscribe,
    ]
    ours = Condition([StringEquals("aws:SourceAccount", Ref("AWS::AccountId")), ArnLike("aws:SourceArn", _ALARM)])
    return sns.TopicPolicy(
        "TopicPolicy",
        Topics=topic,
        PolicyDocument=PolicyDocument(
            Version="2012-10-17",
            Statement=[
                Statement(Sid="Owner", Effect=Allow, Principal=owner, Action=manage, Resource=topic),
                Statement(
                    Sid="Alarms",
                    Effect=Allow,
                    Principal=Principal("Service", "cloudwatch.amazonaws.com"),
                    Action=[actions.Publish],
                    Resource=topic,
                    Condition=ours,
                ),
                Statement(
                    Sid="TlsOnly",
                    Effect=Deny,
                    Principal=Principal("*"),
                    Action=[actions.Publish],
                    Resource=topic,
                    Condition=Condition(Bool("aws:SecureTransport", "false")),
                ),
            ],
        ),
    )


_PER_MINUTE: Mapping[str, Any] = {"EvaluationPeriods": 5, "DatapointsToAlarm": 3}
"""Of five minutes three: one minute alone may be anything."""
_GOOD = {"TreatMissingData": "notBreaching"}
"""Nothing is published where nothing happened."""


@dataclass(frozen=True, slots=True)
class _Alarms:
    """What every alarm of a region's template is made with."""

    config: Config
    region: Region
    values: Varying

    def make(self, watch: RegionAlarm) -> cloudwatch.Alarm:
        """Return one alarm."""
        threshold, description = _THRESHOLDS[watch.what]
        return cloudwatch.Alarm(
            logical_id(watch),
            AlarmName=Sub(watch.name(self.config.project)),
            AlarmDescription=description.format(of=watch.of, here=self.region, other=watch.other),
            ActionsEnabled=self.values.of("notify"),
            AlarmActions=[Ref("Topic")],
            OKActions=[Ref("Topic")],
            ComparisonOperator="GreaterThanThreshold",
            Threshold=self.values.of(threshold),
            **self._watched(watch),
        )

    def _watched(self, watch: RegionAlarm) -> dict[str, Any]:
        """Return what is measured, how often, and what is made of minutes in which nothing was."""
        match watch.what:
            case What.LATENCY:
                # Alarms on DynamoDB's metrics keep their state while nothing is published; TreatMissingData is ignored.
                # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
                return {**self._items(watch), **_PER_MINUTE}
            case What.FAILED:
                return {**self._objects(watch, "OperationsFailedReplication", "Sum", 300), **_once(1), **_GOOD}
            case What.PENDING:
                return {**self._objects(watch, "OperationsPendingReplication", "Maximum", 60), **_once(15), **_GOOD}
            case What.LATE:
                return {**self._objects(watch, "ReplicationLatency", "Maximum", 60), **_once(5), **_GOOD}
            case What.ERRORS:
                return {"Metrics": self._rate_of_errors(watch), **_PER_MINUTE, **_GOOD}
            case What.THROTTLES:
                return {**_single(self._of_function(watch, "Throttles"), "Sum", 300), **_once(1), **_GOOD}
            case What.DURATION:
                return {"Metrics": self._part_of_timeout(watch), **_PER_MINUTE, **_GOOD}

    def _items(self, watch: RegionAlarm) -> dict[str, Any]:
        table = written(names.table_name(self.config, watch.of))
        return _single(
            _metric("AWS/DynamoDB", "ReplicationLatency", TableName=table, ReceivingRegion=watch.other), "Average", 60
        )

    def _objects(self, watch: RegionAlarm, metric: str, statistic: str, period_s: int) -> dict[str, Any]:
        """All three dimensions have to be said: nothing is published with fewer."""
        here, other = self.region, watch.other or self.region
        source, destination = (here, other) if watch.what is What.FAILED else (other, here)
        return _single(
            _metric(
                "AWS/S3",
                metric,
                SourceBucket=written(names.bucket_name(self.config, watch.of, source)),
                DestinationBucket=written(names.bucket_name(self.config, watch.of, destination)),
                RuleId=f"to-{destination}",
            ),
            statistic,
            period_s,
        )

    def _of_function(self, watch: RegionAlarm, metric: str) -> cloudwatch.Metric:
        role = self.config.regions.born_as(self.region)
        name = names.function_name(self.config.project, watch.of, role=role, region=self.region)
        return _metric("AWS/Lambda", metric, FunctionName=Sub(name))

    def _rate_of_errors(self, watch: RegionAlarm) -> list[cloudwatch.MetricDataQuery]:
        """Of few requests one error is a high rate, so that they count for nothing.

        Those of a URL are counted by what it answers; of a function without one, calls that fail.
        """
        floor = self.values.of("errors_floor")
        is_called = self.config.functions_by_name[watch.of].auth is not None
        errors, requests = ("Url5xxCount", "UrlRequestCount") if is_called else ("Errors", "Invocations")
        rate = "IF(requests >= {}, 100 * FILL(errors, 0) / requests, 0)"
        return [
            _query("errors", self._of_function(watch, errors), "Sum"),
            _query("requests", self._of_function(watch, requests), "Sum"),
            _expression("rate", _filled(rate, floor), "Errors, percent"),
        ]

    def _part_of_timeout(self, watch: RegionAlarm) -> list[cloudwatch.MetricDataQuery]:
        parameter = Ref(timeout_parameter(watch.of))
        varies = any(option.parameter == parameter.data["Ref"] for option in make_options(self.config, (watch,)))
        timeout_s = parameter if varies else self.config.functions_by_name[watch.of].timeout_s
        return [
            _query("duration", self._of_function(watch, "Duration"), "p99"),
            _expression("part", _filled("100 * duration / (1000 * {})", timeout_s), "p99 of the timeout, percent"),
        ]


def _filled(expression: str, value: int | Ref) -> str | Sub:
    if isinstance(value, Ref):
        return Sub(expression.format(f"${{{value.data['Ref']}}}"))
    return expression.format(value)


def _metric(namespace: str, name: str, **dimensions: object) -> cloudwatch.Metric:
    listed = [cloudwatch.MetricDimension(Name=key, Value=value) for key, value in dimensions.items()]
    return cloudwatch.Metric(Namespace=namespace, MetricName=name, Dimensions=listed)


def _single(metric: cloudwatch.Metric, statistic: str, period_s: int) -> dict[str, Any]:
    return {**metric.properties, "Statistic": statistic, "Period": period_s}


def _once(periods: int) -> dict[str, Any]:
    return {"EvaluationPeriods": periods}


def _query(title: str, metric: cloudwatch.Metric, statistic: str) -> cloudwatch.MetricDataQuery:
    stat = cloudwatch.MetricStat(Metric=metric, Period=60, Stat=statistic)
    return cloudwatch.MetricDataQuery(Id=title, MetricStat=stat, ReturnData=False)


def _expression(title: str, expression: str | Sub, label: str) -> cloudwatch.MetricDataQuery:
    return cloudwatch.MetricDataQuery(Id=title, Expression=expression, Label=label, ReturnData=True)


_THRESHOLDS: Mapping[What, tuple[str, str]] = {
    What.LATENCY: (
        "table_latency_ms",
        "Items of {of} that are written in {here} take long to {other}. Says nothing while nobody writes here.",
    ),
    What.FAILED: ("objects_failed", "Objects of {of} in {here} could not be replicated to {other}, and stay behind."),
    What.PENDING: ("objects_pending", "Many objects of {of} wait in {other} to be replicated to {here}."),
    What.LATE: ("objects_latency_s", "The bucket of {of} in {here} is far behind the one in {other}."),
    What.ERRORS: (
        "errors_percent",
        "Many requests to {of} in {here} are answered 5xx, or calls fail.",
    ),
    What.THROTTLES: (
        "throttles",
        "Calls of {of} in {here} are throttled: its concurrency or the account's is used up.",
    ),
    What.DURATION: ("duration_percent", "Calls of {of} in {here} come close to its timeout."),
}
"""The option that is the threshold of each, and what it tells people."""
