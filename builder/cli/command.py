"""A verb as click takes it: the global options, its session, and for what is told once the system or its fleet.

A module lists its commands in `COMMANDS`, by what is typed. The verbs are above this module, and below it is what they
work with: the options, the project, the session, the two scopes.
"""

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any, Literal

import click

from builder.cli.options import FILE, OptionDecorator, Options, together
from builder.cli.scope import Scope
from builder.cli.session import Session
from builder.errors import ExitCode


class CommandLine:
    """The global options of a command line that is being parsed, and the session that they lead to."""

    def __init__(self, open_session: Callable[[Options], Session] | None = None) -> None:
        self._open = open_session
        self._values: dict[str, Any] = {}
        self.command = ""
        """The command that runs, such as `fleet plan`."""

    def take(self, name: str, value: object) -> None:
        """Take an option's value. A repeatable one adds up, before the verb and after; of another the last wins."""
        self._values[name] = (*self._values.get(name, ()), *value) if isinstance(value, tuple) else value

    @property
    def options(self) -> Options:
        """All options taken so far, the others by their defaults."""
        return Options(**self._values)

    @cached_property
    def session(self) -> Session:
        """What the command works with."""
        return (self._open or Session)(self.options)


def pass_session(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command its session."""

    @click.pass_obj
    def call(line: CommandLine, /, *args: object, **typed: object) -> object:
        line.command = click.get_current_context().command_path.rpartition("builder ")[2]
        return function(line.session, *args, **typed)

    return update_wrapper(call, function)


class _GlobalOption(click.Option):
    """An option of every command, told once: in the help of the whole."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return super().get_help_record(ctx) if ctx.parent is None else None


def _into_options(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value not in {None, False, ()}:
        context.ensure_object(CommandLine).take(str(parameter.name), value)


def _global_option(*names: str, **settings: Any) -> OptionDecorator[Any]:  # noqa: ANN401 - handed on to click
    return click.option(*names, cls=_GlobalOption, expose_value=False, callback=_into_options, **settings)


global_options = together(
    _global_option("--config", type=FILE, metavar="FILE", help="What is wanted; dr.yaml where nothing is said."),
    _global_option("--env", metavar="SUFFIX", help="Environment suffix; else ENVIRONMENT_SUFFIX, else dr.yaml's."),
    _global_option(
        "--assembly", type=FILE, metavar="DIR", help="Deploy this assembly, a CDK app's cdk.out too; needs no dr.yaml."
    ),
    _global_option(
        "--project",
        metavar="NAME",
        help="Names the deployment of a CDK app's assembly; without one `destroy` and a fleet's verbs find what is "
        "deployed by its tag alone, and need neither dr.yaml nor assembly.",
    ),
    _global_option("--profile", metavar="NAME", help="AWS profile; else boto3's own search."),
    _global_option(
        "--skip-region",
        "skip_regions",
        multiple=True,
        metavar="REGION",
        help="Make no call to this region, and leave out what stands there; repeatable.",
    ),
    _global_option(
        "--account-role",
        "account_roles",
        multiple=True,
        metavar="ACCOUNT=ARN",
        help="The role to assume for an assembly's stacks in another account; repeatable.",
    ),
    _global_option(
        "--json", "json_events", is_flag=True, help="Events as JSON lines on stdout, people's text on stderr."
    ),
    _global_option("-v", "--verbose", is_flag=True, help="Say what is asked of AWS, on stderr."),
)


def command(
    verb: str,
    run: Callable[..., ExitCode],
    scope: Literal["system", "fleet"],
    help_text: str,
    *options: OptionDecorator[Any],
) -> click.Command:
    """Return a verb of one scope: its name, what runs it, what its help says, and its options in their order."""

    @pass_session
    def callback(session: Session, /, **typed: Any) -> ExitCode:  # noqa: ANN401 - as click has them
        return run(session, load(scope), **typed)

    return click.command(verb, help=help_text)(together(*options, global_options)(callback))


def load(scope: Literal["system", "fleet"]) -> Scope[Any]:
    """Return the system or the fleet, with all that its verbs need."""
    if scope == "fleet":
        from builder.cli.fleet import FLEET

        return FLEET
    from builder.cli.system import SYSTEM

    return SYSTEM
