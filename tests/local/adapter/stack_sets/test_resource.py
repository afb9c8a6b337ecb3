import threading
import time
from typing import Any

from local.account import PRIMARY, SECONDARY, Outcome, deploy, destroy, update
from local.adapter.stack_sets.fleet import Fleet, template, waiting
from local.adapter.stack_sets.organized import Organized


def _resource(*accounts: str, regions: tuple[str, ...] = (PRIMARY,), **options: Any) -> dict[str, Any]:
    group = {"DeploymentTargets": {"Accounts": list(accounts)}, "Regions": list(regions)}
    properties: dict[str, Any] = {"StackSetName": "set", "PermissionModel": "SELF_MANAGED", "TemplateBody": template()}
    properties |= {"StackInstancesGroup": [group], "ManagedExecution": {"Active": "true"}, **options}
    return {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": properties}}


def _name(value: str) -> list[dict[str, str]]:
    return [{"ParameterKey": "Name", "ParameterValue": value}]


def test_a_stack_makes_the_set_and_its_instances_and_knows_its_id(fleet: Fleet) -> None:
    outputs = {"Ref": {"Value": {"Ref": "Set"}}, "Id": {"Value": {"Fn::GetAtt": ["Set", "StackSetId"]}}}
    made = deploy(fleet.admin, "fleet", _resource(*fleet.targets, regions=(PRIMARY, SECONDARY)), outputs=outputs)
    assert made.status == "CREATE_COMPLETE"
    stack_set = fleet.cloudformation.describe_stack_set(StackSetName="set")["StackSet"]
    assert made.outputs == {"Ref": stack_set["StackSetId"], "Id": stack_set["StackSetId"]}
    assert stack_set["ManagedExecution"] == {"Active": True}
    assert [instance["Status"] for instance in fleet.instances()] == ["CURRENT"] * 4
    assert destroy(fleet.admin, "fleet").status == "DELETE_COMPLETE"
    assert [fleet.stacks(account, region) for account in fleet.targets for region in (PRIMARY, SECONDARY)] == [[]] * 4
    assert fleet.cloudformation.list_stack_sets(Status="ACTIVE")["Summaries"] == []


def test_a_change_set_shows_what_of_the_set_changes_and_whether_it_is_replaced(fleet: Fleet) -> None:
    deploy(fleet.admin, "fleet", _resource(*fleet.targets))
    changed = update(fleet.admin, "fleet", _resource(*fleet.targets, Parameters=_name("/b")))
    (change,) = [row["ResourceChange"] for row in changed.changes]
    assert (change["ResourceType"], change["Replacement"]) == ("AWS::CloudFormation::StackSet", "False")
    assert [detail["Target"]["Name"] for detail in change["Details"]] == ["Parameters"]
    assert [fleet.groups(account) for account in fleet.targets] == [["/b"], ["/b"]]
    renamed = update(fleet.admin, "fleet", _resource(*fleet.targets, StackSetName="other", Parameters=_name("/c")))
    assert renamed.changes[0]["ResourceChange"]["Replacement"] == "True"
    assert renamed.status == "UPDATE_COMPLETE"
    assert [fleet.groups(account) for account in fleet.targets] == [["/c"], ["/c"]]


def test_the_stack_s_tags_are_the_set_s_and_its_instances_too_and_its_own_win(fleet: Fleet) -> None:
    first, _ = fleet.targets
    own = [{"Key": "builder:stack", "Value": "of the set"}]
    tags = [{"Key": "builder:deployment", "Value": "tap-fleet-dev"}, {"Key": "builder:stack", "Value": "of the stack"}]
    deploy(fleet.admin, "fleet", _resource(first, Tags=own), Tags=tags)
    expected = {"builder:deployment": "tap-fleet-dev", "builder:stack": "of the set"}
    stack_set = fleet.cloudformation.describe_stack_set(StackSetName="set")["StackSet"]
    (instance,) = fleet.stacks(first)
    for described in (stack_set, instance):
        assert {tag["Key"]: tag["Value"] for tag in described["Tags"]} == expected


def test_accounts_and_regions_come_and_go_without_touching_the_others(fleet: Fleet) -> None:
    first, second = fleet.targets
    deploy(fleet.admin, "fleet", _resource(first))
    stack_id = fleet.stacks(first)[0]["StackId"]
    assert update(fleet.admin, "fleet", _resource(first, second)).status == "UPDATE_COMPLETE"
    operations = fleet.cloudformation.list_stack_set_operations(StackSetName="set")["Summaries"]
    assert [fleet.results(operation) for operation in operations] == [
        {(second, PRIMARY): "SUCCEEDED"},
        {(first, PRIMARY): "SUCCEEDED"},
    ]
    update(fleet.admin, "fleet", _resource(second, regions=(SECONDARY,)))
    assert [(instance["Account"], instance["Region"]) for instance in fleet.instances()] == [(second, SECONDARY)]
    assert stack_id not in [stack["StackId"] for stack in fleet.stacks(first)]


def test_another_unit_around_an_account_deletes_its_stack_first_and_makes_it_anew(organized: Organized) -> None:
    fleet, first = organized.fleet, organized.accounts[0]
    organized.move(first, organized.root, organized.inner)

    def under(unit: str) -> dict[str, Any]:
        resource = _resource(PermissionModel="SERVICE_MANAGED", Parameters=_name(f"/{unit}"))
        resource["Set"]["Properties"]["StackInstancesGroup"][0]["DeploymentTargets"] = {"OrganizationalUnitIds": [unit]}
        return resource

    deploy(fleet.admin, "fleet", under(organized.inner))
    before = fleet.stacks(first)[0]["StackId"]
    assert update(fleet.admin, "fleet", under(organized.unit)).status == "UPDATE_COMPLETE"
    assert [instance["OrganizationalUnitId"] for instance in fleet.instances()] == [organized.unit]
    assert fleet.stacks(first)[0]["StackId"] != before
    operations = fleet.cloudformation.list_stack_set_operations(StackSetName="set")["Summaries"]
    assert [operation["Action"] for operation in operations] == ["CREATE", "UPDATE", "DELETE", "CREATE"]


def test_an_instance_that_was_deleted_by_hand_does_not_come_back_by_an_update(fleet: Fleet) -> None:
    first, second = fleet.targets
    deploy(fleet.admin, "fleet", _resource(first, second))
    operation = fleet.cloudformation.delete_stack_instances(
        StackSetName="set", Accounts=[first], Regions=[PRIMARY], RetainStacks=False
    )
    fleet.wait(operation["OperationId"])
    assert update(fleet.admin, "fleet", _resource(first, second, Parameters=_name("/b"))).status == "UPDATE_COMPLETE"
    assert [instance["Account"] for instance in fleet.instances()] == [second]


def test_overrides_are_a_groups_own(fleet: Fleet) -> None:
    first, second = fleet.targets
    resource = _resource(first)
    other = {"DeploymentTargets": {"Accounts": [second]}, "Regions": [PRIMARY], "ParameterOverrides": _name("/b")}
    resource["Set"]["Properties"]["StackInstancesGroup"].append(other)
    deploy(fleet.admin, "fleet", resource)
    assert (fleet.groups(first), fleet.groups(second)) == (["/a"], ["/b"])
    other["ParameterOverrides"] = _name("/c")
    update(fleet.admin, "fleet", resource)
    assert (fleet.groups(first), fleet.groups(second)) == (["/a"], ["/c"])


def test_a_failure_beyond_the_tolerance_fails_the_resource_with_the_instances_reason(fleet: Fleet) -> None:
    made = _deploy_without_rollback(fleet, _resource(*fleet.targets, fleet.stranger))
    assert made.status == "CREATE_FAILED"
    assert f"[Account {fleet.stranger} should have" in made.reason
    assert [instance["Status"] for instance in fleet.instances()] == ["CURRENT", "CURRENT", "OUTDATED"]


def test_what_a_failed_creation_left_is_deleted_before_the_next(fleet: Fleet) -> None:
    _deploy_without_rollback(fleet, _resource(*fleet.targets, fleet.stranger))
    first = fleet.cloudformation.describe_stack_set(StackSetName="set")["StackSet"]["StackSetId"]
    fleet.trust(fleet.stranger)
    made = update(fleet.admin, "fleet", _resource(*fleet.targets, fleet.stranger))
    assert made.status == "UPDATE_COMPLETE"
    assert fleet.cloudformation.describe_stack_set(StackSetName="set")["StackSet"]["StackSetId"] != first
    assert [len(fleet.stacks(account)) for account in (*fleet.targets, fleet.stranger)] == [1, 1, 1]


def test_what_a_failed_creation_left_is_deleted_with_its_stack(fleet: Fleet) -> None:
    _deploy_without_rollback(fleet, _resource(*fleet.targets, fleet.stranger))
    assert destroy(fleet.admin, "fleet").status == "DELETE_COMPLETE"
    assert [fleet.stacks(account) for account in fleet.targets] == [[], []]
    assert fleet.cloudformation.list_stack_sets(Status="ACTIVE")["Summaries"] == []


def test_a_failure_within_the_tolerance_is_none_of_the_resource(fleet: Fleet) -> None:
    tolerant: dict[str, Any] = {"OperationPreferences": {"FailureToleranceCount": "1"}}
    made = deploy(fleet.admin, "fleet", _resource(*fleet.targets, fleet.stranger, **tolerant))
    assert made.status == "CREATE_COMPLETE"
    assert [instance["Status"] for instance in fleet.instances()] == ["CURRENT", "CURRENT", "OUTDATED"]


def test_a_name_that_is_taken_fails_the_resource(fleet: Fleet) -> None:
    fleet.create()
    made = deploy(fleet.admin, "fleet", _resource(*fleet.targets))
    assert (made.status, "HandlerErrorCode: AlreadyExists" in made.reason) == ("ROLLBACK_COMPLETE", True)


def test_a_set_that_was_deleted_by_hand_is_gone_for_its_stack(fleet: Fleet) -> None:
    deploy(fleet.admin, "fleet", _resource(*fleet.targets))
    operation = fleet.cloudformation.delete_stack_instances(
        StackSetName="set", Accounts=list(fleet.targets), Regions=[PRIMARY], RetainStacks=False
    )
    fleet.wait(operation["OperationId"])
    fleet.cloudformation.delete_stack_set(StackSetName="set")
    assert destroy(fleet.admin, "fleet").status == "DELETE_COMPLETE"


def test_requests_are_answered_while_the_resource_waits(fleet: Fleet) -> None:
    first = fleet.targets[0]
    ended: list[Outcome] = []
    resource = _resource(first, TemplateBody=waiting())
    thread = threading.Thread(target=lambda: ended.append(deploy(fleet.admin, "fleet", resource)))
    thread.start()
    try:
        until = time.monotonic() + 20
        while not fleet.stacks(first):
            assert time.monotonic() < until
        assert (
            fleet.cloudformation.describe_stacks(StackName="fleet")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
        )
        assert ended == []
    finally:
        fleet.signal(first)
        thread.join(20)
    assert [stack.status for stack in ended] == ["CREATE_COMPLETE"]


def _deploy_without_rollback(fleet: Fleet, resource: dict[str, Any]) -> Outcome:
    return deploy(fleet.admin, "fleet", resource, OnStackFailure="DO_NOTHING")
