"""A deployment of one stack that nothing of value is in, and the ways in which an update of it can be left halfway."""

from collections.abc import Collection
from dataclasses import replace

from builder.deploy import Deployment, Done, Recovery, StackFailed, find_recoveries, recover
from builder.deploy.progress import Emit
from builder.terms import Region, StackId
from deploy.chained import make_deployment, make_stack
from deploy.rig import Rig
from fake_aws.cloudformation.control import StackControl

TOPICS = StackId("us-east-1/topics")
OLD_TEMPLATE = """\
Resources:
  First: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}
  Second: {Type: AWS::SNS::Topic, DependsOn: First, Properties: {DisplayName: one}}
"""
NEW_TEMPLATE = OLD_TEMPLATE.replace("one", "two")


def topics(template: str = OLD_TEMPLATE) -> Deployment:
    return make_deployment(make_stack(TOPICS, template))


def deployed_topics(rig: Rig, template: str = OLD_TEMPLATE) -> Rig:
    rig.deployment = topics(template)
    rig.deploy()
    rig.events.clear()
    rig.world.calls.clear()
    return rig


def control(rig: Rig) -> StackControl:
    return rig.world.stack("tap-dev-topics")


def failed_without_rollback(rig: Rig, template: str = NEW_TEMPLATE) -> None:
    """Somebody updates the stack by hand, rollback disabled, and Second fails."""
    rig.world.script.fails("UPDATE", "Second", reason="no")
    by_hand(rig, template, disable_rollback=True)
    assert control(rig).status == "UPDATE_FAILED"


def failed_rollback(
    rig: Rig, template: str = NEW_TEMPLATE, *, stuck: Collection[str] = ("First",), times: int | None = 1
) -> None:
    """An update of ours fails at Second, and what is stuck fails on its way back too."""
    rig.world.script.fails("UPDATE", "Second", reason="no")
    for resource in stuck:
        rig.world.script.fails("UPDATE_ROLLBACK", resource, reason=f"no way back for {resource}", times=times)
    rig.execute(rig.plan(topics(template)))
    assert control(rig).status == "UPDATE_ROLLBACK_FAILED"
    rig.events.clear()
    rig.world.calls.clear()


def by_hand(
    rig: Rig,
    template: str,
    *,
    disable_rollback: bool = False,
    express: bool = False,
    retain_except_on_create: bool = False,
) -> None:
    client = rig.clients.cloudformation(Region("us-east-1"))
    stack = rig.deployment.stack(TOPICS)
    client.create_change_set(
        StackName=stack.name,
        ChangeSetName="by-hand",
        TemplateBody=template,
        Tags=[{"Key": key, "Value": value} for key, value in stack.tags.items()],
        DeploymentConfig={"Mode": "EXPRESS" if express else "STANDARD", "DisableRollback": disable_rollback or express},
    )
    rig.world.settle()
    client.execute_change_set(
        StackName=stack.name, ChangeSetName="by-hand", RetainExceptOnCreate=retain_except_on_create
    )
    rig.world.settle()


def recoveries(rig: Rig, deployment: Deployment | None = None) -> tuple[Recovery, ...]:
    return rig.watched(lambda emit: find_recoveries(deployment or rig.deployment, rig.clients, emit))


def recovered(rig: Rig, shown: tuple[Recovery, ...] | None = None) -> tuple[Done | StackFailed, ...]:
    """Recover as `--recover` does after a yes: the recoveries that were shown, or those that are found now."""
    rig.plans += 1
    run_id = f"recover-{rig.plans}"

    async def all_of_it(emit: Emit) -> tuple[Done | StackFailed, ...]:
        recoveries = shown if shown is not None else await find_recoveries(rig.deployment, rig.clients, emit)
        return await recover(recoveries, rig.clients, run_id, emit)

    return rig.watched(all_of_it)


def shown_less(shown: tuple[Recovery, ...], *logical_ids: str) -> tuple[Recovery, ...]:
    """The same recoveries, as if a person had not been shown these resources."""
    return tuple(
        replace(recovery, failed=tuple(each for each in recovery.failed if each.logical_id not in logical_ids))
        for recovery in shown
    )
