"""A fleet's verbs from the command line, each by somebody who has its own policy and no other, on the embedded AWS.

The policies are those that `policy` prints. One account gets the system; who administers it is another.
"""

import json
import secrets
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from answer import ROOT, Answer
from builder.assembly.render import make_fleet_assembly
from builder.aws import Tempo
from builder.cli.main import main
from builder.cli.session import Session
from builder.config import load_config
from builder.local import EmbeddedAws
from builder.policy import Verb
from builder.policy.rights import CALLS, On
from builder.rehearsal.fleet_life import EMPTIER, TargetAccount
from builder.rehearsal.stage import ACCOUNT
from builder.terms import AccountId, Region
from rehearsal.transcript import Transcript
from samples import sampled

ADMIN, MEMBER = str(ACCOUNT), AccountId("000000880022")
REGION = Region("us-west-2")
FLEET = f"""
fleet:
  permission_model: self-managed
  administration_account: "{ADMIN}"
  accounts: ["{MEMBER}"]
"""
ADMINISTRATOR = (ADMIN, "test")


@dataclass
class Fleet:
    """The command line in a project with a fleet, by whoever has these keys."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    patched: pytest.MonkeyPatch
    policies: dict[Verb, dict[str, Any]] = field(default_factory=dict)

    def __call__(self, keys: tuple[str, str], *arguments: str) -> Answer:
        self.patched.setenv("AWS_ACCESS_KEY_ID", keys[0])
        self.patched.setenv("AWS_SECRET_ACCESS_KEY", keys[1])
        self.capsys.readouterr()
        code = main(arguments, partial(Session, tempo=Tempo.quick()))
        wrote = self.capsys.readouterr()
        return Answer(code, wrote.out, wrote.err)

    def document(self, verb: Verb) -> dict[str, Any]:
        if verb not in self.policies:
            role = ("--role", EMPTIER) if verb is Verb.FLEET_DESTROY else ()
            printed = self(ADMINISTRATOR, "policy", verb.value, *role)
            assert printed.code == 0, printed
            self.policies[verb] = json.loads(printed.out)
        return self.policies[verb]

    def keys(self, verb: Verb, without: Iterable[str] = ()) -> tuple[str, str]:
        """The keys of somebody with just the verb's policy, less some actions."""
        iam, name = boto3.Session(*ADMINISTRATOR, region_name=REGION).client("iam"), f"person-{secrets.token_hex(4)}"
        statements = [
            {**statement, "Action": kept}
            for statement in self.document(verb)["Statement"]
            if (kept := [action for action in statement["Action"] if action not in set(without)])
        ]
        iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="least", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def change(self, value: str) -> None:
        """Have the functions' environment another variable, and render."""
        config = self.folder / "dr.yaml"
        text = (ROOT / "dr.yaml").read_text().replace("function:\n", f"function:\n  environment: {{LIFE: x{value}}}\n")
        config.write_text(f"{text}\n{FLEET}")
        assert self(ADMINISTRATOR, "render").code == 0


