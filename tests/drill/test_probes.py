import asyncio
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from builder import client
from builder.drill.consistency import Contents
from builder.drill.health import check_probes
from builder.drill.load import Caller
from builder.drill.probe import make_probe, probe_key
from builder.drill.probes import HandlerProbes, PathProbes, Probes, TableProbes, check_hold, make_probes
from builder.drill.records import Paths, ProbeSpec, RegionAttempt, start_clock
from builder.drill.target import Access, Side
from builder.errors import BadInput, Failed, Stopped
from drill.conftest import Theatre
from local.account import PRIMARY, SECONDARY
from local.adapter.control import ask

AT = datetime(2026, 1, 1, tzinfo=UTC)
KEY = probe_key("d1", "load", 1)
FIRST, SECOND, GONE = make_probe(KEY, 1, AT), make_probe(KEY, 2, AT), make_probe(KEY, 3, AT, deletes=True)
PATHS = Paths("PUT /items/{id}", "GET /items/{id}", "GET /health", "DELETE /items/{id}")
KINDS: list[ProbeSpec] = ["handler", "table", PATHS]


def access(theatre: Theatre, endpoint: str | None = None) -> Access:
    """Patient: functions are cold, and the machine may be busy."""
    return Access(endpoint or theatre.account.endpoint, limits=client.Limits(deadline_s=60, attempt_s=20))


def caller_of(theatre: Theatre, *sides: Side, endpoint: str | None = None) -> Caller:
    clock = start_clock(AT, itertools.count(0.0, 0.001).__next__)
    return Caller(sides, access(theatre, endpoint), clock.passed_s)


def made(theatre: Theatre, spec: ProbeSpec) -> Probes:
    return asyncio.run(make_probes(spec, theatre.target, theatre.clients, access(theatre)))


def regions(attempts: tuple[RegionAttempt, ...]) -> list[tuple[str, bool]]:
    return [(attempt.region, attempt.is_good) for attempt in attempts]


@pytest.mark.parametrize("spec", KINDS)
def test_each_kind_writes_overwrites_reads_deletes_and_clears(theatre: Theatre, spec: ProbeSpec) -> None:
    async def seen(side: Side) -> Mapping[str, int | None]:
        # Of a loop of its own each time, as a drill has one.
        probes = await make_probes(spec, theatre.target, theatre.clients, access(theatre))
        return await probes.see(side, [KEY, "drill-never-written"])

    probes, target = made(theatre, spec), theatre.target
    caller = caller_of(theatre, *target.clients_sides)
    assert probes.read(caller, KEY)[0] == ""
    for probe, number in ((FIRST, 1), (SECOND, 2)):
        assert regions(probes.write(caller, probe)) == [(PRIMARY, True)]
        assert asyncio.run(seen(target.primary)) == {KEY: number, "drill-never-written": None}
        text, attempts = probes.read(caller, KEY)
        assert (text, regions(attempts)) == (probe.body, [(PRIMARY, True)])
        bodies = {KEY: {version.number: version.body for version in (FIRST, SECOND)}, "drill-never-written": {1: ""}}
        held = asyncio.run(probes.held(target.primary, bodies))
        assert {key: item["body"] for key, item in held.items()} == {KEY: probe.body}
    assert probes.can_delete
    assert regions(probes.write(caller, GONE)) == [(PRIMARY, True)]
    assert asyncio.run(seen(target.primary))[KEY] is None
    assert regions(probes.write(caller, SECOND)) == [(PRIMARY, True)]
    for side in target.sides:
        asyncio.run(made(theatre, spec).clear(side, [KEY, "drill-never-written"]))
        assert asyncio.run(seen(side))[KEY] is None


