"""`fleet`: its verbs through the command line, on the fake AWS."""

import csv
import io
import json
from pathlib import Path

import click
import pytest

from answer import Command
from builder.cli.main import cli
from builder.cli.project import Project
from cli.on_fake import OnWorld, render, write_config
from fake_aws import Fault, World
from fleet.rig import BODY, CHANGED, REPLACED
from fleet.stack_sets import ACCOUNTS, ADMIN, WEST

A = ACCOUNTS[0]
VERBS_OF_FLEET = (
    "deploy",
    "destroy",
    "discard",
    "drift",
    "drop",
    "execute",
    "outputs",
    "plan",
    "show",
    "status",
    "stop",
)


@pytest.mark.parametrize("verb", VERBS_OF_FLEET)
def test_every_verb_of_a_fleet_explains_itself(builder: Command, verb: str) -> None:
    group = cli.get_command(click.Context(cli), "fleet")
    assert isinstance(group, click.Group)
    assert tuple(sorted(group.commands)) == VERBS_OF_FLEET
    answer = builder("fleet", verb, "--help")
    assert answer.code == 0
    assert (group.commands[verb].help or "").split()[0] in answer.out


def test_a_plan_is_shown_saved_and_says_what_comes_next(fleet: OnWorld) -> None:
    answer = fleet("plan")
    assert answer.code == 0, answer
    assert "\nIn 3 accounts and 2 regions (us-east-1, us-west-2): stacks 6 created\n" in answer.out
    assert all(account in answer.out for account in ACCOUNTS)
    assert "next: python -m builder fleet execute fleet-plan.json" in answer.out
    assert Path("fleet-plan.json").is_file()
    assert fleet("show", "fleet-plan.json").out in answer.out


def test_a_plan_has_pages_for_a_pull_request_and_a_browser(fleet: OnWorld) -> None:
    answer = fleet("plan", "--markdown", "plan.md", "--html", "plan.html")
    assert answer.code == 0, answer
    comment, page = Path("plan.md").read_text(), Path("plan.html").read_text()
    assert comment.startswith("### In 3 accounts and 2 regions")
    assert "updates" not in comment
    assert f"creates its stack in {', '.join(ACCOUNTS)} in us-west-2" in comment
    assert "python -m builder fleet execute fleet-plan.json" in page
    assert fleet("show", "fleet-plan.json", "--markdown", "again.md").code == 0
    assert Path("again.md").read_text() == comment


def test_a_pipeline_reads_every_account_and_the_exit_code(fleet: OnWorld) -> None:
    answer = fleet("plan", "--json", "--detailed-exitcode")
    assert answer.code == 3
    (planned,) = [
        parsed for line in answer.out.splitlines() if (parsed := json.loads(line))["event"] == "fleet.planned"
    ]
    assert [set_["does"] for set_ in planned["sets"]] == ["create", "create"]
    assert [site[0] for site in planned["sets"][0]["joining"]] == list(ACCOUNTS)


def test_a_replacement_is_told_with_what_lets_it_pass(on_deployed_fleet: OnWorld) -> None:
    render(Path("templates"), REPLACED)
    answer = on_deployed_fleet("plan")
    assert "--allow us-west-2/storage/Bucket" in answer.out
    assert "Bucket  AWS::S3::Bucket  replaced" in answer.out
    assert on_deployed_fleet("execute", "fleet-plan.json").code == 4


