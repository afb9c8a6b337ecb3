"""The parser, and the one place where an error becomes text and an exit code."""

import io
import json
import platform
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

import click

from builder import __version__
from builder.cli.command import CommandLine, global_options
from builder.cli.denied import next_step_of
from builder.cli.options import Options
from builder.cli.session import Session
from builder.errors import BuilderError, ExitCode, Failed, of_file
from builder.report.screen import drop, hold_streams, lose, say, tolerate_encodings, unwritten

# By what they are for, in the order of their use; each with the module of this room whose COMMANDS has it.
_SECTIONS = {
    "Without AWS": {
        "init": "offline",
        "render": "offline",
        "build": "offline",
        "lint": "offline",
        "graph": "offline",
        "policy": "policy",
        "rehearse": "offline",
        "local": "offline",
    },
    "Review first": {"plan": "plan", "show": "plan", "execute": "plan", "discard": "plan"},
    "In one go": {
        "deploy": "deploy",
        "backfill": "backfill",
        "outputs": "status",
        "call": "call",
        "destroy": "destroy",
    },
    "Code and templates": {"artifacts": "destroy"},
    "How it stands": {"status": "status", "drift": "status", "adopt": "adopt"},
    "The bad day": {"drill": "drill", "failback": "failback", "promote": "promote", "runbook": "runbook"},
    "In many accounts": {"fleet": "main"},
}
_MODULES = {name: module for section in _SECTIONS.values() for name, module in section.items()}
_SHARED = ("plan", "show", "execute", "discard", "deploy", "status", "drift", "outputs", "destroy")
_OF_FLEET = {
    **{name: _MODULES[name] for name in _SHARED},
    "drop": "destroy",
    "stop": "deploy",
}
EXAMPLES: Mapping[str, Sequence[str]] = json.loads(Path(__file__).with_name("examples.json").read_bytes())
"""What people type, by the verb's whole name; each without the `python -m builder` that it begins with."""
_GLOBAL = "Global options (--env, --skip-region, --json, ...) go before or after the verb: python -m builder --help"
_INTERRUPTED = "interrupted: what CloudFormation has begun goes on there; the same command takes it up again"


def _load(name: str, module: str) -> click.Command:
    command: click.Command = import_module(f"builder.cli.{module}").COMMANDS[name]
    return command


