"""An account of an organization leaves its unit and comes back on the embedded AWS, by auto-deployment and by us."""

import asyncio
import secrets
from collections.abc import Iterator

import pytest

from builder.aws import Clients, Tempo
from builder.deploy import PlanId, TrustedInput
from builder.errors import ExitCode
from builder.fleet import FleetPlan, execute_fleet, fleet_exit_code, make_fleet_plan
from builder.local import EmbeddedAws
from builder.rehearsal.stage import isolated
from builder.terms import AccountId, Region
from fleet.stack_sets import SERVICE_MANAGED, WEST, fleet_deployment, fleet_template
from local.account import Account
from local.adapter.stack_sets.fleet import make_fleet
from local.adapter.stack_sets.organized import Organized, organize

STACK = "us-west-2/storage"
NAME = "tap-dev-us-west-2-storage"
BODY = """\
Parameters: {EnvironmentSuffix: {Type: String}}
Resources:
  Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub '/tap/${EnvironmentSuffix}'}}
"""
FOLLOWS = {**SERVICE_MANAGED, "AutoDeployment": {"Enabled": True, "RetainStacksOnAccountRemoval": True}}
# The role that Organizations makes in every account that it creates.
ROLE = "OrganizationAccountAccessRole"


@pytest.fixture
def organized(embedded: EmbeddedAws) -> Iterator[Organized]:
    account = Account(embedded.endpoint, f"{secrets.randbelow(10**9):012d}")
    with isolated(embedded.endpoint, AccountId(account.id), Region(WEST)):
        yield organize(make_fleet(account))


def test_what_auto_deployment_cannot_create_beside_it_is_imported(organized: Organized) -> None:
    clients = Clients.of_profile(None, tempo=Tempo.quick())
    template = fleet_template({STACK: BODY}, {"OrganizationalUnitIds": [organized.unit]}, FOLLOWS)
    deployment = fleet_deployment(template)

    def deploy(number: int) -> FleetPlan:
        made = PlanId(f"plan-{number}", "now")
        plan = asyncio.run(make_fleet_plan(deployment, clients, made, lambda _: None, role=ROLE))
        trusted = TrustedInput(deployment=deployment, is_own=True)
        end = asyncio.run(execute_fleet(plan, trusted, clients, lambda _: None))
        assert fleet_exit_code(end) is ExitCode.DONE, end
        return plan

    fleet, account = organized.fleet, organized.accounts[0]
    cloudformation = fleet.client("cloudformation", region=WEST)

    def instances() -> list[tuple[str, str]]:
        summaries = cloudformation.list_stack_instances(StackSetName=NAME)["Summaries"]
        return [(summary["Status"], summary.get("StackId", "")) for summary in summaries]

    organized.move(account, organized.root, organized.unit)
    deploy(1)
    ((status, stack),) = instances()
    assert status == "CURRENT"
    before = fleet.stacks(account, WEST)
    organized.move(account, organized.unit, organized.root)
    organized.await_true(lambda: instances() == [])
    organized.move(account, organized.root, organized.unit)
    organized.await_true(lambda: [instance[0] for instance in instances()] == ["OUTDATED"])
    organized.await_true(lambda: "already exists" in str(cloudformation.list_stack_instances(StackSetName=NAME)))
    plan = deploy(2)
    assert [(stack_import.stack, stack_import.unit) for stack_import in plan.sets[0].imports] == [
        (stack, organized.unit)
    ]
    assert instances() == [("CURRENT", stack)]
    assert [summary for summary in fleet.stacks(account, WEST) if summary["StackId"] == stack] == before
    assert deploy(3).is_empty
