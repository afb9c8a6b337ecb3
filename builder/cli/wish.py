"""How change sets are to be made and what is allowed: the options that planning and executing verbs share."""

import re
import shlex
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from builder.errors import BadInput

if TYPE_CHECKING:
    from builder.deploy import Options, Wish
    from builder.terms import Region

_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
F = TypeVar("F", bound=Callable[..., Any])

_orphans_option = click.option(
    "--remove-orphans", is_flag=True, help="Also delete stacks that the assembly no longer has."
)
_REQUESTS = (
    click.option(
        "--artifacts-bucket",
        metavar="NAME",
        help="Where templates over 51,200 bytes go; {region} stands for the stack's region.",
    ),
    click.option(
        "--deployment-mode",
        type=click.Choice(["STANDARD", "EXPRESS", "REVERT_DRIFT"], case_sensitive=False),
        default="STANDARD",
        help="EXPRESS waits for less, REVERT_DRIFT puts right what was changed by hand.",
    ),
    click.option("--import-existing", is_flag=True, help="Take in resources of the same names that no stack has."),
    click.option(
        "--role-arn",
        metavar="ARN",
        help="The role that CloudFormation assumes; else dr.yaml's, which is none for a fleet.",
    ),
)

allow_option = click.option(
    "--allow",
    multiple=True,
    metavar="STACK/LOGICAL-ID",
    help="Let a guarded change or deletion, or the loss of another's review, pass: a name, or a pattern such as "
    "'us-east-1/table/*', of which it is said how many it lets pass; repeatable.",
)
production_option = click.option(
    "--yes-in-production",
    is_flag=True,
    help="With --yes, answer also for an environment that dr.yaml marks as production.",
)
keep_option = click.option(
    "--keep", is_flag=True, help="Leave the change sets that earlier plans made on the same stacks."
)
yes_option = click.option("--yes", is_flag=True, help="Answer every question with yes; guards still need --allow.")


def request_options(function: F) -> F:
    """Add what can be said about how change sets are made; who executes a saved plan says it again."""
    for option in reversed(_REQUESTS):
        function = option(function)
    return function


def wish_options(function: F) -> F:
    """Add what can be said about what is planned, and how."""
    return _orphans_option(request_options(function))


def make_wish(by: Literal["plan", "deploy"], said: dict[str, Any], role_arn: str | None) -> "Wish":
    """Return the wish that a command's options amount to; `role_arn` is CloudFormation's unless they name another."""
    from builder.deploy import Wish

    return Wish(options=make_options(by, said, role_arn), remove_orphans=said["remove_orphans"], lint=_lint)


def make_options(by: Literal["plan", "deploy"], said: Mapping[str, Any], role_arn: str | None) -> "Options":
    """Return how change sets are to be made; `role_arn` is CloudFormation's role unless the options name another."""
    from builder.deploy import Options

    _check_bucket(said["artifacts_bucket"])
    return Options(
        by=by,
        role_arn=said["role_arn"] or role_arn,
        deployment_mode=said["deployment_mode"],
        import_existing=said["import_existing"],
        artifacts_bucket=said["artifacts_bucket"],
    )


def said_again(said: Mapping[str, Any]) -> str:
    """Return the options that `execute` has to be told too, as they are typed; empty where there are none."""
    mode = said["deployment_mode"]
    typed = {
        "--role-arn": said["role_arn"],
        "--deployment-mode": mode if mode != "STANDARD" else None,
        "--artifacts-bucket": said["artifacts_bucket"],
    }
    words = [f" {name} {shlex.quote(value)}" for name, value in typed.items() if value]
    return "".join(words) + (" --import-existing" if said["import_existing"] else "")


def _check_bucket(name: str | None) -> None:
    """Raise BadInput for what cannot be a bucket's name.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    if name is not None and not _BUCKET.fullmatch(name.replace("{region}", "us-east-1")):
        raise BadInput(
            where="--artifacts-bucket",
            what=f"'{name}' cannot be a bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens",
            next_step="--artifacts-bucket NAME-{region}    stands for a bucket in each region",
        )


def _lint(template: str, region: "Region") -> tuple[str, ...]:
    try:
        from builder.assembly.lint import lint_text
    except ImportError:
        return ("not linted: cfn-lint is not installed here",)
    return lint_text(template, region)
