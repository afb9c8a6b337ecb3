"""NoEcho parameters of a set: what is shown and saved of a plan has no value of theirs, and what is sent has it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from builder.deploy import Deployment
from builder.errors import ExitCode
from builder.fleet import FleetPlan, execute_fleet, fleet_exit_code, write_fleet_plan
from builder.fleet.records import read_fleet_plan
from builder.report import as_json
from builder.report.fleet_plan import fleet_plan_text, make_pages
from builder.report.html import plan_page
from builder.report.markdown import plan_markdown
from fleet.rig import BODY, STORAGE, FleetRig, copied
from fleet.stack_sets import ACCOUNTS, WEST, accounts, fleet_deployment, fleet_template, stack_set

A, B, C = ACCOUNTS
PARAMETERS = "{EnvironmentSuffix: {Type: String}, Secret: {Type: String, NoEcho: true, Default: none}}"
HIDING = BODY.replace("{EnvironmentSuffix: {Type: String}}", PARAMETERS).replace("Name: one", "Name: !Ref Secret")
OLD, NEW = "hunter2-old", "hunter2-new"
SECRET_PARAMETERS = [{"ParameterKey": "Secret", "ParameterValue": {"Ref": "Secret"}}]


def hiding(secret: str, *, own: bool, others: bool = True) -> Deployment:
    """A fleet that gives its stacks the secret: all of them, or B alone as a parameter of its own."""
    template: dict[str, Any] = yaml.safe_load(fleet_template({STORAGE: HIDING}, accounts(A, C) if own else accounts()))
    template["Parameters"]["Secret"] = {"Type": "String", "NoEcho": True}
    properties = template["Resources"]["UsWest2Storage"]["Properties"]
    properties["OperationPreferences"] = {"MaxConcurrentCount": 10, "FailureToleranceCount": 9}
    if others:
        properties["Parameters"] += SECRET_PARAMETERS
    if own:
        targets = {"DeploymentTargets": accounts(B), "Regions": [WEST], "ParameterOverrides": SECRET_PARAMETERS}
        properties["StackInstancesGroup"].append(targets)
    deployment = fleet_deployment(yaml.safe_dump(template, sort_keys=False))
    (stack,) = deployment.stacks
    return replace(deployment, stacks=(replace(stack, parameters={**stack.parameters, "Secret": secret}),))


def shown(plan: FleetPlan) -> dict[str, str]:
    """All that a person, a script or a file gets to see of a plan."""
    pages = make_pages(plan)
    return {
        "text": fleet_plan_text(plan).plain,
        "--json": as_json.fleet_made(plan, datetime(2026, 1, 1, tzinfo=UTC)),
        "the file": write_fleet_plan(plan).decode(),
        "--markdown": plan_markdown(pages[0], "fleet-plan.json", pages[1]),
        "--html": plan_page(pages[0], "fleet-plan.json", pages[1]),
    }


def showing(plan: FleetPlan) -> list[str]:
    return [where for where, text in shown(plan).items() if OLD in text or NEW in text]


@pytest.fixture
def hidden(rig: FleetRig) -> FleetRig:
    rig.deploy(hiding(OLD, own=True))
    return rig


@pytest.mark.slow
def test_no_value_of_a_hidden_parameter_is_shown_or_saved(hidden: FleetRig) -> None:
    for own, others in ((True, True), (False, True), (True, False)):
        plan = copied(hidden).plan(hiding(NEW, own=own, others=others), all_overrides=True)
        assert plan.sets[0].updating, (own, others)
        assert showing(plan) == [], (own, others)
    assert showing(FleetRig().plan(hiding(NEW, own=True))) == []


@pytest.mark.slow
@pytest.mark.parametrize("is_own", [True, False])
def test_a_stack_that_an_operation_of_ours_creates_gets_the_value(
    hidden: FleetRig,
    is_own: bool,  # noqa: FBT001 - of the table
) -> None:
    hidden.clients.cloudformation(WEST).delete_stack_instances(
        StackSetName=stack_set(STORAGE).name, Accounts=[B], Regions=[WEST], RetainStacks=False
    )
    hidden.world.settle()
    plan = hidden.plan()
    assert [place.site.account for place in plan.sets[0].missing] == [B]
    assert [dict(override.parameters) for override in plan.sets[0].given] == [{"Secret": "****"}]
    assert showing(plan) == []
    saved = read_fleet_plan(write_fleet_plan(plan), "fleet-plan.json")
    assert saved == plan
    trusted = replace(hidden.trusted, is_own=is_own)
    end = hidden.run(lambda: execute_fleet(saved, trusted, hidden.clients, hidden.events.append))
    assert fleet_exit_code(end) is ExitCode.DONE
    (stack,) = [instance.stack for instance in hidden.instances() if instance.site.account == B]
    assert hidden.world.stack(stack.split("/")[1], account=B, region=WEST).record.deployed.parameters["Secret"] == OLD
