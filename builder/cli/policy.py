"""`policy`: the least IAM policy for a verb, or for CloudFormation's service role."""

import json
from typing import TYPE_CHECKING, Any

import click

from builder.cli.options import global_options
from builder.cli.wiring import Wiring
from builder.errors import BadInput, ExitCode

if TYPE_CHECKING:
    from builder.assembly.bound import Bound
    from builder.policy import Caller, Setting

# builder.policy's own; a test holds them to it, which would cost half a second to ask.
VERBS = ("plan", "execute", "status", "drift", "drill", "destroy")


@click.command()
@click.argument("verbs", metavar="VERB...", type=click.Choice(VERBS), nargs=-1, required=True)
@click.option("--cloudformation-role", is_flag=True, help="The service role's policy instead of the caller's.")
@click.option("--role-arn", metavar="ARN", help="The role that CloudFormation assumes; else dr.yaml's.")
@click.option("--artifacts-bucket", metavar="NAME", help="As plan and deploy are told.")
@click.option("--account", metavar="ID", help="The account; else dr.yaml's, else that of the credentials.")
@click.option("--whole", is_flag=True, help="Leave out nothing that the resource types' schemas list.")
@click.option("--explain", "explained", is_flag=True, help="Tell the reason of every action instead.")
@global_options
@click.pass_obj
def policy(wiring: Wiring, /, *, verbs: tuple[str, ...], explained: bool, **said: Any) -> ExitCode:  # noqa: ANN401
    """Print the IAM policy that a verb needs for this assembly.

    Several verbs make one policy: `plan execute` is what deploy needs. Where CloudFormation takes a role, the caller's
    policy holds only our own calls, and the role's the rest.
    """
    from builder.policy import Asked, Verb, explain, make_document, make_rights, size, too_large

    setting, bounds = _where(wiring, said["account"])
    asked = Asked(
        verbs=tuple(dict.fromkeys(map(Verb, verbs))),
        caller=_caller(wiring, setting, said),
        of_service_role=said["cloudformation_role"],
        whole=said["whole"],
    )
    rights = make_rights(bounds, setting, asked)
    if not rights.granted:
        raise BadInput(where=f"policy {' '.join(verbs)}", what="CloudFormation's role does nothing then")
    click.echo(explain(rights) if explained else json.dumps(make_document(rights), indent=2))
    for warning in (*rights.warnings, *((size(rights),) if too_large(rights) else ())):
        wiring.console.warn(f"warning: {warning}")
    return ExitCode.DONE


def _where(wiring: Wiring, said: str | None) -> "tuple[Setting, tuple[Bound, ...]]":
    """Return the account and what belongs in it: the one said, else dr.yaml's, else that of the credentials."""
    from builder.config.regions import known_regions
    from builder.deploy.observe import observe_account
    from builder.policy import Setting, bind_templates, of_account

    if said is not None and not (len(said) == 12 and said.isdecimal()):
        raise BadInput(where="--account", what=f"'{said}': an account has 12 digits")
    deployment = wiring.deployment
    home = deployment.account
    if said is None and home is None:
        home = wiring.run(observe_account(wiring.clients, deployment.regions[0]))
    account = said or str(home)
    bounds = of_account(bind_templates(wiring.current), account, home)
    if not bounds:
        raise BadInput(where=f"account {account}", what=f"no stack of {deployment.name} belongs in it")
    partition = known_regions().get(bounds[0].entry.region, "aws")
    return Setting(partition=partition, account=account, suffix=wiring.suffix), bounds


def _caller(wiring: Wiring, setting: "Setting", said: dict[str, Any]) -> "Caller":
    from builder.deploy.desired import TAG_DEPLOYMENT
    from builder.policy import Caller

    return Caller(
        deployment=wiring.deployment.name,
        tag=TAG_DEPLOYMENT,
        role_arn=said["role_arn"] or wiring.role_arn,
        artifacts_bucket=said["artifacts_bucket"],
        account_roles=tuple(role for account, role in wiring.roles.items() if account != setting.account),
    )
