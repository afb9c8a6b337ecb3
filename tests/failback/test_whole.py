"""`failback` on the embedded AWS: the day after, as people and clients see it."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from jsonschema import Draft202012Validator

from answer import ROOT
from builder.client import Unavailable
from builder.policy.document import Verb
from builder.policy.rights import CALLS
from failback.stage import TABLE, Stage
from local.account import PRIMARY, SECONDARY

SCHEMA = Draft202012Validator(json.loads((ROOT / "docs" / "events.schema.json").read_bytes()))


@dataclass
class Load:
    """Writes of one client after the other, each a new item but every fifth, which overwrites the first."""

    answered: list[tuple[str, str]] = field(default_factory=list)
    """Region and key of each."""
    lost: list[str] = field(default_factory=list)
    bodies: dict[str, str] = field(default_factory=dict)

    def by(self, region: str) -> int:
        return sum(answering == region for answering, _ in self.answered)


@contextmanager
def load(stage: Stage) -> Iterator[Load]:
    made, stop, client = Load(), threading.Event(), stage.client(open_s=1.0)

    def write() -> None:
        for number in range(100_000):
            if stop.wait(0.02):
                return
            key, body = f"order-{number if number % 5 else 0}", json.dumps({"number": number})
            try:
                answer = client.request("PUT", f"/items/{key}", body=body.encode())
            except Unavailable as error:
                made.lost.append(f"{key}: {error}")
                continue
            made.answered.append((answer.region, key))
            made.bodies[key] = body

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield made
    finally:
        stop.set()
        thread.join()


def wait_for(made: Load, region: str, more: int = 10) -> None:
    """Wait until so many more writes were answered by the region, and none by the other meanwhile."""
    end, since = time.monotonic() + 20, made.by(region)
    while made.by(region) < since + more:
        assert time.monotonic() < end, (region, made.answered[-3:], made.lost[-3:])
        time.sleep(0.05)


def items(region: str) -> dict[str, str]:
    stored: list[Any] = boto3.Session().resource("dynamodb", region).Table(TABLE).scan()["Items"]
    return {item["id"].removeprefix("item#"): item["body"] for item in stored if item["id"].startswith("item#order-")}


def cut(stage: Stage, *, paused: bool = True) -> None:
    """Nothing gets from the secondary to the primary."""
    stage.pause("dynamodb", SECONDARY, PRIMARY, paused=paused)
    stage.pause("s3", SECONDARY, PRIMARY, paused=paused)


def test_the_day_after_a_failover(stage: Stage) -> None:
    """Refused with a list while writes are missing in the primary; then let go, and not one request is lost."""
    with load(stage) as made:
        wait_for(made, PRIMARY)
        stage.account.s3().put_object(Bucket=stage.bucket(PRIMARY), Key="report", Body=b"first")
        cut(stage)
        stage.ill(PRIMARY, 503)
        wait_for(made, SECONDARY)
        stage.ill(PRIMARY, 0)
        secondary = stage.account.s3(SECONDARY)
        secondary.put_object(Bucket=stage.bucket(SECONDARY), Key="report", Body=b"second")
        secondary.put_object(Bucket=stage.bucket(SECONDARY), Key="new", Body=b"x")
        before = made.by(PRIMARY)

        answer, events = stage.events("--check")
        assert answer.code == 3, answer
        for event in events:
            SCHEMA.validate(event)
        looked = events[-1]
        assert (looked["source"], looked["target"], looked["allow"]) == (SECONDARY, PRIMARY, ["table", "bucket"])
        assert [hold["held"] for hold in looked["holds"]] == [None, SECONDARY]
        kinds = {(event["name"], event["only"]) for event in events if event["event"] == "failback.item"}
        assert ("id=item#order-0", None) in kinds
        assert looked["tables"][0]["only_source"] == sum(only == SECONDARY for _, only in kinds) >= 5
        objects = {(event["name"], event["only"]) for event in events if event["event"] == "failback.object"}
        assert objects == {("report", None), ("new", SECONDARY)}

        refused = stage.failback("--yes")
        assert refused.code == 4, refused
        assert "items of us-west-2 not in us-east-1: lost to who goes there" in refused.err
        assert "next:  --allow table --allow bucket" in refused.err
        assert "id=item#order-0  not the same in body, region, time: us-west-2" in refused.out
        assert '"number"' not in refused.out + refused.err
        assert stage.hold(None) == SECONDARY
        assert made.by(PRIMARY) == before

        cut(stage, paused=False)
        checked = stage.failback("--check")
        assert (checked.code, checked.out.splitlines()[-1]) == (0, "nothing would be lost"), checked
        assert stage.hold(None) == SECONDARY
        done = stage.failback("--yes")
        assert done.code == 0, done
        assert "a write in us-west-2 was seen in us-east-1 after" in done.out
        assert "no hold any more: seen in us-east-1, us-west-2" in done.out
        wait_for(made, PRIMARY)
        since = made.by(SECONDARY)
        wait_for(made, PRIMARY)
        assert made.by(SECONDARY) == since
    assert made.lost == []
    assert items(PRIMARY) == items(SECONDARY) == made.bodies
    assert stage.failback("--check", "--sample", "20").code == 0


@pytest.mark.acceptance
def test_what_would_be_lost_may_be_allowed_by_name_and_by_nothing_else(stage: Stage) -> None:
    cut(stage)
    stage.hold.write(SECONDARY, at=SECONDARY)
    stage.client().request("PUT", "/items/order-1", body=b"{}")
    assert stage.failback("--yes", "--allow", "buckets").code == 2
    refused = stage.failback("--yes", "--allow", "bucket")
    assert refused.code == 4
    assert "note: --allow bucket names nothing that is left to do" in refused.err
    answer, events = stage.events("--yes", "--allow", "table")
    assert answer.code == 0, answer
    assert [event["event"] for event in events if event["event"] in {"guard.allowed", "failback.note"}] == [
        "guard.allowed",
        "failback.note",
        "failback.note",
    ]
    assert stage.hold.shown(SECONDARY) is None
    assert stage.hold.shown(PRIMARY) is not None
    # Clients have gone all the same; what is late there is awaited once it can arrive.
    assert stage.client().request("PUT", "/items/order-1", body=b"{}").region == PRIMARY
    cut(stage, paused=False)
    assert stage.failback().code == 0


def test_without_a_hold_there_is_nothing_to_decide_and_nothing_is_read(stage: Stage) -> None:
    answer = stage.failback()
    assert answer.code == 0, answer
    assert "nothing holds clients: those that have a hold are in us-east-1" in answer.out
    assert "DynamoDB" not in answer.out


def test_a_release_that_is_late_is_awaited_by_the_next_run(stage: Stage) -> None:
    stage.hold.write(SECONDARY, at=SECONDARY)
    cut(stage)
    stage.hold.release(SECONDARY)
    assert stage.hold.shown(PRIMARY) is not None
    late = stage.failback()
    assert (late.code, "us-east-1: does not show no hold after 1 s (us-west-2 does)" in late.err) == (1, True), late
    cut(stage, paused=False)
    assert stage.failback().code == 0


@pytest.mark.acceptance
def test_clients_are_held_elsewhere_by_decision_and_go_back_by_one(stage: Stage) -> None:
    client = stage.client()
    assert client.request("PUT", "/items/order-1", body=b"{}").region == PRIMARY
    nobody = stage.failback("--hold", SECONDARY)
    assert (nobody.code, "there is no terminal to ask on" in nobody.err) == (4, True), nobody
    assert stage.hold(None) is None
    assert stage.failback("--hold", SECONDARY, "--yes").code == 0
    assert stage.hold.shown(PRIMARY) == stage.hold.shown(SECONDARY) == {"region": SECONDARY}
    time.sleep(0.6)
    assert client.request("PUT", "/items/order-2", body=b"{}").region == SECONDARY
    assert "clients are held in us-west-2 already" in stage.failback("--hold", SECONDARY).out
    assert stage.failback("--yes").code == 0
    time.sleep(0.6)
    assert client.request("PUT", "/items/order-3", body=b"{}").region == PRIMARY


def test_clients_that_are_held_in_the_primary_may_prefer_another_region(stage: Stage) -> None:
    """As they do after a promotion: what that other region lacks is lost to them."""
    stage.hold.write(PRIMARY, at=PRIMARY)
    stage.client().request("PUT", "/items/order-1", body=b"{}")
    stage.pause("dynamodb", PRIMARY, SECONDARY)
    stage.client().request("PUT", "/items/order-2", body=b"{}")
    refused = stage.failback("--yes")
    assert (refused.code, "1 item of us-east-1 not in us-west-2" in refused.err) == (4, True), refused
    stage.pause("dynamodb", PRIMARY, SECONDARY, paused=False)
    done = stage.failback("--yes")
    assert (done.code, "clients go to the region that they prefer" in done.out) == (0, True), done
    assert stage.hold.shown(PRIMARY) is stage.hold.shown(SECONDARY) is None


def test_a_lost_primary_is_left_by_decision_without_a_call_to_it(stage: Stage) -> None:
    skipped = ("--skip-region", PRIMARY, "--hold", SECONDARY, "--yes")
    refused = stage.failback(*skipped)
    assert (refused.code, "us-east-1: is left out by --skip-region: nothing was compared" in refused.err) == (4, True)
    assert stage.failback(*skipped, "--allow", PRIMARY).code == 0
    assert stage.hold(None) == SECONDARY


def test_nobody_is_sent_to_a_region_that_is_not_well(stage: Stage) -> None:
    stage.hold.write(SECONDARY, at=SECONDARY)
    stage.ill(PRIMARY, 503)
    for arguments in (("--check",), ("--yes",)):
        answer = stage.failback(*arguments)
        assert answer.code == 4, answer
        assert "/health: answers 503, where 200 is well" in answer.err
    stage.ill(PRIMARY, 0)
    assert stage.hold.shown(SECONDARY) == {"region": SECONDARY}


@pytest.mark.acceptance
def test_an_application_that_keeps_no_such_item_is_told_what_to_do_and_compared_all_the_same(stage: Stage) -> None:
    other = ("--target", "/items")
    answer = stage.failback(*other)
    assert (answer.code, "hold: is not known" in answer.err, "--target PATH" in answer.err) == (4, True, True), answer
    compared = stage.failback("--check", "--from", SECONDARY, *other)
    assert (compared.code, compared.out.splitlines()[-1]) == (0, "nothing would be lost"), compared
    written = stage.failback("--hold", SECONDARY, "--from", PRIMARY, "--yes", *other)
    assert (written.code, "could not be changed by the function's URL" in written.err) == (1, True), written


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--hold", "eu-west-1"), "--hold eu-west-1: is no region of tap-dev; they are us-east-1, us-west-2"),
        (("--from", "eu-west-1"), "--from eu-west-1: is no region of tap-dev"),
        (("--component", "table"), "--component table: is no function"),
        (("--component", "nobody"), "'nobody': there is no such component"),
    ],
)
def test_a_name_that_is_none_is_a_wrong_input(stage: Stage, arguments: tuple[str, ...], message: str) -> None:
    answer = stage.failback(*arguments)
    assert (answer.code, message in answer.err) == (2, True), answer


def test_ctrl_c_ends_a_comparison_and_changes_nothing(stage: Stage) -> None:
    cut(stage)
    stage.hold.write(SECONDARY, at=SECONDARY)
    stage.client().request("PUT", "/items/order-1", body=b"{}")
    timer = threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        answer = stage.builder("failback", "--yes", "--patience", "60")
    finally:
        timer.cancel()
        timer.join()
    assert (answer.code, "nothing was changed" in answer.err) == (130, True), answer
    assert stage.hold.shown(SECONDARY) == {"region": SECONDARY}


def test_its_policy_is_of_what_it_calls_and_no_more(stage: Stage) -> None:
    called: set[tuple[str, str]] = set()
    stage.client().request("PUT", "/items/order-1", body=b"{}")
    for arguments in (("--check", "--sample", "5"), ("--hold", SECONDARY, "--yes"), ("--yes",)):
        answer = stage.failback("--verbose", *arguments)
        assert answer.code == 0, answer
        called |= {_call(line) for line in answer.err.splitlines() if " at " in line and "." in line.split(" at ")[0]}
    listed: set[Any] = {(call.service, call.operation) for call in CALLS[Verb.FAILBACK]}
    assert called == listed - {("lambda", "InvokeFunctionUrl"), ("sts", "AssumeRole")}


def _call(line: str) -> tuple[str, str]:
    service, operation = line.split(" at ", maxsplit=1)[0].split(".")
    return service, operation
