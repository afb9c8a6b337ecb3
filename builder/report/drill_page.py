"""A drill's report as one HTML page that can be attached to an audit, and signed; pure but for its template.

`page` first, then the contents of its sections, from the verdict down to the pictures.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from builder.drill.exposure import Delays
from builder.drill.findings import FailoverReport, Pair, Report
from builder.drill.verdict import Check
from builder.report import drill_plot as plot
from builder.report import drill_text as words
from builder.report.html import fill_page

_NAMED = 100
"""The most writes of a list that are named; report.json has all of them."""
_UNFOLDED = 12
"""The longest list that is unfolded; on paper all are."""
_LANE, _SPELLS = 84, 48
"""The heights of a region's lane, and of the row of times without service."""
_FORMS: Mapping[str, plot.Form] = {"item": "circle", "object": "square"}
TONES = {
    "holds": "create",
    "passed": "create",
    "missed": "lost",
    "failed": "lost",
    "not measured": "update",
    "no objective": "none",
}
SIGNS = {"holds": "✓", "passed": "✓", "missed": "✕", "failed": "✕", "not measured": "?", "no objective": "–"}


def badge(verdict: str) -> str:
    """Return a verdict with its sign, so that it can be read without its colour."""
    return f"{SIGNS[verdict]} {verdict}"


def drill_page(shown: Report) -> str:
    """Return the page."""
    failover = shown if isinstance(shown, FailoverReport) else None
    times = _Times(_last_s(shown), _fault(failover))
    looked = [pair for pair in shown.pairs if words.pair_facts(pair)]
    return fill_page(
        "drill.html.j2",
        ("plan.css", "drill.css"),
        {"badge": badge, "wide": plot.shown_width},
        shown=shown,
        about=shown.about,
        tone=TONES[shown.verdict],
        summary=words.summary(shown),
        facts=_facts(shown),
        rows=[_row(check, shown) for check in shown.checks],
        remarks=words.remarks(shown),
        unmeasured=words.unmeasured(shown),
        pairs=[(words.pair_name((pair.source, pair.destination)), words.pair_facts(pair)) for pair in shown.pairs],
        moments=words.moments(failover) if failover else (),
        timelines=[_timeline(shown, times, size) for size in plot.TIMELINE],
        forms=[(kind, plot.mark(form, 7, 7)) for kind, form in _FORMS.items()],
        delays=[_delay(pair, looked, times) for pair in looked if pair.delays],
        losses=words.losses(shown),
        most=_NAMED,
        few=_UNFOLDED,
        environment=_environment(shown),
    )


def _row(check: Check, shown: Report) -> tuple[str, ...]:
    """Return the tone and the sign of a number's verdict, its name and reason, its value, objective and resolution."""
    limit, resolution = words.objective(check.name, check.limit), words.resolution(check.name, shown.about)
    judged = TONES[check.verdict], badge(check.verdict), words.check_name(check), check.reason
    return *judged, words.measured(check), limit, resolution


def _facts(shown: Report) -> list[tuple[str, str]]:
    about = shown.about
    several = "secondary" if len(about.secondaries) == 1 else "secondaries"
    facts = [
        ("Drill", about.drill),
        ("Environment", about.environment),
        ("Account", about.account),
        ("Run by", about.by),
        ("Began", about.began),
        ("Primary", about.primary),
        (several.capitalize(), ", ".join(about.secondaries)),
        ("Failover to", about.to if len(about.secondaries) > 1 else ""),
        ("Fault", about.fault),
        ("A good answer", about.service),
        ("Probes", about.probe),
    ]
    return [(name, text) for name, text in facts if text]


def _environment(shown: Report) -> list[tuple[str, str]]:
    about = shown.about
    facts = [
        ("assembly", about.assembly),
        ("log, SHA-256", about.log_sha256),
        ("requests a second", f"{about.rate:g}"),
        ("a good answer comes within", f"{about.service_s:g} s"),
    ]
    return [*facts, *about.versions.items()]


@dataclass(frozen=True, slots=True)
class _Times:
    """The values that all pictures of a drill share."""

    last_s: float
    fault: tuple[float, float] | None

    def shaded(self, across: plot.Scale) -> tuple[float, float] | None:
        """Return the start and the end of the fault in a picture."""
        return None if self.fault is None else (across.place(self.fault[0]), across.place(self.fault[1]))


def _last_s(shown: Report) -> float:
    times = [float(second.second + 1) for second in shown.traffic]
    if isinstance(shown, FailoverReport):
        times += [moment.at_s for moment in shown.timeline if moment.at_s is not None]
    return max(times, default=1.0)


def _fault(shown: FailoverReport | None) -> tuple[float, float] | None:
    if shown is None:
        return None
    at = {moment.name: moment.at_s or 0.0 for moment in shown.timeline}
    return at["fault"], at["fault undone"]


@dataclass(frozen=True, slots=True)
class _Timeline:
    """The lanes of all regions over time, and the times without service."""

    size: plot.Size
    across: plot.Scale
    fault: tuple[float, float] | None
    flags: tuple[plot.Flag, ...]
    lanes: tuple[plot.Lane, ...]
    spells: tuple[plot.SpellBar, ...]
    spells_top: float
    top: float
    axis: float

    @property
    def height(self) -> float:
        """The height of the whole."""
        return self.axis + self.size.bottom


def _timeline(shown: Report, times: _Times, size: plot.Size) -> _Timeline:
    about, across = shown.about, plot.time_scale(times.last_s, size)
    failover = shown if isinstance(shown, FailoverReport) else None
    flags = plot.flags([moment.at_s for moment in failover.timeline], across) if failover else ()
    top = max((flag.y + 12 for flag in flags), default=float(size.top))
    regions = (about.primary, *about.secondaries)
    lanes = plot.lanes(shown.traffic, regions, across, top, _LANE)
    ends = top + _LANE * len(regions)
    spells = failover.episode.spells if failover else ()
    return _Timeline(
        size=size,
        across=across,
        fault=times.shaded(across),
        flags=flags,
        lanes=lanes,
        spells=plot.spells([(spell.began_s, spell.ended_s) for spell in spells], across),
        spells_top=ends,
        top=top - 4,
        axis=ends + (_SPELLS if failover else 0),
    )


@dataclass(frozen=True, slots=True)
class _Plot:
    """The delays of a pair of regions over time."""

    size: plot.Size
    across: plot.Scale
    up: plot.Scale
    fault: tuple[float, float] | None
    series: tuple[tuple[str, str], ...]


def _delay(pair: Pair, pairs: Iterable[Pair], times: _Times) -> tuple[str, str, tuple[_Plot, ...]]:
    """Return the title of a pair of regions, its delays in words, and their plots by one scale of all pairs."""
    slowest = max((delays.max_s or 0.0 for other in pairs for delays in other.delays), default=0.0)
    text = "; ".join(words.delays_text(delays) for delays in pair.delays)
    plots = tuple(_delay_plot(pair.delays, slowest, times, size) for size in plot.DELAYS)
    return f"{pair.source} to {pair.destination}", text, plots


def _delay_plot(streams: Sequence[Delays], slowest: float, times: _Times, size: plot.Size) -> _Plot:
    across, up = plot.time_scale(times.last_s, size), plot.value_scale(slowest, size)
    series = tuple(
        (
            delays.stream.what,
            plot.marks(
                [(sample.at_s, sample.delay_s) for sample in delays.samples], _FORMS[delays.stream.what], across, up
            ),
        )
        for delays in streams
    )
    return _Plot(size, across, up, times.shaded(across), series)
