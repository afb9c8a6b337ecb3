"""Whatever befalls two regions, both languages ask the same of them, and tell the same."""

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builder.client import Attempt, Limits, Unavailable
from client.servers import Mood, Server
from client.speakers import Client, Clock, Language, Node, Python, Speaker

_MOODS = st.sampled_from([200, 200, 404, 429, 503, "throttled", "hangs up", "cut short"])
_METHODS = st.sampled_from(["GET", "PUT", "POST", "DELETE"])
_LIMITS = Limits(failures_to_open=2, open_s=5, probes_to_close=2, hold_s=3)
_numbers = itertools.count(1_000_000)


@dataclass(frozen=True, slots=True)
class Step:
    """What befalls the regions, how much later, and what is asked then."""

    primary: Mood
    secondary: Mood
    later_s: float
    method: str
    repeatable: bool | None


# Nothing between: a hold would be read beside the request, and its answer come whenever it does.
_STEPS = st.lists(
    st.builds(
        Step, _MOODS, _MOODS, st.sampled_from([0.0, 0.0, 4.0, 6.0]), _METHODS, st.sampled_from([None, True, False])
    ),
    max_size=12,
)


def _play(client: Client, clock: Clock, steps: list[Step], servers: tuple[Server, Server]) -> list[object]:
    primary, secondary = servers
    primary.items, secondary.items = {}, {}
    played: list[object] = []
    for step in steps:
        primary.mood, secondary.mood = step.primary, step.secondary
        clock.now += step.later_s
        try:
            played.append(client.request(step.method, "/items/1", body=b"{}", repeatable=step.repeatable).region)
        except Unavailable as error:
            played += [str(error), error.may_have_happened]
        played.append(client.circuits())
    return [*played, [_without_times(attempt) for attempt in client.attempts], primary.items, secondary.items]


def _without_times(attempt: Attempt) -> tuple[object, ...]:
    return attempt.request, attempt.region, attempt.method, attempt.path, attempt.outcome, attempt.may_have_happened


class _Both:
    """A client in each language, made anew for each example."""

    def __init__(self, languages: Sequence[Language], primary: Server, secondary: Server) -> None:
        self._languages = languages
        self._servers = primary, secondary

    def play(self, steps: list[Step], *, hold: bool) -> Iterator[list[object]]:
        for language in self._languages:
            clock = Clock()
            regions = [server.region for server in self._servers]
            client = language.client(*regions, limits=_LIMITS, clock=clock, hold=hold)
            yield _play(client, clock, steps, self._servers)


@pytest.fixture
def both(speaker: Speaker, monkeypatch: pytest.MonkeyPatch, primary: Server, secondary: Server) -> _Both:
    return _Both([Python(monkeypatch, threading.Event()), Node(speaker, lambda: next(_numbers))], primary, secondary)


@pytest.mark.parametrize("hold", [False, True])
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_python_and_node_decide_alike(both: _Both, *, hold: bool, steps: list[Step]) -> None:
    python, node = both.play(steps, hold=hold)
    assert python == node
