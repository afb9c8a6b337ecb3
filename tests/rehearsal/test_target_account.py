import boto3

from builder.config import LoadedConfig
from builder.local import EmbeddedAws
from builder.rehearsal import ACCOUNT
from builder.rehearsal.fleet_life import EMPTIER, TARGETS, TargetAccount, render_fleet
from builder.rehearsal.stage import isolated
from builder.terms import Region
from rehearsal.transcript import Transcript


def role_names(account: str) -> set[str]:
    session = boto3.Session(aws_access_key_id=account, aws_secret_access_key="any")
    return {role["RoleName"] for role in session.client("iam").list_roles()["Roles"]}


def test_an_account_is_let_in_and_shut_out_and_no_other_is_touched(loaded: LoadedConfig, embedded: EmbeddedAws) -> None:
    fleet = render_fleet(loaded, TARGETS)
    with isolated(embedded.endpoint, ACCOUNT, "us-west-2"):
        target = TargetAccount(Transcript().stage(), fleet, "dev", embedded.endpoint, TARGETS[0], Region("us-west-2"))
        before, others = role_names(TARGETS[0]), role_names(ACCOUNT)
        target.let_in()
        assert role_names(TARGETS[0]) - before == {EMPTIER, "tap-dev-stackset-execution"}
        assert role_names(ACCOUNT) == others
        target.shut_out()
        assert role_names(TARGETS[0]) == before
