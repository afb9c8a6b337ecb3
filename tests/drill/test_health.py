import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from builder.drill import health
from builder.drill.health import check_health, check_load, fault_of_function, fault_of_table
from builder.drill.records import LogLine
from builder.drill.target import Access
from builder.errors import Stopped
from builder.terms import Region
from client.servers import serving
from drill.conftest import Theatre
from drill.hand_made import PRIMARY, SECONDARY, good, lost, over, seen


def checked(theatre: Theatre) -> None:
    asyncio.run(check_health(theatre.target, theatre.clients, Access(theatre.account.endpoint)))


def test_a_system_that_is_well_may_be_drilled(theatre: Theatre) -> None:
    checked(theatre)


@contextmanager
def without_replication(theatre: Theatre) -> Iterator[None]:
    s3, bucket = theatre.account.s3(), theatre.target.primary.needed_bucket
    kept = s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]
    disabled = {**kept, "Rules": [{**rule, "Status": "Disabled"} for rule in kept["Rules"]]}
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=disabled)  # type: ignore[arg-type]  # as it came
    try:
        yield
    finally:
        s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=kept)


def test_a_bucket_that_does_not_replicate_is_told(theatre: Theatre) -> None:
    with without_replication(theatre), pytest.raises(Stopped, match="no enabled rule that replicates to tap-dev-"):
        checked(theatre)


