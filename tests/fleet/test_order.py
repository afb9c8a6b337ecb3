import asyncio
from collections.abc import Mapping

from builder.errors import Failed
from builder.fleet.operation import dependants_of, in_order, needs_of
from builder.fleet.progress import SetCancelled, SetDone, SetFailed, SetOutcome
from builder.fleet.records import StackSet
from builder.terms import StackId
from fake_aws import run_virtual
from fleet.stack_sets import stack_set

STORAGE, TABLE, SERVICE, ALONE = (StackId(f"us-west-2/{name}") for name in ("storage", "table", "service", "alone"))
SETS = (
    stack_set(SERVICE, needs=(TABLE,)),
    stack_set(TABLE, needs=(STORAGE,)),
    stack_set(STORAGE),
    stack_set(ALONE),
)


def run(
    sets: tuple[StackSet, ...], fails: str = "", *, backwards: bool = False
) -> tuple[dict[str, SetOutcome], list[str]]:
    order: list[str] = []

    async def work(set_: StackSet, _before: Mapping[StackId, SetOutcome]) -> SetOutcome:
        await asyncio.sleep(1)
        order.append(set_.id)
        if set_.id == fails:
            raise Failed(where=set_.id, what="limit")
        return SetDone(set_.id, 1)

    async def main() -> tuple[SetOutcome, ...]:
        return await in_order(sets, dependants_of(SETS) if backwards else needs_of(SETS), work)

    ended = run_virtual(main)
    return {outcome.stack: outcome for outcome in ended}, order


def test_each_set_comes_after_all_that_it_needs() -> None:
    _, order = run(SETS)
    assert order.index(STORAGE) < order.index(TABLE) < order.index(SERVICE)


def test_going_down_each_set_comes_after_all_that_need_it() -> None:
    _, order = run(SETS, backwards=True)
    assert order.index(SERVICE) < order.index(TABLE) < order.index(STORAGE)


def test_a_need_of_a_need_is_waited_for_where_the_one_between_has_nothing_to_do() -> None:
    _, order = run((SETS[0], SETS[2]))
    assert order == [STORAGE, SERVICE]


def test_what_waits_for_a_failure_is_cancelled_and_the_rest_goes_on() -> None:
    ended, order = run(SETS, fails=TABLE)
    assert ended[TABLE] == SetFailed(TABLE, (), reason="limit")
    assert ended[SERVICE] == SetCancelled(SERVICE, because=f"{TABLE}, which it waits for, is not done")
    assert SERVICE not in order
    assert isinstance(ended[ALONE], SetDone)