@pytest.mark.parametrize("spec", KINDS)
def test_each_kind_goes_over_to_the_next_side(theatre: Theatre, spec: ProbeSpec) -> None:
    probes, target = made(theatre, spec), theatre.target
    caller = caller_of(theatre, *target.clients_sides)
    fault = {"region": PRIMARY, "status": 503}
    ask(theatre.account, "/_builder/faults", {"function_urls": [{**fault, "for_s": 60}]})
    try:
        attempts = probes.write(caller, FIRST)
    finally:
        ask(theatre.account, "/_builder/faults", {"function_urls": [{**fault, "for_s": 0}]})
    assert [(attempt.region, attempt.status == 503, attempt.is_good) for attempt in attempts] == [
        (PRIMARY, True, False),
        (SECONDARY, False, True),
    ]
    assert probes.read(caller, KEY)[0] == FIRST.body
    for side in target.sides:
        asyncio.run(made(theatre, spec).clear(side, [KEY]))


@pytest.mark.parametrize("spec", KINDS)
def test_where_nobody_listens_nothing_is_acknowledged_and_nothing_read(theatre: Theatre, spec: ProbeSpec) -> None:
    probes = made(theatre, spec)
    caller = caller_of(theatre, *theatre.target.clients_sides, endpoint="http://127.0.0.1:9")
    assert [(attempt.region, attempt.status) for attempt in probes.write(caller, FIRST)] == [
        (PRIMARY, None),
        (SECONDARY, None),
    ]
    text, attempts = probes.read(caller, KEY)
    assert text is None
    assert not any(attempt.is_good for attempt in attempts)


def test_a_write_that_dynamodb_refuses_is_not_acknowledged_though_health_is_good(theatre: Theatre) -> None:
    probes = made(theatre, "table")
    assert isinstance(probes, TableProbes)
    misplaced = replace(probes, layout=replace(probes.layout, table="there-is-no-such-table"))
    caller = caller_of(theatre, *theatre.target.clients_sides)
    (attempt,) = misplaced.write(caller, FIRST)
    assert (attempt.region, attempt.status) == (PRIMARY, None)
    assert misplaced.read(caller, KEY)[0] is None


def test_each_kind_says_what_it_measures(theatre: Theatre) -> None:
    handler, table, paths = (made(theatre, spec) for spec in KINDS)
    assert "/items/<id>" in handler.service
    assert table.service == "GET /health answered 200, and nothing else of the application"
    assert "reserved values of id" in table.words
    assert paths.service == "PUT /items/{id} or DELETE /items/{id} answered 2xx"
    assert "consistent only where the application reads so" in paths.words
    staying = PathProbes(replace(PATHS, delete=None), Access(), lambda: 0.0)
    assert not staying.can_delete
    assert staying.words.endswith("left where they were written")


@pytest.mark.parametrize(
    ("paths", "hold"),
    [
        (PATHS, "/items/{id}"),
        (replace(PATHS, delete=None), None),
        (replace(PATHS, write="POST /items/{id}"), None),
        (replace(PATHS, read="GET /item?id={id}"), None),
    ],
)
def test_clients_are_held_by_items_where_there_is_one_path_for_them(paths: Paths, hold: str | None) -> None:
    probes = PathProbes(paths, Access(), lambda: 0.0)
    assert probes.hold == hold
    if hold is None:
        with pytest.raises(BadInput, match="--hold: keeps an item"):
            check_hold(probes)
    else:
        assert check_hold(probes) == hold


def test_a_kind_that_needs_a_table_is_not_made_without_one(theatre: Theatre) -> None:
    without = replace(theatre.target, table=None)
    for spec in ("handler", "table"):
        with pytest.raises(BadInput, match="has no table"):
            asyncio.run(make_probes(spec, without, theatre.clients, Access()))
    assert isinstance(asyncio.run(make_probes(PATHS, without, theatre.clients, Access())), PathProbes)
    assert isinstance(made(theatre, "handler"), HandlerProbes)


