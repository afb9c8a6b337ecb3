import asyncio
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest

from builder.cli.options import Options
from builder.cli.project import Project
from builder.cli.session import Session, run_interruptibly
from builder.errors import BadInput


def never() -> None:
    pytest.fail("the process was to leave")


async def interrupted(number: signal.Signals, done: list[str]) -> str:
    os.kill(os.getpid(), number)
    try:
        await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        done.append("cleared up")
        raise
    done.append("ended by itself")
    return "result"


@pytest.mark.usefixtures("hung_up")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_once_the_work_goes_on_to_a_good_place_where_it_can(number: signal.Signals) -> None:
    done: list[str] = []
    assert run_interruptibly(interrupted(number, done), lambda: True, never) == "result"
    assert done == ["ended by itself"]


@pytest.mark.usefixtures("hung_up")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_once_it_is_cancelled_where_it_cannot_and_clears_up(number: signal.Signals) -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run_interruptibly(interrupted(number, done), lambda: False, never)
    assert done == ["cleared up"]


def test_a_terminal_that_may_go_by_nohup_s_word_interrupts_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    done: list[str] = []
    try:
        assert run_interruptibly(interrupted(signal.SIGHUP, done), lambda: False, never) == "result"
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert done == ["ended by itself"]


def test_afterwards_signals_do_what_they_did_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert run_interruptibly(asyncio.sleep(0, "done"), lambda: True, never) == "done"
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.processes
def test_twice_it_leaves_at_once_whatever_is_under_way() -> None:
    program = dedent("""
        import asyncio, os, signal, time
        from builder.cli.session import run_interruptibly

        async def work():
            asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.05)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(60)

        def left():
            print("left", flush=True)
            raise OSError("the terminal is gone")

        run_interruptibly(work(), lambda: True, left)
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (130, "left\n")


def test_two_plans_are_never_told_by_the_same_id() -> None:
    session = Session(Options(environment={}))
    assert session.plan_id().id != session.plan_id().id


def test_roles_of_other_accounts_are_taken_by_account(credentials: None) -> None:
    role = "arn:aws:iam::444455556666:role/deployer"
    assert Session(Options(account_roles=(f"444455556666={role}",), environment={})).clients is not None


@pytest.mark.parametrize("typed", ["444455556666", "4444=arn:aws:iam::4444:role/x", "444455556666=deployer"])
def test_a_role_that_is_not_said_in_full_is_a_wrong_input(typed: str) -> None:
    with pytest.raises(BadInput, match="--account-role"):
        _ = Session(Options(account_roles=(typed,), environment={})).clients


PROJECT = """project: shop
environment: dev
regions: {primary: us-east-1, secondaries: [us-west-2]}
functions: {api: {runtime: python3.14, source: api, handler: app.handler}}
"""


def test_what_dr_yaml_may_mean_otherwise_is_shown_once_and_by_the_session_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"dr.yaml": PROJECT, "api/app.py": "def handler(event, context): ...\n", "api/lib.py": "", "api/.env": ""}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    session = Session(Options(config=tmp_path / "dr.yaml", environment={}))
    read = Project(session.options, date(2026, 11, 22))
    assert [warning.rpartition(": ")[2] for warning in read.warnings] == [".env of api is not packed"]
    assert (read.deployment_as_is.name, capsys.readouterr().err) == ("shop-dev", "")
    assert not (tmp_path / "build").exists()
    assert session.build(session.project.assembly_made)
    assert capsys.readouterr().err == f"warning: {read.warnings[0]}\n"
    assert (tmp_path / "build").is_dir()


def test_files_that_cannot_be_read_are_told_by_whom_needs_them(project: Path) -> None:
    (project / "dr.yaml").write_text("[]")
    session = Session(Options(environment={}))
    assert session.project.templates == Path("templates")
    with pytest.raises(BadInput, match=r"dr\.yaml"):
        _ = session.project.suffix
