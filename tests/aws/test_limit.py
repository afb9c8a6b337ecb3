import asyncio
from collections.abc import Coroutine, Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.aws import Clients, call, pages, together
from builder.aws.call import AT_ONCE, THROTTLED, Rate
from builder.errors import AwsError
from builder.terms import Region
from fake_aws import Fault, World, run_virtual
from fake_aws.faults import refusal

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import DescribeStacksOutputTypeDef

US_EAST_1, US_WEST_2 = Region("us-east-1"), Region("us-west-2")
THROTTLES = {
    "cloudformation": "describe_stacks",
    "sts": "get_caller_identity",
    "dynamodb": "list_tables",
    "lambda": "list_functions",
    "s3": "list_buckets",
}


def make_clients(world: World) -> Clients:
    return Clients(world.session())


async def _all(work: Iterable[Coroutine[Any, Any, Any]]) -> None:
    await together(work)


async def ask(clients: Clients, region: Region = US_EAST_1) -> "DescribeStacksOutputTypeDef":
    return await call(region, clients.cloudformation(region).describe_stacks)


@settings(deadline=None)
@given(st.integers(min_value=2, max_value=50), st.floats(min_value=1, max_value=3))
def test_a_rate_finds_the_limit_and_stays_near_it(per_second: int, burst_s: float) -> None:
    rate, burst, now, answered, refused = Rate(), burst_s * per_second, 0.0, 0, 0
    tokens = burst
    while now < 60:
        step_s = max(rate.ready_at - now, 0.001)
        now, tokens = now + step_s, min(burst, tokens + step_s * per_second)
        rate.sent(now)
        if tokens >= 1:
            tokens, answered = tokens - 1, answered + 1
            rate.answered(now)
        else:
            refused += 1
            rate.refused(now, now)
    assert answered >= 0.9 * 60 * per_second
    assert refused <= 0.5 * answered


def test_calls_of_one_moment_lower_the_rate_once() -> None:
    rate = Rate()
    for at in (0.0, 0.1, 0.2, 0.3):
        rate.answered(at)
    rate.refused(0.3, 0.4)
    assert rate.per_second == pytest.approx(0.8 * 4)
    rate.refused(0.35, 0.45)
    assert rate.per_second == pytest.approx(0.8 * 4)
    rate.refused(0.4, 0.6)
    assert rate.per_second == pytest.approx(0.64 * 4)


def test_without_a_refusal_nothing_is_held_back_but_a_bound_on_what_is_in_flight() -> None:
    world = World(latency_s=1.0)
    world.jitter = 0
    clients = make_clients(world)
    run_virtual(lambda: together(ask(clients) for _ in range(2 * AT_ONCE)), workers=64)
    sent = [call.at for call in world.calls]
    assert sent == [0.0] * AT_ONCE + [1.0] * AT_ONCE
    assert world.now == 2.0


@pytest.mark.slow
@pytest.mark.parametrize("per_second", [2, 5, 20])
def test_a_hundred_calls_at_once_all_come_through_a_limit_in_little_more_than_it_takes(per_second: int) -> None:
    world = World()
    world.faults.rate_limit(per_second=per_second)
    clients = make_clients(world)
    run_virtual(lambda: together(ask(clients) for _ in range(100)))
    assert sum(call.outcome == "ok" for call in world.calls) == 100
    assert world.now <= 1.2 * 100 / per_second + 1
    assert len(world.calls) <= 160


def test_first_come_first_served_also_after_a_refusal() -> None:
    world = World()
    world.faults.rate_limit(per_second=5)
    clients, ended = make_clients(world), list[int]()

    async def ask_and_note(number: int) -> None:
        await ask(clients)
        ended.append(number)

    run_virtual(lambda: together(ask_and_note(number) for number in range(60)))
    late = [before - after for before, after in pairwise(ended) if after < before]
    assert all(places <= AT_ONCE for places in late)


