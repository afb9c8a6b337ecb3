"""One screen with the state of all regions, and drift and differences between them, each as text and JSON; pure."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from rich.text import Text

from builder.assembly.components import OneWay
from builder.report.promotion import PromotionSeen
from builder.report.screen import json_line, one_line
from builder.state import records
from builder.terms import STATUSES, counted

_BAD, _GOOD, _ODD = "red", "green", "yellow"
_TEMPLATES = {
    "same": "as local",
    "different": "differs from local",
    "not known": "not known: plan tells",
    "orphan": "not in the assembly",
    "not ours yet": "not ours yet: plan adopts it",
    "": "",
}


@dataclass(frozen=True, slots=True)
class StatusSeen:
    """The status of a deployment in all regions."""

    deployment: str
    sites: tuple[records.SiteState, ...]
    runtime_ends: Mapping[str, str]
    """The last day with security updates of each runtime in use, as far as it is known."""
    one_way: tuple[OneWay, ...]
    """The one-way replications: objects written to the destination do not come back."""
    promotion: PromotionSeen | None = None
    """The promotion under way, from the regions that answer; null if they have none."""
    event: Literal["status.seen"] = "status.seen"


def status_event(
    seen: records.Status, ends: Mapping[str, date], at: datetime, promotion: PromotionSeen | None = None
) -> str:
    """Return all of it as one line, with the end of life of the runtimes that are in use."""
    used = {function.runtime for site in seen.sites for function in site.functions}
    known = {name: ends[name].isoformat() for name in sorted(used & ends.keys())}
    facts = StatusSeen(
        deployment=seen.deployment,
        sites=seen.sites,
        runtime_ends=known,
        one_way=seen.one_way,
        promotion=promotion,
    )
    values = dataclasses.asdict(facts)
    return json_line(values.pop("event"), at, values)


def status_text(seen: records.Status, ends: Mapping[str, date], at: datetime) -> Text:
    """Return the text for people: one region after the other, silent resources in red."""
    there = "" if seen.is_deployed else ": not deployed"
    blocks = [Text.assemble((seen.deployment, "bold"), f" at {at:%Y-%m-%d %H:%M:%S} UTC{there}")]
    blocks += [Text("\n").join(_site(site, ends, at.date())) for site in seen.sites]
    if seen.one_way:
        blocks.append(Text("\n").join(map(_one_way, seen.one_way)))
    return Text("\n\n").join(blocks)


def _one_way(way: OneWay) -> Text:
    return Text(f"{way.component}: {one_way_sentence(way.source, way.destination)}", style="dim")


def one_way_sentence(source: str, destination: str) -> str:
    """Return what a person has to know before a failover over a one-way replication."""
    return f"objects go from {source} to {destination}; those written to {destination} do not come back"


def two_way_sentence(source: str, destination: str, *, is_measured: bool) -> str:
    """Return what a person has to know of a replication both ways, of which a drill may have measured one."""
    unmeasured = "" if is_measured else f"; how long they take from {destination} was not measured"
    return f"objects go both ways between {source} and {destination}{unmeasured}"


def _site(site: records.SiteState, ends: Mapping[str, date], today: date) -> Iterator[Text]:
    account, role = f" of {site.account}" if site.account else "", f", {site.role}" if site.role else ""
    yield Text(f"{site.region}{account}{role}", style="bold")
    for stack in site.stacks:
        yield _stack_row(stack)
    for replica in site.replicas:
        yield _replica(replica)
    for bucket in site.buckets:
        yield from _bucket(bucket)
    for function in site.functions:
        yield from _function(function, ends, today)
    for alarm in site.alarms:
        yield _alarm(alarm)
    for topic in site.topics:
        yield _topic(topic)
    for line in site.refused:
        yield Text(f"  NOT SEEN  {line}", style="bold red")
    for line in site.silent:
        yield Text(f"  DOES NOT ANSWER  {line}", style="bold red")


def _row(kind: str, name: str, *cells: tuple[str, str] | str) -> Text:
    row = Text.assemble((f"  {kind:<9}", "dim"), f"{name:<46}")
    for cell in cells:
        row.append("  ")
        row.append_text(Text(cell) if isinstance(cell, str) else Text(*cell))
    row.rstrip()
    return row


def _stack_row(stack: records.StackState) -> Text:
    good = stack.status in STATUSES and STATUSES[stack.status].good
    return _row(
        "stack",
        stack.name,
        (f"{stack.status:<16}", _GOOD if good else _BAD),
        (f"{stack.drift.lower().replace('_', ' '):<11}", _BAD if stack.drift == "DRIFTED" else ""),
        (f"{_TEMPLATES[stack.template]:<18}", "" if stack.template == "same" else _ODD),
        stack.last_change[:19].replace("T", " "),
        *([("its stack policy differs", _ODD)] if stack.policy == "different" else []),
    )


def _replica(replica: records.ReplicaState) -> Text:
    if replica.status == "ABSENT":
        return _row("table", replica.table, ("ABSENT", _BAD))
    lags = ", ".join(
        f"to {region} {'no metric' if lag is None else f'{lag:.0f} ms'}" for region, lag in replica.latency_ms.items()
    )
    recovery = replica.point_in_time_recovery
    moving = [f"{name} {status}" for name, status in replica.indexes.items() if status != "ACTIVE"]
    return _row(
        "table",
        replica.table,
        (f"{replica.status:<16}", _GOOD if replica.status == "ACTIVE" else _ODD),
        f"{replica.items:,} items, {replica.bytes:,} bytes",
        (f"PITR {'on' if recovery else 'off'}", "" if recovery else _ODD),
        lags,
        *([(f"index {', '.join(moving)}", _ODD)] if moving else []),
    )


def _bucket(bucket: records.BucketState) -> Iterator[Text]:
    on = bucket.versioning == "Enabled"
    yield _row("bucket", bucket.bucket, (f"versioning {bucket.versioning.lower()}", "" if on else _BAD))
    for rule in bucket.rules:
        if rule.pending is None and rule.failed is None:
            backlog: tuple[str, str] | str = "no metrics"
        else:
            counts = f"{_count(rule.pending)} pending, {_count(rule.failed)} failed"
            backlog = (counts, _BAD if rule.failed else "")
        yield _row("  rule", f"{rule.id} ({rule.status.lower()}) to {rule.destination}", backlog)


def _count(value: float | None) -> str:
    return "no metric of" if value is None else f"{value:.0f}"


def _function(function: records.FunctionState, ends: Mapping[str, date], today: date) -> Iterator[Text]:
    end = ends.get(function.runtime)
    yield _row(
        "function",
        function.function,
        (f"{function.state:<16}", _GOOD if function.state == "Active" else _ODD),
        f"update {function.last_update.lower()}",
        (f"{function.runtime} until {end or 'unknown'}", _BAD if end and end <= today else ""),
    )
    for url in function.urls:
        yield _url(url)


def _url(url: records.UrlState) -> Text:
    answer = str(url.answer) if url.answer else url.problem
    return _row(
        "  url",
        url.url,
        (f"{answer:<4}", _GOOD if url.answer == 200 else _BAD),
        f"{url.latency_ms:.0f} ms",
        f"auth {url.auth}",
        "" if url.path == "/health" else f"GET {url.path}",
    )


_STATES = {"OK": _GOOD, "ALARM": _BAD, "ABSENT": _BAD}


def _alarm(alarm: records.AlarmState) -> Text:
    why = [alarm.since[:19].replace("T", " "), one_line(alarm.reason, _WIDTH)]
    return _row(
        "alarm",
        alarm.alarm,
        (f"{alarm.state:<17}", _STATES.get(alarm.state, _ODD)),
        *([] if alarm.state in {"OK", "ABSENT"} else why),
        *([] if alarm.notifies else [("notifies nobody", _ODD)]),
    )


def _topic(topic: records.TopicState) -> Text:
    waiting = f"waits for {', '.join(topic.pending)} to confirm" if topic.pending else ""
    subscriptions = f"tells {counted(topic.confirmed, 'subscription')}" if topic.confirmed else "tells nobody"
    return _row("topic", topic.topic, (subscriptions, "" if topic.confirmed else _ODD), (waiting, _ODD))


_WIDTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSeen(records.Differences):
    """The drift of every stack from its template, and the settings that differ between the regions."""

    event: Literal["drift.seen"] = "drift.seen"


def drift_event(differences: records.Differences, at: datetime) -> str:
    """Return all of it as one line."""
    return json_line("drift.seen", at, dataclasses.asdict(differences))


def drift_text(differences: records.Differences) -> Text:
    """Return the differences, and a line for the rest."""
    lines = [line for stack in differences.stacks for line in _drifted_stack(stack)]
    if differences.disparities:
        lines.append(Text("the regions differ:", style="bold"))
    lines += [line for disparity in differences.disparities for line in _disparity(disparity)]
    lines += [Text(silence, style="yellow") for silence in differences.silent]
    lines += map(_one_way, differences.one_way)
    away = sum(stack.status == "DRIFTED" for stack in differences.stacks)
    absent = sum(stack.status == "ABSENT" for stack in differences.stacks)
    unknown = sum(bool(stack.problem) for stack in differences.stacks)
    others = sum(stack.status == "NOT_OURS_YET" for stack in differences.stacks)
    summary = f"{counted(len(differences.stacks), 'stack')}: {away} drifted, {absent} absent, {unknown} unknown"
    summary += f", {others} not ours yet" if others else ""
    summary += f"; differences between regions: {len(differences.disparities)}"
    if differences.silent:
        summary += f"; not read: {len(differences.silent)}"
    lines.append(Text(summary, style="bold"))
    return Text("\n").join(lines)


def _drifted_stack(stack: records.DriftedStack) -> Iterator[Text]:
    if stack.status == "IN_SYNC":
        return
    if stack.status == "NOT_OURS_YET":
        adopts = "not ours yet: it does not carry this deployment's tags; plan adopts it"
        yield Text.assemble((f"{stack.region}/{stack.name}", "bold"), "  ", (adopts, "yellow"))
        return
    problem = f": {stack.problem}" if stack.problem else ""
    style = "yellow" if stack.status == "UNKNOWN" else "red"
    yield Text.assemble((f"{stack.region}/{stack.name}", "bold"), "  ", (f"{stack.status}{problem}", style))
    yield from drifted_lines(stack.resources)


def drifted_lines(resources: Iterable[records.DriftedResource]) -> Iterator[Text]:
    """Yield each resource that drifted, with each property that differs."""
    for resource in resources:
        yield Text(f"  {resource.logical_id}  {resource.type}  {resource.status}  {resource.physical_id}")
        for property_ in resource.properties:
            yield Text(
                f"      {property_.path}: {_short(property_.expected)} -> {_short(property_.actual)}  {property_.kind}"
            )


def _disparity(disparity: records.Disparity) -> Iterator[Text]:
    yield Text.assemble(f"  {disparity.thing}: ", (disparity.setting, "red"))
    for region, value in disparity.values.items():
        yield Text(f"      {region:<15} {_short(value)}")


def _short(value: str) -> str:
    return one_line(value, _WIDTH) or "(none)"
