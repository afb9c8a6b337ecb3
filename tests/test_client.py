"""The failover client as an application has it: its page, its weight, and an embedded AWS to ask."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3
from botocore.credentials import Credentials

import builder.client
from builder.client import Attempt, FailoverClient, Limits, RegionUrl, Unavailable
from builder.local import EmbeddedAws
from client.embedded import REGIONS, make_region, read_log, throttle
from local.account import authorized

PAGE = (Path(__file__).parent.parent / "docs" / "client.md").read_text()


@pytest.fixture
def regions(embedded: EmbeddedAws, account_id: str) -> tuple[RegionUrl, ...]:
    return tuple(make_region(embedded.endpoint, account_id, region) for region in REGIONS)


def _fail(embedded: EmbeddedAws, region: str, for_s: float) -> None:
    fault = {"region": region, "status": 503, "for_s": for_s}
    urllib3.request(
        "PUT", f"{embedded.endpoint}/_builder/faults", json={"function_urls": [fault]}, headers=authorized()
    )


def test_the_example_does_what_its_page_says(
    embedded: EmbeddedAws, account_id: str, regions: tuple[RegionUrl, ...]
) -> None:
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    [output] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    throttle(embedded.endpoint, account_id, "us-east-1")
    variables = {"PRIMARY_URL": regions[0].url, "SECONDARY_URL": regions[1].url, "AWS_ENDPOINT_URL": embedded.endpoint}
    command = [sys.executable, "-c", example]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == output


def test_the_page_tells_the_limits_that_hold() -> None:
    limits = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE, re.MULTILINE))
    assert limits == {name: f"{getattr(Limits(), name):g}" for name in Limits.__slots__}


@pytest.mark.processes
def test_the_client_brings_neither_boto3_nor_anything_of_builder() -> None:
    code = (
        "import sys, builder.client; print(*sorted(m for m in sys.modules if m.split('.')[0] in ('boto3', 'builder')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    names = ("", ".connection", ".failover", ".hold", ".records", ".wire")
    assert done.stdout.split() == sorted(["builder", *(f"builder.client{name}" for name in names)])


def test_the_client_for_node_is_in_the_package() -> None:
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parent.parent / "setup.cfg")
    assert setup["options.package_data"]["builder.client"] == "failover.mjs"
    assert (Path(builder.client.__path__[0]) / "failover.mjs").is_file()


def test_an_outage_lasts_for_the_client_as_long_as_the_log_of_requests_says(
    embedded: EmbeddedAws, account_id: str, regions: tuple[RegionUrl, ...]
) -> None:
    attempts: list[Attempt] = []
    client = FailoverClient(regions, endpoint=embedded.endpoint, on_attempt=attempts.append, clock=time.time)
    for region in regions:
        # A first request starts a function, which takes its time.
        assert FailoverClient((region,), endpoint=embedded.endpoint).request("GET", "/warm").region == region.name
    throttle(embedded.endpoint, account_id, "us-east-1")
    _fail(embedded, "us-west-2", 1.0)
    began, recovered = time.time(), 0.0
    while not recovered:
        try:
            assert client.request("GET", f"/{account_id}").region == "us-west-2"
            recovered = time.time()
        except Unavailable:
            assert time.time() < began + 10
            time.sleep(0.02)
    assert 0.95 < recovered - began < 1.5
    log = read_log(embedded.endpoint, f"/{account_id}")
    assert [(line["region"], line["status"]) for line in log] == [
        (attempt.region, attempt.outcome) for attempt in attempts
    ]
    for logged, attempt in zip(log, attempts, strict=True):
        assert attempt.started <= logged["time"] <= attempt.started + attempt.duration_s


@pytest.mark.processes
def test_a_signed_request_is_answered_where_an_unsigned_one_is_not() -> None:
    with EmbeddedAws(enforce_iam=True) as strict:
        account = "444444444444"
        region = make_region(strict.endpoint, account, "us-west-2", auth="AWS_IAM")
        signed = FailoverClient((region,), endpoint=strict.endpoint, credentials=Credentials(account, "test"))
        assert signed.request("PUT", "/a%20b?n=1", body=b"x").status == 200
        assert FailoverClient((region,), endpoint=strict.endpoint).request("GET", "/").status == 403
        wrong = FailoverClient((region,), endpoint=strict.endpoint, credentials=Credentials("AKIANOBODY", "test"))
        assert wrong.request("GET", "/").status == 403


def test_the_example_for_node_does_what_its_page_says(
    embedded: EmbeddedAws, account_id: str, regions: tuple[RegionUrl, ...], tmp_path: Path
) -> None:
    [example] = re.findall(r"```js\n(.*?)```", PAGE, re.DOTALL)
    [output] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    throttle(embedded.endpoint, account_id, "us-east-1")
    shutil.copy(Path(builder.client.__path__[0]) / "failover.mjs", tmp_path)
    (tmp_path / "example.mjs").write_text(example)
    variables = {"PRIMARY_URL": regions[0].url, "SECONDARY_URL": regions[1].url, "AWS_ENDPOINT_URL": embedded.endpoint}
    command = ["node", str(tmp_path / "example.mjs")]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == output


def test_a_throttled_post_is_sent_to_the_next_region(
    embedded: EmbeddedAws, account_id: str, regions: tuple[RegionUrl, ...]
) -> None:
    throttle(embedded.endpoint, account_id, "us-east-1")
    client = FailoverClient(regions, endpoint=embedded.endpoint)
    assert client.request("POST", "/").region == "us-west-2"
