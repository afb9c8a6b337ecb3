import asyncio
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import urllib3

from builder.local import EmbeddedAws
from builder.local.adapter.control import ControlState, change_delays, read_delays, wrap
from builder.local.adapter.fis.experiments import FisStore
from builder.local.adapter.functions.urls import Outages
from builder.local.adapter.regions import Regions
from builder.local.adapter.replication import Delay, Direction, Replication
from builder.local.adapter.s3.batch import Jobs
from builder.local.asgi import Scope
from local.account import Account, authorized
from local.adapter.control import ask

_DELAY = {"service": "dynamodb", "from": "eu-west-1", "to": "eu-west-2", "delay_s": 0.8, "paused": False}


def _status(account: Account, path: str, method: str, body: bytes = b"") -> int:
    return urllib3.request(method, account.endpoint + path, body=body, headers=authorized()).status


def test_what_is_put_is_what_is_read(account: Account) -> None:
    assert _DELAY in ask(account, "/_builder/replication", {"delays": [_DELAY]})["delays"]
    assert _DELAY in ask(account, "/_builder/replication")["delays"]


@pytest.mark.processes
def test_the_page_s_commands_do_what_it_says() -> None:
    page = (Path(__file__).parents[3] / "docs" / "local.md").read_text()
    commands = "\n".join(re.findall(r"```shell\n(.*?)```", page, re.DOTALL))
    with EmbeddedAws() as running:
        environment = {**os.environ, "AWS_ENDPOINT_URL": running.endpoint}
        subprocess.run(["bash", "-ec", commands], env=environment, check=True, capture_output=True, timeout=60)
        account = Account(running.endpoint, "111111111111")
        [delay] = ask(account, "/_builder/replication")["delays"]
        faults = ask(account, "/_builder/faults")
    [fault] = faults["function_urls"]
    assert faults["regions"] == []
    assert (delay["service"], delay["delay_s"], fault["region"], fault["status"]) == ("dynamodb", 0.8, "us-west-2", 503)


def test_there_are_three_paths_and_no_more(account: Account) -> None:
    assert _status(account, "/_builder/anything", "GET") == 404


@pytest.mark.parametrize(
    ("path", "method"),
    [("/_builder/replication", "POST"), ("/_builder/requests", "PUT"), ("/_builder/faults", "DELETE")],
)
def test_what_is_neither_read_nor_written_is_refused(account: Account, path: str, method: str) -> None:
    assert _status(account, path, method, b"{}") == 405


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"delays": [{}]}', b'{"delays": [1]}'])
def test_what_is_not_understood_is_refused(account: Account, body: bytes) -> None:
    assert _status(account, "/_builder/replication", "PUT", body) == 400


@pytest.mark.processes
def test_a_reset_ends_delays_and_faults_and_empties_the_log() -> None:
    with EmbeddedAws() as running:
        account = Account(running.endpoint, "111111111111")
        ask(account, "/_builder/replication", {"delays": [_DELAY]})
        ask(account, "/_builder/faults", {"function_urls": [{"region": "eu-west-1", "status": 503, "for_s": 60}]})
        ask(account, "/_builder/faults", {"regions": [{"region": "eu-west-1", "status": 503, "for_s": 60}]})
        assert _status(account, "/_ministack/reset", "POST") == 200
        assert ask(account, "/_builder/replication") == {"delays": []}
        assert ask(account, "/_builder/faults") == {"function_urls": [], "regions": []}


def test_what_is_no_request_passes_by() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def start() -> None:
        replication = Replication()
        state = ControlState(replication, Outages(), Regions(), FisStore(replication), Jobs(replication))
        await wrap(app, state)({"type": "lifespan"}, None, None)

    asyncio.run(start())
    assert seen == ["lifespan"]


def _entry(**changed: Any) -> dict[str, Any]:
    return {"service": "s3", "from": "us-east-1", "to": "us-west-2", "delay_s": 0.8, "paused": False, **changed}


def test_what_is_set_can_be_read() -> None:
    replication = Replication()
    change_delays(replication, {"delays": [_entry()]})
    assert replication.delays == {Direction("s3", "us-east-1", "us-west-2"): Delay(0.8)}
    assert read_delays(replication) == {"delays": [_entry()]}


def test_a_direction_that_is_not_named_stays_as_it_is() -> None:
    replication = Replication()
    change_delays(replication, {"delays": [_entry()]})
    change_delays(replication, {"delays": [_entry(service="dynamodb", paused=True)]})
    assert read_delays(replication)["delays"] == [_entry(), _entry(service="dynamodb", paused=True)]


@pytest.mark.parametrize(
    "wrong", [{"service": "sqs"}, {"delay_s": -1}, {"delay_s": float("nan")}, {"delay_s": "x"}, {"paused": "yes"}]
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(wrong: dict[str, Any]) -> None:
    replication = Replication()
    with pytest.raises(ValueError):  # noqa: PT011  float's own words for one of them
        change_delays(replication, {"delays": [_entry(), _entry(**wrong)]})
    assert replication.delays == {}
