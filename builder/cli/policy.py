"""`policy`: the least IAM policy for a verb, or for CloudFormation's service role."""

import json
from typing import TYPE_CHECKING, Any

import click

from builder.cli.command import global_options, load, pass_session
from builder.cli.drill import FAULTS
from builder.cli.scope import Scope
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode

if TYPE_CHECKING:
    from builder.assembly.bound import Bound
    from builder.policy import PolicyCaller, PolicyContext, ReadUrl
    from builder.terms import Region

# builder.policy's own; a test holds them to it, which would cost half a second to ask.
VERBS = (
    *("plan", "execute", "adopt", "status", "drift", "drill", "failback", "backfill", "promote", "destroy"),
    *("artifacts-prune", "fleet-plan", "fleet-execute", "fleet-status", "fleet-drift", "fleet-destroy"),
)


@click.command()
@click.argument("verbs", metavar="VERB...", type=click.Choice(VERBS), nargs=-1, required=True)
@click.option("--cloudformation-role", is_flag=True, help="The service role's policy instead of the caller's.")
@click.option("--role-arn", metavar="ARN", help="The role that CloudFormation assumes; else dr.yaml's.")
@click.option(
    "--role", metavar="NAME", help="The role in each account, as a fleet's verbs are told; else its execution role."
)
@click.option("--artifacts-bucket", metavar="NAME", help="As plan and deploy are told.")
@click.option("--account", metavar="ID", help="The account; else dr.yaml's, else that of the credentials.")
@click.option(
    "--fault",
    "faults",
    type=click.Choice(FAULTS),
    multiple=True,
    help="A kind of fault that drill is to make, as well.",
)
@click.option("--whole", is_flag=True, help="Leave out nothing that the resource types' schemas list.")
@click.option("--explain", "explained", is_flag=True, help="Tell the reason of every action instead.")
@global_options
@pass_session
def policy(session: Session, /, *, verbs: tuple[str, ...], explained: bool, **typed: Any) -> ExitCode:  # noqa: ANN401
    """Print the IAM policy that a verb needs for this assembly.

    Several verbs make one policy: `plan execute` is what deploy needs. Where CloudFormation takes a role, the caller's
    policy holds only our own calls, and the role's the rest.
    """
    from builder.policy import PolicyRequest, Verb, bind_nested, explain, make_document, make_rights, size, too_large

    asked_for = tuple(dict.fromkeys(map(Verb, verbs)))
    if typed["faults"] and Verb.DRILL not in asked_for:
        raise BadInput(where=f"--fault {typed['faults'][0]}", what="is made by drill, and no other verb")
    of_fleet = {verb.is_of_fleet for verb in asked_for}
    if len(of_fleet) > 1:
        raise BadInput(where=f"policy {' '.join(verbs)}", what="the system's verbs and its fleet's have a policy each")
    scope = load("fleet" if of_fleet == {True} else "system")
    context, bounds = _where(session, scope, typed["account"], promoted=Verb.PROMOTE in asked_for)
    bounds, unread = bind_nested(bounds, context, _reader(session))
    request = PolicyRequest(
        verbs=asked_for,
        caller=_caller(session, scope, context, typed),
        of_service_role=typed["cloudformation_role"],
        whole=typed["whole"],
    )
    rights = make_rights(bounds, context, request)
    if not rights.granted:
        raise BadInput(where=f"policy {' '.join(verbs)}", what="CloudFormation's role does nothing then")
    session.console.result(explain(rights) if explained else json.dumps(make_document(rights), indent=2))
    for warning in (*unread, *rights.warnings, *((size(rights),) if too_large(rights) else ())):
        session.console.warn(f"warning: {warning}")
    return ExitCode.DONE


def _where(
    session: Session, scope: Scope[Any], account_id: str | None, *, promoted: bool
) -> "tuple[PolicyContext, tuple[Bound, ...]]":
    """Return the account and what belongs in it: the one typed, else dr.yaml's, else that of the credentials.

    With `promoted`, also what there is with each secondary as the primary.
    """
    from builder.aws import observe_account
    from builder.components.available import known_regions
    from builder.policy import PolicyContext, bind_templates, of_account

    if account_id is not None and not (len(account_id) == 12 and account_id.isdecimal()):
        raise BadInput(where="--account", what=f"'{account_id}': an account has 12 digits")
    assembly, deployment = scope.assembly(session.project), scope.deployment(session)
    home = deployment.account
    if account_id is None and home is None:
        home = session.run(observe_account(session.clients, deployment.regions[0]))
    account = account_id or str(home)
    made = (
        (assembly, *(promotion.assembly_made for promotion in session.project.promotions)) if promoted else (assembly,)
    )
    bounds = tuple(bound for each in made for bound in of_account(bind_templates(each), account, home))
    if not bounds:
        raise BadInput(where=f"account {account}", what=f"no stack of {deployment.name} belongs in it")
    partition = known_regions().get(bounds[0].entry.region, "aws")
    return PolicyContext(partition=partition, account=account, suffix=session.project.suffix), bounds


def _reader(session: Session) -> "ReadUrl":
    """Return what reads the templates of nested stacks: those of the assembly from their files, others with the
    credentials at hand; no call where there are none.
    """

    def read(region: "Region", url: str) -> str | None:
        from builder.deploy.observe.nested import read_url
        from builder.terms import Site

        if (text := _own_template(session, url)) is not None:
            return text
        return session.run(read_url(session.clients, Site(None, region), url))

    return read


def _own_template(session: Session, url: str) -> str | None:
    """Return the assembly's own template that a URL leads to; None for any other, or where it cannot be made."""
    from builder.assembly.build import Built

    key, assembly = url.rpartition("/")[2], session.project.assembly_as_is
    if key not in {asset.key for asset in assembly.assets if asset.kind == "template"}:
        return None
    built = [asset for asset in session.build(assembly) if isinstance(asset, Built) and asset.asset.key == key]
    return built[0].text if built else None


def _caller(session: Session, scope: Scope[Any], context: "PolicyContext", typed: dict[str, Any]) -> "PolicyCaller":
    from builder.deploy.desired import TAG_DEPLOYMENT
    from builder.policy import PolicyCaller

    deployment = scope.deployment(session)
    return PolicyCaller(
        deployment=deployment.name,
        tag=TAG_DEPLOYMENT,
        role_arn=typed["role_arn"] or scope.role_arn(session.project),
        artifacts_bucket=typed["artifacts_bucket"] or deployment.artifacts_bucket,
        asset_buckets=deployment.asset_buckets,
        account_roles=tuple(role for account, role in session.options.roles.items() if account != context.account),
        instance_role=typed["role"],
        faults=typed["faults"],
    )


COMMANDS = {"policy": policy}
