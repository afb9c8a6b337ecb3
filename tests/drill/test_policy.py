"""`policy drill` against the drills: what they call, and nothing else."""

import asyncio
import json
import secrets
from dataclasses import replace
from typing import Any

import boto3
import pytest

from answer import ROOT
from builder.assembly import read_assembly
from builder.aws import Clients
from builder.client import Limits
from builder.deploy.desired import TAG_DEPLOYMENT
from builder.drill import run
from builder.drill.context import undo_faults
from builder.drill.faults import FAULTS, find_fault
from builder.errors import BuilderError
from builder.policy import PolicyCaller, PolicyContext, PolicyRequest, bind_templates, make_document, make_rights
from builder.policy.document import Verb
from builder.policy.rights import CALLS, FAULT_CALLS
from drill.conftest import Theatre
from drill.fault_state import iam, live, state
from samples import sampled


def test_the_policy_of_a_drill_is_of_what_drills_call_and_no_more(theatre: Theatre) -> None:
    session, called = boto3.Session(region_name="us-east-1"), set[tuple[str, str]]()

    def note(model: Any, **_: Any) -> None:
        called.add((str(model.service_model.service_name), str(model.name)))

    session.events.register("before-call", note)
    theatre.clients = Clients(session)
    # What is called is asked here, not how quickly: the machine may be busy.
    theatre.limits = Limits(attempt_s=8, deadline_s=20)
    functions, name = theatre.account.functions(), theatre.target.primary.function.name
    options = run.FailoverOptions(rate=5, before_s=0.6, outage_s=0.1, after_s=0, patience_s=10)
    for reserved in (None, 3):
        if reserved:
            functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
        asyncio.run(run.drill_failover(theatre.context(), options, FAULTS["throttle"]))
    functions.delete_function_concurrency(FunctionName=name)
    whole = run.ReplicationOptions(rate=5, object_rate=5, seconds=0.4, patience_s=10)
    asyncio.run(run.drill_replication(theatre.context(), whole))
    # With probes of the other kind: long enough for some to be deleted by the load.
    table = replace(theatre.context(), probe="table")
    asyncio.run(run.drill_failover(table, replace(options, rate=10, before_s=2), FAULTS["throttle"]))
    asyncio.run(undo_faults(theatre.target.primary.function, theatre.clients, lambda _: None))
    # Finding the target, which the drills above were given.
    finding = {("cloudformation", "ListStackResources"), ("lambda", "ListFunctionUrlConfigs")}
    before = {("cloudformation", "DescribeStacks"), ("sts", "GetCallerIdentity"), ("sts", "AssumeRole")}
    listed = {(call.service, call.operation) for call in CALLS[Verb.DRILL]}
    # Of a system with alarms.
    listed -= {("cloudwatch", "DescribeAlarms")}
    assert called | finding | before == listed - {("lambda", "InvokeFunctionUrl")}


NEEDED = [(kind, need) for kind in ("errors", "table") for call in FAULT_CALLS[kind] for need, _ in call.needs]


@pytest.mark.parametrize("kind", ["throttle", "flap", "errors", "table"])
def test_the_policy_of_a_fault_is_of_what_it_calls_and_no_more(theatre: Theatre, kind: str) -> None:
    session, called = boto3.Session(region_name="us-east-1"), set[tuple[str, str]]()

    def note(model: Any, **_: Any) -> None:
        called.add((str(model.service_model.service_name), str(model.name)))

    session.events.register("before-call", note)
    theatre.clients = Clients(session)
    # What is called is asked here, not how quickly: the machine may be busy.
    theatre.limits = Limits(attempt_s=8, deadline_s=20)
    assert live(theatre, find_fault(kind, flap_s=0.05))
    every = {(call.service, call.operation) for call in CALLS[Verb.DRILL]}
    own = {(call.service, call.operation) for call in FAULT_CALLS[kind]}
    assert own <= called <= own | every


@pytest.mark.parametrize(("kind", "without"), [("errors", ""), ("table", ""), *sampled(NEEDED, every=9)])
def test_a_fault_is_made_by_who_has_its_policy_and_missed_and_told_where_an_action_is_taken_out(
    theatre: Theatre, kind: str, without: str
) -> None:
    before, own = state(theatre), theatre.clients
    document = policy(theatre, kind)
    for statement in document["Statement"]:
        statement["Action"] = [action for action in statement["Action"] if action != without]
    document["Statement"] = [statement for statement in document["Statement"] if statement["Action"]]
    theatre.clients = person(theatre, document)
    if without:
        with pytest.raises(BuilderError, match=without.partition(":")[2]):
            live(theatre, find_fault(kind))
    else:
        assert live(theatre, find_fault(kind))
    theatre.clients = own
    asyncio.run(undo_faults(theatre.target.primary.function, own, lambda _: None))
    assert state(theatre) == before


def policy(theatre: Theatre, kind: str) -> dict[str, Any]:
    caller = PolicyCaller(deployment="tap-dev", tag=TAG_DEPLOYMENT, faults=(kind,))
    request = PolicyRequest(verbs=(Verb.DRILL,), caller=caller)
    context = PolicyContext("aws", theatre.account.id, "dev")
    return make_document(make_rights(bind_templates(read_assembly(ROOT / "templates")), context, request))


def person(theatre: Theatre, document: dict[str, Any]) -> Clients:
    client, name = iam(theatre), f"driller-{secrets.token_hex(4)}"
    client.create_user(UserName=name)
    client.put_user_policy(UserName=name, PolicyName="least", PolicyDocument=json.dumps(document))
    key = client.create_access_key(UserName=name)["AccessKey"]
    session = boto3.Session(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"], region_name="us-east-1"
    )
    return Clients(session)