@contextmanager
def answering(status: int | Iterator[int], body: str = "") -> Iterator[str]:
    """An application that answers all alike, or in turns."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(status if isinstance(status, int) else next(status))
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


QUICK = client.Limits(deadline_s=1.0, attempt_s=1.0)


@pytest.mark.parametrize(
    ("status", "body", "seen"),
    [
        (200, FIRST.body, 1),
        (200, f'{{"data": [{SECOND.body}], "region": "x"}}', 2),
        (200, "something else", 0),
        (404, "no", None),
        (410, "no", None),
        (403, "no", Failed),
        (500, "no", Failed),
        (302, "no", Failed),
    ],
)
def test_what_an_application_answers_is_read_as_there_gone_or_unknown(
    theatre: Theatre, status: int, body: str, seen: object
) -> None:
    side = theatre.target.secondary

    async def see(endpoint: str) -> Mapping[str, int | None]:
        loop = asyncio.get_running_loop()
        return await PathProbes(PATHS, Access(endpoint, limits=QUICK), loop.time).see(side, [KEY])

    with answering(status, body) as endpoint:
        if seen is Failed:
            with pytest.raises(Failed, match=r"us-west-2: GET /items/\{id\} is not answered"):
                asyncio.run(see(endpoint))
        else:
            assert asyncio.run(see(endpoint)) == {KEY: seen}


def test_of_many_keys_each_is_asked_for_in_its_turn(theatre: Theatre) -> None:
    keys = [probe_key("d1", "load", number) for number in range(20)]

    async def see_in_turn(endpoint: str) -> list[set[str]]:
        probes = PathProbes(PATHS, Access(endpoint, limits=QUICK), asyncio.get_running_loop().time)
        return [set(await probes.see(theatre.target.secondary, keys)) for _ in range(3)]

    with answering(404) as endpoint:
        batches = asyncio.run(see_in_turn(endpoint))
    assert set().union(*batches) == set(keys)
    assert [len(batch) for batch in batches] == [8, 8, 8]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, "no", ""),
        (410, "no", ""),
        (204, "", ""),
        (200, '{"item": null}', "answers 200 for what was never written, where 404 is wanted"),
        (403, "no", "answers 403 for what was never written, where 404 is wanted"),
        (500, "no", "is not answered"),
    ],
)
def test_an_application_that_does_not_say_what_is_not_there_is_told_before_any_load(
    theatre: Theatre, status: int, body: str, reason: str
) -> None:
    async def work(endpoint: str) -> None:
        probes = PathProbes(PATHS, Access(endpoint, limits=QUICK), asyncio.get_running_loop().time)
        await check_probes(theatre.target, probes)

    with answering(status, body) as endpoint:
        if not reason:
            asyncio.run(work(endpoint))
            return
        with pytest.raises(Stopped, match=r"no fault is made\n  us-east-1: GET /items/\{id\} " + reason) as caught:
            asyncio.run(work(endpoint))
    assert f"us-west-2: GET /items/{{id}} {reason}" in str(caught.value)
    assert "drill: {probe: table} in dr.yaml" in caught.value.next_step


def test_what_an_application_has_no_time_for_is_asked_of_it_again(theatre: Theatre) -> None:
    """It refuses every other request, and still all is read, and all is deleted."""
    keys = [probe_key("d1", "load", number) for number in range(20)]
    side, turns = theatre.target.secondary, itertools.cycle([503, 404])

    async def work(endpoint: str) -> Contents:
        probes = PathProbes(PATHS, Access(endpoint, limits=QUICK), asyncio.get_running_loop().time)
        await probes.clear(side, keys)
        return await probes.held(side, {key: {} for key in keys})

    with answering(turns) as endpoint:
        assert asyncio.run(work(endpoint)) == {}


def test_what_an_application_does_not_delete_is_told_with_its_region(theatre: Theatre) -> None:
    async def clear(endpoint: str) -> None:
        loop = asyncio.get_running_loop()
        await PathProbes(PATHS, Access(endpoint, limits=QUICK), loop.time).clear(theatre.target.secondary, [KEY, "k2"])

    with answering(404) as endpoint:
        asyncio.run(clear(endpoint))
    with (
        answering(403) as endpoint,
        pytest.raises(Failed, match=r"us-west-2: DELETE .* not answered well for 2 probes"),
    ):
        asyncio.run(clear(endpoint))
