"""Whose credentials they are, and what is asked before anything is deleted: the system's verbs on the fake AWS."""

import json
import os
import re
import signal
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.aws import Clients
from builder.cli.main import main
from builder.terms import Region
from cli.on_fake import ACCOUNT, OTHER, OnWorld


def pin(settings: str) -> None:
    """Have dr.yaml say something of the environment."""
    Path("dr.yaml").write_text(f"{Path('dr.yaml').read_text()}\nenvironments: {{dev: {{{settings}}}}}\n")


pytestmark = pytest.mark.proof
VERBS = (
    ("plan",),
    ("plan", "--recover"),
    ("deploy", "--yes"),
    ("deploy", "--yes", "--recover"),
    ("execute", "plan.json"),
    ("execute", "plan.json", "--recover"),
    ("discard", "plan.json"),
    ("discard", "--all"),
    ("status",),
    ("drift",),
    ("outputs",),
    ("outputs", "globalTableName"),
    ("destroy", "--yes"),
    ("drill", "replication"),
    ("drill", "failover"),
    ("drill", "restore"),
)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_no_verb_says_anything_about_the_deployment_with_credentials_of_another_account(
    command: OnWorld, verb: tuple[str, ...]
) -> None:
    assert command("plan").code == 0
    pin(f'account: "{OTHER}"')
    command.world.calls.clear()
    answer = command(*verb)
    assert answer.code == 2, answer
    assert OTHER in answer.err
    assert "left: nothing" not in answer.out
    assert command.called("ExecuteChangeSet", "DeleteChangeSet", "DeleteStack", "CreateChangeSet", "RollbackStack") == 0


def entries_of(account: str) -> None:
    """Have the assembly say that its stacks belong in an account."""
    manifest = json.loads(Path("templates/manifest.json").read_text())
    for entry in manifest["stacks"]:
        entry["account"] = account
    Path("templates/manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "verb", [("plan",), ("deploy", "--yes"), ("status",), ("drift",), ("outputs",), ("destroy", "--yes")]
)
def test_stacks_of_another_account_without_a_role_to_reach_it_are_a_wrong_input(
    command: OnWorld, verb: tuple[str, ...]
) -> None:
    entries_of(OTHER)
    answer = command("--assembly", "templates", "--env", "dev", *verb)
    assert answer.code == 2
    assert f"has stacks in account {OTHER}, and the credentials are of account {ACCOUNT}" in answer.err
    assert f"--account-role {OTHER}=arn:aws:iam::{OTHER}:role/NAME" in answer.err
    assert command.called("CreateChangeSet") == 0


def test_stacks_of_the_account_of_the_credentials_need_no_role(command: OnWorld) -> None:
    entries_of(ACCOUNT)
    assert command("--assembly", "templates", "--env", "dev", "plan").code == 0


def test_yes_does_not_destroy_production_unless_that_is_said_too(on_deployed: OnWorld) -> None:
    pin("production: true")
    refused = on_deployed("destroy", "--yes")
    assert (refused.code, on_deployed.called("DeleteStack")) == (4, 0)
    assert "--yes --yes-in-production" in refused.err
    assert on_deployed("destroy", "--yes", "--project", "tap", "--env", "dev").code == 4
    assert on_deployed("destroy", "--yes", "--yes-in-production").code == 0


def test_yes_destroys_what_is_no_production(on_deployed: OnWorld) -> None:
    assert on_deployed("destroy", "--yes").code == 0


@dataclass
class Terminal:
    """Somebody at a terminal who does something instead of answering."""

    does: str

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        match self.does:
            case "goes":
                raise OSError(5, "Input/output error")
            case "SIGINT" | "SIGTERM" | "SIGHUP":
                os.kill(os.getpid(), signal.Signals[self.does])
        return {"no": "no\n", "eof": ""}.get(self.does, "yes\n")


@pytest.mark.parametrize(
    ("does", "code"), [("no", 4), ("eof", 4), ("goes", 4), ("SIGINT", 130), ("SIGTERM", 130), ("SIGHUP", 130)]
)
def test_whatever_is_no_yes_leaves_nothing_of_the_plan_behind(
    command: OnWorld, monkeypatch: pytest.MonkeyPatch, hung_up: None, does: str, code: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(does))
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    answer = command("deploy")
    assert answer.code == code, answer
    assert command.called("CreateChangeSet") == 5
    assert command.called("ExecuteChangeSet") == 0
    command.world.settle()
    assert not any(command.world.stack(f"tap-dev-{name}").exists for name in ("table", "storage", "service"))
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before


@pytest.mark.parametrize("option", ["-o", "--markdown", "--html"])
def test_a_page_that_cannot_be_written_leaves_nothing_behind_either(command: OnWorld, option: str) -> None:
    answer = command("plan", option, "no/such/folder/file")
    assert answer.code == 2
    command.world.settle()
    assert not command.world.stack("tap-dev-table").exists
    assert not Path("plan.json").exists()


