"""What a drill's page consists of; how it looks in a browser is in test_drill_page_in_chromium.py."""

from dataclasses import replace

from builder.drill.reconciliation import Conflict, Reconciliation
from builder.report import drill_page
from drill.hand_made import PRIMARY
from report import drills
from report.sample import HOSTILE
from report.test_html import Seen


def test_the_page_is_complete_in_itself() -> None:
    for shown in (drills.failover(), drills.replication()):
        page = drill_page.page(shown)
        seen = Seen(page)
        assert page.lstrip().startswith("<!doctype html>")
        assert not {"script", "img", "link", "iframe", "form"} & {tag for tag, _ in seen.elements}
        names = {name for _, facts in seen.elements for name in facts}
        assert not any(name.startswith("on") or name in {"src", "style"} for name in names)
        assert "url(" not in page


def test_a_failover_s_page_says_what_an_audit_asks() -> None:
    text = Seen(drill_page.page(drills.failover(without="w030"))).text
    for said in (
        "Failover drill of tap-dev",
        "failed",
        "RTO 2.020 s, of 60 s at most",
        "fault undone",
        "failback",
        "answered by us-west-2",
        "Requests that no region took: 20",
        "Acknowledged and not in the secondary at the fault: 25",
        "Never recovered: 1",
        ", missing in us-west-2",
        "Both regions hold the same.",
        "123456789012",
        "3.14.0",
    ):
        assert said in text


def test_a_replication_s_page_names_what_never_arrived() -> None:
    text = Seen(drill_page.page(drills.replication())).text
    assert "Never seen, bucket, us-east-1 to us-west-2: 1" in text
    assert "object-99" in text
    assert "Timeline" not in text


def test_nothing_in_a_report_is_markup() -> None:
    shown = drills.failover(drill=HOSTILE, deployment=HOSTILE, fault=HOSTILE, account=HOSTILE)
    shown = replace(shown, reconciliation=Reconciliation(1, (), (Conflict(HOSTILE, (), PRIMARY),)))
    seen = Seen(drill_page.page(shown))
    assert "script" not in {tag for tag, _ in seen.elements}
    assert not any(name.startswith("on") for _, facts in seen.elements for name in facts)
    assert "<script>alert(1)</script></details> *x*" in seen.text


def test_a_drill_of_an_hour_is_a_page_of_moderate_size() -> None:
    shown = drills.replication()
    many = [
        replace(pair, delays=tuple(replace(one, samples=one.samples * 1000) for one in pair.delays))
        for pair in shown.pairs
    ]
    assert len(drill_page.page(replace(shown, pairs=tuple(many)))) < 300_000
