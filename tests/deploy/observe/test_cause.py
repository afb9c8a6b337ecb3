from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from builder.deploy.execute.execute import execution_token
from builder.deploy.observe.operation import (
    FirstCause,
    observe_cause,
    observe_failed,
    observe_since_good,
    observe_token,
)
from builder.deploy.observe.stacks import ObservedStack, observe_stack
from builder.terms import Region, Site, StackId
from deploy.rig import Rig, edited

T = TypeVar("T")
TABLE = StackId("us-east-1/table")


def of_the_table(rig: Rig, ask: Callable[[ObservedStack], Coroutine[Any, Any, T]]) -> T:
    async def observe() -> T:
        stack = await observe_stack(rig.clients, Site(None, Region("us-east-1")), "tap-dev-table")
        assert stack is not None
        return await ask(stack)

    return rig.run(observe)


def test_the_first_failure_of_that_operation_is_found_over_all_its_pages_and_no_further(rig: Rig) -> None:
    rig.world.script.fails("CREATE", "Table", reason="Limit")
    plan = rig.plan()
    rig.execute(plan)
    rig.world.calls.clear()
    token = execution_token(plan, TABLE, 1)
    cause = of_the_table(rig, lambda stack: observe_cause(rig.clients, stack, token))
    assert cause == FirstCause("Table (AWS::DynamoDB::GlobalTable)", "Limit")
    assert rig.operations("DescribeStackEvents") > 1
    assert of_the_table(rig, lambda stack: observe_failed(rig.clients, stack, token)) == {"Table"}
    assert of_the_table(rig, lambda stack: observe_token(rig.clients, stack)) == token


def test_of_an_operation_that_nobody_knows_there_is_none(deployed: Rig) -> None:
    assert of_the_table(deployed, lambda stack: observe_cause(deployed.clients, stack, "another")) is None


def test_a_history_is_read_back_to_the_last_good_state_and_no_further(deployed: Rig) -> None:
    since = of_the_table(deployed, lambda stack: observe_since_good(deployed.clients, stack))
    assert since.known
    assert since.made == frozenset()
    assert deployed.operations("DescribeStackEvents") == 1


def test_a_creation_that_failed_never_had_one(rig: Rig) -> None:
    rig.world.script.fails("CREATE", "Table", reason="Limit")
    rig.deploy()
    since = of_the_table(rig, lambda stack: observe_since_good(rig.clients, stack))
    assert not since.known
    assert since.made == {"Table"}


def test_the_operations_before_are_not_read(deployed: Rig) -> None:
    deployed.world.script.fails("UPDATE", "Table", reason="Limit")
    plan = deployed.plan(
        edited(deployed.deployment, TABLE, "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false")
    )
    deployed.execute(plan)
    token = execution_token(plan, TABLE, 1)
    deployed.world.page_size = 1
    deployed.world.calls.clear()
    assert of_the_table(deployed, lambda stack: observe_failed(deployed.clients, stack, token)) == {"Table"}
    assert deployed.operations("DescribeStackEvents") < len(deployed.world.stack("tap-dev-table").record.events)
