"""A runbook as data: situations, their steps, and the lines to type, each with the state that it needs; pure.

A line is a command or a variable of the shell. A command has all that a test needs to run it: the state of the regions,
the answers to its questions, its exit codes and its output.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from builder.terms import AccountId, Region

_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


class Condition(StrEnum):
    """The state of the regions that a command needs; `{region}` is the region of the RunbookState."""

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
    """A condition and its region."""

    condition: Condition
    region: Region | None = None

    @property
    def text(self) -> str:
        """The state in words."""
        return self.condition.value.format(region=self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellVariable:
    """A value that only the person knows: a line to complete before those that use it."""

    name: str
    stands_for: str
    """The placeholder of the value. AWS would refuse it."""
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedCommand:
    """A command as it is typed; `${NAME}` in a word is a variable of the shell."""

    argv: tuple[str, ...]
    state: RunbookState
    says: str
    """The expected output, in words."""
    exits: tuple[int, ...] = (0,)
    """The exit codes of success."""
    shows: tuple[str, ...] = ()
    """Texts that the output has literally."""
    answers: tuple[str, ...] = ()
    """What a person types at each question."""
    into: str = ""
    """The variable that is set to the output, empty for none."""


RunbookLine = ShellVariable | TypedCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookStep:
    """A sentence, and the lines to type for it. Without lines it is something to know or to decide."""

    text: str
    lines: tuple[RunbookLine, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A situation, from its signs to the way back."""

    key: str
    """The key of the situation within the page."""
    title: str
    in_short: str
    signs: tuple[RunbookStep, ...]
    """How to recognise the situation."""
    needs: tuple[RunbookStep, ...]
    """What has to be true before, each with the command that checks it."""
    steps: tuple[RunbookStep, ...]
    cannot: tuple[str, ...]
    """What cannot or must not be done meanwhile."""
    done: tuple[RunbookStep, ...]
    """How to see that it is done."""
    back: tuple[RunbookStep, ...]

    @property
    def parts(self) -> tuple[tuple[str, tuple[RunbookStep, ...]], ...]:
        """All parts that have steps, each with its heading, in the order of reading."""
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
    """The facts of the deployment: a word each, with its lines."""
    triage: tuple[tuple[str, str], ...]
    """What may be seen, each with the key of the situation that it means."""
    notes: tuple[str, ...]
    """What to know before the bad day."""
    situations: tuple[Situation, ...]
    status: TypedCommand
    """The first command to type."""
    again: TypedCommand
    """The command that makes the page anew."""

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
        """Return a situation by its key. Raises StopIteration if there is none."""
        return next(situation for situation in self.situations if situation.key == key)


def as_typed(line: RunbookLine) -> str:
    """Return a line as it is typed into a shell."""
    if isinstance(line, ShellVariable):
        return f"{line.name}={shlex.quote(line.stands_for)}"
    typed = " ".join(_quoted(word) for word in line.argv)
    return f"{line.into}=$({typed})" if line.into else typed


def _quoted(word: str) -> str:
    """Return a word quoted so that a shell replaces its variables and nothing else."""
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
    """All that a runbook needs besides the assembly."""

    deployment: str
    suffix: str
    typed: tuple[str, ...]
    """The global options that lead to this deployment, repeated in every command."""
    account: AccountId | None = None
    """The account that dr.yaml pins, None if it pins none."""
    production: bool = False
    objectives: tuple[tuple[str, float], ...] = ()
    """The objectives by their keys in dr.yaml."""
    environments: tuple[str, ...] = ()
    """The other environments of the same dr.yaml."""
    has_config: bool = True
    """Whether there is a dr.yaml. A promotion rewrites it."""
    has_fleet: bool = False
    drills_components: bool = False
    """Whether dr.yaml chooses the components that are drilled."""
