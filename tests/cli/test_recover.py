from pathlib import Path

import pytest

from builder.cli.execution import recover_first
from builder.cli.options import Options
from builder.errors import ExitCode, Stopped
from cli.on_fake import FakeSession, OnWorld
from deploy.halted import deployed_topics, failed_rollback, failed_without_rollback
from deploy.rig import Rig

TAKEN = """\
Resources:
  Taken:
    Type: AWS::SNS::Topic
    Properties: {TopicName: taken}
"""


@pytest.fixture
def rig() -> Rig:
    return Rig()


def first(rig: Rig, *, yes: bool = True) -> ExitCode:
    session = FakeSession(Options(environment={}), world=rig.world)
    return recover_first(session, rig.deployment, {"recover": True, "yes": yes})


def test_where_nothing_is_halted_it_says_so_and_goes_on(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert first(deployed_topics(rig), yes=False) is ExitCode.DONE
    assert "no stack has to be rolled back first" in capsys.readouterr().out


def test_without_a_terminal_it_shows_and_changes_nothing(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    failed_rollback(deployed_topics(rig))
    with pytest.raises(Stopped, match="Roll back exactly this"):
        first(rig, yes=False)
    assert "skipped if it fails again: it stays as it is" in capsys.readouterr().out
    assert rig.operations("ContinueUpdateRollback") == 0


def test_what_was_skipped_is_told_again_afterwards(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    failed_rollback(deployed_topics(rig), times=2)
    assert first(rig) is ExitCode.DONE
    wrote = capsys.readouterr()
    assert "1 done, 0 failed" in wrote.out
    assert "then:  aws cloudformation detect-stack-drift" in wrote.err


def test_a_rollback_that_fails_again_ends_it_there(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    failed_without_rollback(deployed_topics(rig))
    rig.world.script.fails("UPDATE_ROLLBACK", "First", reason="no way back")
    assert first(rig) is ExitCode.FAILED
    wrote = capsys.readouterr()
    assert "us-east-1/topics: UPDATE_ROLLBACK_FAILED: First (AWS::SNS::Topic): no way back" in wrote.out
    assert "next:  python -m builder plan --recover" in wrote.err


@pytest.mark.slow
def test_plan_deploy_and_execute_take_it_before_anything_else(on_deployed: OnWorld) -> None:
    stack = on_deployed.world.stack("tap-dev-table")
    client = on_deployed.client("cloudformation")
    client.create_change_set(
        StackName="tap-dev-table",
        ChangeSetName="by-hand",
        TemplateBody=Path("templates/us-east-1/table.yaml").read_text().replace("Resources:\n", TAKEN),
        Parameters=[{"ParameterKey": "EnvironmentSuffix", "UsePreviousValue": True}],
        DeploymentConfig={"DisableRollback": True},
    )
    on_deployed.world.script.fails("CREATE", "Taken", reason="is taken")
    on_deployed.world.settle()
    client.execute_change_set(StackName="tap-dev-table", ChangeSetName="by-hand")
    on_deployed.world.settle()
    refused = on_deployed("plan")
    assert refused.code == 4
    assert "the stack is in UPDATE_FAILED and cannot take a change set" in refused.err
    assert "next:  python -m builder plan --recover" in refused.err
    unconfirmed = on_deployed("plan", "--recover")
    assert unconfirmed.code == 4
    assert "us-east-1/table  is rolled back" in unconfirmed.out
    assert "--yes answers it" in unconfirmed.err
    answer = on_deployed("deploy", "--recover", "--yes")
    assert answer.code == 0, answer
    assert stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "No changes: all 5 stacks are as they should be." in answer.out
    assert on_deployed("plan", "--recover").code == 0
    assert on_deployed("execute", "plan.json", "--recover").code == 0
