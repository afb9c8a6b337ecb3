"""A deployment on the embedded AWS that is brought into the states of a runbook, and whose lines are typed."""

import io
import json
import shlex
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from answer import Answer, Command
from builder.local import EmbeddedAws
from builder.runbook import (
    Condition,
    Runbook,
    RunbookLine,
    RunbookState,
    ShellVariable,
    TypedCommand,
    as_typed,
)
from runbook.aws_cli import run_aws

GOOD, BAD = "as it was", "overwritten"
EAST, WEST = "us-east-1", "us-west-2"


@dataclass
class Lab:
    """What a test works with; `suffix` is the environment."""

    embedded: EmbeddedAws
    builder: Command
    account: str
    suffix: str
    variables: dict[str, str] = field(default_factory=dict)
    state: RunbookState = field(default_factory=lambda: RunbookState(Condition.WELL))
    fault: ExitStack = field(default_factory=ExitStack)

    @property
    def table(self) -> str:
        return f"tap-{self.suffix}-global"

    def bucket(self, region: str) -> str:
        return f"tap-{self.suffix}-{self.account}-{region}-an"

    def fill(self) -> None:
        """Write what has to be there at the end, whatever is typed."""
        self._write(EAST, GOOD, "orders/0.json")

    def object_in(self, region: str, key: str = "orders/1.json") -> str:
        """Return what readers of the object find in a region."""
        answer = self.client("s3", region).get_object(Bucket=self.bucket(region), Key=key)
        return str(answer["Body"].read().decode())

    def item_in(self, region: str) -> str:
        """Return what readers of the item find in a region."""
        answer = self.client("dynamodb", region).get_item(TableName=self.table, Key={"id": {"S": "item#order"}})
        return str(answer["Item"]["body"]["S"])

    def tables(self, region: str) -> list[str]:
        return [str(name) for name in self.client("dynamodb", region).list_tables()["TableNames"]]

    def client(self, service: str, region: str) -> Any:
        return boto3.Session().client(service, region_name=region)  # type: ignore[call-overload]

    def bring(self, state: RunbookState) -> None:
        """Bring the state about."""
        if state == self.state:
            return
        self.fault.close()
        match state.condition:
            case Condition.LOST:
                self._lose(str(state.region))
            case Condition.PROMOTED_ALONE:
                self._lose(EAST if state.region == WEST else WEST)
            case Condition.IMPAIRED:
                self._fault({"region": state.region, "status": 503, "services": ["dynamodb"]})
            case Condition.BACK:
                self._write_elsewhere(WEST if state.region == EAST else EAST)
            case Condition.DAMAGED:
                self._damage()
        self.state = state

    def value_of(self, variable: ShellVariable) -> str:
        """Return what a person writes in the place of a variable."""
        if variable.name == "BEFORE":
            return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if variable.name == "KEY":
            return json.dumps({"id": {"S": "item#order"}})
        if variable.name == "OBJECT":
            return "orders/1.json"
        assert variable.name == "VERSION", variable
        s3 = self.client("s3", EAST)
        versions = s3.list_object_versions(Bucket=self.bucket(EAST), Prefix="orders/1.json")["Versions"]
        return str(versions[-1]["VersionId"])

    def type(self, line: RunbookLine) -> Answer:
        """Type a line as a shell takes it, in the state that it needs, and return how it ended."""
        typed = as_typed(line)
        if isinstance(line, ShellVariable):
            name, _, value = typed.partition("=")
            assert shlex.split(value) == [line.stands_for]
            self.variables[name] = self.value_of(line)
            return Answer(0, "", "")
        self.bring(line.state)
        into, typed = _taken(typed)
        answer = self._run(_words(typed, self.variables), line)
        if into:
            self.variables[into] = answer.out.removesuffix("\n")
        if "restore-table-to-point-in-time" in line.argv:
            self._restore_what_was(line)
        return answer

    def _run(self, words: list[str], line: TypedCommand) -> Answer:
        match words:
            case ["python", "-m", "builder", *arguments]:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr("sys.stdin", _Terminal("".join(f"{answer}\n" for answer in line.answers)))
                    return self.builder(*arguments)
            case ["python", "-c", program]:
                with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out:
                    patch.setattr(boto3, "DEFAULT_SESSION", None)
                    exec(program, {})  # noqa: S102 - the program of the runbook, as Python runs it
                return Answer(0, out.getvalue(), "")
            case ["aws", *rest]:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setenv("AWS_MAX_ATTEMPTS", "1")
                    return run_aws(rest)
        raise AssertionError(f"who runs {words}?")

    def _lose(self, region: str) -> None:
        self._fault({"region": region, "status": 503, "delay_s": 3600})

    def _fault(self, fault: dict[str, object]) -> None:
        """Begin a fault of a region, which ends with the next state."""
        self._control(fault)
        self.fault.callback(self._control, {"region": fault["region"], "for_s": 0})

    def _control(self, fault: dict[str, object]) -> None:
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.embedded.endpoint}/_builder/faults",
            data=json.dumps({"regions": [fault]}).encode(),
            headers={"Authorization": f"Bearer {self.embedded.token}"},
            method="PUT",
        )
        urllib.request.urlopen(request).close()  # noqa: S310

    def _write_elsewhere(self, region: str) -> None:
        """Write what clients write in the other region, where they are held."""
        hold = json.dumps({"region": region})
        held = self.builder(
            *("call", "PUT", "/items/failover-hold", "--region", region, "--data", hold, "--env", self.suffix)
        )
        assert held.code == 0, held
        self._write(region, GOOD)

    def _item(self, key: str, body: str) -> dict[str, dict[str, str]]:
        return {"id": {"S": key}, "body": {"S": body}}

    def _damage(self) -> None:
        for body in (GOOD, BAD):
            self._write(EAST, body)

    def _write(self, region: str, body: str, key: str = "orders/1.json") -> None:
        self.client("dynamodb", region).put_item(TableName=self.table, Item=self._item("item#order", body))
        self.client("s3", region).put_object(Bucket=self.bucket(region), Key=key, Body=body.encode())

    def _restore_what_was(self, line: TypedCommand) -> None:
        """The embedded AWS restores what is there now: put there what was then."""
        target = line.argv[line.argv.index("--target-table-name") + 1]
        self.client("dynamodb", EAST).put_item(TableName=target, Item=self._item("item#order", GOOD))


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _taken(typed: str) -> tuple[str, str]:
    name, opens, rest = typed.partition("=$(")
    return (name, rest.removesuffix(")")) if opens and name.isidentifier() else ("", typed)


def _words(typed: str, variables: dict[str, str]) -> list[str]:
    words = shlex.split(typed)
    for name, value in variables.items():
        words = [word.replace(f"${{{name}}}", value) for word in words]
    assert not [word for word in words if "${" in word], words
    return words


def each_line(shown: Runbook, key: str) -> Iterator[RunbookLine]:
    """Yield the lines of a situation in their order."""
    for _, steps in shown.situation(key).parts:
        for step in steps:
            yield from step.lines
