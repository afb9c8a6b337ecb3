from dataclasses import replace

import boto3
import pytest

from builder.config import LoadedConfig
from builder.errors import Failed
from builder.local import EmbeddedAws
from builder.rehearsal import ACCOUNT, fleet_life, rehearse_fleet
from builder.rehearsal.fleet_life import JOINS, TARGETS
from builder.rehearsal.stage import isolated
from cli.inventory import inventory
from rehearsal.transcript import Transcript

FAILS = TARGETS[1]


def everything() -> dict[str, object]:
    accounts = (ACCOUNT, *TARGETS, JOINS)
    return {
        account: inventory(boto3.Session(aws_access_key_id=account, aws_secret_access_key="any"))
        for account in accounts
    }


@pytest.mark.acceptance
@pytest.mark.processes
def test_a_fleet_lives_and_every_account_is_left_as_it_was(loaded: LoadedConfig) -> None:
    transcript, loaded = Transcript(), fleet_life.with_accounts(loaded, TARGETS)
    with EmbeddedAws() as aws, isolated(aws.endpoint, ACCOUNT, "us-west-2"):
        before = everything()
        fleet_life.live(loaded, "dev", transcript.stage(), aws.endpoint)
        assert everything() == before
    assert transcript.chapters == [
        "roles for StackSets in each account",
        "plan",
        "execute",
        f"use, in account {TARGETS[0]}",
        "update: one more variable in the functions' environment, in all accounts",
        "roles for StackSets in each account",
        f"account {JOINS} joins",
        f"account {FAILS} fails on purpose: its execution role is gone, and all are updated",
        "its role is there again, and the same command repairs it alone",
        "destroy, in all accounts",
    ]
    shown = "\n".join(transcript.lines)
    assert "In 3 accounts and 2 regions (us-east-1, us-west-2): stacks 15 created" in shown
    assert "In 1 account and 2 regions (us-east-1, us-west-2): stacks 5 created" in shown
    assert f"us-east-1/service, account {FAILS}: Account {FAILS} should have" in shown
    assert "20 stacks in all accounts, 2 not as they should be" in shown
    assert "In 1 account and 2 regions (us-east-1, us-west-2): stacks 2 retried" in shown
    assert "5 sets and their stacks are gone, and the roles with them" in shown


@pytest.mark.usefixtures("linter")
def test_a_fleet_with_findings_is_not_begun(loaded: LoadedConfig) -> None:
    transcript = Transcript()
    assert loaded.config.function
    function = loaded.config.function.model_copy(update={"timeout_s": 100_000})
    broken = replace(loaded, config=loaded.config.model_copy(update={"function": function}))
    with pytest.raises(Failed, match="E3034"):
        rehearse_fleet(broken, "dev", transcript.stage())
    assert transcript.chapters == ["render", "lint"]