def test_a_region_that_is_throttled_holds_up_no_other() -> None:
    world = World()
    world.faults.add(Fault.THROTTLE, region=US_EAST_1)
    clients = make_clients(world)

    async def both() -> float:
        slow = asyncio.create_task(_all(ask(clients) for _ in range(40)))  # noqa: RUF006 - it is cancelled below
        await together(ask(clients, US_WEST_2) for _ in range(40))
        slow.cancel()
        return asyncio.get_running_loop().time()

    assert run_virtual(both) < 2


def test_each_page_is_a_call_of_its_own_and_none_is_read_twice() -> None:
    world = World(page_size=2)
    for number in range(20):
        world.stack(f"stack-{number:02d}").deploy()
    world.calls.clear()
    world.faults.rate_limit(per_second=2)
    clients = make_clients(world)

    async def names() -> list[str]:
        listed = pages("here", clients.cloudformation(US_EAST_1).describe_stacks)
        return [stack["StackName"] async for page in listed for stack in page["Stacks"]]

    stack_names = run_virtual(names)
    assert sorted(stack_names) == [f"stack-{number:02d}" for number in range(20)]
    assert sum(call.outcome == "ok" for call in world.calls) == 10


@pytest.mark.parametrize("service", THROTTLES)
def test_every_service_s_way_of_refusing_a_rate_is_known(service: str) -> None:
    refused = refusal(frozenset({Fault.THROTTLE}), service, "Any")
    assert refused is not None
    assert refused.code in THROTTLED


@pytest.mark.slow
def test_what_is_refused_for_good_is_told_after_minutes() -> None:
    world = World()
    world.faults.add(Fault.THROTTLE)
    clients = make_clients(world)
    with pytest.raises(AwsError, match="Rate exceeded") as caught:
        run_virtual(lambda: ask(clients))
    assert caught.value.code == "Throttling"
    assert 300 <= world.now <= 310
    assert len(world.calls) <= 200


def test_a_hurried_look_waits_half_a_minute_for_a_rate() -> None:
    world = World()
    world.faults.add(Fault.THROTTLE)
    clients = make_clients(world).hurried()
    with pytest.raises(AwsError):
        run_virtual(lambda: ask(clients))
    assert 30 <= world.now <= 40


def test_cancelled_calls_leave_the_line_and_let_others_go_on_also_on_another_loop() -> None:
    world = World()
    world.faults.rate_limit(per_second=2)
    clients = make_clients(world)

    async def interrupted() -> None:
        many = asyncio.create_task(_all(ask(clients) for _ in range(50)))  # noqa: RUF006 - it is awaited below
        await asyncio.sleep(3)
        many.cancel()
        await asyncio.wait({many})

    run_virtual(interrupted)
    made = len(world.calls)
    began = world.now
    run_virtual(lambda: together(ask(clients) for _ in range(4)))
    assert sum(call.outcome == "ok" for call in world.calls[made:]) >= 4
    assert world.now - began <= 8


def test_what_fails_otherwise_is_told_at_once() -> None:
    world = World()
    world.faults.add(Fault.DENIED)
    clients = make_clients(world)
    with pytest.raises(AwsError, match="not allowed"):
        run_virtual(lambda: ask(clients))
    assert len(world.calls) == 1


def test_a_page_that_leads_to_itself_ends_in_an_error() -> None:
    async def endless() -> None:
        async for _ in pages("here", lambda **_: {"NextToken": "same"}):
            pass

    with pytest.raises(AwsError, match="same page twice"):
        run_virtual(endless)


@pytest.mark.parametrize(
    ("more", "taken"),
    [
        ("NextToken", "NextToken"),
        ("nextToken", "nextToken"),
        ("NextMarker", "Marker"),
        ("NextKeyMarker", "KeyMarker"),
        ("NextVersionIdMarker", "VersionIdMarker"),
    ],
)
def test_every_page_is_read_by_whichever_name_a_service_has_for_more(more: str, taken: str) -> None:
    answers: dict[str, dict[str, object]] = {"": {"n": 1, more: "a"}, "a": {"n": 2, more: "b"}, "b": {"n": 3}}

    async def read() -> list[object]:
        return [page["n"] async for page in pages("here", lambda **params: answers[params.get(taken, "")])]

    assert run_virtual(read) == [1, 2, 3]
