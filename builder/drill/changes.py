"""The changes that drills make in AWS, and how each is undone from its note; in the order of the notes.

A change touches nothing else. It is undone only if it still is as the drill made it: if somebody else has changed the
same thing meanwhile, that stays and is reported. Both may be interrupted at any point and repeated.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, assert_never

from builder.aws import Clients, call
from builder.drill import replication
from builder.drill.note import BrokenHandler, Denied, Note, Reserved, Slowed, drop_note, observe_note
from builder.drill.replication import PACE, stop_experiment
from builder.drill.target import Function
from builder.drill.tasks import to_its_end
from builder.errors import AwsError, Failed

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import FunctionConfigurationResponseTypeDef


_UPDATED_WITHIN_S = 300.0
"""Lambda takes seconds to apply a configuration, and longer for a function in a VPC."""
_OVERTAKEN = frozenset({"PreconditionFailedException", "ResourceConflictException"})
"""Lambda's error codes if somebody has changed the function since it was read, or is changing it."""


@dataclass(frozen=True, slots=True)
class Undone:
    """The outcome of undoing a change."""

    drill: str
    words: str
    is_foreign: bool = False
    """Whether somebody else has changed the same thing meanwhile, so that it was left as it is."""


async def undo(clients: Clients, function: Function, drill: str) -> Undone | None:
    """Undo the change that the drill's note names, then remove the note. Return None if there is no note."""
    note = await observe_note(clients, function, drill)
    if note is None:
        return None
    undone = await _undo(clients, function, note)
    await drop_note(clients, function, drill)
    return undone


async def _undo(clients: Clients, function: Function, note: Note) -> Undone:
    match note.change:
        case Reserved():
            return await _undo_reserved(clients, function, note.drill, note.change)
        case BrokenHandler(before):
            return await _undo_handler(clients, function, note.drill, before)
        case Denied():
            return await _undo_denied(clients, function, note.drill, note.change)
        case Slowed(delay_s):
            return await _undo_slowed(clients, function, note.drill, delay_s)
        case _:
            assert_never(note.change)


# Reserved concurrency: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html


async def observe_reserved(clients: Clients, function: Function) -> int | None:
    """Return the function's reserved concurrency, None for none."""
    functions = clients.of(function.site).functions(function.region)
    answer = await call(function.where, functions.get_function_concurrency, FunctionName=function.name)
    return answer.get("ReservedConcurrentExecutions")


async def reserve(clients: Clients, function: Function, reserved: int | None) -> None:
    """Set the reserved concurrency: at 0 the function's URL answers 429."""
    functions = clients.of(function.site).functions(function.region)
    if reserved is None:
        done = call(function.where, functions.delete_function_concurrency, FunctionName=function.name)
        await to_its_end(done)
        return
    await to_its_end(
        call(
            function.where,
            functions.put_function_concurrency,
            FunctionName=function.name,
            ReservedConcurrentExecutions=reserved,
        )
    )


async def _undo_reserved(clients: Clients, function: Function, drill: str, change: Reserved) -> Undone:
    now, what = await observe_reserved(clients, function), f"reserved concurrency of {function.name}"
    is_foreign = now not in (0, change.before)
    if not is_foreign:
        # Also if the value reads as it was before: the read may be older than the fault.
        await reserve(clients, function, change.before)
    if change.paused == "fis":
        await stop_experiment(clients, function, drill)
    if change.paused == "one-way":
        await replication.let_replicate(clients, function)
    if is_foreign:
        return Undone(drill, _foreign(what, _number(now), _number(change.before)), is_foreign=True)
    return Undone(drill, f"{what} is {_number(change.before)} again")


def _number(reserved: int | None) -> str:
    return "none" if reserved is None else str(reserved)


def _foreign(what: str, now: str, before: str) -> str:
    return f"{what} is {now} now, which this drill did not make it, and stays so; before the drill it was {before}"


# Handlers: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html


def gone_handler(drill: str) -> str:
    """Return the name of a handler that no code has."""
    return f"builder-drill-{drill}.gone"


def is_gone_handler(handler: str) -> bool:
    """Return whether a handler's name was made by `gone_handler`, for whichever drill."""
    return handler.startswith("builder-drill-") and handler.endswith(".gone")


async def observe_configuration(clients: Clients, function: Function) -> "FunctionConfigurationResponseTypeDef":
    """Return the answer of GetFunctionConfiguration."""
    functions = clients.of(function.site).functions(function.region)
    return await call(function.where, functions.get_function_configuration, FunctionName=function.name)


async def set_handler(clients: Clients, function: Function, handler: str, revision: str) -> None:
    """Set the handler of a function that still has this revision, and return once the update is applied.

    Raises AwsError with the code PreconditionFailedException if somebody has changed the function since, and with
    ResourceConflictException while a change is under way.
    """
    functions = clients.of(function.site).functions(function.region)
    update = call(
        function.where,
        functions.update_function_configuration,
        FunctionName=function.name,
        Handler=handler,
        RevisionId=revision,
    )
    await to_its_end(update)
    await to_its_end(_settled(clients, function))


async def break_handler(clients: Clients, function: Function, drill: str, before: str) -> None:
    """Set the handler to a name that no code has. Raises Failed, and change nothing, unless it is the noted one.

    If Lambda's answer gets lost, botocore repeats the call, and Lambda refuses it since our own first call has changed
    the function. So a refusal is an error only if the handler is not ours.
    """
    configuration = await _settled(clients, function)
    if configuration["Handler"] == before:
        try:
            await set_handler(clients, function, gone_handler(drill), configuration["RevisionId"])
        except AwsError as error:
            if error.code not in _OVERTAKEN:
                raise
            configuration = await _settled(clients, function)
        else:
            return
    if configuration["Handler"] != gone_handler(drill):
        raise Failed(where=function.where, what="was changed by somebody else just now: no fault is made")