class _Sections(click.Group):
    """A group that imports a command when it is called for, and shows all of them by what they are for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(dict.fromkeys((*_MODULES, *super().list_commands(ctx))))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # Where it is none of them, click looks for the nearest one among all.
        for name in (cmd_name,) if cmd_name in _MODULES else _MODULES:
            command = _fleet() if name == "fleet" else _load(name, _MODULES[name])
            _end_helps(command, name)
            self.add_command(command, name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in _SECTIONS.items():
            commands = [(name, command) for name in names if (command := self.get_command(ctx, name))]
            with formatter.section(title):
                # Sentences are wrapped, not cut, and one column of names serves all sections.
                formatter.write_dl(
                    [(f"{name:<8}", command.get_short_help_str(limit=200)) for name, command in commands]
                )


def _fleet() -> click.Group:
    """Return the group of the fleet's verbs, which come from the same modules as the system's."""
    verbs = {verb: _load(f"fleet {verb}", module) for verb, module in _OF_FLEET.items()}
    help_text = "Plan, deploy and watch the system in many accounts, by StackSets."
    group = click.Group("fleet", verbs, help=help_text)
    global_options(group)
    return group


def _end_helps(command: click.Command, name: str) -> None:
    """Let the help of a command, and of those in it, end with examples and where the global options are described."""
    shown = "\n".join(f"  python -m builder {example}" for example in EXAMPLES.get(name, ()))
    command.epilog = f"\b\nExamples:\n{shown}\n\n{_GLOBAL}" if shown else _GLOBAL
    if isinstance(command, click.Group):
        for below, inner in command.commands.items():
            _end_helps(inner, f"{name} {below}")


@click.group(cls=_Sections, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="builder")
@global_options
@click.pass_context
def cli(context: click.Context) -> None:
    """One system in two AWS regions: rendered from dr.yaml, reviewed as change sets, deployed, rehearsed.

    \b
    To begin with, without an account:  python -m builder rehearse

    \b
    Exit codes: 0 done or nothing to do, 1 failed, 2 bad input, 3 changes found,
    4 stopped for a person, 70 a bug of ours, 130 Ctrl-C.
    """
    context.ensure_object(CommandLine)


def main(arguments: Sequence[str] | None = None, open_session: Callable[[Options], Session] | None = None) -> int:
    """Run a command and return its exit code; nothing a person or AWS did wrong ends in a traceback.

    `open_session` gives the command other clients or another clock than its options and environment lead to.
    """
    hold_streams()
    tolerate_encodings()
    code = _run(CommandLine(open_session), arguments)
    if (lost := unwritten()) is None:
        return code
    # What was begun has come to its end all the same, but whoever reads what was written does not see it.
    _tell(error := Failed(where="output", what=f"could not be written: {lost.strerror}"))
    return error.exit_code if code in {ExitCode.DONE, ExitCode.CHANGES_FOUND} else code


def _run(line: CommandLine, arguments: Sequence[str] | None) -> int:
    try:
        return int(cli.main(arguments, prog_name="python -m builder", standalone_mode=False, obj=line) or 0)
    except click.ClickException as error:
        usage = io.StringIO()
        error.show(usage)
        say(usage.getvalue().removesuffix("\n"), err=True)
        return _ended(line, arguments, error.exit_code, what=error.format_message())
    except BuilderError as error:
        return _failed(line, arguments, error)
    except (click.Abort, KeyboardInterrupt):
        say(f"\n{_INTERRUPTED}", err=True)
        return _ended(line, arguments, ExitCode.INTERRUPTED, what=_INTERRUPTED)
    except BrokenPipeError:
        # The reader has seen enough (`| head`). Keep Python from complaining about it while shutting down.
        drop(sys.stdout)
        return ExitCode.DONE
    except Exception as error:  # noqa: BLE001 - the last resort: a bug is told in one line, and kept in full
        if isinstance(error, OSError) and error.errno is not None:
            # Whoever takes a path says more of it; that a disk is full or a folder gone is no bug of ours in any case.
            return _failed(line, arguments, of_file(error))
        what = f"a bug in the builder: {error!r}; {_keep_traceback()}"
        say(f"error: {what}", err=True)
        return _ended(line, arguments, ExitCode.BUG, what=what)


def _failed(line: CommandLine, arguments: Sequence[str] | None, error: BuilderError) -> int:
    error.next_step = error.next_step or next_step_of(error, line.command)
    _tell(error)
    where, what, next_step = error.where, error.what, error.next_step
    return _ended(line, arguments, error.exit_code, where=where, what=what, next_step=next_step)


def _ended(  # noqa: PLR0913 - what there is to say
    line: CommandLine, arguments: Sequence[str] | None, code: int, *, what: str, where: str = "", next_step: str = ""
) -> int:
    """Return the exit code; with --json, also of a command line that could not be read, the error is an event too."""
    if line.options.json_events or "--json" in (sys.argv[1:] if arguments is None else arguments):
        import dataclasses

        from builder.report.screen import ErrorTold, json_line

        event = dataclasses.asdict(ErrorTold(exit_code=code, where=where, what=what, next=next_step))
        console = line.session.console
        console.result(json_line(event.pop("event"), console.now(), event))
    return code


def _tell(error: BuilderError) -> None:
    try:
        click.secho("error: ", fg="red", nl=False, err=True)
    except OSError as lost:
        lose(sys.stderr, lost)
    say(str(error), err=True)
    if error.next_step:
        say(f"next:  {error.next_step}", err=True)


def _keep_traceback() -> str:
    """Return where the traceback is kept, or all of it where it cannot be."""
    details = (
        f"builder {__version__}, Python {platform.python_version()}, {platform.platform()}\n{traceback.format_exc()}"
    )
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="builder-bug-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as log:
            log.write(details)
    except OSError as error:
        return f"details cannot be kept ({error.strerror}):\n{details}"
    return f"details: {log.name}"
