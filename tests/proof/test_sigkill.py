"""The command itself, killed by SIGKILL in the middle of a life on the embedded AWS, and typed again."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from builder.assembly import read_assembly
from builder.deploy import make_deployment
from builder.local import EmbeddedAws
from cli.inventory import REGIONS
from proof.line import line
from samples import sampled

LIVES = sampled(
    (
        {"deploy": 3, "update": 22, "destroy": 10},
        {"deploy": 10, "update": 18, "destroy": 3},
        {"deploy": 17, "update": 13, "destroy": 20},
        {"deploy": 24, "update": 8, "destroy": 17},
        {"deploy": 31, "update": 3, "destroy": 14},
    ),
    every=5,
)
"""At which of its requests each command dies; an even one has not been sent, an odd one has been answered."""
STATUS = {"deploy": "CREATE_COMPLETE", "update": "UPDATE_COMPLETE"}
_PATIENCE_S = 120


@dataclass(frozen=True, slots=True)
class Place:
    """An account of the embedded AWS, and the two assemblies that are deployed to it."""

    endpoint: str
    account: str
    first: Path
    second: Path

    def type(self, verb: str, endpoint: str) -> "subprocess.Popen[str]":
        """Start a command; `update` is a `deploy` of the second assembly."""
        assembly = self.second if verb == "update" else self.first
        settings = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        access = {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": self.account, "AWS_SECRET_ACCESS_KEY": "any"}
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "builder", verb.replace("update", "deploy"), "--yes"),
                *("--assembly", str(assembly), "--env", "dev"),
            ],
            env=settings | access,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def client(self, service: str, region: str) -> Any:
        session: Any = boto3.Session(aws_access_key_id=self.account, aws_secret_access_key="any")
        return session.client(service, region, endpoint_url=self.endpoint)


@pytest.fixture
def assemblies(project: Path, builder: Callable[..., Any]) -> tuple[Path, Path]:
    """The shipped assembly, and one with larger functions."""
    first = shutil.copytree(project / "templates", project / "first")
    config = project / "dr.yaml"
    config.write_text(config.read_text().replace("memory_mb: 256", "memory_mb: 512"))
    assert builder("render").code == 0
    return first, project / "templates"


def test_a_command_killed_at_any_moment_does_the_rest_when_it_is_typed_again(
    assemblies: tuple[Path, Path], embedded: EmbeddedAws
) -> None:
    places = [Place(embedded.endpoint, f"{number:012d}", *assemblies) for number in range(1, len(LIVES) + 1)]
    with ThreadPoolExecutor(len(LIVES)) as pool:
        list(pool.map(live, places, LIVES))


def live(place: Place, kills: dict[str, int]) -> None:
    for verb, k in kills.items():
        if verb == "destroy":
            fill(place)
        doomed: list[subprocess.Popen[str]] = []
        kill = partial(_kill, doomed)
        with line(place.endpoint, k, after=k % 2 == 1, kill=kill) as endpoint:
            dying = place.type(verb, endpoint)
            doomed.append(dying)
            output, _ = dying.communicate(timeout=_PATIENCE_S)
        assert dying.returncode == -signal.SIGKILL, f"{verb} did not get to request {k}:\n{output}"
        again = place.type(verb, place.endpoint)
        output, _ = again.communicate(timeout=_PATIENCE_S)
        assert again.returncode == 0, output
        assert stacks_of(place) == expected_of(place, verb), f"{verb} killed at request {k}"


def _kill(doomed: list["subprocess.Popen[str]"]) -> None:
    doomed[0].kill()


def fill(place: Place) -> None:
    for region in REGIONS:
        bucket = f"tap-dev-{place.account}-{region}-an"
        place.client("s3", region).put_object(Bucket=bucket, Key="a", Body=b"x")


def stacks_of(place: Place) -> dict[str, Any]:
    """Everything that stacks are, and the change sets that wait on them."""
    stacks = {}
    for region in REGIONS:
        client = place.client("cloudformation", region)
        for stack in client.describe_stacks()["Stacks"]:
            name = stack["StackName"]
            sets = client.list_change_sets(StackName=name)["Summaries"]
            stacks[f"{region}/{name}"] = {
                "status": stack["StackStatus"],
                "tags": {tag["Key"]: tag["Value"] for tag in stack["Tags"]},
                "template": client.get_template(StackName=name)["TemplateBody"],
                "waiting": [
                    change_set["ChangeSetName"] for change_set in sets if change_set["ExecutionStatus"] == "AVAILABLE"
                ],
            }
    return stacks


def expected_of(place: Place, verb: str) -> dict[str, Any]:
    if verb == "destroy":
        return {}
    assembly = read_assembly(place.second if verb == "update" else place.first)
    deployment = make_deployment(assembly.manifest, assembly.templates, "dev")
    return {
        f"{stack.region}/{stack.name}": {
            "status": "UPDATE_COMPLETE" if verb == "update" and "service" in stack.id else "CREATE_COMPLETE",
            "tags": stack.tags,
            "template": stack.template,
            "waiting": [],
        }
        for stack in deployment.stacks
    }
