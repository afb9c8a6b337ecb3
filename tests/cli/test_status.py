import json
import signal

import boto3
import pytest

from answer import Command
from builder.local import EmbeddedAws
from builder.report.console import Console
from cli.deaf import deaf_to, timed

ENV = ("--env", "synthmfm20")


def test_one_screen_shows_all_of_both_regions(deployed: Command) -> None:
    answer = deployed("status", "--json", *ENV)
    status = json.loads(answer.out)
    assert (answer.code, status["deployment"]) == (0, "tap-synthmfm20")
    assert list(status["runtime_ends"]) == ["python3.14"]
    west, east = status["sites"]
    assert [site["silent"] for site in status["sites"]] == [[], []]
    assert {stack["name"] for stack in east["stacks"]} == {
        f"tap-synthmfm20-{kind}" for kind in ("storage", "table", "service")
    }
    assert {stack["template"] for stack in (*east["stacks"], *west["stacks"])} == {"same"}
    for site, other in ((east, west), (west, east)):
        (replica,) = site["replicas"]
        assert (replica["status"], replica["point_in_time_recovery"]) == ("ACTIVE", True)
        assert replica["latency_ms"] == {other["region"]: None}
        (function,) = site["functions"]
        assert [url["answer"] for url in function["urls"]] == [200]
        assert function["urls"][0]["latency_ms"] > 0
    (rule,) = east["buckets"][0]["rules"]
    assert (rule["status"], rule["pending"], west["buckets"][0]["rules"]) == ("Enabled", None, [])


def test_people_see_it_as_rows(deployed: Command) -> None:
    text = deployed("status", *ENV).out
    assert "no metrics" in text
    assert "python3.14 until 2029-06-30" in text
    assert "DOES NOT ANSWER" not in text


@pytest.mark.alone
def test_a_region_that_hangs_is_a_row_and_the_other_is_complete_within_five_seconds(
    shared: Command, embedded: EmbeddedAws
) -> None:
    complete = json.loads(shared("status", "--json", *ENV).out)["sites"][0]
    with deaf_to("/us-east-1/", embedded):
        answer, took_s = timed(shared, "status", "--json", *ENV)
    print(f"status with one region hanging: {took_s:.2f} s")
    assert answer.code == 0
    other, lost = json.loads(answer.out)["sites"]
    assert took_s < 5
    assert (lost["region"], lost["stacks"]) == ("us-east-1", [])
    assert len(lost["silent"]) == 1
    assert other["silent"] == []
    for part in ("stacks", "buckets", "replicas"):
        assert other[part] == complete[part]
    assert [url["answer"] for url in other["functions"][0]["urls"]] == [200]


@pytest.mark.alone
def test_a_secondary_that_hangs_keeps_no_row_of_the_primary_away(shared: Command, embedded: EmbeddedAws) -> None:
    complete = json.loads(shared("status", "--json", *ENV).out)["sites"][1]
    with deaf_to("/us-west-2/", embedded):
        answer = shared("status", "--json", *ENV)
    lost, other = json.loads(answer.out)["sites"]
    # What waits to be replicated S3 publishes where it is to arrive.
    for rule in (rule for bucket in complete["buckets"] for rule in bucket["rules"]):
        rule["pending"] = None
    assert len(lost["silent"]) == 1
    assert other["silent"] == []
    for part in ("stacks", "buckets", "replicas"):
        assert other[part] == complete[part]


def test_a_url_that_hangs_is_a_problem_of_the_url_and_its_function_is_told(
    shared: Command, embedded: EmbeddedAws
) -> None:
    with deaf_to("lambda-url.us-east-1", embedded):
        answer, took_s = timed(shared, "status", "--json", *ENV)
    assert took_s < 5
    sites = {site["region"]: site for site in json.loads(answer.out)["sites"]}
    (function,) = sites["us-east-1"]["functions"]
    assert (function["state"], sites["us-east-1"]["silent"]) == ("Active", [])
    assert [(url["answer"], url["problem"]) for url in function["urls"]] == [(None, "no answer in time")]


def test_watched_it_looks_again_until_ctrl_c(shared: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    def result(_: Console, text: str) -> None:
        shown.append(text)
        if len(shown) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Console, "result", result)
    assert shared("status", "--watch", "1", "--json", *ENV).code == 130
    assert [json.loads(line)["event"] for line in shown] == ["status.seen", "status.seen", "error"]


def test_a_promotion_that_is_under_way_is_told_at_the_end(shared: Command, shared_session: boto3.Session) -> None:
    env = ("--env", "synthmfm20")
    ssm = shared_session.client("ssm", "us-west-2")
    record = {
        "version": 1,
        "deployment": "tap-synthmfm20",
        "to": "us-west-2",
        "came_from": "us-east-1",
        "at": "2026-11-28T10:00:00+00:00",
        "forced": True,
        "postponed": ["us-east-1/table"],
    }
    name = "/builder/tap-synthmfm20/promotion"
    ssm.put_parameter(Name=name, Value=json.dumps(record), Type="String")
    try:
        answer = shared("status", *env)
        assert answer.code == 0
        assert "us-west-2 is being promoted to the primary in place of us-east-1" in answer.out
        assert "waits until us-east-1 answers again:\n  us-east-1/table" in answer.out
        assert "update-termination-protection --region us-east-1 --stack-name tap-synthmfm20-table" in answer.out
        line = json.loads(shared("status", "--json", *env).out)
        assert line["promotion"]["promotion"]["to"] == "us-west-2"
        # What nobody can read hides nothing else.
        ssm.put_parameter(Name=name, Value="{}", Type="String", Overwrite=True)
        answer = shared("status", *env)
        assert answer.code == 0
        assert "is no record of a promotion that this builder knows" in answer.err
        assert "tap-synthmfm20-table" in answer.out
    finally:
        ssm.delete_parameter(Name=name)
