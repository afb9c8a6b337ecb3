"""A drill's progress and its report, for people at a terminal, and the words that its page has too; pure.

In this order: the report, the names and values of numbers, the parts of a report, events.
"""

import math
from collections.abc import Iterator, Sequence
from typing import assert_never, get_args

from rich.text import Text

from builder.drill import findings as events
from builder.drill.consistency import CounterFinding
from builder.drill.exposure import READ_EVERY_S, Delays, Stream
from builder.drill.findings import About, DrillProgress, FailoverReport, Pair, Report
from builder.drill.verdict import AT_LEAST, Check, Verdict
from builder.report.state import one_way_sentence, two_way_sentence
from builder.terms import counted

_NAMED = 10
"""The most writes that are named; all are in report.json."""
_NUMBERS = {
    "rpo_seconds": "RPO",
    "rto_seconds": "RTO",
    "failback_seconds": "failback",
    "longest_gap_seconds": "longest time without a good answer",
    "availability_percent": "availability",
    "requests_lost": "requests lost",
    "stale_reads": "stale reads",
    "overwritten_updates": "overwritten updates",
    "replication_p99_seconds": "replication, p99",
    "reconciliation": "missing or in conflict at the end",
}
_SHORT = {
    "longest_gap_seconds": "longest gap",
    "overwritten_updates": "overwritten",
    "replication_p99_seconds": "p99",
    "reconciliation": "not equal",
}
_STYLES = {
    "holds": "green",
    "passed": "green",
    "missed": "bold red",
    "failed": "bold red",
    "not measured": "bold yellow",
    "no objective": "dim",
}
KINDS = {"item": "table", "object": "bucket"}


def report_text(shown: Report) -> Text:
    """Return the report in short: the verdict first, then each number, what was not measured, and what was lost."""
    lines: list[str | Text] = ["", _headline(shown), "", *map(_judged, shown.checks), ""]
    lines += [*(f"not measured: {reason}" for reason in unmeasured(shown)), *remarks(shown), ""]
    if isinstance(shown, FailoverReport):
        lines += [f"{time:>12}  {name}" for name, time in moments(shown)]
        lines.append("")
    for pair in shown.pairs:
        lines += _pair(pair)
    for what, names, _ in losses(shown):
        lines += _named(what, names) if names else []
    text = Text("\n").join(line if isinstance(line, Text) else Text(line) for line in lines)
    return text.append("\n")


def summary(shown: Report) -> str:
    """Return the reasons of the verdict, in a sentence or two."""
    names = {
        verdict: ", ".join(dict.fromkeys(number_name(check.name) for check in shown.checks if check.verdict == verdict))
        for verdict in get_args(Verdict)
    }
    sentences = [
        f"Missed: {names['missed']}." if names["missed"] else "",
        f"Not measured: {names['not measured']}." if names["not measured"] else "",
        "Everything that has an objective holds." if shown.verdict == "passed" and names["holds"] else "",
        f"Without an objective: {names['no objective']}." if names["no objective"] else "",
    ]
    return " ".join(filter(None, sentences))


def number_name(number: str) -> str:
    """Return people's name of a drill's number; an unknown number has its name in the report."""
    return _NUMBERS.get(number, number)


def short_name(number: str) -> str:
    """Return a number's name for the head of a column."""
    return _SHORT.get(number, number_name(number))


def value(number: str, measured: float) -> str:
    """Return a value as people read it: times in milliseconds, a share never rounded up to a whole that it is not."""
    if number.endswith("_seconds"):
        return seconds(measured)
    if number.endswith("_percent"):
        return f"{math.floor(measured * 100 + 1e-6) / 100:.2f} %"
    return f"{measured:g}"


def objective(number: str, limit: float | None) -> str:
    """Return the objective in words."""
    if limit is None:
        return "no objective"
    return f"at {'least' if number in AT_LEAST else 'most'} {limit:g}{unit_of(number)}"


def unit_of(number: str) -> str:
    """Return the unit after a value."""
    return " s" if number.endswith("_seconds") else " %" if number.endswith("_percent") else ""


def seconds(time: float) -> str:
    """Return a time as people read it, in milliseconds at the finest."""
    return f"{time:.3f} s"


def pair_name(pair: tuple[str, str] | None) -> str:
    """Return the pair's regions, from and to, or an empty text."""
    return f"{pair[0]} to {pair[1]}" if pair else ""


def check_name(check: Check) -> str:
    """Return the name of a check's number."""
    return " ".join(filter(None, (number_name(check.name), pair_name(check.pair))))


def measured(check: Check) -> str:
    """Return the measured value."""
    if check.measured is None:
        return "not reached" if check.verdict == "missed" else "not measured"
    return value(check.name, check.measured)


