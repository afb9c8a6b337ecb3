"""What drills change in AWS, each made and undone alone on the embedded AWS; and what others change meanwhile."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from builder.aws import Clients
from builder.drill.changes import (
    break_handler,
    deny,
    gone_handler,
    make_denial,
    observe_reserved,
    policy_name,
    print_of,
    reserve,
    undo,
)
from builder.drill.context import undo_faults
from builder.drill.note import TAG, BrokenHandler, Denied, Note, Reserved, check_alone, keep_note, observe_notes
from builder.errors import Failed, Stopped
from drill.conftest import Theatre
from drill.fault_state import iam, role_name, state

UNTIL = datetime(2026, 1, 1, tzinfo=UTC)


def throttle(theatre: Theatre, drill: str) -> None:
    async def take() -> None:
        before = await observe_reserved(theatre.clients, theatre.target.primary.function)
        await keep_note(theatre.clients, theatre.target.primary.function, Note(drill, Reserved(before)))
        await reserve(theatre.clients, theatre.target.primary.function, 0)

    asyncio.run(take())


def break_it(theatre: Theatre, drill: str) -> None:
    async def take() -> None:
        function = theatre.target.primary.function
        await keep_note(theatre.clients, function, Note(drill, BrokenHandler("index.handler")))
        await break_handler(theatre.clients, function, drill, "index.handler")

    asyncio.run(take())


def deny_it(theatre: Theatre, drill: str) -> None:
    async def take() -> None:
        function, role = theatre.target.primary.function, role_name(theatre)
        policy = make_denial(function, theatre.target.needed_table, UNTIL)
        await keep_note(theatre.clients, function, Note(drill, Denied(role, print_of(policy))))
        await deny(theatre.clients, function, role, drill, policy)

    asyncio.run(take())


CHANGES = {"reserved": throttle, "handler": break_it, "denied": deny_it}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.acceptance] if kind == "handler" else []) for kind in CHANGES]
)
def test_a_change_is_undone_to_what_was_before_and_only_once(theatre: Theatre, kind: str) -> None:
    function, before = theatre.target.primary.function, state(theatre)
    CHANGES[kind](theatre, "d1")
    assert state(theatre) != before
    undone = asyncio.run(undo(theatre.clients, function, "d1"))
    assert undone
    assert not undone.is_foreign
    assert state(theatre) == before
    assert asyncio.run(undo(theatre.clients, function, "d1")) is None
    assert state(theatre) == before


@pytest.mark.parametrize(
    "reserved", [pytest.param(None, marks=pytest.mark.acceptance), pytest.param(0, marks=pytest.mark.acceptance), 9]
)
def test_a_reserved_concurrency_is_undone_to_what_it_was(theatre: Theatre, reserved: int | None) -> None:
    function, functions = theatre.target.primary.function, theatre.account.functions()
    if reserved is not None:
        functions.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=reserved)
    before = state(theatre)
    throttle(theatre, "d1")
    assert asyncio.run(observe_notes(theatre.clients, function)) == (Note("d1", Reserved(reserved)),)
    assert asyncio.run(undo(theatre.clients, function, "d1"))
    assert state(theatre) == before
    functions.delete_function_concurrency(FunctionName=function.name)


def test_a_reserved_concurrency_that_somebody_set_meanwhile_stays_and_is_told(theatre: Theatre) -> None:
    function, functions, before = theatre.target.primary.function, theatre.account.functions(), state(theatre)
    throttle(theatre, "d1")
    functions.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=5)
    undone = asyncio.run(undo(theatre.clients, function, "d1"))
    assert undone
    assert undone.is_foreign
    assert undone.words == (
        "reserved concurrency of tap-dev-primary is 5 now, which this drill did not make it, and stays so; "
        "before the drill it was none"
    )
    assert functions.get_function_concurrency(FunctionName=function.name)["ReservedConcurrentExecutions"] == 5
    functions.delete_function_concurrency(FunctionName=function.name)
    assert state(theatre) == before


def test_a_handler_that_somebody_set_meanwhile_stays_and_is_told(theatre: Theatre) -> None:
    function, functions, before = theatre.target.primary.function, theatre.account.functions(), state(theatre)
    break_it(theatre, "d1")
    functions.update_function_configuration(FunctionName=function.name, Handler="index.other")
    undone = asyncio.run(undo(theatre.clients, function, "d1"))
    assert undone
    assert undone.is_foreign
    assert undone.words.startswith("handler of tap-dev-primary is index.other now")
    assert asyncio.run(undo_faults(function, theatre.clients, lambda _: None)) is False
    functions.update_function_configuration(FunctionName=function.name, Handler="index.handler")
    functions.get_waiter("function_updated_v2").wait(FunctionName=function.name, WaiterConfig={"Delay": 1})
    assert state(theatre) == before


def test_a_function_that_somebody_changed_since_it_was_noted_is_not_broken(theatre: Theatre) -> None:
    function, before = theatre.target.primary.function, state(theatre)
    with pytest.raises(Failed, match="was changed by somebody else just now: no fault is made"):
        asyncio.run(break_handler(theatre.clients, function, "d1", "index.noted"))
    assert state(theatre) == before


def test_an_answer_that_is_lost_when_the_handler_is_set_is_found_out(theatre: Theatre) -> None:
    """The call is made again, and refused because the function has changed: by the first."""
    function, before = theatre.target.primary.function, state(theatre)
    session, lost = boto3.Session(region_name="us-east-1"), list[str]()

    def lose(**_: object) -> Any:
        """Have botocore send it again at once, whatever came; the second answer is the one that is read."""
        lost.append("answer")
        return 0 if len(lost) == 1 else None

    session.events.register("needs-retry.lambda.UpdateFunctionConfiguration", lose)
    theatre.clients = Clients(session)
    break_it(theatre, "d1")
    assert len(lost) > 1
    handler = theatre.account.functions().get_function_configuration(FunctionName=function.name)["Handler"]
    assert handler == gone_handler("d1")
    assert asyncio.run(undo(theatre.clients, function, "d1"))
    assert state(theatre) == before


def test_a_handler_whose_last_update_failed_is_put_back_all_the_same(theatre: Theatre) -> None:
    function, before = theatre.target.primary.function, state(theatre)
    break_it(theatre, "d1")
    session, failed = boto3.Session(region_name="us-east-1"), list[str]()

    def fail(parsed: dict[str, Any], **_: object) -> None:
        if not failed:
            failed.append("once")
            parsed |= {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "of the test"}

    session.events.register("after-call.lambda.GetFunctionConfiguration", fail)
    undone = asyncio.run(undo(Clients(session), function, "d1"))
    assert undone
    assert failed
    assert not undone.is_foreign
    assert state(theatre) == before


def test_a_policy_that_is_not_the_drill_s_is_not_deleted(theatre: Theatre) -> None:
    function, before = theatre.target.primary.function, state(theatre)
    deny_it(theatre, "d1")
    client, role = iam(theatre), role_name(theatre)
    mine = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
    }
    client.put_role_policy(RoleName=role, PolicyName=policy_name("d1"), PolicyDocument=json.dumps(mine))
    with pytest.raises(Failed, match="is not as the drill wrote it, and is not deleted") as caught:
        asyncio.run(undo_faults(function, theatre.clients, lambda _: None))
    assert caught.value.next_step.startswith(
        f"aws iam delete-role-policy --role-name {role} --policy-name builder-drill-d1"
    )
    assert client.get_role_policy(RoleName=role, PolicyName=policy_name("d1"))["PolicyDocument"] == mine
    client.delete_role_policy(RoleName=role, PolicyName=policy_name("d1"))
    assert asyncio.run(undo_faults(function, theatre.clients, lambda _: None))
    assert state(theatre) == before


def test_a_denial_is_of_one_region_s_table_and_ends_by_itself(theatre: Theatre) -> None:
    function = theatre.target.primary.function
    (statement,) = json.loads(make_denial(function, "tap-dev-global", UNTIL + timedelta(hours=1)))["Statement"]
    table = f"arn:aws:dynamodb:us-east-1:{theatre.account.id}:table/tap-dev-global"
    assert statement["Resource"] == [table, f"{table}/*"]
    assert statement["Condition"] == {"DateLessThan": {"aws:CurrentTime": "2026-01-01T01:00:00Z"}}


def test_a_drill_does_not_begin_over_another_s_note(theatre: Theatre) -> None:
    function, before = theatre.target.primary.function, state(theatre)
    throttle(theatre, "first")
    during = state(theatre)
    with pytest.raises(Stopped, match="drill first is under way, or did not end") as caught:
        break_it(theatre, "second")
    assert "drill restore" in caught.value.next_step
    assert asyncio.run(undo(theatre.clients, function, "second")) is None
    assert state(theatre) == during
    assert asyncio.run(undo(theatre.clients, function, "first"))
    assert state(theatre) == before


def test_of_two_drills_that_note_at_once_the_later_gives_way_and_takes_nothing_of_the_other_s(
    theatre: Theatre,
) -> None:
    function, before = theatre.target.primary.function, state(theatre)
    session, overtaken = boto3.Session(region_name="us-east-1"), list[str]()
    clients = theatre.clients

    def overtake(**_: object) -> None:
        """Between the other's look and its note."""
        overtaken.append("first")
        asyncio.run(keep_note(clients, function, Note("first", Reserved(None))))
        asyncio.run(reserve(clients, function, 0))

    session.events.register("before-call.lambda.TagResource", overtake)
    theatre.clients = Clients(session)
    with pytest.raises(Stopped, match="drill first is under way"):
        throttle(theatre, "second")
    assert overtaken == ["first"]
    assert asyncio.run(observe_notes(clients, function)) == (Note("first", Reserved(None)),)
    asyncio.run(undo(clients, function, "first"))
    assert state(theatre) == before


def test_a_tag_of_somebody_else_s_is_not_acted_upon(theatre: Theatre) -> None:
    function, functions = theatre.target.primary.function, theatre.account.functions()
    functions.tag_resource(Resource=function.arn, Tags={TAG: "mine"})
    try:
        with pytest.raises(Stopped, match="'mine'"):
            asyncio.run(check_alone(theatre.clients, function))
        assert asyncio.run(undo(theatre.clients, function, "d1")) is None
    finally:
        functions.untag_resource(Resource=function.arn, TagKeys=[TAG])
