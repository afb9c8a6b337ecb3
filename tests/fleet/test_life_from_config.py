"""A fleet as it is rendered from dr.yaml, through its whole life on the fake AWS."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder.assembly import read_assembly, write_assembly
from builder.assembly.render import make_assembly
from builder.assembly.store import FLEET_FOLDER
from builder.deploy import Deployment, make_deployment
from builder.errors import Stopped
from builder.fleet.progress import SetDone, SetFailed
from components.fleet_config import SELF_MANAGED
from fake_aws import Fault
from fleet.rig import FleetRig
from fleet.stack_sets import ACCOUNTS, EAST, WEST, sites
from loaded_config import make_loaded_config

A, B, C = ACCOUNTS
NEW = "777788889999"


def render(folder: Path, accounts: tuple[str, ...] = ACCOUNTS, **sections: Any) -> Deployment:
    operations = {"failure_tolerance": 1, "max_concurrent": 2}
    fleet = {**SELF_MANAGED, "accounts": list(accounts), "operations": operations}
    write_assembly(folder, make_assembly(make_loaded_config(fleet=fleet, **sections)))
    assembly = read_assembly(folder / FLEET_FOLDER)
    return make_deployment(assembly.manifest, assembly.templates, "dev")


@pytest.mark.slow
def test_a_fleet_lives_from_its_first_account_to_its_last(rig: FleetRig, tmp_path: Path) -> None:
    ended = rig.deploy(render(tmp_path))
    assert len(ended) == 5
    assert all(isinstance(outcome, SetDone) for outcome in ended.values())
    functions = {(account, region) for account, region, _ in rig.world.functions}
    assert functions == {(account, region) for account in ACCOUNTS for region in (EAST, WEST)}

    update = render(tmp_path, function={"memory_mb": 512})
    plan = rig.plan(update)
    touched = {planned.id: set(planned.touched) for planned in plan.sets if planned.touched}
    assert touched == {
        "us-east-1/service": set(sites(EAST, *ACCOUNTS)),
        "us-west-2/service": set(sites(WEST, *ACCOUNTS)),
    }
    assert {change.logical_id for planned in plan.sets for change in planned.changes} == {"Function"}
    rig.world.script.fails("UPDATE", "Function", reason="limit reached", account=B, region=WEST)
    failed = [outcome for outcome in rig.execute(plan).sets if isinstance(outcome, SetFailed)]
    assert [(outcome.stack, [each.site for each in outcome.failures]) for outcome in failed] == [
        ("us-west-2/service", [*sites(WEST, B)])
    ]
    again = rig.plan(update)
    assert [site for planned in again.sets for site in planned.touched] == [*sites(WEST, B)]
    assert rig.execute(again).sets == (SetDone(failed[0].stack, 1),)

    joined = rig.plan(render(tmp_path, (*ACCOUNTS, NEW), function={"memory_mb": 512}))
    assert {site.account for planned in joined.sets for site in planned.touched} == {NEW}
    assert all(isinstance(outcome, SetDone) for outcome in rig.execute(joined).sets)

    assert all(isinstance(outcome, SetDone) for outcome in rig.destroy(role="cleaner").sets)
    assert (rig.world.buckets, rig.world.tables, rig.world.functions) == ({}, {}, {})


@pytest.mark.slow
def test_another_name_for_everything_is_stopped_at_each_thing_that_holds_data(rig: FleetRig, tmp_path: Path) -> None:
    rig.deploy(render(tmp_path))
    plan = rig.plan(render(tmp_path, table={"point_in_time_recovery": True}, bucket={"expire_noncurrent_days": 3}))
    assert plan.ordinary.guards == ()
    roles, fleet = rig.deployment.stacks
    renamed = replace(fleet, template=fleet.template.replace("-global", "-worldwide"))
    plan = rig.plan(replace(rig.deployment, stacks=(roles, renamed)))
    assert [hit.allow for hit in plan.ordinary.guards] == ["us-east-1/table/Table"]
    with pytest.raises(Stopped, match="with the old one goes every item"):
        rig.execute(plan)


@pytest.mark.slow
def test_throttling_and_lost_answers_change_nothing_of_it(rig: FleetRig, tmp_path: Path) -> None:
    rig.world.faults.add(Fault.THROTTLE, service="cloudformation", probability=0.2)
    rig.world.faults.add(Fault.LOSE_ANSWER, service="cloudformation", probability=0.05)
    ended = rig.deploy(render(tmp_path))
    assert all(isinstance(outcome, SetDone) for outcome in ended.values())