def check_text(check: Check) -> str:
    """Return a check in words: `RTO: 3.020 s, at most 60 s`; and why it could not be measured or was not reached."""
    reason = f"; {check.reason}" if check.reason else ""
    return f"{check_name(check)}: {measured(check)}, {objective(check.name, check.limit)}{reason}"


def resolution(number: str, about: About) -> str:
    """Return how far a number may be off, and in which direction."""
    match number:
        case "rto_seconds" | "failback_seconds" | "longest_gap_seconds":
            return f"{seconds(1 / about.rate)} between two requests"
        case "rpo_seconds" | "replication_p99_seconds":
            return f"{seconds(READ_EVERY_S)} and a read too long at most, never too short"
        case "availability_percent":
            return "one request"
        case _:
            return "exact"


def stream_name(stream: Stream) -> str:
    """Return what is replicated, and to where."""
    return f"{KINDS[stream.what]}, {stream.source} to {stream.destination}"


def delays_text(delays: Delays) -> str:
    """Return a stream's delays in a line."""
    return f"{KINDS[delays.stream.what]} {delays_in_short(delays)}"


def delays_in_short(delays: Delays) -> str:
    """Return a stream's delays without the stream's name."""
    quantiles = (("p50", delays.p50_s), ("p95", delays.p95_s), ("p99", delays.p99_s), ("max", delays.max_s))
    values = ", ".join(f"{name} {seconds(time)}" for name, time in quantiles if time is not None)
    unseen = f"; {len(delays.unseen)} never seen" if delays.unseen else ""
    return f"{len(delays.samples)} arrived{f', {values}' if values else ''}{unseen}"


def drill_event_words(event: DrillProgress) -> str:
    """Return an event in a line of words."""
    match event:
        case events.DrillBegun(drill=drill, what=what, deployment=deployment, folder=folder):
            return f"{what} drill {drill} of {deployment} begins; it is written down in {folder}"
        case events.DrillMoment(moment=moment, at_s=at_s):
            return f"{at_s:8.3f} s  {_MOMENTS[moment]}"
        case events.DrillAsks(what=what):
            return f"NOW: {what}"
        case events.DrillNote(what=what):
            return f"note: {what}"
        case events.DrillRestored(drill=drill, what=what):
            return f"drill {drill}: {what}"
        case events.DrillEnded(verdict=verdict, report=where):
            return f"{outcome_words(verdict)}; the report is {where}"
    assert_never(event)


_MOMENTS = {
    "load": "requests begin",
    "strike": "the fault was asked for",
    "fault": "the fault is made",
    "undoing": "the fault is being undone",
    "undone": "the fault is undone",
    "load ended": "requests end",
    "reconciled": "all regions hold everything that was acknowledged",
}


def outcome_words(verdict: str) -> str:
    """Return a drill's verdict in words that make a bad one plain."""
    return verdict if verdict == "passed" else verdict.upper()


def _headline(shown: Report) -> Text:
    about = shown.about
    what = f" {shown.kind} drill of {about.deployment} in account {about.account}, run by {about.by}"
    return Text.assemble((outcome_words(shown.verdict), _STYLES[shown.verdict]), what)


def _judged(check: Check) -> Text:
    verdict = check.verdict.upper() if check.verdict in {"missed", "not measured"} else check.verdict
    return Text.assemble((f"{verdict:<14}", _STYLES[check.verdict]), check_text(check))


def remarks(shown: Report) -> list[str]:
    """Return the remarks beside the numbers, a line each."""
    about, requests, objects = shown.about, shown.requests, shown.objects
    lost = f"{len(requests.lost)} lost"
    lines = [f"{requests.sent} requests at {about.rate:g} a second: {requests.acknowledged} acknowledged, {lost}"]
    if objects.sent:
        lines.append(f"{objects.sent} objects: {objects.acknowledged} acknowledged, {len(objects.lost)} lost")
    if isinstance(shown, FailoverReport):
        episode, counter = shown.episode, shown.counter
        spells = counted(len(episode.spells), "spell")
        lines.append(f"without service for {seconds(episode.without_service_s)} altogether, in {spells}")
        if counter:
            lines.append(f"counter: {counter.updates} of {counted(counter.turns, 'update')} acknowledged")
    return [*lines, *_ways_of_objects(shown)]


