import json
from contextlib import suppress
from pathlib import Path

import boto3
import pytest

from answer import Command
from builder.assembly import write_assembly
from cli.on_fake import OnWorld
from deploy.legacy import BODIES, KEY, NAMES, SECRET, TAGS, deploy_legacy, legacy_assembly
from fake_aws import Fault, Killed

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

    def read_stacks() -> dict[str, tuple[str, dict[str, str], list[str]]]:
        stacks = [client.describe_stacks(StackName=name)["Stacks"][0] for name in NAMES]
        return {
            stack["StackName"]: (
                stack["StackStatus"],
                {tag["Key"]: tag["Value"] for tag in stack["Tags"]},
                [
                    change_set["ChangeSetName"]
                    for change_set in client.list_change_sets(StackName=stack["StackName"])["Summaries"]
                ],
            )
            for stack in stacks
        }

    before = read_stacks()
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
        assert (answer.code, read_stacks()) == (4, before), answer
    plan = builder(*first, "plan")
    assert plan.code == 0, plan
    assert plan.out.count("it is adopted: given this deployment's tags, and nothing else of it changes") == 3
    assert builder(*first, "execute", "plan.json", *allow).code == 0
    assert {name: tags for name, (_, tags, _) in read_stacks().items()} == {
        name: {**TAGS, "builder:deployment": "shop-dev", "builder:stack": f"us-east-1/{name}"} for name in NAMES
    }
    assert "3 stacks: 0 drifted, 0 absent, 0 unknown;" in builder(*first, "drift").out
    assert builder(*first, "plan", "--detailed-exitcode").code == 0
    assert builder(*second, "deploy", "--yes").code == 0
    [url] = client.describe_stacks(StackName="legacy-queue")["Stacks"][0]["Outputs"]
    sqs = session.client("sqs", "us-east-1")
    attributes = sqs.get_queue_attributes(QueueUrl=url["OutputValue"], AttributeNames=["DelaySeconds"])
    assert attributes["Attributes"] == {"DelaySeconds": "20"}
    assert builder(*second, "destroy", "--yes").code == 0
    assert not client.describe_stacks()["Stacks"]


def test_the_same_again_writes_nothing(legacy: OnWorld) -> None:
    adopt(legacy, *NAMES)
    files = {path: path.stat().st_mtime_ns for path in (Path("dr.yaml"), *Path("cfn").iterdir())}
    assert adopt(legacy, *NAMES)[0] == 0
    assert files == {path: path.stat().st_mtime_ns for path in files}


@pytest.mark.slow
def test_what_adopt_writes_is_rendered_and_planned_with_all_else(legacy: OnWorld) -> None:
    adopt(legacy, *NAMES)
    answer = legacy("render")
    assert answer.code == 0, answer
    answer = legacy("plan")
    assert answer.code == 0, answer
    assert answer.out.count("it is adopted: given this deployment's tags, and nothing else of it changes\n") == 3, (
        answer
    )
    assert SECRET not in answer.out + answer.err + Path("plan.json").read_text()
    answer = legacy("deploy", "--yes")
    assert answer.code == 4


ODD = "Description: for Zoë\n" + BODIES["legacy-net"]


@pytest.mark.slow
def test_a_template_that_is_not_shown_whole_is_asked_for_and_compared(legacy: OnWorld) -> None:
    legacy.world.stack("legacy-net").deploy(ODD, tags=TAGS)
    Path("other.yaml").write_text(ODD.replace("Zoë", "Noë"))
    Path("net.yaml").write_text(ODD)
    before = Path("dr.yaml").read_bytes()

    code, _, err = adopt(legacy, *NAMES)
    assert (code, "legacy-net: GetTemplate shows a `?` in the template, line 1" in err) == (4, True)
    assert "--template legacy-net=FILE" in err
    code, _, err = adopt(legacy, *NAMES, "--template", "legacy-net=other.yaml")
    assert (code, "is not the template that us-east-1/legacy-net is deployed from" in err) == (2, True)
    assert (Path("dr.yaml").read_bytes(), Path("cfn").exists()) == (before, False)
    assert adopt(legacy, *NAMES, "--template", "legacy-net=net.yaml")[0] == 0
    assert Path("cfn/legacy-net.yaml").read_text() == ODD
    assert legacy("render").code == 0
    # What cannot be compared by what GetTemplate shows, a change set tells; the adoption sends no template at all.
    assert legacy("plan").code == 0


