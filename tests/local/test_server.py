import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import types
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from builder.errors import Failed
from builder.local import EmbeddedAws, ServeOptions, serve
from local.account import PRIMARY, Account, deploy
from local.adapter.templates import function
from local.processes import children, ends_within, listening_addresses

_TELL_ENVIRONMENT = """
import os
import boto3

def handler(event, context):
    caller = boto3.client("sts").get_caller_identity()
    return {"environment": dict(os.environ), "account": caller["Account"]}
"""
_TAKE_LONG = "import time\ndef handler(event, context):\n    time.sleep(event['seconds'])\n"

_HOSTILE = {
    "AWS_ACCESS_KEY_ID": "AKIAHOSTILE",
    "AWS_ENDPOINT_URL": "http://hostile.invalid",
    "AWS_ENDPOINT_URL_STS": "http://hostile.invalid",
    "AWS_PROFILE": "hostile",
    "AWS_SECRET_ACCESS_KEY": "hostile",
    "AUTH": "true",
    "GATEWAY_PORT": "1",
    "HTTPS_PROXY": "http://hostile.invalid",
    "HTTP_PROXY": "http://hostile.invalid",
    "MINISTACK_REGION": "hostile-1",
}


def _invoke(account: Account, **event: object) -> Any:
    answer = account.functions().invoke(FunctionName="tap", Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


@pytest.mark.processes
def test_nothing_hostile_of_the_caller_reaches_the_server_or_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as caller:
        for name, value in _HOSTILE.items():
            caller.setenv(name, value)
        aws = EmbeddedAws().__enter__()
    with contextlib.ExitStack() as ended:
        ended.push(aws)
        account = Account(endpoint=aws.endpoint, id="123456789012")
        deploy(account, "service", function("tap", _TELL_ENVIRONMENT))
        answer = _invoke(account)
    assert answer["account"] == account.id
    assert answer["environment"]["AWS_ENDPOINT_URL"] == account.endpoint
    assert not [value for value in answer["environment"].values() if "hostile" in value.lower()]


def test_it_listens_on_loopback_only(aws: EmbeddedAws, account: Account) -> None:
    account.s3().create_bucket(Bucket=f"any-{account.id}")
    port = int(aws.endpoint.rpartition(":")[2])
    assert listening_addresses(aws.pid) == {f"0100007F:{port:04X}"}


@pytest.mark.processes
def test_it_takes_the_port_it_is_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with EmbeddedAws(port=port) as aws:
        assert aws.endpoint == f"http://127.0.0.1:{port}"


@pytest.mark.processes
def test_a_port_that_is_taken_is_refused_by_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Failed, match=f"127.0.0.1:{port}: the embedded AWS cannot listen here") as raised:
            EmbeddedAws(port=port).__enter__()
    assert "another port" in raised.value.next_step


def test_it_is_refused_where_the_emulator_is_loaded_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ministack.app", types.ModuleType("ministack.app"))
    with pytest.raises(Failed, match="imported before its environment was set"):
        serve(ServeOptions(), lambda *_: None)


def test_it_is_refused_where_the_emulator_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ministack", None)
    with pytest.raises(Failed, match="not installed"):
        serve(ServeOptions(), lambda *_: None)


@pytest.mark.alone
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quickly_and_its_workers_with_it(signum: signal.Signals) -> None:
    with EmbeddedAws() as aws:
        account = Account(endpoint=aws.endpoint, id="123456789012")
        deploy(account, "service", function("tap", _TAKE_LONG))
        _invoke(account, seconds=0)
        workers = children(aws.pid)
        assert workers
        began = time.monotonic()
        os.kill(aws.pid, signum)
        assert ends_within(aws.pid, 2.0)
        assert time.monotonic() - began < 2.0
    assert all(ends_within(worker, 0.0) for worker in workers)


@pytest.mark.processes
def test_a_function_that_runs_does_not_hold_it_up() -> None:
    with EmbeddedAws() as aws:
        account = Account(endpoint=aws.endpoint, id="123456789012")
        deploy(account, "service", function("tap", _TAKE_LONG))

        def invoke() -> None:
            with contextlib.suppress(BotoCoreError, ClientError, ValueError):
                _invoke(account, seconds=30)

        caller = threading.Thread(target=invoke)
        caller.start()
        while not (workers := children(aws.pid)):
            pass
        os.kill(aws.pid, signal.SIGTERM)
        assert ends_within(aws.pid, 2.0)
        caller.join(10.0)
    assert all(ends_within(worker, 0.0) for worker in workers)


@pytest.mark.processes
def test_it_is_quiet() -> None:
    command = [sys.executable, "-m", "builder.local", "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        announcement = json.loads(child.stdout.readline())
        account = Account(endpoint=announcement["endpoint"], id="123456789012")
        deploy(account, "service", function("tap", _TAKE_LONG))
        with pytest.raises(ClientError):
            account.s3().head_bucket(Bucket="no-such-bucket")
        child.stdin.close()
        assert child.stdout.read() == child.stderr.read() == b""
    assert child.returncode == 0


def test_a_functions_own_region_and_credentials_are_those_of_its_account(account: Account) -> None:
    deploy(account, "service", function("tap", _TELL_ENVIRONMENT))
    answer = _invoke(account)
    assert answer["environment"]["AWS_REGION"] == PRIMARY
    assert answer["account"] == account.id
