"""A drill killed in its middle, and what restores the deployment."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from answer import Command
from builder.drill.context import delete_probes, undo_faults
from builder.drill.findings import DrillEmit, DrillRestored
from builder.drill.note import BrokenHandler, Denied, Note, Reserved, keep_note, observe_notes
from builder.drill.records import FILE_NAME, DrillLog, LogOpened, Paths, ProbeSpec, Sent, read_log, unfinished
from builder.drill.target import Access, Target
from builder.errors import AwsError, Failed, Several, Stopped
from drill.conftest import Theatre
from drill.fault_state import state
from local.account import PRIMARY, SECONDARY

DRILL = ("drill", "failover", "--rate", "10", "--before", "1", "--outage", "60", "--json")


WORDS = {
    "throttle": "reserved concurrency of tap-dev-primary is none again",
    "errors": "handler of tap-dev-primary is index.handler again",
    "table": " any more",
}


@pytest.mark.processes
@pytest.mark.parametrize("kind", WORDS)
def test_a_killed_drill_is_restored_property_by_property(
    theatre: Theatre, project: Path, builder: Command, kind: str
) -> None:
    function, before = theatre.target.primary.function, state(theatre)
    kill_at_the_fault(project, kind)
    (note,) = asyncio.run(observe_notes(theatre.clients, function))
    assert isinstance(note.change, {"throttle": Reserved, "errors": BrokenHandler, "table": Denied}[kind])
    assert state(theatre) != before
    assert theatre.items(PRIMARY)

    again = builder(*DRILL)
    assert again.code == 4
    assert "python -m builder drill restore" in again.err

    restored = builder("drill", "restore")
    assert restored.code == 0, restored
    assert WORDS[kind] in restored.out
    assert state(theatre) == before
    assert theatre.items(PRIMARY) == theatre.items(SECONDARY) == {}
    assert "no drill has left anything here" in builder("drill", "restore").out


def kill_at_the_fault(project: Path, kind: str) -> None:
    """Begin a drill, and kill it without a word as soon as it says that the fault is made."""
    child = subprocess.Popen(
        [sys.executable, "-m", "builder", *DRILL, "--fault", kind],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if json.loads(line).get("moment") == "fault":
            break
    else:
        assert child.stderr is not None
        pytest.fail(child.stderr.read())
    os.kill(child.pid, signal.SIGKILL)
    child.communicate(timeout=10)


def test_a_drill_killed_between_its_note_and_its_fault_is_restored(theatre: Theatre) -> None:
    before, function = theatre.function_state(), theatre.target.primary.function
    asyncio.run(keep_note(theatre.clients, function, Note("d1", Reserved(None))))
    assert theatre.function_state() != before
    events: list[object] = []
    assert asyncio.run(undo_faults(function, theatre.clients, events.append))
    assert events == [DrillRestored("d1", "reserved concurrency of tap-dev-primary is none again")]
    assert theatre.function_state() == before
    assert not asyncio.run(undo_faults(function, theatre.clients, events.append))


def deleted(theatre: Theatre, emit: DrillEmit) -> bool:
    async def find() -> Target:
        return theatre.target

    access = Access(theatre.account.endpoint)
    work = delete_probes(theatre.target.deployment, find, theatre.clients, theatre.folder, emit, access=access)
    return asyncio.run(work)


def test_another_deployment_s_drills_are_left_alone(theatre: Theatre) -> None:
    path = theatre.folder / "other" / FILE_NAME
    with DrillLog(path) as log:
        log.write(LogOpened("other", "tap-prod", "2026-01-01T12:00:00+00:00"), Sent("drill-other-load-000001", "item"))
    events: list[object] = []
    assert not deleted(theatre, events.append)
    assert events == []
    assert unfinished(read_log(path))


def test_probes_are_cleared_by_the_log_where_the_fault_was_undone_already(theatre: Theatre) -> None:
    context = theatre.context()
    name = f"drill-{context.drill}-load-000001"
    item = {"id": {"S": f"item#{name}"}, "body": {"S": "{}"}, "time": {"S": "now"}}
    theatre.account.dynamodb(PRIMARY).put_item(TableName=theatre.target.needed_table, Item=item)
    with DrillLog(context.folder / FILE_NAME) as log:
        log.write(LogOpened(context.drill, theatre.target.deployment, "2026-01-01T12:00:00+00:00"), Sent(name, "item"))
    events: list[object] = []
    assert deleted(theatre, events.append)
    assert events == [DrillRestored(context.drill, "its probes are gone from every region")]
    assert theatre.items(PRIMARY) == {}
    assert not deleted(theatre, events.append)


def test_probes_that_cannot_be_reached_are_told_with_what_deletes_them(theatre: Theatre) -> None:
    async def find() -> Target:
        raise AwsError(where="us-west-2", code="ReadTimeout", what="AWS does not answer")

    path = theatre.folder / "d1" / FILE_NAME
    with DrillLog(path) as log:
        log.write(LogOpened("d1", theatre.target.deployment, "2026-01-01T12:00:00+00:00"))
    with pytest.raises(Failed, match="tap-dev: probes of 1 drills remain: us-west-2: AWS does not answer") as caught:
        asyncio.run(
            delete_probes(
                theatre.target.deployment,
                find,
                theatre.clients,
                theatre.folder,
                lambda _: None,
                access=Access(theatre.account.endpoint),
            )
        )
    assert caught.value.next_step == "python -m builder drill restore    once every region answers"
    assert unfinished(read_log(path))


def test_what_cannot_be_read_or_deleted_of_one_drill_keeps_nothing_of_another_s(theatre: Theatre) -> None:
    torn = theatre.folder / "a" / FILE_NAME
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"\0\0\0\n")
    name, deployment = "drill-c-load-000001", theatre.target.deployment
    item = {"id": {"S": f"item#{name}"}, "body": {"S": "{}"}, "time": {"S": "now"}}
    theatre.account.dynamodb(PRIMARY).put_item(TableName=theatre.target.needed_table, Item=item)
    gone = Paths("PUT /gone/{id}", "GET /gone/{id}", "GET /health", "DELETE /health?gone={id}")
    probes: dict[str, ProbeSpec] = {"b": gone, "c": "handler"}
    for drill, probe in probes.items():
        with DrillLog(theatre.folder / drill / FILE_NAME) as log:
            log.write(LogOpened(drill, deployment, "2026-01-01T12:00:00+00:00", 2, probe), Sent(name, "item"))
    events: list[object] = []
    with pytest.raises(Several) as caught:
        deleted(theatre, events.append)
    assert f"{torn}: is not a drill's log" in str(caught.value)
    assert "probes of drill b remain" in str(caught.value)
    assert events == [DrillRestored("c", "its probes are gone from every region")]
    assert theatre.items(PRIMARY) == {}


def test_a_tag_that_nobody_understands_keeps_no_fault_from_being_undone(theatre: Theatre) -> None:
    before, function, functions = theatre.function_state(), theatre.target.primary.function, theatre.account.functions()
    asyncio.run(keep_note(theatre.clients, function, Note("d1", Reserved(None))))
    functions.tag_resource(Resource=function.arn, Tags={"builder:drill:d0": "mine"})
    functions.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    events: list[object] = []
    with pytest.raises(Stopped, match="builder:drill:d0 says 'mine'"):
        asyncio.run(undo_faults(function, theatre.clients, events.append))
    assert events == [DrillRestored("d1", "reserved concurrency of tap-dev-primary is none again")]
    functions.untag_resource(Resource=function.arn, TagKeys=["builder:drill:d0"])
    assert theatre.function_state() == before