def change_sets(command: OnWorld) -> list[str]:
    """The names of all that wait on the service's stack in the primary region."""
    client = Clients(command.world.session(ACCOUNT)).cloudformation(Region("us-east-1"))
    pages = client.get_paginator("list_change_sets").paginate(StackName="tap-dev-service")
    listed = [summary for page in pages for summary in page["Summaries"]]
    return [summary["ChangeSetName"] for summary in listed if summary["ExecutionStatus"] == "AVAILABLE"]


def enlarge(memory: int) -> None:
    """Have both functions want another memory size."""
    path = Path("dr.yaml")
    path.write_text(re.sub(r"memory_mb: \d+", f"memory_mb: {memory}", path.read_text()))
    assert main(["render"]) == 0


def test_a_plan_replaces_those_before_it_and_says_so(on_deployed: OnWorld) -> None:
    for memory in (300, 400):
        enlarge(memory)
        assert on_deployed("plan").code == 0
        on_deployed.wait(120)
    enlarge(500)
    answer = on_deployed("plan")
    assert len(change_sets(on_deployed)) == 1
    assert re.search(r"replaces plan \S+ of \S+: us-east-1/service, us-west-2/service", answer.err)
    assert on_deployed("execute", "plan.json").code == 0


def test_a_plan_of_a_moment_ago_may_be_under_way_and_is_not_fought(on_deployed: OnWorld) -> None:
    enlarge(300)
    on_deployed("plan")
    enlarge(400)
    answer = on_deployed("plan")
    assert "replaces plan" not in answer.err
    assert len(change_sets(on_deployed)) == 2


def test_a_plan_keeps_what_waits_where_it_is_told_to(on_deployed: OnWorld) -> None:
    for memory in (300, 400):
        enlarge(memory)
        on_deployed("plan", "--keep")
        on_deployed.wait(120)
    assert len(change_sets(on_deployed)) == 2
    assert on_deployed("execute", "plan.json").code == 4


def test_another_s_change_set_is_left_by_a_plan_and_by_discard_all(on_deployed: OnWorld) -> None:
    client = Clients(on_deployed.world.session(ACCOUNT)).cloudformation(Region("us-east-1"))
    parameters = client.describe_stacks(StackName="tap-dev-service")["Stacks"][0]["Parameters"]
    body = client.get_template(StackName="tap-dev-service", TemplateStage="Original")["TemplateBody"]
    client.create_change_set(
        StackName="tap-dev-service",
        ChangeSetName="theirs",
        TemplateBody=str(body).replace("MemorySize: 256", "MemorySize: 1024"),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": parameter["ParameterKey"], "UsePreviousValue": True} for parameter in parameters],
    )
    on_deployed.wait(120)
    enlarge(300)
    on_deployed("plan")
    assert "theirs" in change_sets(on_deployed)
    answer = on_deployed("discard", "--all")
    assert (answer.code, change_sets(on_deployed)) == (0, ["theirs"])


def test_discard_all_leaves_no_change_set_and_no_empty_stack(command: OnWorld) -> None:
    for _ in range(3):
        assert command("plan", "--keep").code == 0
    answer = command("discard", "--all")
    assert answer.code == 0
    assert "discarded 15 change sets and empty stacks of tap-dev" in answer.out
    command.world.settle()
    assert not any(command.world.stack(f"tap-dev-{name}").exists for name in ("table", "storage", "service"))
    assert command("discard", "--all").out.endswith("discarded 0 change sets and empty stacks of tap-dev\n")


@pytest.mark.parametrize("arguments", [(), ("plan.json", "--all")])
def test_discard_takes_a_file_or_all(command: OnWorld, arguments: tuple[str, ...]) -> None:
    assert command("discard", *arguments).code == 2


def test_a_discarded_plan_s_change_sets_are_its_own(on_deployed: OnWorld) -> None:
    enlarge(300)
    on_deployed("plan")
    plan = json.loads(Path("plan.json").read_text())
    plan["id"] = "another"
    Path("plan.json").write_text(json.dumps(plan))
    answer = on_deployed("discard", "plan.json")
    assert (answer.code, on_deployed.called("DeleteChangeSet")) == (2, 0)
    assert "these are not the plan's" in answer.err


def test_a_plan_with_change_sets_of_an_account_that_no_role_reaches_is_not_discarded(on_deployed: OnWorld) -> None:
    enlarge(300)
    on_deployed("plan")
    text = Path("plan.json").read_text().replace('"account": null', f'"account": "{OTHER}"')
    Path("plan.json").write_text(text.replace(f":{ACCOUNT}:", f":{OTHER}:"))
    answer = on_deployed("discard", "plan.json")
    assert (answer.code, on_deployed.called("DeleteChangeSet")) == (2, 0)
    assert f"has stacks in account {OTHER}, and the credentials are of account {ACCOUNT}" in answer.err


def test_only_the_owner_reads_what_may_hold_values(command: OnWorld) -> None:
    Path("plan.json").write_text("{}")
    Path("plan.json").chmod(0o644)
    assert command("plan", "--markdown", "plan.md", "--html", "plan.html").code == 0
    modes = {name: stat.S_IMODE(Path(name).stat().st_mode) for name in ("plan.json", "plan.md", "plan.html")}
    assert modes == dict.fromkeys(modes, 0o600)
    assert command("plan", "-o", "/dev/null").code == 0
