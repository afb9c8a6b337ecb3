from dataclasses import replace

import pytest

from builder.deploy.records import PropertyChange, ResourceChange
from builder.fleet.reach import plan_set
from builder.fleet.records import Definition, InstanceOverride, Targets
from builder.fleet.targets import ObservedSet, SetContext, TargetSites
from builder.terms import LogicalId
from fleet.stack_sets import ACCOUNTS, WEST, instance, instances, places, shipped_bodies, sites, stack_set

A, B, C = ACCOUNTS
BODY = shipped_bodies()["us-east-1/table"]
HERE = sites(WEST, *ACCOUNTS)
DEFINITION = Definition(
    stack_set=stack_set(), body=BODY, parameters={"EnvironmentSuffix": "dev"}, targets=(Targets(regions=(WEST,)),)
)
DEPLOYED = ObservedSet(body=BODY, parameters={"EnvironmentSuffix": "dev"}, instances=instances())
BY_NAME = places(WEST, *ACCOUNTS)
CONTEXT = SetContext(
    definition=DEFINITION, observed=DEPLOYED, targets=TargetSites(sites=HERE), new_targets=BY_NAME, old_targets=BY_NAME
)


def change(action: str, *names: str) -> ResourceChange:
    touched = tuple(PropertyChange(path=name) for name in names)
    return ResourceChange(
        action=action, logical_id=LogicalId("X"), type="AWS::CloudFormation::StackSet", properties=touched
    )


UPDATE = replace(CONTEXT, change=change("Modify", "/Properties/TemplateBody"))
RETARGET = replace(CONTEXT, change=change("Modify", "Properties.StackInstancesGroup"))


def targeting(context: SetContext, *named: str) -> SetContext:
    """The context with other accounts as its targets."""
    return replace(context, targets=TargetSites(sites=sites(WEST, *named)), new_targets=places(WEST, *named))


def under(unit: str, *named: str) -> SetContext:
    """A set that is retargeted from the unit `child`, of A and B, to another one."""
    came = tuple(instance(account, unit="child") for account in (A, B))
    by_unit = places(WEST, *named, unit=unit)
    return replace(
        RETARGET,
        observed=replace(DEPLOYED, instances=came),
        targets=TargetSites(sites=tuple(place.site for place in by_unit)),
        new_targets=by_unit,
        old_targets=places(WEST, A, B, unit="child"),
    )


@pytest.mark.parametrize(
    ("set_change", "does"),
    [
        (None, "nothing"),
        (change("Add"), "create"),
        (change("Remove"), "remove"),
        (change("Modify"), "update"),
        (change("Modify", "/Properties/TemplateBody"), "update"),
        (change("Modify", "Properties.StackInstancesGroup"), "targets"),
        (
            change("Modify", "/Properties/StackInstancesGroup/0/DeploymentTargets", "/Properties/OperationPreferences"),
            "targets",
        ),
        (change("Modify", "Properties.StackInstancesGroup", "Properties.Tags"), "update"),
    ],
)
def test_what_a_change_set_does_to_a_set_is_read_from_its_properties(
    set_change: ResourceChange | None, does: str
) -> None:
    assert plan_set(replace(CONTEXT, change=set_change)).does == does


def test_a_new_set_comes_everywhere_with_all_that_is_in_its_template() -> None:
    planned = plan_set(replace(CONTEXT, change=change("Add"), observed=None, old_targets=()))
    assert (planned.joining, planned.updating, planned.touched) == (HERE, (), HERE)
    assert [(change.action, change.logical_id) for change in planned.changes] == [("Add", "Table")]


BOTH = change("Modify", "/Properties/TemplateBody", "/Properties/StackInstancesGroup/0/DeploymentTargets/Accounts/2")


def test_a_new_template_reaches_every_instance_and_whoever_comes() -> None:
    observed = replace(DEPLOYED, instances=instances((A, B)))
    planned = plan_set(replace(CONTEXT, change=BOTH, observed=observed, old_targets=places(WEST, A, B)))
    assert planned.updating == sites(WEST, A, B)
    assert (planned.joining, planned.missing) == (sites(WEST, C), ())
    assert planned.changes == ()


@pytest.mark.parametrize("context", [CONTEXT, UPDATE, RETARGET])
def test_a_stack_that_no_change_of_targets_brings_is_made_by_an_operation_of_ours(context: SetContext) -> None:
    planned = plan_set(replace(context, observed=replace(DEPLOYED, instances=instances((A, B)))))
    assert (planned.joining, planned.missing) == ((), places(WEST, C))
    assert planned.touched[-1:] == sites(WEST, C)


def test_after_a_failed_update_nobody_comes_by_a_change_of_something_else() -> None:
    two = places(WEST, A, B)
    observed = replace(DEPLOYED, instances=instances((A, B)))
    assert plan_set(replace(UPDATE, observed=observed, old_targets=two)).missing == places(WEST, C)
    assert plan_set(replace(RETARGET, observed=observed, old_targets=two)).joining == sites(WEST, C)


def test_a_set_that_is_not_there_lacks_no_stack() -> None:
    assert plan_set(replace(CONTEXT, observed=None)).missing == ()


def test_who_is_not_aimed_at_any_more_leaves_and_is_not_updated() -> None:
    planned = plan_set(targeting(UPDATE, A, B))
    assert (planned.updating, planned.leaving) == (sites(WEST, A, B), sites(WEST, C))


def test_an_instance_that_no_template_put_there_does_not_leave() -> None:
    planned = plan_set(replace(targeting(UPDATE, A), old_targets=places(WEST, A)))
    assert planned.leaving == ()
    assert planned.updating == HERE


