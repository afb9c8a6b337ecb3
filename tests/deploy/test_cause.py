from builder.deploy.cause import observe_cause
from builder.deploy.events import FirstCause
from builder.deploy.observe import observe_stack
from builder.deploy.start import execution_token
from builder.terms import Region, Site, StackId
from deploy.rig import Rig

TABLE = StackId("us-east-1/table")


def cause(rig: Rig, token: str) -> FirstCause | None:
    async def ask() -> FirstCause | None:
        stack = await observe_stack(rig.clients, Site(None, Region("us-east-1")), "tap-dev-table")
        assert stack is not None
        return await observe_cause(rig.clients, stack, token)

    return rig.run(ask)


def test_the_first_failure_of_that_operation_is_found_over_all_its_pages_and_no_further(rig: Rig) -> None:
    rig.world.script.fails("CREATE", "Table", reason="Limit")
    plan = rig.plan()
    rig.execute(plan)
    rig.world.calls.clear()
    found = cause(rig, execution_token(plan, TABLE, 1))
    assert found == FirstCause("Table (AWS::DynamoDB::GlobalTable)", "Limit")
    assert rig.operations("DescribeStackEvents") > 1


def test_of_an_operation_that_nobody_knows_there_is_none(standing: Rig) -> None:
    assert cause(standing, "another") is None
