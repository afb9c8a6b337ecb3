"""What is changed behind CloudFormation's back, so that `drift` has something to find: a table of properties, literal.

CloudFormation compares only properties that a template sets, so a property is changed only where the template sets it.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from builder.aws import Clients, call
from builder.deploy import Deployment
from builder.deploy.desired import DesiredStack
from builder.deploy.observe.stacks import ObservedStack, observe_resources
from builder.state import DriftedStack
from builder.template import properties_of, read_template
from builder.terms import LogicalId, StackId


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A property of a resource type that its own service reads and writes."""

    type: str
    name: str
    service: str
    read: Callable[[Any, str], Any]
    """The value, of a client and the resource's physical id."""
    write: Callable[[Any, str, Any], object]
    other: Callable[[Any], Any]
    """A value that is not this one, and as good."""


def _queue_attribute(name: str) -> Setting:
    return Setting(
        type="AWS::SQS::Queue",
        name=name,
        service="sqs",
        read=lambda sqs, url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name],
        write=lambda sqs, url, value: sqs.set_queue_attributes(QueueUrl=url, Attributes={name: value}),
        other=lambda value: str(int(value) - 1 if int(value) > 60 else int(value) + 1),
    )


def _function_setting(name: str, other: Callable[[Any], Any]) -> Setting:
    return Setting(
        type="AWS::Lambda::Function",
        name=name,
        service="lambda",
        read=lambda functions, function: functions.get_function_configuration(FunctionName=function)[name],
        write=lambda functions, function, value: functions.update_function_configuration(
            FunctionName=function, **{name: value}
        ),
        other=other,
    )


SETTINGS = (
    Setting(
        type="AWS::SSM::Parameter",
        name="Value",
        service="ssm",
        read=lambda ssm, name: ssm.get_parameter(Name=name)["Parameter"]["Value"],
        write=lambda ssm, name, value: ssm.put_parameter(Name=name, Value=value, Overwrite=True),
        other=lambda value: f"{value}-by-hand",
    ),
    _queue_attribute("VisibilityTimeout"),
    _queue_attribute("MessageRetentionPeriod"),
    Setting(
        type="AWS::SNS::Topic",
        name="DisplayName",
        service="sns",
        read=lambda sns, arn: sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"],
        write=lambda sns, arn, value: sns.set_topic_attributes(
            TopicArn=arn, AttributeName="DisplayName", AttributeValue=value
        ),
        other=lambda value: f"{value} by hand",
    ),
    _function_setting("MemorySize", lambda value: value + 64),
    _function_setting("Timeout", lambda value: value + 1),
)
"""The first that a template sets is the one that is changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """A property that is another one now, behind CloudFormation's back."""

    where: str
    """The stack's id, and the resource's."""
    stack: ObservedStack
    resource: LogicalId
    setting: Setting
    before: str
    after: str
    put_back: Callable[[], Coroutine[Any, Any, object]]

    def is_among(self, drifted: Iterable[DriftedStack]) -> bool:
        """Return whether it was found as drift of its property."""
        return any(
            property_.path.split("/")[1] == self.setting.name
            for stack in drifted
            if (stack.region, stack.name) == (self.stack.region, self.stack.name)
            for resource in stack.resources
            if resource.logical_id == self.resource
            for property_ in resource.properties
        )


async def change_by_hand(
    deployment: Deployment, deployed: Mapping[StackId, ObservedStack], clients: Clients
) -> ByHand | None:
    """Change the first property of the table that a template sets and a resource has; None where there is none."""
    for stack, logical_id, setting in _candidates(deployment):
        resources = await observe_resources(clients, deployed[stack.id])
        physical_id = next((resource.physical_id for resource in resources if resource.logical_id == logical_id), "")
        if not physical_id:
            continue
        client = clients.service(setting.service, stack.region)
        where = f"{stack.id}/{logical_id}"
        before = await call(where, setting.read, client, physical_id)
        after = setting.other(before)
        await call(where, setting.write, client, physical_id, after)
        return ByHand(
            where=where,
            stack=deployed[stack.id],
            resource=LogicalId(logical_id),
            setting=setting,
            before=str(before),
            after=str(after),
            put_back=partial(call, where, setting.write, client, physical_id, before),
        )
    return None


def _candidates(deployment: Deployment) -> Iterator[tuple[DesiredStack, str, Setting]]:
    """Yield each property that can be changed, those that come first in the table first."""
    templates = {stack.id: read_template(stack.template, stack.id) for stack in deployment.stacks}
    for setting in SETTINGS:
        for stack in deployment.stacks:
            for logical_id, body in templates[stack.id].resources(setting.type).items():
                if setting.name in properties_of(body):
                    yield stack, logical_id, setting
