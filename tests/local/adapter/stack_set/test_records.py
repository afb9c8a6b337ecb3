from local.account import SECONDARY
from local.adapter.stack_set.fleet import Fleet


def test_sets_are_apart_in_accounts_and_regions(fleet: Fleet) -> None:
    fleet.create()
    other_region = fleet.client("cloudformation", region=SECONDARY)
    other_account = fleet.client("cloudformation", fleet.targets[0])
    for client in (other_region, other_account):
        assert client.list_stack_sets()["Summaries"] == []
    other_region.create_stack_set(StackSetName="set", TemplateBody='{"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}')
    assert len(other_region.list_stack_sets()["Summaries"]) == len(fleet.cloudformation.list_stack_sets()["Summaries"])