def test_a_stack_that_stands_where_the_change_set_makes_a_target_is_exposed_to_its_failure() -> None:
    observed = replace(DEPLOYED, instances=(instance(A, stack="arn:a"), instance(B, stack="arn:b"), instance(C)))
    two = places(WEST, A)
    planned = plan_set(replace(UPDATE, change=BOTH, observed=observed, old_targets=two))
    assert (planned.exposed, planned.joining) == (sites(WEST, B), ())
    assert plan_set(replace(RETARGET, observed=observed, old_targets=two)).exposed == sites(WEST, B)
    assert plan_set(replace(UPDATE, observed=observed, old_targets=two)).exposed == ()
    assert plan_set(replace(UPDATE, change=BOTH, observed=observed)).exposed == ()
    assert plan_set(replace(UPDATE, change=change("Add"), observed=observed, old_targets=two)).exposed == ()


def test_where_only_the_targets_change_the_others_are_left_alone() -> None:
    planned = plan_set(targeting(RETARGET, A, B))
    assert (planned.updating, planned.leaving, planned.changes) == ((), sites(WEST, C), ())


def test_another_unit_takes_down_every_stack_of_the_old_one_and_makes_it_anew() -> None:
    wider = plan_set(under("root", A, B, C))
    assert (wider.leaving, wider.joining) == (sites(WEST, A, B), HERE)
    narrower = plan_set(under("grandchild", A))
    assert (narrower.leaving, narrower.joining) == (sites(WEST, A, B), sites(WEST, A))


def test_a_unit_beside_the_old_one_takes_nothing_down() -> None:
    both = under("root", A, B, C)
    planned = plan_set(replace(both, new_targets=(*both.old_targets, *both.new_targets)))
    assert (planned.leaving, planned.joining, planned.missing) == ((), sites(WEST, C), ())


def test_what_one_of_two_targets_takes_down_and_the_other_does_not_bring_back_is_made_by_us() -> None:
    one_less = under("root", A, B)
    planned = plan_set(replace(one_less, old_targets=(*one_less.old_targets, *one_less.new_targets)))
    assert (planned.leaving, planned.joining) == (sites(WEST, A, B), ())
    assert planned.missing == places(WEST, A, B, unit="root")


def test_a_set_that_goes_takes_all_its_instances() -> None:
    planned = plan_set(replace(CONTEXT, change=change("Remove"), targets=TargetSites(sites=())))
    assert (planned.leaving, planned.joining, planned.updating) == (HERE, (), ())


MIXED = (
    instance(A),
    instance(B, status="OUTDATED", reason="limit"),
    instance(C, status="INOPERABLE"),
    instance("7" * 12, status="OUTDATED", detailed_status="SKIPPED_SUSPENDED_ACCOUNT"),
)


def test_what_failed_before_is_done_again_where_the_change_set_does_not_reach_it() -> None:
    here = replace(CONTEXT, observed=replace(DEPLOYED, instances=MIXED))
    assert [instance.site for instance in plan_set(here).retries] == [*sites(WEST, B)]
    assert plan_set(here).touched == sites(WEST, B)
    assert plan_set(replace(here, change=UPDATE.change)).retries == ()
    assert plan_set(replace(here, change=UPDATE.change)).updating == sites(WEST, A, B)


def test_a_name_that_an_override_decides_is_replaced_for_that_instance_only() -> None:
    body = BODY.replace("tap-${EnvironmentSuffix}-global", "tap-${Name}-global").replace(
        "Parameters:\n", "Parameters:\n  Name: {Type: String, Default: dev}\n"
    )
    own = InstanceOverride(site=HERE[0], parameters={"Name": "mine"})
    literal = replace(DEPLOYED, body=body.replace("tap-${Name}-global", "tap-dev-global"), overrides=(own, own))
    context = replace(UPDATE, definition=replace(DEFINITION, body=body), observed=literal)
    assert [change.is_replaced for change in plan_set(context).changes] == [True]
    assert plan_set(replace(context, observed=replace(literal, overrides=()))).changes == ()


def test_a_masked_parameter_counts_as_unchanged() -> None:
    masked = replace(DEPLOYED, parameters={"EnvironmentSuffix": "****"})
    assert plan_set(replace(UPDATE, observed=masked)).changes == ()


def test_a_creation_that_failed_before_begins_with_the_deletion_of_what_came_of_it() -> None:
    planned = plan_set(replace(CONTEXT, change=change("Add"), observed=replace(DEPLOYED, instances=instances((A,)))))
    assert (planned.joining, planned.leaving) == (HERE, sites(WEST, A))
    assert planned.remarks == (
        "its creation failed before: CloudFormation makes it anew and deletes the 1 stack that it has",
    )


def test_a_set_that_is_replaced_is_made_anew_everywhere() -> None:
    planned = plan_set(replace(UPDATE, change=replace(change("Modify"), replacement="True")))
    assert (planned.does, planned.joining, planned.leaving) == ("create", HERE, HERE)
    assert planned.remarks[0].startswith("it is replaced: CloudFormation makes it anew")


def test_what_an_operation_has_in_hand_is_not_tried_again() -> None:
    busy = (
        instance(A, status="OUTDATED", detailed_status="RUNNING"),
        instance(B, status="OUTDATED", detailed_status="FAILED"),
    )
    planned = plan_set(replace(CONTEXT, observed=replace(DEPLOYED, instances=busy)))
    assert [instance.site for instance in planned.retries] == [*sites(WEST, B)]
    assert any("1 instances are in the hands of an operation" in remark for remark in planned.remarks)
