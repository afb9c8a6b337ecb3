"""The global options, taken before and after the verb alike."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from builder.cli.wiring import Wiring

F = TypeVar("F", bound=Callable[..., Any])


class Number(click.FloatRange):
    """A number within a range; `nan`, which no comparison finds outside of it, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - as click has it
        """Return the number; click tells whoever gave none."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"'{value}' is not a number", param, ctx)
        return number


LONGEST_S = 7 * 24 * 3600.0
"""What an option in seconds takes: a week."""


class _GlobalOption(click.Option):
    """An option of every command, told once: in the help of the whole."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return super().get_help_record(ctx) if ctx.parent is None else None


def global_options(function: F) -> F:
    """Add every global option to a command; what is given lands in the Wiring, a repeatable one adding up, of any other
    the last one said winning."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def _into_wiring(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value in {None, False, ()}:
        return
    wiring, name = context.ensure_object(Wiring), str(parameter.name)
    # What is said before the verb and after it adds up, where it can be said more than once.
    said = (*getattr(wiring, name), *value) if isinstance(value, tuple) else value
    setattr(wiring, name, said)


def _option(*names: str, **settings: Any) -> Callable[[F], F]:  # noqa: ANN401 - handed on to click
    return click.option(*names, cls=_GlobalOption, expose_value=False, callback=_into_wiring, **settings)


_FILE = click.Path(path_type=Path)
_OPTIONS = (
    _option("--config", type=_FILE, metavar="FILE", help="What is wanted; dr.yaml where nothing is said."),
    _option("--env", metavar="SUFFIX", help="Environment suffix; else ENVIRONMENT_SUFFIX, else dr.yaml's."),
    _option("--assembly", type=_FILE, metavar="DIR", help="Deploy this assembly; needs no dr.yaml."),
    _option("--profile", metavar="NAME", help="AWS profile; else boto3's own search."),
    _option(
        "--skip-region",
        "skip_regions",
        multiple=True,
        metavar="REGION",
        help="Make no call to this region, and leave out what stands there; repeatable.",
    ),
    _option(
        "--account-role",
        "account_roles",
        multiple=True,
        metavar="ACCOUNT=ARN",
        help="The role to assume for an assembly's stacks in another account; repeatable.",
    ),
    _option("--json", "json_events", is_flag=True, help="Events as JSON lines on stdout, people's text on stderr."),
    _option("-v", "--verbose", is_flag=True, help="Say what is asked of AWS, on stderr."),
)
