"""A command with `--allow` broke off and is typed again: what is done is noted, a slip of the pen is refused."""

import hashlib
import io
import json
from pathlib import Path

import pytest

from cli.on_fake import OnWorld, render
from fleet.rig import CHANGED, REPLACED
from fleet.stack_sets import ACCOUNTS, WEST

EAST_STACK, WEST_STACK = "us-east-1/one", "us-west-2/two"
TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}
LOGS = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "data"}}
ENV = ("--assembly", "assembly", "--env", "dev")
ALLOWED = ("--allow", f"{EAST_STACK}/Data", "--allow", f"{WEST_STACK}/Data")


class Typing(io.StringIO):
    """Somebody at a terminal."""

    def isatty(self) -> bool:
        return True


def write(name: str = "one", *, data: bool = True, stacks: tuple[str, ...] = (EAST_STACK, WEST_STACK)) -> None:
    """Write an assembly of two stacks, with data in both or in none."""
    folder = Path("assembly")
    folder.mkdir(exist_ok=True)
    resources = {"Topic": {**TOPIC, "Properties": {"DisplayName": name}}, **({"Data": LOGS} if data else {})}
    template = json.dumps({"Resources": resources}).encode()
    (folder / "own.json").write_bytes(template)
    entries = [
        {
            "id": stack,
            "region": stack.partition("/")[0],
            "name": f"shop-${{EnvironmentSuffix}}-{stack.partition('/')[2]}",
            "template": "own.json",
            "sha256": hashlib.sha256(template).hexdigest(),
        }
        for stack in stacks
    ]
    manifest = {"version": 1, "project": "shop", "stacks": entries}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def broken_off(command: OnWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OnWorld:
    """Both stacks were to lose their data; one has, the other's update failed."""
    monkeypatch.chdir(tmp_path)
    write()
    assert command("deploy", "--yes", *ENV).code == 0
    write("two", data=False)
    command.world.script.fails("UPDATE", "Topic", reason="limit reached", region="us-west-2")
    assert command("deploy", "--yes", *ALLOWED, *ENV).code == 1
    command.world.settle()
    return command


def test_the_same_command_goes_on_and_notes_what_is_done(broken_off: OnWorld) -> None:
    answer = broken_off("deploy", "--yes", *ALLOWED, *ENV)
    assert answer.code == 0, answer
    assert f"note: --allow {EAST_STACK}/Data names nothing that is left to do, and lets nothing pass" in answer.err
    assert f"--allow {WEST_STACK}/Data lets 1 pass" in answer.out
    assert WEST_STACK not in answer.err


def test_what_is_noted_is_an_event_too(broken_off: OnWorld) -> None:
    answer = broken_off("deploy", "--yes", "--json", *ALLOWED, *ENV)
    events = [json.loads(line) for line in answer.out.splitlines()]
    passes = {event["allow"]: event["passes"] for event in events if event["event"] == "guard.allowed"}
    assert passes == {f"{EAST_STACK}/Data": 0, f"{WEST_STACK}/Data": 1}


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        (f"{EAST_STACK}/Date", f"{EAST_STACK}/Data"),
        ("us-east-1/won/Data", f"{EAST_STACK}/Data"),
        (f"{EAST_STACK}/Nothing", ""),
        ("nothing", ""),
    ],
)
def test_a_name_of_nothing_is_refused_all_the_same(broken_off: OnWorld, slip: str, meant: str) -> None:
    answer = broken_off("deploy", "--yes", *ALLOWED, "--allow", slip, *ENV)
    assert answer.code == 2
    assert f"--allow {slip}: names nothing in the plan, and nothing that was there" in answer.err
    assert (f"did you mean {meant}?" in answer.err) == bool(meant)
    assert broken_off.world.stack("shop-dev-two", region="us-west-2").status == "UPDATE_ROLLBACK_COMPLETE"


def test_what_is_done_lets_nothing_else_pass(broken_off: OnWorld) -> None:
    answer = broken_off("deploy", "--yes", "--allow", f"{EAST_STACK}/Data", *ENV)
    assert answer.code == 4
    assert f"next:  --allow {WEST_STACK}/Data " in answer.err


