import boto3

from builder.assembly.fleet import make_fleet
from builder.assembly.render import make_assembly
from builder.config import Wanted
from builder.local import EmbeddedAws
from builder.rehearsal import ACCOUNT
from builder.rehearsal.fleet_life import TARGETS, with_accounts
from builder.rehearsal.isolation import isolated
from builder.rehearsal.target_account import EMPTIER, TargetAccount
from builder.terms import Region
from builder.topology import make_topology
from rehearsal.told import Told


def role_names(account: str) -> set[str]:
    session = boto3.Session(aws_access_key_id=account, aws_secret_access_key="any")
    return {role["RoleName"] for role in session.client("iam").list_roles()["Roles"]}


def test_an_account_is_let_in_and_shut_out_and_no_other_is_touched(wanted: Wanted, embedded: EmbeddedAws) -> None:
    wanted = with_accounts(wanted, TARGETS)
    assert wanted.config.fleet is not None
    fleet = make_fleet(wanted.config, wanted.config.fleet, make_topology(wanted.config), make_assembly(wanted))
    with isolated(embedded.endpoint, ACCOUNT, "us-west-2"):
        target = TargetAccount(Told().stage(), fleet, "dev", embedded.endpoint, TARGETS[0], Region("us-west-2"))
        before, others = role_names(TARGETS[0]), role_names(ACCOUNT)
        target.let_in()
        assert role_names(TARGETS[0]) - before == {EMPTIER, "tap-dev-stackset-execution"}
        assert role_names(ACCOUNT) == others
        target.shut_out()
        assert role_names(TARGETS[0]) == before