def test_what_is_adopted_may_be_all_that_there_is(legacy: OnWorld) -> None:
    Path("dr.yaml").write_text(
        "project: shop\nenvironment: dev\nregions: {primary: us-east-1, secondaries: [us-west-2]}\n"
    )

    assert adopt(legacy, "legacy-net")[0] == 0
    assert legacy("render").code == 0


@pytest.mark.parametrize("value", ["a?", "a-${EnvironmentSuffix}", "${AWS::AccountId}"])
def test_a_value_that_would_not_come_to_itself_again_is_no_value_to_write(legacy: OnWorld, value: str) -> None:
    legacy.world.stack("legacy-net").deploy(BODIES["legacy-net"], parameters={"Zone": value}, tags=TAGS)
    assert adopt(legacy, "legacy-net")[0] == 0
    assert "      Zone: {previous: true}\n" in Path("dr.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("legacy-nit",), 2, "no stack of this name holds anything there (did you mean legacy-net?)"),
        (("legacy-net", "half"), 4, "half: the stack is in UPDATE_ROLLBACK_FAILED"),
        (("foreign",), 2, "is of the deployment another-dev"),
        (("foreign", "half"), 2, "half: the stack is in"),
        (("legacy-net", "--template", "legacy-key=f"), 2, "--template legacy-key=f: is no STACK=FILE"),
        (("legacy-net", "--template", "legacy-net=none.yaml"), 2, "none.yaml"),
        (("Legacy-Net", "legacy-net"), 2, "would have the same name in dr.yaml"),
        (("--skip-region", "us-east-1", "legacy-net"), 2, "what stands in us-east-1 is to be read"),
        (("--assembly", "templates", "legacy-net"), 2, "adopted stacks are written into dr.yaml"),
        (("--region", "us-east-9", "legacy-net"), 2, "us-east-9"),
        (("table",), 2, "table"),
    ],
)
def test_what_is_refused_is_told_and_nothing_is_written(
    legacy: OnWorld, arguments: tuple[str, ...], code: int, words: str
) -> None:
    legacy.world.stack("half").deploy(BODIES["legacy-net"].replace("legacy-topic", "half"))
    legacy.world.stack("half").put("UPDATE_ROLLBACK_FAILED")
    legacy.world.stack("foreign").deploy(tags={"builder:deployment": "another-dev"})
    legacy.world.stack("table").deploy()
    before = Path("dr.yaml").read_bytes()
    answer = adopt(legacy, *arguments)
    assert (answer[0], words in answer[2]) == (code, True), answer
    assert Path("dr.yaml").read_bytes() == before
    assert not list(Path().glob("cfn/*"))
    assert not list(Path().glob(".dr*"))


def test_a_template_of_another_s_is_not_overwritten(legacy: OnWorld) -> None:
    Path("cfn").mkdir()
    Path("cfn/legacy-net.yaml").write_text("Resources: {}\n")
    code, _, err = adopt(legacy, *NAMES)
    assert (code, "is there already, and is not the template of legacy-net" in err) == (2, True)
    assert [path.name for path in Path("cfn").iterdir()] == ["legacy-net.yaml"]


@pytest.mark.slow
@pytest.mark.parametrize("kill", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
def test_the_same_again_goes_on_wherever_it_was_killed(legacy: OnWorld, kill: Fault) -> None:
    legacy.world.page_size = 1
    before, made = Path("dr.yaml").read_bytes(), b""
    for k in range(1, 60, 2):
        rule = legacy.world.faults.add(kill, nth=k)
        with suppress(Killed):
            adopt(legacy, *NAMES)
        if legacy.world.faults.dead:
            assert Path("dr.yaml").read_bytes() == before
            legacy.world.faults.revive()
        legacy.world.faults.remove(rule)
        assert adopt(legacy, *NAMES)[0] == 0
        made = made or Path("dr.yaml").read_bytes()
        assert Path("dr.yaml").read_bytes() == made
        Path("dr.yaml").write_bytes(before)
        if not rule.struck:
            return
    raise AssertionError("never ends")


def test_with_json_it_is_one_event(legacy: OnWorld) -> None:
    answer = legacy("adopt", "--region", "us-east-1", "legacy-queue", "--json")
    [line] = answer.out.splitlines()
    event = json.loads(line)
    assert (event["event"], event["files"]) == ("stacks.captured", ["cfn/legacy-queue.yaml"])
    assert event["stacks"]["legacy-queue"]["parameters"] == {
        "Depth": "10",
        "Mode": "fast",
        "Secret": {"previous": True},
    }
