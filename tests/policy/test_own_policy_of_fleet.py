"""A fleet's verbs from the command line, each by somebody who has its own policy and no other, on the embedded AWS.

The policies are those that `policy` prints. One account gets the system; who administers it is another.
"""

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from builder.assembly.render import make_fleet_assembly
from builder.aws import Tempo
from builder.cli.main import main
from builder.cli.wiring import Wiring
from builder.config import read_wanted
from builder.local import EmbeddedAws
from builder.policy import Verb
from builder.rehearsal.stage import ACCOUNT
from builder.rehearsal.target_account import EMPTIER, TargetAccount
from builder.terms import AccountId, Region
from conftest import ROOT, Answer
from rehearsal.told import Told

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
    people: int = 0
    policies: dict[Verb, dict[str, Any]] = field(default_factory=dict)

    def __call__(self, keys: tuple[str, str], *arguments: str) -> Answer:
        self.patched.setenv("AWS_ACCESS_KEY_ID", keys[0])
        self.patched.setenv("AWS_SECRET_ACCESS_KEY", keys[1])
        self.capsys.readouterr()
        code = main(arguments, Wiring(tempo=Tempo.quick()))
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
        self.people += 1
        iam, name = boto3.Session(*ADMINISTRATOR, region_name=REGION).client("iam"), f"person-{self.people}-{verb}"
        statements = [
            {**one, "Action": kept}
            for one in self.document(verb)["Statement"]
            if (kept := [action for action in one["Action"] if action not in set(without)])
        ]
        iam.create_user(UserName=name)
        said = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="least", PolicyDocument=said)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def change(self, value: str) -> None:
        """Have the functions' environment another variable, and render."""
        config = self.folder / "dr.yaml"
        said = (
            (ROOT / "dr.yaml")
            .read_text()
            .replace("url_auth: NONE", f"url_auth: NONE\n  environment: {{LIFE: {value}}}\n ")
        )
        config.write_text(f"{said}\n{FLEET}")
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
    assembly = make_fleet_assembly(read_wanted(fleet.folder / "dr.yaml"))
    assert assembly is not None
    TargetAccount(Told().stage(), assembly, "dev", strict.endpoint, MEMBER, REGION).let_in()


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
