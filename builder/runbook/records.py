"""A runbook as data: situations, their steps, and each line that is typed, with the state that it needs; pure.

A line is a command or a variable of the shell. Whoever runs the commands of a runbook, as a test does, has all that it
takes: what the state of the world has to be, what is typed where the command asks, and how it ends.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from builder.terms import AccountId, Region

_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


class Condition(StrEnum):
    """How the world has to be for a command; `{region}` is the region of the state."""

    WELL = "all regions answer, and clients are in the primary"
    LOST = "{region} does not answer"
    BACK = "{region} answers again, and clients are elsewhere or held"
    SECOND_BACK = "{region} answers again, and clients never left the primary"
    IMPAIRED = "DynamoDB fails in {region}, and all else answers there"
    PROMOTED = "all regions answer, and {region} was promoted"
    PROMOTED_ALONE = "{region} was promoted, and the old primary does not answer"
    DAMAGED = "all regions answer, and hold bad data"


@dataclass(frozen=True, slots=True)
class RunbookState:
    """A condition, with the region that it is of."""

    condition: Condition
    region: Region | None = None

    @property
    def text(self) -> str:
        """The state in words."""
        return self.condition.value.format(region=self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellVariable:
    """A value that only the person knows: a line to be completed before those that use it."""

    name: str
    stands_for: str
    """What is there until somebody writes the value: AWS refuses it."""
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedCommand:
    """A command as it is typed; `${NAME}` in a word is a variable of the shell."""

    argv: tuple[str, ...]
    state: RunbookState
    says: str
    """What it should say, in words."""
    exits: tuple[int, ...] = (0,)
    """The exit codes with which it did what it should."""
    shows: tuple[str, ...] = ()
    """What stands literally in what it writes."""
    answers: tuple[str, ...] = ()
    """What a person types where it asks."""
    into: str = ""
    """The variable that takes what it writes."""


RunbookLine = ShellVariable | TypedCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookStep:
    """A sentence, and the lines to type for it; without any it is something to know or to decide."""

    text: str
    lines: tuple[RunbookLine, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One thing that happens, or is done, from how it shows to how to come back."""

    key: str
    """What it is called within the page."""
    title: str
    in_short: str
    signs: tuple[RunbookStep, ...]
    """How one knows."""
    needs: tuple[RunbookStep, ...]
    """What has to be true before, each with what checks it."""
    steps: tuple[RunbookStep, ...]
    cannot: tuple[str, ...]
    """What cannot be done meanwhile, or is not to be done."""
    done: tuple[RunbookStep, ...]
    """How one sees that it is done."""
    back: tuple[RunbookStep, ...]

    @property
    def parts(self) -> tuple[tuple[str, tuple[RunbookStep, ...]], ...]:
        """All that has steps, by its heading, in the order in which it is read."""
        return (
            ("How you know", self.signs),
            ("What has to be true before", self.needs),
            ("What to type, in this order", self.steps),
            ("How you see that it is done", self.done),
            ("How to come back", self.back),
        )

    @property
    def commands(self) -> Iterator[TypedCommand]:
        """Every command in the order of the page."""
        for _, steps in self.parts:
            for step in steps:
                yield from (line for line in step.lines if isinstance(line, TypedCommand))


@dataclass(frozen=True, slots=True, kw_only=True)
class Runbook:
    """The page of one deployment."""

    deployment: str
    facts: tuple[tuple[str, tuple[str, ...]], ...]
    """What it is of: a word, and what there is to say, a line each."""
    triage: tuple[tuple[str, str], ...]
    """What is seen, and the key of the situation that it is."""
    notes: tuple[str, ...]
    """What to know before the day."""
    situations: tuple[Situation, ...]
    status: TypedCommand
    """The first command of all."""
    again: TypedCommand
    """What makes the page anew."""

    @property
    def titles(self) -> Mapping[str, str]:
        """The title of each situation, by its key."""
        return {situation.key: situation.title for situation in self.situations}

    @property
    def commands(self) -> Iterator[TypedCommand]:
        """Every command in the order of the page."""
        yield self.status
        for situation in self.situations:
            yield from situation.commands
        yield self.again

    def situation(self, key: str) -> Situation:
        """Return a situation by its key; StopIteration if there is none."""
        return next(situation for situation in self.situations if situation.key == key)


def as_typed(line: RunbookLine) -> str:
    """Return a line as a shell reads it."""
    if isinstance(line, ShellVariable):
        return f"{line.name}={shlex.quote(line.stands_for)}"
    typed = " ".join(_quoted(word) for word in line.argv)
    return f"{line.into}=$({typed})" if line.into else typed


def _quoted(word: str) -> str:
    """Return a word so that a shell replaces its variables and nothing else."""
    if not _VARIABLE.search(word):
        return shlex.quote(word)
    parts = _VARIABLE.split(word)
    kept = ("${" + part + "}" if place % 2 else re.sub(r'([\\$`"])', r"\\\1", part) for place, part in enumerate(parts))
    return '"' + "".join(kept) + '"'


def variables_in(command: TypedCommand) -> tuple[str, ...]:
    """Return the variables that a command uses, each once."""
    return tuple(dict.fromkeys(name for word in command.argv for name in _VARIABLE.findall(word)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookRequest:
    """What beside the assembly a runbook is made of."""

    deployment: str
    suffix: str
    typed: tuple[str, ...]
    """The global options that lead to this deployment, repeated in every command."""
    account: AccountId | None = None
    """The only account that it may be in, where dr.yaml says it."""
    production: bool = False
    objectives: tuple[tuple[str, float], ...] = ()
    """What was promised, by its key in dr.yaml."""
    environments: tuple[str, ...] = ()
    """The other environments of the same dr.yaml."""
    has_config: bool = True
    """Whether there is a dr.yaml, which a promotion rewrites."""
    has_fleet: bool = False
    drills_components: bool = False
    """Whether dr.yaml says which components are drilled."""
