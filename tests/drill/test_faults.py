"""Each kind of fault on the embedded AWS: what clients meet, and what happens where it is not made."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from builder.aws import Clients
from builder.cli import drill as command
from builder.drill import faults, replication
from builder.drill.changes import undo
from builder.drill.context import DrillRun
from builder.drill.faults import FAULTS, Fault, FaultContext, find_fault, refuse_errors
from builder.drill.findings import DrillNote, DrillProgress
from builder.drill.health import ask_health
from builder.drill.load import WriteObserver
from builder.drill.note import Note, Reserved, keep_note, observe_notes
from builder.drill.records import FILE_NAME, DrillLog, Journal, start_clock
from builder.drill.run import FailoverOptions, drill_failover
from builder.errors import BadInput, BuilderError, Failed, Stopped
from builder.local.gate import TOKEN_VARIABLE
from drill.conftest import Theatre
from drill.fault_state import Stalled, fault_context, live, lived, state
from local.account import PRIMARY
from local.adapter.control import ask, set_pace


def during(theatre: Theatre, kind: str, hold_s: float = 0.0) -> tuple[int | None, dict[str, Any]]:
    """What `health` of the primary answers while a fault lasts, and what is other than before; undone in the end."""
    before, met = state(theatre), list[Any]()

    async def observe() -> None:
        met.append(await ask_health(theatre.target.primary, "/health", theatre.context().access))
        met.append(state(theatre))

    async def work() -> bool:
        async with fault_context(theatre) as (_, context):
            return await lived(FAULTS[kind](context), hold_s, observe)

    assert asyncio.run(work())
    assert state(theatre) == before
    assert asyncio.run(observe_notes(theatre.clients, theatre.target.primary.function)) == ()
    status, changed = met
    return status, {name: changed[name] for name in changed if changed[name] != before.get(name)}


def test_the_command_offers_every_kind() -> None:
    assert sorted(command.FAULTS) == sorted(FAULTS)
    words = str(command.failover.help).split()
    assert [kind for kind in FAULTS if kind not in words] == []


def test_the_seconds_of_another_kind_are_refused() -> None:
    assert command._parts("flap", flap=0.5, slow=None) == {"flap_s": 0.5}
    assert command._parts(None, flap=None, slow=None) == {}
    with pytest.raises(BadInput, match="--slow-seconds: is of --fault slow, and this is throttle"):
        command._parts(None, flap=None, slow=1.0)


@pytest.mark.parametrize(("flap_s", "outage_s"), [(2.0, 2.0), (10.0, 6.0), (2.0, 0.0)])
def test_a_flap_that_would_give_nothing_back_is_refused(flap_s: float, outage_s: float) -> None:
    with pytest.raises(BadInput, match=f"--outage {outage_s:g}: is no longer than a flap takes .* away, {flap_s:g} s"):
        command._check_turns(flap_s, outage_s)
    command._check_turns(flap_s, flap_s + 0.1)


def test_a_throttled_function_answers_no_client(theatre: Theatre) -> None:
    status, changed = during(theatre, "throttle")
    assert status is None
    assert changed["concurrency"] == {"ReservedConcurrentExecutions": 0}
    assert set(changed) == {"concurrency", "Concurrency", "Tags"}


def test_a_function_without_its_handler_answers_no_client(theatre: Theatre) -> None:
    status, changed = during(theatre, "errors")
    assert status is None
    assert changed["Configuration"]["Handler"].startswith("builder-drill-t-")
    assert set(changed) == {"Configuration", "Tags"}


def test_a_function_that_is_denied_its_table_answers_no_client(theatre: Theatre) -> None:
    status, changed = during(theatre, "table")
    assert status is None
    (policy,) = set(changed["role"]["inline"]) - {"run"}
    assert policy.startswith("builder-drill-t-")
    assert set(changed) == {"role", "Tags"}


def test_a_slow_function_answers_no_client_in_time(theatre: Theatre) -> None:
    status, changed = during(theatre, "slow")
    assert status is None
    assert changed["held back"]["function_urls"][0]["delay_s"] == faults.SLOWED_S
    assert set(changed) == {"held back", "Tags"}


def test_one_way_lets_nothing_out_of_the_primary_and_everything_in(theatre: Theatre) -> None:
    status, changed = during(theatre, "one-way")
    assert status is None
    assert {(way["service"], way["from"], way["to"]) for way in changed["paused"]} == {
        (service, PRIMARY, side.region) for service in ("dynamodb", "s3") for side in theatre.target.secondaries
    }


def test_a_delay_of_replication_is_the_same_after_one_way(theatre: Theatre) -> None:
    set_pace(theatre.account, "dynamodb", delay_s=0.25)
    during(theatre, "one-way")
    (way,) = [
        way
        for way in ask(theatre.account, "/_builder/replication")["delays"]
        if (way["service"], way["from"]) == ("dynamodb", PRIMARY) and way["to"] == theatre.target.secondary.region
    ]
    assert (way["delay_s"], way["paused"]) == (0.25, False)
    set_pace(theatre.account, "dynamodb")


def test_a_flapping_primary_comes_and_goes(theatre: Theatre) -> None:
    session, calls = boto3.Session(region_name="us-east-1"), list[str]()

    def note(model: Any, **_: Any) -> None:
        calls.append(str(model.name))

    for operation in ("PutFunctionConcurrency", "DeleteFunctionConcurrency"):
        session.events.register(f"before-call.lambda.{operation}", note)
    theatre.clients = Clients(session)
    before = state(theatre)
    assert live(theatre, find_fault("flap", flap_s=0.2), hold_s=0.7)
    taken, given = "PutFunctionConcurrency", "DeleteFunctionConcurrency"
    assert calls == [taken, given, taken, given, given]
    assert state(theatre) == before


def test_a_flap_ends_where_somebody_else_sets_the_concurrency(theatre: Theatre) -> None:
    functions, name = theatre.account.functions(), theatre.target.primary.function.name
    before = state(theatre)

    async def work() -> None:
        async with fault_context(theatre) as (_, context):
            fault = find_fault("flap", flap_s=0.1)(context)
            strike = fault.strike

            async def struck() -> Any:
                made = await strike()
                functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=4)
                return made

            await lived(replace(fault, strike=struck), 1.0)

    with pytest.raises(BuilderError, match="set to 4 by somebody else") as caught:
        asyncio.run(work())
    assert "is 4 now, which this drill did not make it" in str(caught.value)
    assert functions.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 4
    functions.delete_function_concurrency(FunctionName=name)
    assert state(theatre) == before


def test_an_alarm_that_is_on_already_keeps_the_experiment_from_being_begun(with_experiment: Theatre) -> None:
    theatre, before = with_experiment, state(with_experiment)
    cloudwatch = boto3.client("cloudwatch", **theatre.account._access(PRIMARY))
    cloudwatch.put_metric_alarm(
        AlarmName="errors",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        MetricName="errors",
        Namespace="own",
        Period=60,
        Statistic="Sum",
        Threshold=1,
        TreatMissingData="ignore",
    )
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="of the test")

    async def checked() -> None:
        async with fault_context(theatre) as (_, context):
            await FAULTS["fis"](context).check()

    with pytest.raises(Stopped, match="would be stopped at once: no fault is made\n  the alarm errors is in ALARM"):
        asyncio.run(checked())
    cloudwatch.delete_alarms(AlarmNames=["errors"])
    asyncio.run(checked())
    assert state(theatre) == before


@pytest.mark.parametrize("when", ["while the primary falls behind", "during the outage"])
def test_an_alarm_that_stops_the_experiment_ends_the_drill_and_gives_the_primary_back(
    with_experiment: Theatre, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    theatre, before = with_experiment, state(with_experiment)
    cloudwatch = boto3.client("cloudwatch", **theatre.account._access(PRIMARY))
    cloudwatch.put_metric_alarm(
        AlarmName="errors",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        MetricName="errors",
        Namespace="own",
        Period=60,
        Statistic="Sum",
        Threshold=1,
        TreatMissingData="ignore",
    )
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="OK", StateReason="of the test")

    def ring() -> None:
        cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="of the test")

    async def behind(*_: object) -> None:
        ring()
        await asyncio.sleep(60)

    async def during_it() -> None:
        async with fault_context(theatre) as (_, context):
            if when == "during the outage":
                asyncio.get_running_loop().call_later(2, ring)
            else:
                monkeypatch.setattr(Stalled, "stalled", behind)
            await lived(FAULTS["fis"](context), 60)

    with pytest.raises(Failed, match=r"the experiment is stopped before its time, and the drill ends: .*:alarm:errors"):
        asyncio.run(during_it())
    cloudwatch.delete_alarms(AlarmNames=["errors"])
    assert state(theatre) == before


def test_an_experiment_that_ends_before_the_outage_does_is_told(
    with_experiment: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def completed(*_: object) -> None:
        return None

    monkeypatch.setattr(replication, "check_until_ended", completed)
    assert live(with_experiment, FAULTS["fis"])
    notes = [event.what for event in with_experiment.events if isinstance(event, DrillNote)]
    assert any("the experiment has ended by itself" in what for what in notes)


ZIP = {"PackageType": "Zip", "Runtime": "python3.14", "Handler": "index.handler", "LastUpdateStatus": "Successful"}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, ""),
        ({"Runtime": "nodejs24.x"}, ""),
        ({"PackageType": "Image"}, "is a container image, which has no handler"),
        (
            {"Runtime": "provided.al2023"},
            "has the runtime provided.al2023, whose own bootstrap may pass its handler over",
        ),
        ({"LastUpdateStatus": "InProgress"}, "is being updated (InProgress)"),
        ({"LastUpdateStatus": "Failed"}, "could not be updated the last time (no reason is told)"),
        ({"Handler": "builder-drill-d1.gone"}, "has the handler builder-drill-d1.gone of another drill"),
        ({"Handler": "é" * 60}, f"has the handler {'é' * 60}, which finds no room in a tag"),
    ],
)
def test_errors_are_refused_where_a_handler_means_nothing_or_cannot_be_put_back(
    changed: dict[str, str], why: str
) -> None:
    assert refuse_errors({**ZIP, **changed}) == why


def check(theatre: Theatre, kind: str) -> None:
    async def work() -> None:
        async with fault_context(theatre) as (_, context):
            await FAULTS[kind](context).check()

    asyncio.run(work())


def check_apart(theatre: Theatre, kind: str) -> None:
    """Without opening a drill, which would end with calls to AWS."""
    context, clock = theatre.context(), start_clock(datetime.now(UTC), lambda: 0.0)
    with DrillLog(context.folder / FILE_NAME) as log:
        run = DrillRun(context, theatre.probes(), Journal(context.drill, log, clock))
        fault = FAULTS[kind](
            FaultContext(run, WriteObserver(theatre.target.primary.region), object.__new__(Stalled), 1.0)
        )
        asyncio.run(checked(fault))


async def checked(fault: Fault) -> None:
    await fault.check()


@pytest.mark.parametrize(("kind", "instead"), [("slow", "--fault errors or throttle"), ("one-way", "drill with --fis")])
def test_what_only_the_embedded_aws_can_do_is_refused_on_aws_with_what_can_be_done(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch, kind: str, instead: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    theatre.clients = Clients(boto3.Session(region_name=PRIMARY))

    with pytest.raises(Stopped, match="only the embedded AWS can make this fault") as caught:
        check_apart(theatre, kind)
    assert instead in str(caught.value)


def test_without_the_token_it_is_said_which_one_is_wanted(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "another-token-of-some-length")
    with pytest.raises(Failed, match="answers 403") as caught:
        check(theatre, "slow")
    assert TOKEN_VARIABLE in caught.value.next_step


def test_what_is_slow_or_paused_already_is_not_made_so_again(theatre: Theatre) -> None:
    ask(theatre.account, "/_builder/faults", {"function_urls": [{"region": PRIMARY, "delay_s": 0.5, "for_s": 30}]})
    with pytest.raises(Stopped, match=r"held back by 0\.5 s already"):
        check(theatre, "slow")
    ask(theatre.account, "/_builder/faults", {"function_urls": [{"region": PRIMARY, "for_s": 0}]})
    set_pace(theatre.account, "s3", paused=True)
    with pytest.raises(Stopped, match="replication is paused already: s3 to us-west-2"):
        check(theatre, "one-way")
    set_pace(theatre.account, "s3")


@pytest.mark.parametrize("kind", ["throttle", "flap", "one-way"])
def test_a_function_that_was_taken_away_since_the_load_was_good_is_not_noted_as_one_that_was_so(
    theatre: Theatre, kind: str
) -> None:
    functions, function = theatre.account.functions(), theatre.target.primary.function
    functions.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    before = state(theatre)

    async def work() -> None:
        async with fault_context(theatre) as (_, context):
            await lived(FAULTS[kind](context), 0)

    with pytest.raises(Stopped, match="has a reserved concurrency of 0 already"):
        asyncio.run(work())
    assert state(theatre) == before
    functions.delete_function_concurrency(FunctionName=function.name)


def test_a_deployment_without_a_table_has_none_to_be_denied(theatre: Theatre) -> None:
    whole, theatre.target = theatre.target, replace(theatre.target, table=None)
    with pytest.raises(Stopped, match="has no table that a function could be denied"):
        check_apart(theatre, "table")
    theatre.target = whole


def test_a_service_whose_health_reads_no_table_is_told_by_trying_and_left_as_it_was(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/items/x` is a path that reads the table, `/nowhere` one that does not; both are taken for `health`."""
    monkeypatch.setattr(faults, "DENIED_WITHIN_S", 1.5)
    monkeypatch.setattr(faults, "_WELL", 404)
    theatre.target, before = replace(theatre.target, health="/nowhere"), state(theatre)
    with pytest.raises(Stopped, match=r"GET /nowhere is well 1\.5 s after the function was denied its table"):
        live(theatre, FAULTS["table"])
    assert state(theatre) == before


