"""Requests wait for one of a function's processes: no throttling, no more processes, and no turn that is lost."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config

from builder.local import EmbeddedAws
from builder.local.adapter.functions.processes import Invocations
from local.account import Account, deploy
from local.adapter.templates import function
from local.processes import ends_within

LIMIT = 2
SLEEPS = """
import os, time
def handler(event, context):
    time.sleep(0.2)
    return os.getpid()
"""
BREAKS = """
import os
def handler(event, context):
    if event.get("break"):
        os._exit(1)
    return os.getpid()
"""
# Deeper than there are processes, so that each but the last waits for the next.
CALLS_ITSELF = """
import json, boto3
def handler(event, context):
    depth = event.get("depth", 0)
    if depth == 3:
        return depth
    body = json.dumps({"depth": depth + 1})
    return json.loads(boto3.client("lambda").invoke(FunctionName=context.function_name, Payload=body)["Payload"].read())
"""


@pytest.fixture(scope="module")
def account(processes: None) -> Iterator[Account]:
    with EmbeddedAws(function_processes=LIMIT) as running:
        yield Account(running.endpoint, "444444444444")


def _deploy(account: Account, name: str, code: str) -> None:
    made = function(name, code)
    made["Function"]["Properties"]["Timeout"] = 60
    deploy(account, name, made)


def _invoke(account: Account, name: str, event: dict[str, Any] | None = None) -> Any:
    answer = account.functions().invoke(FunctionName=name, Payload=json.dumps(event or {}))
    assert answer["StatusCode"] == 200
    return json.loads(answer["Payload"].read())


def test_more_requests_than_processes_are_all_answered_by_as_many_processes_as_there_may_be(account: Account) -> None:
    _deploy(account, "sleeps", SLEEPS)
    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(lambda _: _invoke(account, "sleeps"), range(8)))
    assert all(isinstance(process, int) for process in answered), answered
    assert len(set(answered)) == LIMIT


def test_a_process_that_breaks_gives_its_turn_back(account: Account) -> None:
    _deploy(account, "breaks", BREAKS)
    for _ in range(LIMIT + 1):
        assert "errorMessage" in _invoke(account, "breaks", {"break": True})
    assert isinstance(_invoke(account, "breaks"), int)


@pytest.mark.processes
def test_a_server_ends_at_once_though_many_requests_wait_for_a_process() -> None:
    with EmbeddedAws(function_processes=1) as running, ThreadPoolExecutor(20) as pool:
        account = Account(running.endpoint, "444444444444")
        _deploy(account, "slow", SLEEPS.replace("0.2", "1"))
        client = boto3.client(
            "lambda",
            "us-east-1",
            endpoint_url=running.endpoint,
            aws_access_key_id=account.id,
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}),
        )
        calls = [pool.submit(client.invoke, FunctionName="slow") for _ in range(20)]
        wait(calls, timeout=20, return_when=FIRST_COMPLETED)
        os.kill(running.pid, signal.SIGTERM)
        assert ends_within(running.pid, 4)
        assert sum(call.exception(timeout=20) is None for call in calls) < 10


def test_a_function_that_calls_itself_does_not_wait_for_itself(account: Account) -> None:
    _deploy(account, "nested", CALLS_ITSELF)
    assert _invoke(account, "nested") == 3


Release = Callable[[object], None]


def _one_at_a_time(*, nested: bool = False) -> Invocations:
    return Invocations(1, lambda *_: "key", lambda: nested)


def _acquired(invocations: Invocations, worker: object = "worker") -> Callable[[], tuple[object, str]]:
    acquire = invocations.make_acquire(lambda *_, **__: (worker, "spawn"))
    return lambda: acquire("name", {}, b"")


def _on_a_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_turn_ends_though_the_process_is_gone() -> None:
    invocations = _one_at_a_time()
    acquire, release = _acquired(invocations), invocations.make_release(lambda _: None)
    for _ in range(3):
        assert acquire() == ("worker", "spawn")
        release(None)


def test_a_turn_for_which_there_is_no_process_ends_at_once() -> None:
    acquire = _acquired(_one_at_a_time(), None)
    assert [acquire() for _ in range(3)] == [(None, "spawn")] * 3


def test_what_may_not_wait_passes_and_gives_no_turn_back() -> None:
    invocations = _one_at_a_time(nested=True)
    acquire, release = _acquired(invocations), invocations.make_release(lambda _: None)
    first = _on_a_thread(acquire)
    first.join()
    for _ in range(2):
        assert acquire() == ("worker", "spawn")
        release("worker")


def test_who_came_first_has_the_next_turn() -> None:
    invocations, served = _one_at_a_time(), []
    acquire, release = _acquired(invocations), invocations.make_release(lambda _: None)
    acquire()

    def serve(number: int) -> None:
        acquire()
        served.append(number)
        release("worker")

    threads = []
    for number in range(20):
        threads.append(_on_a_thread(partial(serve, number)))
        time.sleep(0.005)
    release("worker")
    for thread in threads:
        thread.join(5)
    assert served == list(range(20))


def test_who_waits_goes_on_when_a_turn_ends() -> None:
    invocations = _one_at_a_time()
    acquire, release = _acquired(invocations), invocations.make_release(lambda _: None)
    acquire()
    began, ended = time.monotonic(), []
    second = _on_a_thread(lambda: ended.append((acquire(), time.monotonic())))
    time.sleep(0.05)
    assert not ended
    release("worker")
    second.join(5)
    assert ended[0][1] >= began + 0.05


def test_an_update_takes_no_answer_away_from_what_is_under_way(account: Account) -> None:
    _deploy(account, "updated", SLEEPS.replace("0.2", "1.5"))
    functions = account.functions()
    functions.invoke(FunctionName="updated")
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(functions.invoke, FunctionName="updated")
        time.sleep(0.5)
        functions.update_function_configuration(FunctionName="updated", Environment={"Variables": {"A": "1"}})
        answer = under_way.result()
    assert answer.get("FunctionError") is None
    old = int(answer["Payload"].read())
    assert int(functions.invoke(FunctionName="updated")["Payload"].read()) != old
    assert ends_within(old, 5)