@pytest.fixture
def fleet(
    strict: EmbeddedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Fleet:
    shutil.copytree(ROOT / "lambda", tmp_path / "lambda", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", strict.endpoint)
    made = Fleet(tmp_path, capsys, monkeypatch)
    made.change("one")
    return made


def let_in(fleet: Fleet, strict: EmbeddedAws) -> None:
    assembly = make_fleet_assembly(load_config(fleet.folder / "dr.yaml"))
    assert assembly is not None
    TargetAccount(Transcript().stage(), assembly, "dev", strict.endpoint, MEMBER, REGION).let_in()


def test_each_verb_goes_through_under_its_own_policy(fleet: Fleet, strict: EmbeddedAws) -> None:
    let_in(fleet, strict)
    for value in ("one", "two"):
        fleet.change(value)
        planned = fleet(fleet.keys(Verb.FLEET_PLAN), "fleet", "plan")
        assert planned.code == 0, planned
        executed = fleet(fleet.keys(Verb.FLEET_EXECUTE), "fleet", "execute", "fleet-plan.json")
        assert executed.code == 0, executed
    looker = fleet.keys(Verb.FLEET_STATUS)
    for verb in ("status", "outputs"):
        seen = fleet(looker, "fleet", verb)
        assert seen.code == 0, seen
    stopped = fleet(fleet.keys(Verb.FLEET_EXECUTE), "fleet", "stop")
    assert stopped.code == 0, stopped
    gone = fleet(fleet.keys(Verb.FLEET_DESTROY), "fleet", "destroy", "--yes", "--role", EMPTIER)
    assert gone.code == 0, gone


def plan(fleet: Fleet, keys: tuple[str, str]) -> Answer:
    fleet.change(secrets.token_hex(4))
    return fleet(keys, "fleet", "plan", "--overrides")


def execute(fleet: Fleet, keys: tuple[str, str]) -> Answer:
    fleet.change(secrets.token_hex(4))
    clear_reviews()
    assert fleet(ADMINISTRATOR, "fleet", "plan").code == 0
    executed = fleet(keys, "fleet", "execute", "fleet-plan.json")
    stopped = fleet(keys, "fleet", "stop")
    return Answer(max(executed.code, stopped.code), executed.out + stopped.out, executed.err + stopped.err)


def clear_reviews() -> None:
    """Delete what the plans of other tests have left for review."""
    client = boto3.Session(*ADMINISTRATOR, region_name=REGION).client("cloudformation")
    for change_set in client.list_change_sets(StackName="tap-dev-fleet")["Summaries"]:
        if change_set["ExecutionStatus"] == "AVAILABLE":
            client.delete_change_set(ChangeSetName=change_set["ChangeSetId"])


def status_and_outputs(fleet: Fleet, keys: tuple[str, str]) -> Answer:
    status, outputs = fleet(keys, "fleet", "status"), fleet(keys, "fleet", "outputs")
    return Answer(max(status.code, outputs.code), status.out + outputs.out, status.err + outputs.err)


def destroy(fleet: Fleet, keys: tuple[str, str]) -> Answer:
    return fleet(keys, "fleet", "destroy", "--yes", "--role", EMPTIER)


LIVES: dict[Verb, Callable[[Fleet, tuple[str, str]], Answer]] = {
    Verb.FLEET_PLAN: plan,
    Verb.FLEET_STATUS: status_and_outputs,
    Verb.FLEET_EXECUTE: execute,
    Verb.FLEET_DESTROY: destroy,
}


NOT_CHECKED = "the emulator does not check it"
NOT_REACHED = "only where something is refused, lost, begun by others or gone; test_fleet_calls lives through that"
UNSHOWN: dict[Verb, dict[str, str]] = {
    verb: {f"cloudformation:{name}": why for name, why in names.items()}
    for verb, names in {
        Verb.FLEET_PLAN: {
            **dict.fromkeys(("ListStacks", "TagResource"), NOT_CHECKED),
            **dict.fromkeys(
                ("DeleteChangeSet", "DeleteStack", "DescribeStackEvents", "ListImports", "ListStackResources"),
                NOT_REACHED,
            ),
        },
        Verb.FLEET_STATUS: {
            "ListStacks": NOT_CHECKED,
            **dict.fromkeys(("DescribeStackSet", "ListChangeSets"), NOT_REACHED),
        },
        Verb.FLEET_EXECUTE: {
            **dict.fromkeys(("ListStacks", "TagResource"), NOT_CHECKED),
            **dict.fromkeys(
                (
                    *(
                        "ContinueUpdateRollback",
                        "RollbackStack",
                        "StopStackSetOperation",
                        "UpdateTerminationProtection",
                    ),
                    *("CreateChangeSet", "DeleteChangeSet", "DescribeEvents", "DescribeStackEvents", "DeleteStack"),
                    *("CreateStackInstances", "UpdateStackInstances"),
                ),
                NOT_REACHED,
            ),
        },
        Verb.FLEET_DESTROY: {
            "ListStacks": NOT_CHECKED,
            **dict.fromkeys(
                (
                    *("DeleteChangeSet", "DescribeChangeSet", "DescribeStackEvents", "DescribeStackSet"),
                    *("ListChangeSets", "UpdateTerminationProtection"),
                ),
                NOT_REACHED,
            ),
        },
    }.items()
}


def own(verb: Verb) -> list[str]:
    """What the verb's own calls take here: the fleet follows no organization, and nests no stack in its own."""
    here = {On.ANYTHING, On.STACKS, On.TAGGED_STACKS, On.UNTAGGED_STACKS, On.NEW_CHANGE_SETS, On.OUR_CHANGE_SETS}
    here |= {On.CHANGE_SETS, On.STACK_SETS, On.INSTANCE_ROLES}
    return sorted({action for call in CALLS[verb] for action, on in call.needs if on in here})


@pytest.fixture
def deployed(fleet: Fleet, strict: EmbeddedAws) -> Fleet:
    """The fleet, deployed by the administrator where it is not."""
    let_in(fleet, strict)
    answer = fleet(ADMINISTRATOR, "fleet", "deploy", "--yes")
    assert answer.code == 0, answer
    return fleet


@pytest.mark.parametrize(
    ("verb", "action"),
    sampled(((verb, action) for verb in LIVES for action in own(verb) if action not in UNSHOWN[verb]), every=30),
    ids=str,
)
def test_an_action_taken_out_is_missed_and_told_by_its_name(deployed: Fleet, verb: Verb, action: str) -> None:
    answer = LIVES[verb](deployed, deployed.keys(verb, without=(action,)))
    assert action in f"{answer.out}\n{answer.err}", answer


@pytest.mark.acceptance
@pytest.mark.parametrize("verb", list(LIVES))
def test_what_cannot_be_shown_is_missed_by_nothing(deployed: Fleet, verb: Verb) -> None:
    """So the list is no longer than it has to be: an action that breaks something here does not belong on it."""
    assert set(UNSHOWN[verb]) <= set(own(verb))
    answer = LIVES[verb](deployed, deployed.keys(verb, without=UNSHOWN[verb]))
    assert answer.code == 0, answer
