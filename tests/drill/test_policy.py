"""`policy drill` against the drills: what they call, and nothing else."""

import asyncio
from dataclasses import replace
from typing import Any

import boto3

from builder.aws import Clients
from builder.drill import failover, replication
from builder.drill.faults import FAULTS
from builder.drill.restore import undo_faults
from builder.policy.calls import CALLS
from builder.policy.records import Verb
from drill.conftest import Theatre


def test_the_policy_of_a_drill_is_of_what_drills_call_and_no_more(theatre: Theatre) -> None:
    session, called = boto3.Session(region_name="us-east-1"), set[tuple[str, str]]()

    def note(model: Any, **_: Any) -> None:
        called.add((str(model.service_model.service_name), str(model.name)))

    session.events.register("before-call", note)
    theatre.clients = Clients(session)
    functions, name = theatre.account.functions(), theatre.target.primary.function.name
    course = failover.Course(rate=5, before_s=0.6, outage_s=0.1, after_s=0, patience_s=10)
    for reserved in (None, 3):
        if reserved:
            functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
        asyncio.run(failover.drill_failover(theatre.ground(), course, FAULTS["throttle"]))
    functions.delete_function_concurrency(FunctionName=name)
    whole = replication.Course(rate=5, object_rate=5, seconds=0.4, patience_s=10)
    asyncio.run(replication.drill_replication(theatre.ground(), whole))
    # With probes of the other kind: long enough for some to be deleted by the load.
    table = replace(theatre.ground(), probe="table")
    asyncio.run(failover.drill_failover(table, replace(course, rate=10, before_s=2), FAULTS["throttle"]))
    asyncio.run(undo_faults(theatre.target.primary.function, theatre.clients, lambda _: None))
    # Finding the target, which the drills above were given.
    found = {("cloudformation", "ListStackResources"), ("lambda", "ListFunctionUrlConfigs")}
    before = {("cloudformation", "DescribeStacks"), ("sts", "GetCallerIdentity"), ("sts", "AssumeRole")}
    told = {(call.service, call.operation) for call in CALLS[Verb.DRILL]}
    assert called | found | before == told - {("lambda", "InvokeFunctionUrl")}
