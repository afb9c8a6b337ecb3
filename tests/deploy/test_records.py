from dataclasses import replace

from deploy.rig import Rig


def test_a_plan_knows_what_it_comes_from_and_where_it_works(rig: Rig) -> None:
    plan = rig.plan()
    assert (plan.origin.deployment, plan.origin.plan) == ("tap-dev", plan.id)
    assert set(plan.regions) == {"us-east-1", "us-west-2"}
    assert not plan.is_empty
    assert replace(plan, steps=()).is_empty