async def _settled(
    clients: Clients, function: Function, *, may_have_failed: bool = False
) -> "FunctionConfigurationResponseTypeDef":
    """Return the configuration once no update of it is under way. Raises Failed if an update fails or does not end."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while True:
        configuration = await observe_configuration(clients, function)
        status = configuration.get("LastUpdateStatus", "Successful")
        if status == "Failed" and may_have_failed:
            return configuration
        if status == "Failed":
            raise Failed(
                where=function.where, what=f"its update failed: {configuration.get('LastUpdateStatusReason', '')}"
            )
        if status == "Successful" and configuration.get("State", "Active") != "Pending":
            return configuration
        if loop.time() - began_s > _UPDATED_WITHIN_S:
            raise Failed(where=function.where, what=f"its update has not ended within {_UPDATED_WITHIN_S:.0f} s")
        await asyncio.sleep(PACE.wait_s(loop.time() - began_s))


async def _undo_handler(clients: Clients, function: Function, drill: str, before: str) -> Undone:
    what, loop = f"handler of {function.name}", asyncio.get_running_loop()
    until_s, tried = loop.time() + _UPDATED_WITHIN_S, ""
    while True:
        # A failed update is no reason to give up here: the next update mends it.
        configuration = await _settled(clients, function, may_have_failed=True)
        now = configuration.get("Handler", "none")
        if now not in (gone_handler(drill), before):
            return Undone(drill, _foreign(what, now, before), is_foreign=True)
        if tried not in ("", configuration["RevisionId"]) and now == before:
            # Lambda refused our update since its first try, whose answer got lost, had made this newer revision.
            return Undone(drill, f"{what} is {before} again")
        try:
            # Also if the handler reads as it was before: the read may be older than the fault. If it is, Lambda refuses
            # the update by its revision.
            await set_handler(clients, function, before, configuration["RevisionId"])
        except AwsError as error:
            if error.code not in _OVERTAKEN or loop.time() > until_s:
                raise
            tried = configuration["RevisionId"]
        else:
            return Undone(drill, f"{what} is {before} again")


# Inline policies: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html


def policy_name(drill: str) -> str:
    """Return the name of a drill's own policy."""
    return f"builder-drill-{drill}"


def make_denial(function: Function, table: str, until: datetime) -> str:
    """Return a policy that denies the function's role its table in this region until a certain time.

    An explicit denial outweighs whatever else allows the access. It ends by itself in case nobody undoes it.
    """
    _, partition, _, region, account, *_ = function.arn.split(":")
    arn = f"arn:{partition}:dynamodb:{region}:{account}:table/{table}"
    statement = {
        "Sid": "BuilderDrill",
        "Effect": "Deny",
        "Action": "dynamodb:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"DateLessThan": {"aws:CurrentTime": until.strftime("%Y-%m-%dT%H:%M:%SZ")}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def print_of(policy: str | Mapping[str, Any]) -> str:
    """Return the first digits of a policy's SHA-256, which do not depend on the order of its keys or on spaces."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


async def deny(clients: Clients, function: Function, role: str, drill: str, policy: str) -> None:
    """Put the policy on the role. IAM takes seconds to apply it."""
    iam = clients.of(function.site).iam(function.region)
    where = f"{function.where}: role {role}"
    put = call(where, iam.put_role_policy, RoleName=role, PolicyName=policy_name(drill), PolicyDocument=policy)
    await to_its_end(put)


async def observe_policy(clients: Clients, function: Function, role: str, drill: str) -> str | None:
    """Return the `print_of` the drill's policy on the role, None if there is no such policy."""
    iam = clients.of(function.site).iam(function.region)
    try:
        where = f"{function.where}: role {role}"
        answer = await call(where, iam.get_role_policy, RoleName=role, PolicyName=policy_name(drill))
    except AwsError as error:
        if error.code != "NoSuchEntity":
            raise
        return None
    document: Any = answer["PolicyDocument"]  # botocore parses it into a dict, although its model says str
    return print_of(document)


async def _undo_denied(clients: Clients, function: Function, drill: str, change: Denied) -> Undone:
    role, name = change.role, policy_name(drill)
    if await observe_policy(clients, function, role, drill) not in (None, change.policy):
        raise Failed(
            where=f"{function.where}: role {role}",
            what=f"its policy {name} is not as the drill wrote it, and is not deleted",
            next_step=f"aws iam delete-role-policy --role-name {role} --policy-name {name}    once nobody needs it",
        )
    iam = clients.of(function.site).iam(function.region)
    try:
        # Also if no policy was read: the read may be older than the fault.
        where = f"{function.where}: role {role}"
        await to_its_end(call(where, iam.delete_role_policy, RoleName=role, PolicyName=name))
    except AwsError as error:
        if error.code != "NoSuchEntity":
            raise
    return Undone(drill, f"role {role} has no policy {name} any more")


async def _undo_slowed(clients: Clients, function: Function, drill: str, delay_s: float) -> Undone:
    now_s = await replication.observe_delay(clients, function)
    if now_s not in (None, delay_s):
        words = _foreign(f"the delay of function URLs in {function.region}", f"{now_s:g} s", "none")
        return Undone(drill, words, is_foreign=True)
    await replication.hold_back(clients, function, 0)
    return Undone(drill, f"function URLs in {function.region} are held back no more")
