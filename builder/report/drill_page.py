"""A drill's report as one HTML page that can be attached to an audit; pure."""

from dataclasses import dataclass

from builder.drill.findings import FailoverReport, Report
from builder.drill.verdict import Check
from builder.report import drill_plot as plot
from builder.report.drill_text import delays_told, requests_told, seconds, stream_told, told
from builder.report.fill import fill


@dataclass(frozen=True, slots=True)
class _Picture:
    """What both plots share: the time axis, and when the fault was in force."""

    across: plot.Scale
    fault: tuple[float, float] | None
    width: int = plot.WIDTH
    height: int = plot.HEIGHT
    left: int = plot.LEFT
    right: int = plot.WIDTH - plot.RIGHT
    top: int = plot.TOP
    ground: int = plot.HEIGHT - plot.BOTTOM


def page(shown: Report) -> str:
    """Return the page."""
    across = plot.time_scale(_last_s(shown))
    delays = [one for pair in shown.pairs for one in pair.delays]
    slowest = plot.value_scale(max((one.max_s or 0.0 for one in delays), default=0.0))
    busiest = plot.value_scale(plot.tallest(shown.traffic))
    about = shown.about
    return fill(
        "drill.html.j2",
        ("plan.css", "drill.css"),
        {"seconds": seconds, "told": told, "stream": stream_told, "tone": _tone},
        shown=shown,
        about=about,
        failover=shown if isinstance(shown, FailoverReport) else None,
        picture=_Picture(across, _fault(shown, across)),
        slowest=slowest,
        dots=[(stream_told(one.stream), plot.dots(one, across, slowest)) for one in delays],
        delays_told=[delays_told(one) for one in delays],
        busiest=busiest,
        bars=plot.bars(shown.traffic, (about.primary, about.to), across, busiest),
        requests_told=requests_told(shown),
    )


def _last_s(shown: Report) -> float:
    times = [float(one.second + 1) for one in shown.traffic]
    if isinstance(shown, FailoverReport):
        times += [one.at_s for one in shown.timeline if one.at_s is not None]
    return max(times, default=1.0)


def _fault(shown: Report, across: plot.Scale) -> tuple[float, float] | None:
    """Return where the fault begins and ends in the pictures."""
    if not isinstance(shown, FailoverReport):
        return None
    at = {one.name: one.at_s or 0.0 for one in shown.timeline}
    return across.place(at["fault"]), across.place(at["fault undone"])


def _tone(check: Check) -> str:
    return "create" if check.verdict in {"holds", "no objective"} else "lost"
