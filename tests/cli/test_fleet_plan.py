import asyncio
import json
from pathlib import Path

import pytest

from cli.fleet_rig import FleetCommand, FleetWiring, render
from fleet.rig import BODY, REPLACED
from fleet.scene import ACCOUNTS


def test_a_plan_is_shown_saved_and_says_what_comes_next(fleet: FleetCommand) -> None:
    answer = fleet("plan")
    assert answer.code == 0, answer
    assert "\nIn 3 accounts and 2 regions (us-east-1, us-west-2): stacks 6 created\n" in answer.out
    assert all(account in answer.out for account in ACCOUNTS)
    assert "next: python -m builder fleet execute fleet-plan.json" in answer.out
    assert Path("fleet-plan.json").is_file()
    assert fleet("show", "fleet-plan.json").out in answer.out


def test_a_pipeline_reads_every_account_and_the_exit_code(fleet: FleetCommand) -> None:
    answer = fleet("plan", "--json", "--detailed-exitcode")
    assert answer.code == 3
    (planned,) = [one for line in answer.out.splitlines() if (one := json.loads(line))["event"] == "fleet.planned"]
    assert [one["does"] for one in planned["sets"]] == ["create", "create"]
    assert [site[0] for site in planned["sets"][0]["joining"]] == list(ACCOUNTS)


def test_a_replacement_is_told_with_what_lets_it_pass(standing: FleetCommand) -> None:
    render(Path("templates"), REPLACED)
    answer = standing("plan")
    assert "--allow us-west-2/storage/Bucket" in answer.out
    assert "Bucket  AWS::S3::Bucket  replaced" in answer.out
    assert standing("execute", "fleet-plan.json").code == 4


def test_the_system_s_role_is_not_the_fleet_s(fleet: FleetCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    role = "arn:aws:iam::111122223333:role/cfn-exec"
    monkeypatch.setattr(FleetWiring, "role_arn", role)
    assert fleet("plan").code == 0
    assert role not in Path("fleet-plan.json").read_text()
    assert fleet("plan", "--role-arn", role).code == 0
    assert role in Path("fleet-plan.json").read_text()


def test_a_plan_replaces_the_older_one_that_would_stand_in_its_way(standing: FleetCommand) -> None:
    for number, option in enumerate([(), (), ("--keep",)], start=1):
        render(Path("templates"), BODY.replace("Topic:", f"Topic{number}:"))
        answer = standing("plan", *option)
        assert answer.code == 0, answer
        assert ("replaces plan" in answer.err) == (number == 2)
        FleetWiring(environment={}, world=standing.world).run(asyncio.sleep(120))
    kept = standing("execute", "fleet-plan.json")
    assert (kept.code, kept.err.count("it waits for somebody's review")) == (4, 1)


def test_without_a_rendered_fleet_it_says_how_to_get_one(fleet: FleetCommand) -> None:
    Path("templates/fleet/manifest.json").unlink()
    Path("templates/fleet/fleet.yaml").unlink()
    Path("templates/fleet").rmdir()
    answer = fleet("plan")
    assert answer.code == 2
    assert "no fleet was rendered" in answer.err