def test_everything_that_is_wrong_is_told_at_once(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WARM_S", 0.0)
    functions, name = theatre.account.functions(), theatre.target.primary.function.name
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    theatre.target = replace(theatre.target, table="tap-dev-nowhere")
    try:
        with pytest.raises(Stopped) as caught:
            checked(theatre)
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    text = str(caught.value)
    assert "us-east-1: tap-dev-primary has a reserved concurrency of 0" in text
    assert "health: no region answered" in text
    assert text.count("tap-dev-nowhere") >= 2


def test_a_secondary_that_could_not_take_over_is_told(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WARM_S", 0.0)
    functions, name = theatre.account.functions(SECONDARY), theatre.target.secondary.function.name
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        with pytest.raises(Stopped, match="us-west-2: tap-dev-secondary has a reserved concurrency of 0"):
            checked(theatre)
    finally:
        functions.delete_function_concurrency(FunctionName=name)


def test_every_secondary_is_looked_at_and_one_that_cannot_be_seen_is_not_well(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "WARM_S", 0.0)
    first, third = theatre.target.secondary, Region("eu-west-1")
    function = replace(first.function, site=first.site._replace(region=third))
    gone = replace(first, function=function, url="https://gone.lambda-url.eu-west-1.on.aws/", bucket="tap-dev-third")
    copies = (*theatre.target.copies, (PRIMARY, third))
    theatre.target = replace(theatre.target, secondaries=(first, gone), copies=copies)
    with pytest.raises(Stopped) as caught:
        checked(theatre)
    reasons = [line.strip() for line in str(caught.value).splitlines()[1:]]
    for fault in (
        "no enabled rule that replicates to tap-dev-third",
        "eu-west-1: tap-dev-secondary: ",
        "eu-west-1: https://gone.lambda-url.eu-west-1.on.aws/health",
        "us-east-1: tap-dev-global has no active replica in eu-west-1",
        "us-west-2: tap-dev-global has no active replica in eu-west-1",
        "eu-west-1: tap-dev-global: ",
    ):
        assert any(fault in line for line in reasons), (fault, reasons)
    assert not any("us-west-2: tap-dev-secondary" in line for line in reasons)


def test_a_system_of_functions_alone_is_well_by_its_urls(theatre: Theatre) -> None:
    sides = [replace(side, bucket=None) for side in theatre.target.sides]
    theatre.target = replace(theatre.target, table=None, primary=sides[0], secondaries=(sides[1],), copies=())
    checked(theatre)


def test_the_path_that_says_how_the_service_is_is_the_component_s(theatre: Theatre) -> None:
    theatre.target = replace(theatre.target, health="/items/not-there")
    with pytest.raises(Stopped, match="/items/not-there answers 404, where 200 is well"):
        checked(theatre)


def test_a_table_without_a_replica_is_told(theatre: Theatre) -> None:
    theatre.account.dynamodb().create_table(
        TableName="alone",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    theatre.target = replace(theatre.target, table="alone")
    with pytest.raises(Stopped, match="us-east-1: alone has no active replica in us-west-2"):
        checked(theatre)


def test_a_url_that_is_slow_to_begin_with_is_asked_until_it_answers(theatre: Theatre) -> None:
    with serving("us-east-1") as server:
        server.mood = 503

        def warm_up() -> None:
            while len(server.seen) < 2:
                time.sleep(0.01)
            server.mood = 200

        warming = threading.Thread(target=warm_up, daemon=True)
        warming.start()
        asyncio.run(check_health(theatre.target, theatre.clients, Access(f"http://127.0.0.1:{server.port}")))
        warming.join(10)
    assert len(server.seen) >= 3


def test_a_url_that_answers_with_an_error_of_the_caller_s_is_told(theatre: Theatre) -> None:
    with serving("us-east-1") as server:
        server.mood = 403
        access = Access(f"http://127.0.0.1:{server.port}")
        with pytest.raises(Stopped, match="health answers 403"):
            asyncio.run(check_health(theatre.target, theatre.clients, access))


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([good("a", 1.0)], "nothing that us-east-1 acknowledged has arrived in us-west-2"),
        (
            [good("a", 1.0), over("b", 1.1), good("c", 1.2), over("d", 1.3), seen("a", 1.4)],
            "1 of the last 2 requests were not answered by the primary",
        ),
        ([over("a", 1.0), seen("a", 1.4)], "1 of the last 1 requests were not answered"),
        ([], "no request was answered before the fault, .* --before is too short"),
    ],
)
def test_a_load_that_went_badly_before_any_fault_stops_the_drill(
    theatre: Theatre, lines: list[LogLine], reason: str
) -> None:
    with pytest.raises(Stopped, match=reason):
        check_load(theatre.target, lines)


def test_a_load_that_went_well_does_not(theatre: Theatre) -> None:
    check_load(theatre.target, [good("a", 1.0), seen("a", 1.2)])


def test_something_has_to_have_arrived_in_every_secondary(theatre: Theatre) -> None:
    secondary = theatre.target.secondary
    site = secondary.site._replace(region=Region("eu-west-1"))
    third = replace(secondary, function=replace(secondary.function, site=site))
    target = replace(theatre.target, secondaries=(secondary, third))
    lines: list[LogLine] = [good("a", 1.0), seen("a", 1.2), good("o", 1.0, what="object")]
    with pytest.raises(Stopped, match="nothing that us-east-1 acknowledged has arrived in eu-west-1") as caught:
        # An object there says nothing of the table.
        check_load(target, [*lines, seen("o", 1.3, third.region)])
    assert SECONDARY not in str(caught.value)
    check_load(target, [*lines, seen("a", 1.4, third.region)])


def test_requests_that_met_a_cold_function_are_not_held_against_the_system(theatre: Theatre) -> None:
    check_load(theatre.target, [over("a", 1.0), lost("b", 1.1), good("d", 1.3), good("c", 1.2), seen("c", 1.4)])


def test_a_function_answers_if_it_is_active_and_may_run() -> None:
    assert [fault_of_function("f", "Active", reserved) for reserved in (None, 1)] == ["", ""]
    assert fault_of_function("f", "Active", 0) == "f has a reserved concurrency of 0"
    assert fault_of_function("f", "Failed", None) == "f is Failed"


def test_a_table_replicates_if_it_and_its_replicas_are_active() -> None:
    assert fault_of_table("t", "UPDATING", {SECONDARY: "ACTIVE"}) == ""
    assert fault_of_table("t", "ARCHIVED", {SECONDARY: "ACTIVE"}) == "t is ARCHIVED"
    for replica in (None, "CREATING"):
        assert fault_of_table("t", "ACTIVE", {SECONDARY: replica}) == "t has no active replica in us-west-2"
