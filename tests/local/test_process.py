import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3

from builder.errors import Failed
from builder.local import EmbeddedAws, process
from local.account import Account, deploy
from local.adapter.templates import TABLE, bucket, function, table
from local.processes import ends_within

_PARENT = """
import sys
from builder.local import EmbeddedAws
with EmbeddedAws() as aws:
    print(aws.pid, flush=True)
    sys.stdin.read()
"""

pytestmark = pytest.mark.processes


def test_it_is_ready_within_5_s() -> None:
    began = time.monotonic()
    with EmbeddedAws() as aws:
        assert urllib3.request("GET", f"{aws.endpoint}/health").status == 200
        assert time.monotonic() - began < 5.0


def test_outside_of_the_block_there_is_no_process() -> None:
    aws = EmbeddedAws()
    assert (aws.pid, aws.endpoint) == (-1, "")
    with aws:
        pid = aws.pid
        assert aws.endpoint.startswith("http://127.0.0.1:")
    assert (aws.pid, aws.endpoint) == (-1, "")
    assert ends_within(pid, 0.0)


def test_it_ends_when_the_block_fails() -> None:
    pids = []

    def fail() -> None:
        with EmbeddedAws() as aws:
            pids.append(aws.pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert ends_within(pids[0], 0.0)


def test_it_is_in_a_session_of_its_own(aws: EmbeddedAws) -> None:
    assert os.getsid(aws.pid) == aws.pid != os.getsid(0)


def test_it_ends_with_a_parent_that_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert ends_within(pid, 5.0)


def test_state_survives_a_restart(tmp_path: Path) -> None:
    with EmbeddedAws(state=tmp_path / "state") as aws:
        account = Account(endpoint=aws.endpoint, id="123456789012")
        before = deploy(account, "stack", {**table(), **bucket("kept-bucket"), **function("kept")}).stack
        account.functions().invoke(FunctionName="kept")
        account.dynamodb().put_item(TableName=TABLE, Item={"id": {"S": "kept"}})
        account.s3().put_object(Bucket="kept-bucket", Key="kept", Body=b"kept")
    with EmbeddedAws(state=tmp_path / "state") as aws:
        account = Account(endpoint=aws.endpoint, id="123456789012")
        after = account.cloudformation().describe_stacks(StackName="stack")["Stacks"][0]
        assert (after["StackId"], after["ChangeSetId"]) == (before["StackId"], before["ChangeSetId"])
        assert account.dynamodb("us-west-2").scan(TableName=TABLE)["Items"] == [{"id": {"S": "kept"}}]
        assert account.functions().invoke(FunctionName="kept")["Payload"].read() == b'{"statusCode": 200}'
        assert account.s3().get_object(Bucket="kept-bucket", Key="kept")["Body"].read() == b"kept"


def test_without_state_it_starts_empty(aws: EmbeddedAws) -> None:
    Account(endpoint=aws.endpoint, id="123456789012").s3().create_bucket(Bucket="not-kept")
    with EmbeddedAws() as other:
        assert Account(endpoint=other.endpoint, id="123456789012").s3().list_buckets()["Buckets"] == []


def test_a_missing_emulator_is_said_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ministack", None)
    with pytest.raises(Failed, match="not installed") as raised:
        EmbeddedAws().__enter__()
    assert raised.value.next_step == "pip install 'ministack==1.5.33'"


def test_a_child_that_breaks_is_quoted() -> None:
    with pytest.raises(Failed, match="ended while starting: OverflowError"):
        EmbeddedAws(port=70000).__enter__()


def test_a_child_that_ends_without_a_word_is_said_to_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(Failed, match="ended while starting: exit code 0"):
        EmbeddedAws().__enter__()


def test_a_child_that_is_not_ready_in_time_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_START_S", 0.0)
    aws = EmbeddedAws()
    with pytest.raises(Failed, match="not ready after 0 s"):
        aws.__enter__()
    assert aws.pid == -1


def test_a_child_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_END_S", 0.1)
    with EmbeddedAws() as aws:
        pid = aws.pid
        os.kill(pid, signal.SIGSTOP)
    assert ends_within(pid, 0.0)


def test_importing_the_package_loads_neither_the_emulator_nor_an_sdk() -> None:
    code = "import sys, builder.local; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"ministack", "hypercorn", "botocore", "boto3"} & set(done.stdout.split())


def test_a_line_may_arrive_in_pieces() -> None:
    code = "import os, time; os.write(1, b'{'); time.sleep(0.05); os.write(1, b'}\\n')"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        select.select([child.stdout], [], [], 5.0)
        assert process._read_line(child, deadline_s=5.0) == b"{}\n"