def test_a_pipeline_does_not_keep_what_an_earlier_change_took(
    broken_off: OnWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert broken_off("deploy", "--yes", *ALLOWED, *ENV).code == 0
    write("three", data=False)
    answer = broken_off("deploy", "--yes", *ALLOWED, *ENV)
    assert answer.code == 2
    assert "nothing of this assembly was executed before: it is left from an earlier change" in answer.err
    assert f"next:  the same without --allow {EAST_STACK}/Data" in answer.err
    # A person sees what the plan does, and is asked.
    monkeypatch.setattr("sys.stdin", Typing("y\n"))
    confirmed = broken_off("deploy", *ALLOWED, *ENV)
    assert confirmed.code == 0, confirmed
    assert f"note: --allow {WEST_STACK}/Data names nothing that is left to do" in confirmed.err


def test_a_stack_that_is_gone_by_now_was_no_slip_of_the_pen(broken_off: OnWorld) -> None:
    write("two", data=False, stacks=("us-east-1/own", WEST_STACK))
    orphan = "us-east-1/shop-dev-one"
    client = broken_off.client("cloudformation")
    client.update_termination_protection(StackName="shop-dev-one", EnableTerminationProtection=True)
    words = ("--remove-orphans", "--allow", f"{orphan}/TerminationProtection", "--allow", f"{WEST_STACK}/Data")
    broken_off.world.script.fails("UPDATE", "Topic", reason="limit reached", region="us-west-2")
    assert broken_off("deploy", "--yes", *words, *ENV).code == 1
    broken_off.world.settle()
    client.update_termination_protection(StackName="shop-dev-one", EnableTerminationProtection=False)
    client.delete_stack(StackName="shop-dev-one")
    broken_off.world.settle()
    answer = broken_off("deploy", "--yes", *words, *ENV)
    assert answer.code == 0, answer
    assert f"note: --allow {orphan}/TerminationProtection names nothing" in answer.err


def test_destroy_goes_on_where_it_broke_off(broken_off: OnWorld) -> None:
    for region, name in (("us-east-1", "shop-dev-one"), ("us-west-2", "shop-dev-two")):
        client = broken_off.client("cloudformation", region)
        client.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    words = [word for stack in (EAST_STACK, WEST_STACK) for word in ("--allow", f"{stack}/TerminationProtection")]
    broken_off.world.script.fails("DELETE", "Topic", reason="in use", region="us-west-2", times=None)
    assert broken_off("destroy", "--yes", *words, *ENV).code == 1
    broken_off.world.settle()
    broken_off.world.script.failures.clear()
    assert broken_off("destroy", "--yes", *words, "--allow", "us-east-1/own/TerminationProtection", *ENV).code == 2
    answer = broken_off("destroy", "--yes", *words, *ENV)
    assert answer.code == 0, answer
    assert f"note: --allow {EAST_STACK}/TerminationProtection names nothing that is left to do" in answer.err
    assert broken_off.stacks() == {}


def test_destroy_by_the_project_s_name_alone_finds_what_is_gone_in_aws(broken_off: OnWorld) -> None:
    broken_off.client("cloudformation").delete_stack(StackName="shop-dev-one")
    broken_off.world.settle()
    words = ("--project", "shop", "--env", "dev", "--region", "us-east-1", "--region", "us-west-2")
    assert broken_off("destroy", "--yes", *words, "--allow", "us-east-1/own/TerminationProtection").code == 2
    answer = broken_off("destroy", "--yes", *words, "--allow", f"{EAST_STACK}/TerminationProtection")
    assert answer.code == 0, answer
    assert "names nothing that is left to do" in answer.err


def test_a_fleet_s_deploy_goes_on_where_it_broke_off(on_deployed_fleet: OnWorld) -> None:
    render(Path("templates"), REPLACED)
    allow = ("--allow", "us-west-2/storage/Bucket")
    on_deployed_fleet.world.script.fails("UPDATE", "Bucket", reason="limit reached", account=ACCOUNTS[1], region=WEST)
    assert on_deployed_fleet("deploy", "--yes", *allow).code == 1
    assert on_deployed_fleet("deploy", "--yes", *allow, "--allow", "us-west-2/storage/Bukcet").code == 2
    again = on_deployed_fleet("deploy", "--yes", *allow)
    assert again.code == 0, again
    assert "note: --allow us-west-2/storage/Bucket names nothing that is left to do" in again.err


def test_a_fleet_s_next_change_does_not_keep_what_the_last_one_took(on_deployed_fleet: OnWorld) -> None:
    render(Path("templates"), CHANGED)
    answer = on_deployed_fleet("deploy", "--yes", "--allow", "us-west-2/storage/Bucket")
    assert answer.code == 2
    assert "it is left from an earlier change" in answer.err
