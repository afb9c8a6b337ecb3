from pathlib import Path

import boto3
import pytest

from answer import Command
from builder.assembly import write_assembly
from cli.on_fake import OnWorld
from deploy.legacy import BODIES, KEY, NAMES, SECRET, TAGS, deploy_legacy, legacy_assembly

ENTRIES = """\
stacks:
  legacy-net:
    template: cfn/legacy-net.yaml
    name: legacy-net
    regions: [us-east-1]
    parameters:
      Zone: a
    tags:
      team: core
      cost: "0060"
  legacy-queue:
    template: cfn/legacy-queue.yaml
    name: legacy-queue
    regions: [us-east-1]
    parameters:
      Depth: "10"
      Mode: fast
      Secret: {previous: true}
    needs: [legacy-net]
    tags:
      team: core
      cost: "0060"
  legacy-key:
    template: cfn/legacy-key.json
    name: legacy-key
    regions: [us-east-1]
    tags:
      team: core
      cost: "0060"
"""


@pytest.fixture
def legacy(command: OnWorld) -> OnWorld:
    """The command line beside three stacks that it did not deploy."""
    deploy_legacy(command.client("cloudformation"), command.world.settle)
    command.world.calls.clear()
    return command


def adopt(legacy: OnWorld, *names: str) -> tuple[int, str, str]:
    answer = legacy("adopt", "--region", "us-east-1", *names)
    return answer.code, answer.out, answer.err


def test_what_stands_is_written_as_it_stands(legacy: OnWorld) -> None:
    before = Path("dr.yaml").read_text()
    code, out, err = adopt(legacy, *NAMES)
    assert (code, err.startswith("next:  python -m builder render")) == (0, True), err
    assert Path("dr.yaml").read_text() == f"{before}\n{ENTRIES}"
    assert {path.name: path.read_text() for path in Path("cfn").iterdir()} == {
        f"{name}.{'json' if body == KEY else 'yaml'}": body for name, body in BODIES.items()
    }
    assert ENTRIES in out
    assert SECRET not in out + err
    assert not any(call.mutating for call in legacy.world.calls)


def test_three_stacks_are_adopted_updated_and_destroyed(
    session: boto3.Session, builder: Command, tmp_path: Path
) -> None:
    client = session.client("cloudformation", "us-east-1")
    for name, body in BODIES.items():
        given = {"Depth": "10", "Secret": SECRET} if name == "legacy-queue" else {}
        client.create_stack(
            StackName=name,
            TemplateBody=body,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            Tags=[{"Key": key, "Value": value} for key, value in TAGS.items()],
        )
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})

    def look() -> dict[str, tuple[str, dict[str, str], list[str]]]:
        stacks = [client.describe_stacks(StackName=name)["Stacks"][0] for name in NAMES]
        return {
            stack["StackName"]: (
                stack["StackStatus"],
                {tag["Key"]: tag["Value"] for tag in stack["Tags"]},
                [one["ChangeSetName"] for one in client.list_change_sets(StackName=stack["StackName"])["Summaries"]],
            )
            for stack in stacks
        }

    before = look()
    assert {name: (status, tags) for name, (status, tags, _) in before.items()} == dict.fromkeys(
        NAMES, ("CREATE_COMPLETE", TAGS)
    )
    write_assembly(tmp_path / "a", legacy_assembly())
    write_assembly(tmp_path / "b", legacy_assembly(Depth="20"))
    first, second = (("--assembly", str(tmp_path / name), "--env", "dev") for name in ("a", "b"))
    allow = [word for name in NAMES for word in ("--allow", f"us-east-1/{name}")]

    assert builder(*first, "status").out.count("not ours yet: plan adopts it") == 3
    drift = builder(*first, "drift")
    assert (drift.code, "3 not ours yet" in drift.out) == (1, True), drift
    for refused in (("deploy", "--yes"), ("deploy", *allow), ("deploy", "--yes", *allow[:4])):
        answer = builder(*first, *refused)
        assert (answer.code, look()) == (4, before), answer
    plan = builder(*first, "plan")
    assert plan.code == 0, plan
    assert plan.out.count("it is adopted: given this deployment's tags, and nothing else of it changes") == 3
    assert builder(*first, "execute", "plan.json", *allow).code == 0
    assert {name: tags for name, (_, tags, _) in look().items()} == {
        name: {**TAGS, "builder:deployment": "shop-dev", "builder:stack": f"us-east-1/{name}"} for name in NAMES
    }
    assert "3 stacks: 0 drifted, 0 absent, 0 unknown;" in builder(*first, "drift").out
    assert builder(*first, "plan", "--detailed-exitcode").code == 0
    assert builder(*second, "deploy", "--yes").code == 0
    [url] = client.describe_stacks(StackName="legacy-queue")["Stacks"][0]["Outputs"]
    sqs = session.client("sqs", "us-east-1")
    asked = sqs.get_queue_attributes(QueueUrl=url["OutputValue"], AttributeNames=["DelaySeconds"])
    assert asked["Attributes"] == {"DelaySeconds": "20"}
    assert builder(*second, "destroy", "--yes").code == 0
    assert not client.describe_stacks()["Stacks"]
