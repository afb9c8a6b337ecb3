"""What the command line says: the global options, those that several verbs share, and what they amount to.

`Options` is what the global options and the environment's variables say, and nothing that follows from it: what the
project's files say is in `project`, what touches AWS and the screen in `session`. Every verb takes them: `command`.
"""

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from builder.errors import BadInput
from builder.terms import AccountId

if TYPE_CHECKING:
    from builder.deploy import PlanOptions, PlanRequest
    from builder.terms import Region

F = TypeVar("F", bound=Callable[..., Any])
OptionDecorator = Callable[[F], F]
LONGEST_S = 7 * 24 * 3600.0
"""What an option in seconds takes: a week."""
_SUFFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Options:
    """What the global options and the environment's variables say."""

    config: Path = Path("dr.yaml")
    env: str | None = None
    assembly: Path | None = None
    project: str | None = None
    """Of an assembly that does not say it, or of a deployment that has neither dr.yaml nor an assembly any more."""
    profile: str | None = None
    account_roles: tuple[str, ...] = ()
    skip_regions: tuple[str, ...] = ()
    json_events: bool = False
    verbose: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def suffix(self) -> str | None:
        """The environment suffix as typed: --env, else ENVIRONMENT_SUFFIX. Raises BadInput."""
        for source, suffix in (("--env", self.env), ("ENVIRONMENT_SUFFIX", self.environment.get("ENVIRONMENT_SUFFIX"))):
            if suffix:
                if not _SUFFIX.fullmatch(suffix):
                    raise BadInput(
                        where=source,
                        what=f"'{suffix}': an environment suffix has lower-case letters, digits and hyphens",
                    )
                return suffix
        return None

    @property
    def roles(self) -> dict[AccountId, str]:
        """The roles by which other accounts are reached. Raises BadInput, also for two of one account."""
        roles: dict[AccountId, str] = {}
        for account, role in map(_account_role, self.account_roles):
            if roles.setdefault(account, role) != role:
                what = f"account {account} has two roles, {roles[account]} and {role}: which is meant?"
                raise BadInput(where="--account-role", what=what)
        return roles

    @property
    def endpoint(self) -> str | None:
        """Where every AWS call goes instead of AWS itself; function URLs are reached there too."""
        return self.environment.get("AWS_ENDPOINT_URL")

    @property
    def has_own_endpoint(self) -> bool:
        """Whether CloudFormation is asked somewhere else than at AWS."""
        return bool(self.environment.get("AWS_ENDPOINT_URL_CLOUDFORMATION") or self.endpoint)


def _account_role(typed: str) -> tuple[AccountId, str]:
    account, equals, role = typed.partition("=")
    if not re.fullmatch(r"[0-9]{12}", account) or not equals or not role.startswith("arn:"):
        raise BadInput(
            where="--account-role",
            what=f"'{typed}' is not an account and a role's ARN",
            next_step="--account-role 444455556666=arn:aws:iam::444455556666:role/deployer",
        )
    # Whoever assumes a role is in its account: stacks would go there under the name of another.
    if role.split(":")[4:5] != [account]:
        raise BadInput(
            where="--account-role",
            what=f"{role} is no role of account {account}",
            next_step=f"--account-role {account}=arn:aws:iam::{account}:role/NAME",
        )
    return AccountId(account), role


def together(*options: OptionDecorator[Any]) -> OptionDecorator[Any]:
    """Return one decorator that adds these options, in this order."""

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


FILE = click.Path(path_type=Path)


class NumberRange(click.FloatRange):
    """A number within a range; `nan`, which no comparison finds outside of it, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - as click has it
        """Return the number; click tells whoever gave none."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"'{value}' is not a number", param, ctx)
        return number


yes_option = click.option("--yes", is_flag=True, help="Answer every question with yes; guards still need --allow.")
allow_option = click.option(
    "--allow",
    multiple=True,
    metavar="STACK/LOGICAL-ID",
    help="Let a guarded change or deletion, or the loss of another's review, pass: a name, or a pattern such as "
    "'us-east-1/table/*', of which it is said how many it lets pass; repeatable.",
)
recover_option = click.option(
    "--recover",
    is_flag=True,
    help="First roll back stacks in UPDATE_FAILED and UPDATE_ROLLBACK_FAILED: shows what that might skip, and asks.",
)
keep_option = click.option(
    "--keep", is_flag=True, help="Leave the change sets that earlier plans made on the same stacks."
)
full_option = click.option("--full", is_flag=True, help="Also show every property of what is created.")
_PAGE = click.Path(dir_okay=False, path_type=Path)
fleet_page_options = together(
    click.option("--markdown", type=_PAGE, metavar="FILE", help="Also write the plan for a pull request."),
    click.option("--html", type=_PAGE, metavar="FILE", help="Also write the plan as one page for a browser."),
)
page_options = together(fleet_page_options, full_option)
plan_options = together(
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
"""How change sets are made; who executes a saved plan says it again."""
request_options = together(
    click.option("--remove-orphans", is_flag=True, help="Also delete stacks that the assembly no longer has."),
    plan_options,
)
look_option = click.option(
    "--role",
    metavar="NAME",
    help="The role to look by for stacks that stayed in an account that joins; else the fleet's execution role.",
)
overrides_option = click.option(
    "--overrides", is_flag=True, help="Read the parameters of every instance, also of more than 100: a call each."
)
stop_option = click.option(
    "--stop", is_flag=True, help="On Ctrl-C also stop the operations of the StackSets, which otherwise go on."
)
choice_options = together(
    click.option("--account", "accounts", multiple=True, metavar="ID", help="Only this account; repeatable."),
    click.option("--region", "regions", multiple=True, metavar="REGION", help="Only this region; repeatable."),
    click.option("--stack", "stacks", multiple=True, metavar="STACK", help="Only this stack; repeatable."),
    click.option("--csv", "as_csv", is_flag=True, help="A row each, for a spreadsheet."),
)


def make_plan_request(by: Literal["plan", "deploy"], typed: Mapping[str, Any], role_arn: str | None) -> "PlanRequest":
    """Return the request that a command's options make; `role_arn` is CloudFormation's role unless they name another.

    Raises BadInput for what cannot be a bucket's name.
    """
    from builder.deploy import PlanRequest

    options = make_plan_options(by, typed, role_arn)
    return PlanRequest(options=options, remove_orphans=typed["remove_orphans"], lint=_lint)


def make_plan_options(by: Literal["plan", "deploy"], typed: Mapping[str, Any], role_arn: str | None) -> "PlanOptions":
    """Return how change sets are to be made; `role_arn` is CloudFormation's role unless the options name another.

    Raises BadInput for what cannot be a bucket's name.
    """
    from builder.deploy import PlanOptions

    _check_bucket(typed["artifacts_bucket"])
    return PlanOptions(
        by=by,
        role_arn=typed["role_arn"] or role_arn,
        deployment_mode=typed["deployment_mode"],
        import_existing=typed["import_existing"],
        artifacts_bucket=typed["artifacts_bucket"],
    )


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
