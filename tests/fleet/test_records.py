from dataclasses import replace

from fleet.stack_sets import ACCOUNTS, WEST, instance, set_plan, sites
from fleet.test_plan_file import PLAN


def test_a_set_touches_whoever_comes_stays_goes_or_is_tried_again_each_once() -> None:
    a, b, c = sites(WEST, *ACCOUNTS)
    planned = set_plan(joining=(a,), updating=(b,), leaving=(c,), retries=(instance(ACCOUNTS[1]),))
    assert planned.touched == (a, b, c)
    assert planned.stack_set.site == planned.stack_set.held_by.site


def test_a_plan_with_nothing_but_retries_is_not_empty() -> None:
    assert replace(PLAN, sets=()).is_empty
    assert not replace(PLAN, sets=(set_plan(does="nothing", retries=(instance(ACCOUNTS[0]),)),)).is_empty
