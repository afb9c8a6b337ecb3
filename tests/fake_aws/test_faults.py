"""The bad days: each fault does what it says, is counted, and comes again the same way."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from fake_aws import Fault, Killed, World
from fake_aws.conftest import TOPIC

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=20)
REQUEST: dict[str, Any] = {
    "StackName": "app",
    "ChangeSetName": "one",
    "TemplateBody": TOPIC,
    "ChangeSetType": "CREATE",
}


@pytest.fixture
def once(world: World) -> "CloudFormationClient":
    """A client that does not retry."""
    return world.session().client("cloudformation", region_name="us-east-1", config=ONCE)


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (Fault.THROTTLE, "Throttling", 400),
        (Fault.SERVER_ERROR, "InternalFailure", 500),
        (Fault.UNAVAILABLE, "ServiceUnavailable", 503),
        (Fault.DENIED, "AccessDenied", 403),
        (Fault.EXPIRED, "ExpiredToken", 403),
    ],
)
def test_a_refused_call_is_not_applied(
    world: World, once: "CloudFormationClient", fault: Fault, code: str, status: int
) -> None:
    world.faults.add(fault, nth=1)
    with pytest.raises(ClientError) as refused:
        once.create_change_set(**REQUEST)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert not world.stack("app").exists
    assert [call.outcome for call in world.calls] == [code]


@pytest.mark.parametrize(
    ("fault", "error", "seconds"),
    [
        (Fault.LOSE_REQUEST, ConnectionClosedError, 0),
        (Fault.LOSE_ANSWER, ConnectionClosedError, 0),
        (Fault.READ_TIMEOUT, ReadTimeoutError, 20),
    ],
)
def test_a_lost_message_leaves_the_caller_not_knowing(
    world: World, once: "CloudFormationClient", fault: Fault, error: type[Exception], seconds: float
) -> None:
    world.faults.add(fault, operation="CreateChangeSet", nth=1)
    with pytest.raises(error):
        once.create_change_set(**REQUEST)
    assert world.stack("app").exists == (fault is not Fault.LOSE_REQUEST)
    assert world.now == pytest.approx(seconds, abs=0.1)
    assert [call.outcome for call in world.calls] == [fault.value]


def test_botocores_retry_after_a_lost_answer_meets_its_own_change_set(
    world: World, cfn: "CloudFormationClient"
) -> None:
    world.faults.add(Fault.LOSE_ANSWER, mutating=True, nth=1)
    with pytest.raises(ClientError) as refused:
        cfn.create_change_set(**REQUEST)
    assert refused.value.response["Error"]["Code"] == "AlreadyExistsException"
    assert [call.outcome for call in world.calls] == ["lose answer", "AlreadyExistsException"]


def test_a_kill_before_a_call_leaves_nothing_and_after_it_everything(
    world: World, once: "CloudFormationClient"
) -> None:
    for fault, exists in ((Fault.KILL_BEFORE, False), (Fault.KILL_AFTER, True)):
        world.faults.clear()
        world.faults.add(fault, mutating=True, nth=1)
        with pytest.raises(Killed):
            once.create_change_set(**REQUEST)
        world.faults.revive()
        assert world.stack("app").exists == exists
    assert [call.operation for call in world.calls] == ["CreateChangeSet"]


def test_the_rate_limit_is_each_regions_own(world: World) -> None:
    world.faults.rate_limit(per_second=8)
    clients = [
        world.session().client("cloudformation", region_name=region, config=ONCE)
        for region in ("us-east-1", "us-west-2")
    ]
    world.latency_s = 0.0
    outcomes: Counter[str] = Counter()
    for client in clients:
        for _ in range(20):
            try:
                client.describe_stacks()
            except ClientError as refused:
                outcomes[str(refused.response["Error"]["Code"])] += 1
            else:
                outcomes["ok"] += 1
    assert outcomes == {"ok": 16, "Throttling": 24}
    world.pass_time(0.5)
    clients[0].describe_stacks()


def test_a_stale_read_shows_the_past_but_never_more_than_a_second_of_it(world: World, deploy: "Deploy") -> None:
    world.faults.add(Fault.STALE, probability=0.5)
    cfn = world.session().client("cloudformation", region_name="us-east-1")
    cfn.create_change_set(**REQUEST)
    world.pass_time(5)
    cfn.execute_change_set(ChangeSetName="one", StackName="app")
    world.pass_time(0.2)
    seen = {cfn.describe_stacks(StackName="app")["Stacks"][0]["StackStatus"] for _ in range(10)}
    assert seen == {"REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS"}
    world.pass_time(2)
    seen = {cfn.describe_stacks(StackName="app")["Stacks"][0]["StackStatus"] for _ in range(10)}
    assert seen == {"CREATE_IN_PROGRESS"}
    assert any("stale" in call.faults for call in world.calls)


@pytest.mark.slow
def test_the_same_seed_is_the_same_day() -> None:
    def day(seed: int) -> list[tuple[float, str]]:
        world = World(seed=seed)
        world.faults.add(Fault.THROTTLE, probability=0.5)
        client = world.session().client("cloudformation", region_name="us-east-1", config=ONCE)
        for _ in range(30):
            try:
                client.describe_stacks()
            except ClientError:
                continue
        return [(call.at, call.outcome) for call in world.calls]

    assert day(1) == day(1)
    assert day(1) != day(2)


def test_a_rule_can_be_for_one_region_and_be_taken_back(world: World) -> None:
    rule = world.faults.add(Fault.UNAVAILABLE, region="us-west-2")
    here, there = (
        world.session().client("cloudformation", region_name=region, config=ONCE)
        for region in ("us-east-1", "us-west-2")
    )
    here.describe_stacks()
    with pytest.raises(ClientError, match="unable to handle"):
        there.describe_stacks()
    assert (rule.seen, rule.struck) == (1, 1)
    world.faults.remove(rule)
    there.describe_stacks()


def test_real_threads_can_share_a_world_in_real_time() -> None:
    world = World(real_time=True, latency_s=0.02)
    world.script.takes(0.01, action="CREATE_CHANGE_SET")
    client = world.session().client("cloudformation", region_name="us-east-1")
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: client.create_change_set(**{**REQUEST, "StackName": f"app{n}"}), range(16)))
    assert len({each["StackId"] for each in made}) == 16
    assert 0.03 < time.monotonic() - began < 5
    time.sleep(0.05)
    assert client.describe_change_set(ChangeSetName=made[0]["Id"])["Status"] == "CREATE_COMPLETE"


def test_the_past_is_kept_though_a_change_set_waits_for_values(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    world.faults.add(Fault.STALE, operation="DescribeStacks")
    world.faults.max_age_s = 30
    other = "B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt A.TopicName}}"
    assert deploy(f"Resources: {{A: {{Type: AWS::SNS::Topic}}, {other}}}") == "CREATE_COMPLETE"
    seen = {cfn.describe_stacks(StackName="app")["Stacks"][0]["StackStatus"] for _ in range(20)}
    assert "CREATE_IN_PROGRESS" in seen
