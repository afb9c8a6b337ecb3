"""The execution role of a rendered fleet, held to by the embedded AWS: enough, and none of these actions too many."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from builder.assembly import Assembly
from builder.assembly.store import EXECUTION_ROLE
from builder.aws import Clients
from builder.config import load_config
from builder.deploy import PlanId, Removal, TrustedInput, find_deployed, make_deployment
from builder.errors import ExitCode
from builder.fleet import (
    FleetEnd,
    FleetRemoval,
    delete_fleet,
    execute_fleet,
    fleet_exit_code,
    make_fleet_plan,
    observe_sets,
)
from builder.fleet.progress import SetDone, SetFailed
from builder.local import EmbeddedAws
from builder.rehearsal import ACCOUNT
from builder.rehearsal.fleet_life import TargetAccount, render_fleet
from builder.rehearsal.stage import isolated
from builder.terms import AccountId, Region
from rehearsal.transcript import Transcript

ADMIN_REGION = Region("us-west-2")
# One of each service, each needed by another resource type, and StackSets' own.
NEEDED = [
    "cloudformation:CreateStack",
    "s3:CreateBucket",
    "s3:PutReplicationConfiguration",
    "dynamodb:CreateTable",
    "iam:CreateRole",
    "logs:CreateLogGroup",
    "lambda:CreateFunction",
    "lambda:AddPermission",
]
# An account each, so that none finds what another left.
_ACCOUNTS = (AccountId(f"{number:012}") for number in count(1))


@pytest.fixture(scope="module")
def enforcing(processes: None) -> Iterator[EmbeddedAws]:
    with EmbeddedAws(enforce_iam=True) as aws:
        yield aws


def render(project: Path, account: AccountId) -> Assembly:
    return render_fleet(load_config(project / "dr.yaml"), (account,))


def without(fleet: Assembly, action: str) -> Assembly:
    role = fleet.beside[EXECUTION_ROLE].decode()
    narrower, taken = re.subn(rf"\n +- {action}(?=\n)", "", role)
    assert taken
    return replace(fleet, beside={EXECUTION_ROLE: narrower.encode()})


def deployed(aws: EmbeddedAws, fleet: Assembly, account: AccountId) -> FleetEnd:
    suffix = f"n{int(account)}"
    with isolated(aws.endpoint, ACCOUNT, ADMIN_REGION):
        TargetAccount(Transcript().stage(), fleet, suffix, aws.endpoint, account, ADMIN_REGION).let_in()
        clients = Clients.of_profile(None)
        deployment = make_deployment(fleet.manifest, fleet.templates, suffix)
        plan = asyncio.run(make_fleet_plan(deployment, clients, PlanId(f"plan-{suffix}", "now"), lambda _: None))
        return asyncio.run(
            execute_fleet(plan, TrustedInput(deployment=deployment, is_own=True), clients, lambda _: None)
        )


def test_with_the_role_as_rendered_every_stack_comes_into_being(enforcing: EmbeddedAws, project: Path) -> None:
    account = next(_ACCOUNTS)
    end = deployed(enforcing, render(project, account), account)
    assert [type(outcome) for outcome in end.sets] == [SetDone] * 5


@pytest.mark.parametrize("action", NEEDED)
def test_an_action_taken_out_fails_the_deployment_and_is_named(
    enforcing: EmbeddedAws, project: Path, action: str
) -> None:
    account = next(_ACCOUNTS)
    end = deployed(enforcing, without(render(project, account), action), account)
    reasons = [failure.reason for outcome in end.sets if isinstance(outcome, SetFailed) for failure in outcome.failures]
    assert any(action in reason for reason in reasons), reasons


def test_after_a_first_deployment_that_failed_what_stands_is_found_and_deleted(
    enforcing: EmbeddedAws, project: Path
) -> None:
    """Whatever the stack that holds them lists of what failed."""
    account = next(_ACCOUNTS)
    fleet = without(render(project, account), "s3:CreateBucket")
    end = deployed(enforcing, fleet, account)
    assert any(isinstance(outcome, SetFailed) for outcome in end.sets)
    suffix = f"n{int(account)}"
    with isolated(enforcing.endpoint, ACCOUNT, ADMIN_REGION):
        clients = Clients.of_profile(None)
        deployment = make_deployment(fleet.manifest, fleet.templates, suffix)
        there = active_sets(clients, suffix)

        async def look_and_delete() -> tuple[list[str], FleetEnd]:
            stacks = await find_deployed(deployment.name, deployment.sites, clients)
            sets = await observe_sets(stacks, clients)
            removal = FleetRemoval(removal=Removal(stacks=stacks, needs={}))
            return [set_.name for set_ in sets], await delete_fleet(removal, clients, "destroy", lambda _: None)

        names, gone = asyncio.run(look_and_delete())
        assert there
        assert sorted(names) == sorted(there)
        assert fleet_exit_code(gone) is ExitCode.DONE, gone
        assert active_sets(clients, suffix) == []


def active_sets(clients: Clients, suffix: str) -> list[str]:
    listed = clients.cloudformation(ADMIN_REGION).list_stack_sets(Status="ACTIVE")["Summaries"]
    return [set_["StackSetName"] for set_ in listed if f"-{suffix}-" in set_["StackSetName"]]
