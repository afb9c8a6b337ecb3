"""A call that goes straight to the world and back is what crosses the wire: the same calls, answers and refusals."""

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from deploy.rig import Rig
from fake_aws import Fault, World
from fake_aws.conftest import TOPIC
from fake_aws.short_way import ShortWay, whole_way
from fleet.rig import CHANGED, FleetRig, two_sets

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


def _calls(world: World) -> list[Any]:
    return [(call.at, call.account, call.region, call.operation, call.outcome, call.params) for call in world.calls]


def _life_of_a_system() -> tuple[list[Any], Any]:
    rig = Rig(World(page_size=20))
    ended = [rig.deploy(), rig.deploy(), rig.destroy()]
    return _calls(rig.world), (ended, rig.events)


def _life_of_a_fleet() -> tuple[list[Any], Any]:
    rig = FleetRig()
    ended = [rig.execute(rig.plan()), rig.execute(rig.plan(two_sets(CHANGED))), rig.destroy()]
    return _calls(rig.world), (ended, rig.events)


@pytest.mark.slow
@pytest.mark.parametrize("life", [_life_of_a_system, _life_of_a_fleet])
def test_a_whole_life_is_the_same_both_ways(life: Any) -> None:
    short_calls, short = life()
    with whole_way():
        whole_calls, whole = life()
    assert len(short_calls) > 50
    assert short_calls == whole_calls
    assert short == whole


def _answers(cfn: "CloudFormationClient", world: World) -> list[Any]:
    """What a client is answered in one life of a stack, with what differs by chance left out."""
    made = cfn.create_change_set(StackName="app", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=TOPIC)
    world.pass_time(10)
    answers: list[Any] = [made, cfn.describe_change_set(ChangeSetName=made["Id"])]
    answers.append(cfn.execute_change_set(ChangeSetName=made["Id"], ClientRequestToken="token"))
    world.settle()
    answers += cfn.get_paginator("describe_stack_events").paginate(StackName="app")
    answers += [cfn.describe_stacks(), cfn.get_template(StackName="app"), cfn.list_exports()]
    for refused in ({"StackName": "none"}, {"StackName": "no such!"}, {"NextToken": "nonsense"}):
        with pytest.raises(ClientError) as error:
            cfn.describe_stacks(**refused)
        answers.append((type(error.value).__name__, error.value.operation_name, error.value.response))
    with pytest.raises(ParamValidationError) as invalid:
        cfn.describe_stacks(StackName=1)  # type: ignore[arg-type]  # it is wrong
    answers.append(str(invalid.value))
    return answers


def _comparable(answers: list[Any]) -> list[Any]:
    for answer in answers:
        body = answer[2] if isinstance(answer, tuple) else answer
        if isinstance(body, dict):
            headers = body["ResponseMetadata"].pop("HTTPHeaders")
            assert headers["x-amzn-requestid"] == body["ResponseMetadata"]["RequestId"]
    return answers


def test_an_answer_and_a_refusal_are_read_the_same_both_ways() -> None:
    read = []
    for way in (nullcontext, whole_way):
        world = World()
        with way():
            read.append(_comparable(_answers(world.session().client("cloudformation", region_name="us-east-1"), world)))
    assert read[0] == read[1]


def test_what_a_fault_may_strike_crosses_the_wire(world: World, cfn: "CloudFormationClient") -> None:
    world.faults.add(Fault.LOSE_ANSWER, operation="DescribeStacks", nth=2)
    cfn.describe_stacks()
    cfn.describe_stacks()
    assert [call.outcome for call in world.calls] == ["ok", "lose answer", "ok"]


def test_who_listens_on_the_way_hears_every_request(world: World) -> None:
    session, heard = world.session(), []
    session.events.register("before-send", lambda request, **_: heard.append(request.url))
    session.client("cloudformation", region_name="eu-west-1").describe_stacks()
    assert heard == ["https://cloudformation.eu-west-1.amazonaws.com/"]


def test_ordinary_calls_take_the_short_way_and_what_is_read_along_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    client = world.session("111122223333").client("cloudformation", "us-east-1")
    taken: list[bool] = []
    short = ShortWay._short_way

    def counted(self: Any, *args: Any) -> Any:
        answer = short(self, *args)
        taken.append(answer is not None)
        return answer

    def read_along(**_: object) -> None: ...

    read_along.__module__ = "somebody"  # neither botocore's nor the fake's
    monkeypatch.setattr(ShortWay, "_short_way", counted)
    client.describe_stacks()
    assert taken == [True]
    client.meta.events.register("after-call.cloudformation.DescribeStacks", read_along)
    client.describe_stacks()
    assert taken == [True]


@pytest.mark.parametrize("body", [TOPIC, '{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}'], ids=["YAML", "JSON"])
def test_a_template_is_read_alike_both_ways(body: str) -> None:
    world = World()
    client = world.session("111122223333").client("cloudformation", "us-east-1")
    client.create_change_set(StackName="a", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body)
    world.settle()
    short = client.get_template(StackName="a", ChangeSetName="c")["TemplateBody"]
    with whole_way():
        whole = client.get_template(StackName="a", ChangeSetName="c")["TemplateBody"]
    assert (type(short), short) == (type(whole), whole)
