import pytest

from local.adapter.stack_set.organized import Organized


def test_an_account_that_joins_gets_the_stacks_of_all_units_it_is_in(organized: Organized) -> None:
    organized.create()
    organized.deploy()
    account = organized.accounts[0]
    organized.move(account, organized.root, organized.inner)
    assert organized.placed() == {account}
    assert organized.fleet.groups(account) == ["/set"]
    # Still in the outer unit: nothing is to be done.
    organized.move(account, organized.inner, organized.unit)
    assert len(organized.fleet.cloudformation.list_stack_set_operations(StackSetName="set")["Summaries"]) == 2


@pytest.mark.parametrize("retain", [False, True])
def test_an_account_that_leaves_loses_them_unless_they_are_retained(
    organized: Organized,
    retain: bool,  # noqa: FBT001
) -> None:
    organized.create(retain=retain)
    account = organized.accounts[0]
    organized.move(account, organized.root, organized.unit)
    organized.deploy()
    organized.move(account, organized.unit, organized.root)
    assert organized.placed() == set()
    assert organized.fleet.groups(account) == (["/set"] if retain else [])


def test_a_set_that_depends_on_another_is_deployed_after_it(organized: Organized) -> None:
    first = organized.create("first")
    organized.create("second", DependsOn=[first])
    for name in ("second", "first"):
        organized.deploy(name)
    organized.move(organized.accounts[0], organized.root, organized.unit)
    assert organized.placed("first") == organized.placed("second") == {organized.accounts[0]}
    ended = [
        organized.fleet.cloudformation.list_stack_set_operations(StackSetName=name)["Summaries"][0]["EndTimestamp"]
        for name in ("first", "second")
    ]
    assert ended == sorted(ended)


def test_the_management_account_and_sets_without_automatic_deployment_stay_as_they_are(organized: Organized) -> None:
    organized.create(Enabled=False)
    organized.deploy()
    organized.move(organized.accounts[0], organized.root, organized.unit)
    organized.move(organized.fleet.admin.id, organized.root, organized.unit)
    assert organized.placed() == set()