def test_the_system_s_role_is_not_the_fleet_s(fleet: OnWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    role = "arn:aws:iam::111122223333:role/cfn-exec"
    monkeypatch.setattr(Project, "role_arn", role)
    assert fleet("plan").code == 0
    assert role not in Path("fleet-plan.json").read_text()
    assert fleet("plan", "--role-arn", role).code == 0
    assert role in Path("fleet-plan.json").read_text()


def test_a_plan_replaces_the_older_one_that_would_stand_in_its_way(on_deployed_fleet: OnWorld) -> None:
    for number, option in enumerate([(), (), ("--keep",)], start=1):
        render(Path("templates"), BODY.replace("Topic:", f"Topic{number}:"))
        answer = on_deployed_fleet("plan", *option)
        assert answer.code == 0, answer
        assert ("replaces plan" in answer.err) == (number == 2)
        on_deployed_fleet.wait(120)
    kept = on_deployed_fleet("execute", "fleet-plan.json")
    assert (kept.code, kept.err.count("it waits for somebody's review")) == (4, 1)


def test_without_a_rendered_fleet_it_says_how_to_get_one(fleet: OnWorld) -> None:
    Path("templates/fleet/manifest.json").unlink()
    Path("templates/fleet/fleet.yaml").unlink()
    Path("templates/fleet").rmdir()
    answer = fleet("plan")
    assert answer.code == 2
    assert "no fleet was rendered" in answer.err


def test_a_saved_plan_is_executed_exactly_and_every_step_told(fleet: OnWorld) -> None:
    fleet("plan")
    answer = fleet("execute", "fleet-plan.json", "--json")
    assert answer.code == 0, answer
    events = [json.loads(line) for line in answer.out.splitlines()]
    assert {"set.progress", "stack.finished", "fleet.ended"} <= {event["event"] for event in events}
    assert [set_["outcome"] for set_ in events[-1]["sets"]] == ["succeeded", "succeeded"]


@pytest.mark.parametrize("verb", ["show", "execute"])
def test_a_plan_that_is_not_there_is_named(fleet: OnWorld, verb: str) -> None:
    answer = fleet(verb, "none.json")
    assert answer.code == 2
    assert "next:  python -m builder fleet plan -o none.json" in answer.err


@pytest.mark.slow
def test_ctrl_c_leaves_the_operation_running_and_says_what_stops_it(on_deployed_fleet: OnWorld) -> None:
    render(Path("templates"), CHANGED)
    on_deployed_fleet.world.script.takes(90, action="UPDATE", resource="Topic")
    on_deployed_fleet("plan")
    on_deployed_fleet.interrupted = True
    answer = on_deployed_fleet("execute", "fleet-plan.json")
    assert answer.code == 130
    assert "python -m builder fleet stop" in answer.err
    on_deployed_fleet.interrupted = False
    stopped = on_deployed_fleet("stop")
    assert stopped.code == 0
    assert "us-west-2/storage        started: STOP UPDATE " in stopped.out
    assert "us-west-2/storage: UPDATE " in stopped.err
    on_deployed_fleet.world.settle()
    assert "no operation runs" in on_deployed_fleet("stop").err


@pytest.mark.slow
def test_with_stop_ctrl_c_stops_the_operation_too(on_deployed_fleet: OnWorld) -> None:
    render(Path("templates"), CHANGED)
    on_deployed_fleet.world.script.takes(90, action="UPDATE", resource="Topic")
    on_deployed_fleet("plan")
    on_deployed_fleet.interrupted = True
    answer = on_deployed_fleet("execute", "fleet-plan.json", "--stop")
    assert answer.code == 130
    assert "started: STOP UPDATE " in answer.out


def test_progress_is_told_by_set_and_the_end_by_all(fleet: OnWorld) -> None:
    answer = fleet("deploy", "--yes")
    assert answer.code == 0, answer
    assert "us-west-2/storage        3/3: CREATE SUCCEEDED" in answer.out
    assert answer.out.endswith("2 sets done, 0 failed (0 stacks), 0 not started\n1 done, 0 failed, 0 not started\n")


def test_a_second_deploy_changes_nothing(on_deployed_fleet: OnWorld) -> None:
    answer = on_deployed_fleet("deploy", "--yes")
    assert answer.code == 0
    assert "No stack in any account changes" in answer.out


def test_one_account_that_fails_is_named_with_its_reason_and_a_second_run_repairs_only_it(
    on_deployed_fleet: OnWorld,
) -> None:
    render(Path("templates"), CHANGED)
    on_deployed_fleet.world.script.fails("UPDATE", "Topic", reason="limit reached", account=ACCOUNTS[1], region=WEST)
    failed = on_deployed_fleet("deploy", "--yes")
    assert failed.code == 1
    assert f"{ACCOUNTS[1]} us-west-2: " in failed.out
    assert "limit reached" in failed.out
    assert "next:  python -m builder fleet deploy" in failed.err
    again = on_deployed_fleet("deploy", "--yes")
    assert again.code == 0, again
    assert f"does again what failed in {ACCOUNTS[1]} in us-west-2" in again.out


def test_without_a_terminal_nobody_is_asked_and_the_change_sets_go_again(fleet: OnWorld) -> None:
    answer = fleet("deploy")
    assert answer.code == 4
    assert "--yes answers it" in answer.err
    fleet.world.settle()
    assert "nothing of tap-fleet-dev stands" in fleet("destroy").out


def test_how_it_ended_is_told_in_words_and_by_the_code(fleet: OnWorld) -> None:
    fleet.world.script.fails("CREATE", "Topic", reason="limit reached", region="us-east-1", times=None)
    answer = fleet("deploy", "--yes")
    assert answer.code == 1
    assert "us-east-1/storage: 3 stacks failed" in answer.out


VERBS = (("status",), ("outputs",), ("stop",), ("destroy", "--yes"))
FLEET = "fleet: {permission_model: self-managed, administration_account: '%s', admin_region: %s, accounts: ['%s']}"
EVERY_VERB = pytest.mark.parametrize("verb", VERBS, ids=[verb[0] for verb in VERBS])


def test_several_filters_come_together(on_deployed_fleet: OnWorld) -> None:
    assert (
        "2 of 2 stacks"
        in on_deployed_fleet(
            "status", "--region", "us-east-1", "--account", "444455556666", "--region", "us-west-2"
        ).out
    )


@pytest.fixture
def rewritten(on_deployed_fleet: OnWorld) -> OnWorld:
    """The command line without --assembly, beside a dr.yaml that says no `fleet:` any more and was not rendered."""
    write_config()
    on_deployed_fleet.before = ("--env", "dev", "fleet")
    return on_deployed_fleet


@pytest.mark.slow
def test_a_fleet_s_plan_is_discarded_by_its_file_or_with_all_others(on_deployed_fleet: OnWorld) -> None:
    render(Path("templates"), CHANGED)
    on_deployed_fleet("plan")
    answer = on_deployed_fleet("discard", "fleet-plan.json")
    assert (answer.code, "discarded 1 change set of plan" in answer.out) == (0, True), answer
    on_deployed_fleet("plan", "-o", "a.json")
    on_deployed_fleet("plan", "-o", "b.json", "--keep")
    answer = on_deployed_fleet("discard", "--all")
    assert (answer.code, "discarded 2 change sets and empty stacks of tap-fleet-dev" in answer.out) == (0, True), answer
    wrong = on_deployed_fleet("discard")
    assert (wrong.code, "fleet discard: takes either a plan's file or --all" in wrong.err) == (2, True)
    assert on_deployed_fleet("status").code == 0


@pytest.mark.slow
def test_drift_is_told_by_account_and_region_with_its_properties_and_an_override_is_none(
    on_deployed_fleet: OnWorld,
) -> None:
    answer = on_deployed_fleet("drift")
    assert (answer.code, answer.out.splitlines()[-1]) == (0, "6 stacks of 2 sets: 0 drifted, 0 not looked at")
    drift(on_deployed_fleet.world, A, DisplayName="by hand")
    answer = on_deployed_fleet("drift", "--json")
    assert answer.code == 3
    (seen,) = [
        parsed for line in answer.out.splitlines() if (parsed := json.loads(line))["event"] == "fleet.drift.seen"
    ]
    (stack,) = [stack for set_ in seen["sets"] for stack in set_["drifted"]]
    assert (stack["account"], stack["region"], stack["stack"]) == (A, WEST, "us-west-2/storage")
    (difference,) = stack["resources"][0]["properties"]
    assert (difference["path"], difference["expected"], difference["actual"]) == ("/DisplayName", "one", "by hand")
    people = on_deployed_fleet("drift").out
    assert f"{A} us-west-2 us-west-2/storage  DRIFTED\n  Topic  AWS::SNS::Topic  MODIFIED" in people
    assert "/DisplayName: one -> by hand  NOT_EQUAL" in people
    assert on_deployed_fleet("status").code == 3, "the status shows what was found"


def drift(world: World, account: str, **properties: str) -> None:
    """Have somebody change the topic of an account's stack."""
    stacks = world.region(account, WEST).cloudformation.stacks.values()
    stack = next(stack for stack in stacks if stack.name.startswith("StackSet-tap-dev-us-west-2-storage"))
    world.stack(stack.name, account=account, region=WEST).drifts("Topic", **properties)


def test_where_an_account_cannot_be_looked_at_it_is_told_and_ends_in_1(on_deployed_fleet: OnWorld) -> None:
    on_deployed_fleet.world.forbidden_roles.add(f"arn:aws:iam::{A}:role/tap-dev-execution")
    answer = on_deployed_fleet("drift")
    assert answer.code == 1
    assert f"{A} us-west-2 us-west-2/storage  not looked at: Account {A} should have" in answer.out
    assert answer.out.splitlines()[-1] == "6 stacks of 2 sets: 0 drifted, 2 not looked at"
    drift(on_deployed_fleet.world, ACCOUNTS[1], DisplayName="by hand")
    assert on_deployed_fleet("drift").code == 3


def test_where_nothing_stands_there_is_no_drift_to_look_for(fleet: OnWorld) -> None:
    answer = fleet("drift")
    assert (answer.code, "nothing of tap-fleet-dev stands in any region" in answer.err) == (1, True)


def find_all(fleet: OnWorld, *more: str) -> None:
    """Hold that every verb finds what stands, and what is left after the last."""
    assert fleet("status", *more).out.startswith("6 of 6 stacks in 3 accounts")
    assert len(fleet("outputs", *more).out.splitlines()) == 6
    assert fleet("stop", *more).err.endswith("no operation runs on the fleet's sets\n")
    answer = fleet("destroy", "--yes", *more)
    assert answer.code == 0, answer
    assert fleet.world.buckets == {}
    for verb in ("stop", "destroy"):
        assert fleet(verb, *more).out == "nothing of tap-fleet-dev stands in any region\n"


@pytest.mark.slow
def test_a_fleet_stands_whatever_was_rendered_since_or_was_not(rewritten: OnWorld) -> None:
    find_all(rewritten)


@pytest.mark.slow
def test_a_fleet_stands_where_dr_yaml_has_had_it(on_deployed_fleet: OnWorld) -> None:
    write_config(FLEET % (ADMIN, "eu-west-1", ACCOUNTS[0]))
    on_deployed_fleet.before = ("--env", "dev", "fleet")
    find_all(on_deployed_fleet)


@pytest.mark.slow
def test_the_project_s_name_is_enough(on_deployed_fleet: OnWorld) -> None:
    on_deployed_fleet.before = ("--env", "dev", "fleet")
    find_all(on_deployed_fleet, "--project", "tap")


def test_a_region_that_does_not_answer_is_told_and_hides_nothing_of_the_others(rewritten: OnWorld) -> None:
    rewritten.world.faults.add(Fault.HANG, region="eu-west-1")
    answer = rewritten("status")
    assert answer.code == 0
    assert answer.err.startswith("not looked at: eu-west-1: ")
    assert answer.out.startswith("6 of 6 stacks")


def test_where_no_region_answers_nobody_says_that_nothing_stands(on_deployed_fleet: OnWorld) -> None:
    on_deployed_fleet.before = ("--env", "dev", "fleet")
    on_deployed_fleet.world.faults.add(Fault.EXPIRED)
    answer = on_deployed_fleet("destroy", "--yes", "--project", "tap")
    assert answer.code == 1
    assert "tap-fleet-dev: no region could be looked at" in answer.err


@EVERY_VERB
def test_another_account_s_credentials_are_refused_before_anything_is_looked_at(
    on_deployed_fleet: OnWorld, verb: tuple[str, ...]
) -> None:
    write_config(FLEET % ("999988887777", "us-west-2", ACCOUNTS[0]))
    on_deployed_fleet.before = ("--env", "dev", "fleet")
    on_deployed_fleet.world.calls.clear()
    answer = on_deployed_fleet(*verb)
    assert answer.code == 2
    assert f"tap-fleet-dev: belongs in account 999988887777, and the credentials are of account {ADMIN}" in answer.err
    assert {call.operation for call in on_deployed_fleet.world.calls} == {"GetCallerIdentity"}


@EVERY_VERB
def test_no_region_can_be_left_out(on_deployed_fleet: OnWorld, verb: tuple[str, ...]) -> None:
    answer = on_deployed_fleet(*verb, "--skip-region", "us-east-1")
    assert answer.code == 2
    assert "none can be left out" in answer.err


@pytest.mark.slow
def test_all_is_summed_up_and_every_row_is_there_for_machines(on_deployed_fleet: OnWorld) -> None:
    assert on_deployed_fleet("status").out.startswith("6 of 6 stacks in 3 accounts are as they should be")
    rows = json.loads(on_deployed_fleet("status", "--json", "--account", ACCOUNTS[0]).out)
    assert {(row["account"], row["region"]) for row in rows} == {(ACCOUNTS[0], "us-west-2"), (ACCOUNTS[0], "us-east-1")}
    assert len(list(csv.DictReader(io.StringIO(on_deployed_fleet("status", "--csv").out)))) == 6
    assert on_deployed_fleet("status", "--failed").out == "0 of 6 stacks failed\n"
    assert on_deployed_fleet("status", "--failed", "--account", ACCOUNTS[0]).out == "0 of 2 stacks failed\n"
    assert on_deployed_fleet("status", "--failed", "--account", "9" * 12).out == "no stack of the fleet stands there\n"
    assert json.loads(on_deployed_fleet("status", "--failed", "--json").out) == []


@pytest.mark.slow
def test_what_failed_is_shown_with_its_reason_and_an_exit_code_of_its_own(fleet: OnWorld) -> None:
    fleet.world.script.fails("CREATE", "Topic", reason="limit reached", account=ACCOUNTS[1], region=WEST)
    fleet("deploy", "--yes")
    answer = fleet("status")
    assert answer.code == 3
    assert f"{ACCOUNTS[1]} us-west-2 us-west-2/storage  OUTDATED" in answer.out
    assert "limit reached" in answer.out
    failed = fleet("status", "--failed")
    assert (failed.code, failed.out.splitlines()[0]) == (3, "1 of 6 stacks failed, in 1 account")


def test_outputs_are_shown_for_people_machines_and_spreadsheets(on_deployed_fleet: OnWorld) -> None:
    line = f"{A} us-west-2 us-west-2/storage  Name = tap-dev-{A}-one\n"
    only = ("--account", A, "--stack", "us-west-2/storage")
    assert on_deployed_fleet("outputs", *only).out == line
    (row,) = json.loads(on_deployed_fleet("outputs", *only, "--json").out)
    assert row["outputs"] == {"Name": f"tap-dev-{A}-one"}
    assert (
        on_deployed_fleet("outputs", *only, "--csv").out.splitlines()[1]
        == f"{A},us-west-2,us-west-2/storage,Name,tap-dev-{A}-one"
    )


def test_an_account_that_does_not_answer_ends_in_1(on_deployed_fleet: OnWorld) -> None:
    on_deployed_fleet.world.forbidden_roles.add(f"arn:aws:iam::{A}:role/reader")
    answer = on_deployed_fleet("outputs", "--role", "reader", "--json")
    assert answer.code == 1
    assert len(json.loads(answer.out)) == 4
    assert f"{A} us-west-2: us-west-2/storage: " in answer.err


def test_all_of_it_goes_and_then_there_is_nothing(on_deployed_fleet: OnWorld) -> None:
    refused = on_deployed_fleet("destroy")
    assert refused.code == 4
    assert "us-west-2/storage  tap-dev-us-west-2-storage" in refused.out
    answer = on_deployed_fleet("destroy", "--yes")
    assert answer.code == 0, answer
    assert on_deployed_fleet.world.buckets == {}
    assert "nothing of tap-fleet-dev stands in any region" in on_deployed_fleet("destroy", "--yes").out


def test_a_pattern_says_how_many_it_lets_pass_before_anything_goes(on_deployed_fleet: OnWorld) -> None:
    client = on_deployed_fleet.world.session(ADMIN).client("cloudformation", WEST)
    client.update_termination_protection(StackName="tap-dev-fleet", EnableTerminationProtection=True)
    assert on_deployed_fleet("destroy", "--yes").code == 4
    answer = on_deployed_fleet("destroy", "--yes", "--json", "--allow", "us-west-2/*/Termination*")
    assert answer.code == 0, answer
    first = json.loads(answer.out.splitlines()[0])
    assert (first["event"], first["allow"], first["passes"], first["names"]) == (
        "guard.allowed",
        "us-west-2/*/Termination*",
        1,
        ["us-west-2/fleet/TerminationProtection"],
    )


def test_where_nothing_runs_it_says_so(on_deployed_fleet: OnWorld) -> None:
    answer = on_deployed_fleet("stop")
    assert answer.code == 0
    assert answer.err == "no operation runs on the fleet's sets\n"
