from builder.deploy import Done
from builder.deploy.observe import observe_stack
from builder.deploy.progress import Started
from builder.deploy.take_down import observe_standing
from builder.terms import Region, Site, StackId
from deploy.rig import ACCOUNT, Rig
from fake_aws import Fault

STORAGE = StackId("us-east-1/storage")


def test_a_standing_stack_knows_what_it_holds(standing: Rig) -> None:
    async def look() -> tuple[tuple[str, str], ...]:
        stack = await observe_stack(standing.clients, Site(None, Region("us-east-1")), "tap-dev-storage")
        assert stack is not None
        return (await observe_standing(STORAGE, stack, standing.clients)).holders

    assert standing.run(look) == (("AWS::S3::Bucket", f"tap-dev-{ACCOUNT}-us-east-1-an"),)


def test_a_deletion_that_fails_is_helped_and_tried_again(standing: Rig) -> None:
    standing.world.script.fails("DELETE", "Bucket", reason="not empty", region="us-east-1", times=2)
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    assert [event.stack for event in standing.said(Started)].count(STORAGE) == 3


def test_reads_that_lag_behind_end_no_deletion_early(standing: Rig) -> None:
    standing.world.script.fails("DELETE", "Bucket", reason="not empty", region="us-east-1", times=1)
    standing.world.faults.add(Fault.STALE, probability=0.5)
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    standing.world.faults.clear()
    assert not standing.world.stack("tap-dev-storage").exists