@pytest.mark.alone
def test_where_people_make_no_fault_nobody_is_asked_to_undo_it(theatre: Theatre) -> None:
    options = FailoverOptions(rate=10, before_s=2, outage_s=1, after_s=0, patience_s=0.2)
    with pytest.raises(Stopped, match="us-east-1: no request failed there"):
        asyncio.run(drill_failover(theatre.context(), options, FAULTS["manual"]))
    requests = [event.what for event in theatre.events if event.event == "drill.asks"]
    assert requests == ["make the fault in us-east-1"]


@pytest.mark.alone
def test_a_drill_that_gives_way_to_another_says_nothing_of_a_fault_undone(theatre: Theatre) -> None:
    function = theatre.target.primary.function
    before = theatre.function_state()

    def begin(event: DrillProgress) -> None:
        if event.event == "drill.moment" and event.moment == "load":
            asyncio.get_running_loop().create_task(
                keep_note(theatre.clients, function, Note("another", Reserved(None)))
            )

    theatre.on_event = begin
    options = FailoverOptions(rate=10, before_s=2, outage_s=1, after_s=0, patience_s=5)
    with pytest.raises(Stopped, match="drill another is under way"):
        asyncio.run(drill_failover(theatre.context(), options, FAULTS["throttle"]))
    assert [event.moment for event in theatre.events if event.event == "drill.moment"] == ["load"]
    assert asyncio.run(undo(theatre.clients, function, "another"))
    assert theatre.function_state() == before
