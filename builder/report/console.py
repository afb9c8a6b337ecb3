"""The only place that writes to the terminal during work: a live table there, plain lines in a pipe."""

import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Self, TextIO

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.live import Live
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from builder.deploy.progress import Allowed, ResourceProgress, RunBegun
from builder.errors import Stopped
from builder.fleet.progress import FleetEmit, FleetProgress
from builder.report import as_json
from builder.report.board import Board, event_words
from builder.report.screen import drop, lose, printable, write

_WITH_CLOUDFORMATION = "what CloudFormation has begun goes on there; the same command takes it up again"


class ScreenRich(RichConsole):
    """Rich that shows control characters instead of sending them, and continues when its reader leaves."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of a renderable, every text in them printable; rich's own control codes stay."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), _without_bad_link(segment.style))

    def on_broken_pipe(self) -> None:
        """Continue: rich would end the process, in the middle of a deployment."""
        drop(self.file)

    def _check_buffer(self) -> None:
        try:
            super()._check_buffer()
        except OSError as error:
            lose(self.file, error)


_STACK_WIDTH = 24
"""The least width of the stack's id in a line of progress; a longer id of the run widens it."""


class Console:
    """Where a command writes: results and people's text on stdout; with --json events there, people's on stderr."""

    def __init__(self, *, json_events: bool, now: Callable[[], datetime], environment: Mapping[str, str]) -> None:
        self.json_events = json_events
        self.now = now
        self._environment = environment
        self._rich = ScreenRich(file=self._people, highlight=False, soft_wrap=True, _environ=environment)
        self._stack_width = _STACK_WIDTH

    @property
    def _people(self) -> TextIO:
        return sys.stderr if self.json_events else sys.stdout

    @property
    def in_detail(self) -> bool:
        """Whether details are shown: at a live table, or as events."""
        return self.json_events or self._rich.is_terminal

    @property
    def takes_links(self) -> bool:
        """Whether people read a terminal that is known to follow links (OSC 8); another one would hide them."""
        return self._rich.is_terminal and not self._rich.is_dumb_terminal and follows_links(self._environment)

    def say(self, text: str | Text, *, cleared: bool = False) -> None:
        """Write text for people, with styles only on a terminal, and without colours where NO_COLOR is set.

        On a terminal that can be `cleared` the text replaces everything that was written before.
        """
        if cleared and self._rich.is_terminal:
            self._rich.clear()
        self._rich.print(text if isinstance(text, Text) else text.removesuffix("\n"), markup=False, emoji=False)
        write(self._people, "")

    def warn(self, text: str) -> None:
        """Write what a person has to know during the work; it never mixes with results."""
        write(sys.stderr, f"{text}\n")

    def leave(self, state: str = "") -> None:
        """Restore the terminal, and show the state in which the work is left."""
        self._rich.show_cursor()
        self.warn(f"left: {state or _WITH_CLOUDFORMATION}")

    def result(self, text: str) -> None:
        """Write a line on stdout for a shell or a pipeline."""
        # JSON escapes every control character but DEL by itself.
        write(sys.stdout, f"{text}\n".replace("\x7f", "\\u007f"))

    def ask(self, question: str, answer: str = "", *, otherwise: str = "--yes answers it") -> None:
        """Ask a person, and continue only if the answer is the given one, or yes if none is given.

        Raises Stopped for any other, at the end of the input, and without a terminal, where `otherwise` names the
        option that answers it; KeyboardInterrupt on Ctrl-C, and when the process or the terminal is ended.
        """
        if not sys.stdin.isatty():
            raise Stopped(where="question", what=f"{question}: there is no terminal to ask on", next_step=otherwise)
        write(self._people, f"{question} [{answer or 'y/N'}] ")
        with interruptible():
            try:
                typed = sys.stdin.readline()
            except OSError:
                # The terminal has gone, and its signal was deferred.
                typed = ""
        if typed.strip() != answer if answer else typed.strip().lower() not in {"y", "yes"}:
            raise Stopped(where="question", what="declined", next_step="")

    @contextmanager
    def progress(self) -> Iterator[FleetEmit]:
        """Show the progress of long work, until the block ends."""
        if self.json_events:
            yield lambda event: self.result(as_json.event(event, self.now()))
        elif self._rich.is_terminal:
            with _LiveTable(self._rich, self.now) as table:
                yield table.emit
        else:
            yield self._plain_line

    def tell(self, event: FleetProgress) -> None:
        """Show one event by itself, before long work begins."""
        if self.json_events:
            self.result(as_json.event(event, self.now()))
        else:
            self._plain_line(event)

    def _plain_line(self, event: FleetProgress) -> None:
        if not isinstance(event, ResourceProgress):  # too many for a short log; --json has them
            stack = "" if isinstance(event, Allowed | RunBegun) else event.stack
            if isinstance(event, RunBegun):
                self._stack_width = max([_STACK_WIDTH, *map(len, event.stacks)])
            self.say(
                f"{self.now():%H:%M:%S}  {stack:<{self._stack_width}} {': '.join(filter(None, event_words(event)))}"
            )


@contextmanager
def interruptible() -> Iterator[None]:
    """Make SIGTERM, and a terminal that goes away, end the block as Ctrl-C does, so that the caller can clean up."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    names = ("SIGTERM", "SIGHUP") if threading.current_thread() is threading.main_thread() else ()
    known = [signal.Signals[name] for name in names if name in signal.Signals.__members__]
    before = {number: signal.getsignal(number) for number in known if signal.getsignal(number) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _LiveTable:
    """The board on the screen, drawn again during the work."""

    def __init__(self, console: RichConsole, now: Callable[[], datetime]) -> None:
        self._console = console
        self._now = now
        self._board = Board(started=now())
        self._live = Live(console=console, get_renderable=self._frame, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def emit(self, event: FleetProgress) -> None:
        if isinstance(event, Allowed):
            self._console.print(": ".join(event_words(event)), markup=False, emoji=False)
        self._board.take(event, self._now())

    def _frame(self) -> RenderableType:
        width, height = self._console.size
        return self._board.frame(self._now(), width, height - 1)


def follows_links(environment: Mapping[str, str]) -> bool:
    """Return whether the terminal that set these variables is known to follow links.

    Source: https://github.com/Alhadis/OSC8-Adoption
    """
    if forced := environment.get("FORCE_HYPERLINK"):
        return forced != "0"
    known = {
        "TERM_PROGRAM": {"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio", "zed"},
        "TERM": {"xterm-kitty", "alacritty", "xterm-ghostty", "foot"},
    }
    if any(environment.get(name) in values for name, values in known.items()):
        return True
    vte = environment.get("VTE_VERSION", "")
    return "WT_SESSION" in environment or "KONSOLE_VERSION" in environment or (vte.isdecimal() and int(vte) > 5000)


def _without_bad_link(style: Style | None) -> Style | None:
    # A link is sent in an escape sequence, which a control character in it would end.
    if style is None or style.link is None or (style.link.isprintable() and style.link.startswith("https://")):
        return style
    return style.update_link(None)
