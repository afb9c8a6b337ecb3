"""Virtual time: many blocking calls at once, no real waiting, and loud ends."""

import asyncio
import contextlib
import functools
import gc
from collections.abc import Callable

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import ClientError, ConnectTimeoutError

from fake_aws import BlockedLoop, Deadlock, Fault, Killed, OutOfTime, Unsupported, World, run_virtual
from fake_aws.clock import GreenLock

REGIONS = ("us-east-1", "us-west-2", "eu-west-1")


async def _call(function: Callable[..., object], **parameters: object) -> object:
    return await asyncio.get_running_loop().run_in_executor(None, functools.partial(function, **parameters))


def test_calls_overlap_and_each_takes_its_latency(world: World) -> None:
    client = world.session().client("sts", region_name="us-east-1")

    async def main() -> float:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(_call(client.get_caller_identity) for _ in range(10)))
        return asyncio.get_running_loop().time() - began

    assert run_virtual(main) == pytest.approx(world.latency_s)


def test_only_so_many_calls_are_under_way_as_there_are_workers(world: World) -> None:
    client = world.session().client("sts", region_name="us-east-1")

    async def main() -> float:
        await asyncio.gather(*(_call(client.get_caller_identity) for _ in range(10)))
        return asyncio.get_running_loop().time()

    assert run_virtual(main, workers=5) == pytest.approx(2 * world.latency_s)


def test_to_thread_and_sleep_share_one_time(world: World) -> None:
    client = world.session().client("sts", region_name="us-east-1")

    async def main() -> float:
        await asyncio.gather(asyncio.to_thread(client.get_caller_identity), asyncio.sleep(3600))
        return world.now

    assert run_virtual(main) == pytest.approx(3600)
    assert world.now == pytest.approx(3600)


def test_botocores_own_retries_wait_in_virtual_time(world: World) -> None:
    world.faults.add(Fault.THROTTLE)
    config = Config(retries={"mode": "standard", "total_max_attempts": 3})
    client = world.session().client("cloudformation", region_name="us-east-1", config=config)

    async def main() -> float:
        with pytest.raises(ClientError, match="Rate exceeded"):
            await _call(client.describe_stacks)
        return asyncio.get_running_loop().time()

    waited = run_virtual(main)
    assert len(world.calls) == 3
    assert waited > 3 * world.latency_s / 2
    assert run_virtual(main) - waited == pytest.approx(waited)


def test_a_region_that_hangs_costs_the_connect_timeout_of_that_client_only(world: World) -> None:
    world.faults.add(Fault.HANG, region="us-east-1")
    config = Config(connect_timeout=7, retries={"total_max_attempts": 1})
    hung = world.session().client("cloudformation", region_name="us-east-1", config=config)
    fine = world.session().client("cloudformation", region_name="us-west-2", config=config)

    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()

        async def timed(client: object) -> float:
            with contextlib.suppress(ConnectTimeoutError):
                await _call(client.describe_stacks)  # type: ignore[attr-defined]  # a client
            return loop.time()

        return await asyncio.gather(timed(hung), timed(fine))

    assert tuple(run_virtual(main)) == pytest.approx((7, world.latency_s))


def test_a_call_on_the_loop_itself_is_refused(world: World) -> None:
    client = world.session().client("sts", region_name="us-east-1")

    async def main() -> None:
        client.get_caller_identity()

    with pytest.raises(BlockedLoop):
        run_virtual(main)


def test_a_kill_ends_the_run_at_once_whatever_the_tasks_catch(world: World) -> None:
    world.faults.add(Fault.KILL_AFTER, nth=2)
    client = world.session().client("sts", region_name="us-east-1")
    seen = []

    async def main() -> None:
        for number in range(5):
            try:
                await _call(client.get_caller_identity)
            except BaseException:  # noqa: BLE001  a product that swallows everything
                seen.append(number)

    with pytest.raises(Killed, match="killed after GetCallerIdentity"):
        run_virtual(main)
    assert len(world.calls) == 2
    with pytest.raises(Killed):
        client.get_caller_identity()
    world.faults.revive()
    assert client.get_caller_identity()["Account"] == "111122223333"


def test_a_world_of_an_earlier_time_is_refused(world: World) -> None:
    client = world.session().client("sts", region_name="us-east-1")
    World()

    async def main() -> None:
        await _call(client.get_caller_identity)

    with pytest.raises(Unsupported, match="another virtual time"):
        run_virtual(main)


def test_two_worlds_made_within_one_run_share_its_time() -> None:
    async def main() -> tuple[float, float]:
        first, second = World(), World()
        await _call(first.session().client("sts", region_name="us-east-1").get_caller_identity)
        await _call(second.session("444455556666").client("sts", region_name="us-east-1").get_caller_identity)
        return first.now, second.now

    first, second = run_virtual(main)
    assert first == second


def test_waiting_for_nothing_is_a_deadlock() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        run_virtual(main)


def test_polling_for_ever_ends_at_the_limit() -> None:
    async def main() -> None:
        while True:  # noqa: ASYNC110  the very mistake
            await asyncio.sleep(60)

    with pytest.raises(OutOfTime):
        run_virtual(main, limit_s=3600)


def test_the_end_of_a_run_waits_for_calls_still_under_way(world: World) -> None:
    client = world.session().client("sts", region_name="us-east-1")

    async def main() -> None:
        asyncio.get_running_loop().run_in_executor(None, client.get_caller_identity)

    run_virtual(main)
    assert [call.outcome for call in world.calls] == ["ok"]


def test_the_end_of_a_run_logs_no_error_of_a_call_that_was_cancelled(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.session().client("dynamodb", region_name="us-east-1")

    async def main() -> None:
        call = asyncio.create_task(_call(functools.partial(client.describe_table, TableName="none")))
        await asyncio.sleep(0.001)
        call.cancel()

    run_virtual(main)
    gc.collect()
    assert [call.outcome for call in world.calls] == ["ResourceNotFoundException"]
    assert not caplog.records


def test_calls_wait_for_the_role_that_one_of_them_assumes(world: World) -> None:
    world.faults.add(Fault.THROTTLE, operation="AssumeRole", nth=1)
    core = botocore.session.Session()
    world.reach(core)
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=functools.partial(world.session().client, region_name="us-east-1"),
        source_credentials=world.session().get_credentials(),
        role_arn="arn:aws:iam::444455556666:role/there",
        extra_args={"RoleSessionName": "test"},
    )
    core._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]  # where botocore's own puts them
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    clients = [boto3.Session(botocore_session=core).client("sts", region_name=region) for region in REGIONS]

    async def main() -> set[str]:
        identities = await asyncio.gather(*(asyncio.to_thread(client.get_caller_identity) for client in clients))
        return {each["Account"] for each in identities}

    assert run_virtual(main) == {"444455556666"}
    assert [call.outcome for call in world.calls if call.operation == "AssumeRole"] == ["Throttling", "ok"]


def test_a_lock_that_greenlets_wait_for_is_a_lock_to_threads_too() -> None:
    lock = GreenLock()
    with lock:
        assert not lock.acquire(blocking=False)
    assert lock.acquire()
    lock.release()
