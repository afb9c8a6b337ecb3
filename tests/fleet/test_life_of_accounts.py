"""An account of a rendered fleet leaves and comes back on the embedded AWS: its role gone, its stacks kept, deleted."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from builder.aws import Clients, Tempo
from builder.config import load_config
from builder.deploy import Deployment, PlanId, Removal, TrustedInput, find_deployed, make_deployment
from builder.errors import ExitCode
from builder.fleet import (
    FleetPlan,
    FleetRemoval,
    LeavingAccount,
    drop_account,
    execute_fleet,
    fleet_exit_code,
    make_fleet_plan,
    observe_leaving,
)
from builder.local import EmbeddedAws
from builder.rehearsal import ACCOUNT
from builder.rehearsal.fleet_life import EMPTIER, TargetAccount, render_fleet
from builder.rehearsal.stage import isolated
from builder.terms import AccountId, Region
from rehearsal.transcript import Transcript

HOME = Region("us-west-2")
STAYS, LEAVES = AccountId("700000000001"), AccountId("700000000002")
SUFFIX = "accounts"


@dataclass(frozen=True, slots=True)
class Life:
    """The fleet and its administrator."""

    clients: Clients
    deployment: Deployment
    target: TargetAccount

    def plan(self) -> FleetPlan:
        return asyncio.run(make_fleet_plan(self.deployment, self.clients, PlanId("life", "now"), lambda _: None))

    def deploy(self) -> FleetPlan:
        plan = self.plan()
        trusted = TrustedInput(deployment=self.deployment, is_own=True)
        end = asyncio.run(execute_fleet(plan, trusted, self.clients, lambda _: None))
        assert fleet_exit_code(end) is ExitCode.DONE, end
        return plan

    def drop(self, expected: ExitCode = ExitCode.DONE, **how: Any) -> LeavingAccount:
        async def leave() -> LeavingAccount:
            stacks = await find_deployed(self.deployment.name, self.deployment.sites, self.clients)
            fleet = FleetRemoval(removal=Removal(stacks=stacks, needs={}), **how)
            leaving = await observe_leaving(LEAVES, fleet, self.clients, "look", lambda _: None)
            end = await drop_account(leaving, fleet, self.clients, "life", lambda _: None)
            assert fleet_exit_code(end) is expected, end
            return leaving

        return asyncio.run(leave())

    def inventory(self, account: AccountId) -> dict[str, tuple[str, Any, Any]]:
        """Every stack of an account but that of its roles: when it was changed last, and what it puts out."""
        stacks: dict[str, tuple[str, Any, Any]] = {}
        for region in ("us-east-1", "us-west-2"):
            client = boto3.client(
                "cloudformation",
                region_name=region,
                endpoint_url=self.target.endpoint,
                aws_access_key_id=account,
                aws_secret_access_key="any",
            )
            for stack in client.describe_stacks()["Stacks"]:
                if stack["StackName"].startswith("StackSet-"):
                    changed = stack.get("LastUpdatedTime", stack["CreationTime"])
                    stacks[stack["StackId"]] = (stack["StackStatus"], changed, stack.get("Outputs"))
        return stacks


@pytest.fixture
def life(embedded: EmbeddedAws, project: Path) -> Iterator[Life]:
    fleet = render_fleet(load_config(project / "dr.yaml"), (STAYS, LEAVES))
    with isolated(embedded.endpoint, ACCOUNT, HOME):
        targets = [
            TargetAccount(Transcript().stage(), fleet, SUFFIX, embedded.endpoint, account, HOME)
            for account in (STAYS, LEAVES)
        ]
        for target in targets:
            target.let_in()
        deployment = make_deployment(fleet.manifest, fleet.templates, SUFFIX)
        yield Life(Clients.of_profile(None, tempo=Tempo.quick()), deployment, targets[-1])


def test_no_stack_is_touched_until_it_is_meant(life: Life) -> None:
    life.deploy()
    before = {account: life.inventory(account) for account in (STAYS, LEAVES)}
    assert [len(stacks) for stacks in before.values()] == [5, 5]
    life.target.shut_out()
    # The embedded AWS lets anybody take a role that is not there; StackSets finds that out, and says so.
    life.drop(ExitCode.FAILED)
    leaving = life.drop()
    assert (len(leaving.stacks), leaving.deleted) == (5, ())
    assert "role with trust relationship" in leaving.unreachable
    assert {account: life.inventory(account) for account in before} == before
    life.target.let_in()
    plan = life.deploy()
    assert [len(planned.imports) for planned in plan.sets] == [1] * 5
    assert {account: life.inventory(account) for account in before} == before
    assert life.plan().is_empty
    assert len(life.drop(role=EMPTIER).deleted) == 5
    assert (life.inventory(STAYS), life.inventory(LEAVES)) == (before[STAYS], {})