def _ways_of_objects(shown: Report) -> Iterator[str]:
    """Yield whether objects go both ways or one, for each two regions between which the drill measured any."""
    measured = [
        (pair.source, pair.destination) for pair in shown.pairs if any(_of_objects(delays) for delays in pair.delays)
    ]
    for place, (source, destination) in enumerate(measured):
        back = (destination, source)
        if back in measured[:place]:
            continue
        if back in measured or back in shown.about.copies:
            yield two_way_sentence(source, destination, is_measured=back in measured)
        else:
            yield one_way_sentence(source, destination)


def _of_objects(delays: Delays) -> bool:
    return delays.stream.what == "object"


def unmeasured(shown: Report) -> list[str]:
    """Return the reasons why something was not measured, each once, in its longest form."""
    reasons = shown.not_measured
    return [reason for reason in reasons if not any(reason != other and reason in other for other in reasons)]


def moments(shown: FailoverReport) -> list[tuple[str, str]]:
    """Return each moment's name and when it was."""
    return [(moment.name, "never" if moment.at_s is None else seconds(moment.at_s)) for moment in shown.timeline]


def pair_facts(pair: Pair) -> list[tuple[str, str]]:
    """Return the findings about two regions, one way: names and values; empty if nothing was read."""
    facts = []
    for what, exposure in (("items", pair.exposure), ("objects", pair.objects)):
        if exposure:
            failed = "" if exposure.moments else ", though no request failed there"
            writes = counted(len(exposure.lost), "write")
            worst = (
                f"at worst {seconds(exposure.rpo_s)}, {writes}{failed}; in the whole run {seconds(exposure.worst_s)}"
            )
            facts.append((f"{what} at risk", worst))
    facts += [(f"{KINDS[delays.stream.what]} delays", delays_in_short(delays)) for delays in pair.delays]
    if pair.missing:
        facts.append(("missing at the end", str(len(pair.missing))))
    if pair.conflicting:
        facts.append(("in conflict at the end", str(len(pair.conflicting))))
    return facts


def losses(shown: Report) -> list[tuple[str, tuple[str, ...], str]]:
    """Return each kind of loss: its name, the writes, and the sentence to show if there are none."""
    named: list[tuple[str, tuple[str, ...], str]] = [
        ("requests that no region took", shown.requests.lost, "Every request was acknowledged.")
    ]
    if shown.objects.sent:
        named.append(("objects that no region took", shown.objects.lost, "Every object was acknowledged."))
    for pair in shown.pairs:
        named += _pair_losses(pair)
    if isinstance(shown, FailoverReport):
        named += _counter_losses(shown.counter)
        if shown.reconciliation.is_complete:
            none = f"All {shown.reconciliation.acknowledged} acknowledged writes are as they should be in every region."
            named.append(("missing or in conflict at the end", (), none))
    return named


def _pair_losses(pair: Pair) -> Iterator[tuple[str, tuple[str, ...], str]]:
    where = f"{pair.source} to {pair.destination}"
    for what, exposure in (("items", pair.exposure), ("objects", pair.objects)):
        if exposure:
            none = f"None of the {what} were at risk, {where}."
            yield f"{what} at risk at {seconds(exposure.at_s)}, {where}", exposure.lost, none
    for delays in pair.delays:
        if delays.unseen:
            yield f"never seen, {stream_name(delays.stream)}", delays.unseen, ""
    if pair.missing:
        yield f"acknowledged by {pair.source} and missing in {pair.destination}", pair.missing, ""
    if pair.conflicting:
        yield f"acknowledged by {pair.source} and otherwise in {pair.destination}", pair.conflicting, ""


def _counter_losses(counter: CounterFinding | None) -> Iterator[tuple[str, tuple[str, ...], str]]:
    if counter is None:
        return
    stale = tuple(
        f"{seconds(read.at_s)}: {read.region} showed turn {read.turn_read}, "
        f"{read.acknowledged_by} had acknowledged turn {read.acknowledged}"
        for read in counter.stale
    )
    overwritten = tuple(
        f"turn {update.turn}, acknowledged by {update.region}"
        + ("" if update.overwritten_by is None else f", overwritten by turn {update.overwritten_by}")
        for update in counter.overwritten
    )
    yield "stale reads", stale, "Every read showed the last acknowledged update."
    yield "overwritten updates", overwritten, "Every acknowledged update was kept."


def _pair(pair: Pair) -> Iterator[str]:
    facts = pair_facts(pair)
    yield f"{pair.source} to {pair.destination}{'' if facts else ': not looked at'}"
    yield from (f"  {name}: {text}" for name, text in facts)


def _named(what: str, names: Sequence[str]) -> Iterator[str]:
    yield f"{what}: {len(names)}"
    yield from (f"  {name}" for name in names[:_NAMED])
    if len(names) > _NAMED:
        yield f"  and {len(names) - _NAMED} more, in report.json"
