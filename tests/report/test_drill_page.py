"""What a drill's page consists of; how it looks in a browser is in test_drill_page_in_chromium.py."""

import re
from dataclasses import replace
from functools import cache
from html import unescape

import pytest

from builder.drill.findings import Pair, Requests
from builder.drill.verdict import Objectives
from builder.report import drill_page
from report import drills
from report.sample import HOSTILE
from report.test_html import Seen

NAMES = (*drills.DAYS, "replication")


@cache
def page_of(name: str) -> str:
    return drill_page.drill_page(drills.failover(drills.DAYS[name]) if name in drills.DAYS else drills.replication())


def words(name: str) -> str:
    """What a page says, parts of it apart."""
    return " ".join(unescape(re.sub("<[^>]+>", " ", page_of(name))).split())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_complete_in_itself(name: str) -> None:
    seen = Seen(page_of(name))
    assert page_of(name).lstrip().startswith("<!doctype html>")
    assert not {"script", "img", "link", "iframe", "form"} & {tag for tag, _ in seen.elements}
    names = {attribute for _, facts in seen.elements for attribute in facts}
    assert not any(attribute.startswith("on") or attribute in {"src", "style"} for attribute in names)
    assert "url(" not in page_of(name)


def test_a_failover_s_page_says_what_an_audit_asks() -> None:
    text = words("BAD")
    for passage in (
        (
            "Failover drill of tap-dev ✕ failed Missed: missing or in conflict at the end. "
            "Without an objective: overwritten updates."
        ),
        "Run by arn:aws:sts::123456789012:assumed-role/drills/ada",
        "✓ holds RTO 2.080 s at most 60 s 0.100 s between two requests",
        "✓ holds RPO us-east-1 to us-west-2 2.460 s at most 5 s 0.050 s and a read too long at most, never too short",
        "– no objective overwritten updates 5 no objective exact",
        "✕ missed missing or in conflict at the end 1 at most 0 exact",
        "All that a failover drill looks at was measured.",
        "fault undone 10.050 s",
        "requests that no region took: 20",
        "items at risk at 5.000 s, us-east-1 to us-west-2: 25",
        "acknowledged by us-east-1 and missing in us-west-2: 1",
        "SHA-256 of the log when this was written: 5eed5eed",
        "Carried out by Name Date Signature",
        "Accepted by Name Date Signature",
        "3.14.0",
    ):
        assert passage in text


def test_every_pair_of_three_regions_has_a_row_and_what_was_not_looked_at_is_named() -> None:
    text = words("THREE")
    regions = ("us-east-1", "us-west-2", "eu-central-1")
    for source in regions:
        for destination in set(regions) - {source}:
            assert f"{source} to {destination}" in text
    assert "us-west-2 to eu-central-1 not looked at" in text
    assert "items from us-west-2 to eu-central-1 were not watched" in text
    assert "Failover to us-west-2" in text


def test_what_could_not_be_measured_says_why_beside_its_number() -> None:
    text = words("LATE")
    assert "? not measured Not measured: RPO, RTO, longest time without a good answer" in text
    assert "? not measured RTO 50 of 50 requests were sent late, up to 1.400 s 0.000 s at most 60 s" in text


def test_a_number_without_an_objective_is_never_said_to_hold() -> None:
    page = drill_page.drill_page(drills.failover(drills.PASSED, Objectives()))
    assert Seen(page).text.count("✓ holds") == 1  # the reconciliation
    assert "Without an objective: RPO, RTO, failback" in Seen(page).text


def test_a_replication_s_page_names_what_never_arrived() -> None:
    text = Seen(page_of("replication")).text
    assert "never seen, bucket, us-east-1 to us-west-2: 1" in text
    assert "object-99" in text
    assert "Timeline" not in text


def test_nothing_in_a_report_is_markup() -> None:
    shown = drills.failover(
        drill=HOSTILE, deployment=HOSTILE, fault=HOSTILE, account=HOSTILE, by=HOSTILE, probe=HOSTILE
    )
    pairs = tuple(replace(pair, conflicting=(HOSTILE,)) for pair in shown.pairs)
    seen = Seen(drill_page.drill_page(replace(shown, pairs=pairs, not_measured=(HOSTILE,))))
    assert "script" not in {tag for tag, _ in seen.elements}
    assert not any(name.startswith("on") for _, facts in seen.elements for name in facts)
    assert "<script>alert(1)</script></details> *x*" in seen.text


def test_a_drill_of_an_hour_is_a_page_of_moderate_size() -> None:
    shown = drills.replication()
    lost = tuple(f"w{number}" for number in range(100_000))
    page = drill_page.drill_page(
        replace(shown, pairs=tuple(map(_many, shown.pairs)), requests=Requests(100_000, 0, lost))
    )
    assert len(page) < 200_000
    assert "And 99900 more, all of them in report.json." in page


def _many(pair: Pair) -> Pair:
    delays = tuple(
        replace(
            delay,
            samples=tuple(replace(each, at_s=each.at_s * 360 + part) for each in delay.samples for part in range(36)),
        )
        for delay in pair.delays
    )
    return replace(pair, delays=delays)
