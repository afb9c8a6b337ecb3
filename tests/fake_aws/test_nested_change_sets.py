"""Change sets that look into nested stacks: what they show, to any depth, and how they go with their root's."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from fake_aws import Fault, World
from fake_aws.test_nested import CHILD, GRANDCHILD, NEW_NAME, ROOT, Put, put, stacks, statuses

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

__all__ = ["put"]
NESTED: dict[str, Any] = {"IncludeNestedStacks": True}
ALONE = "Resources: {After: {Type: AWS::SNS::Topic}}"
SECOND = """
Parameters: {Of: {Type: String}}
Resources:
  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Of}}
"""
SIBLING = """  Second:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://s3.amazonaws.com/templates-of-the-test/second.yaml
"""
MORE = GRANDCHILD.replace("Outputs:", "".join(f"  T{n}: {{Type: AWS::SNS::Topic}}\n" for n in range(5)) + "Outputs:")


def rows(cfn: "CloudFormationClient", arn: str) -> dict[str, Any]:
    """Return the rows of a change set and of those below it, by path."""
    by_path: dict[str, Any] = {}
    for page in cfn.get_paginator("describe_change_set").paginate(ChangeSetName=arn):
        assert page["Status"] == "CREATE_COMPLETE", page.get("StatusReason")
        for change in page["Changes"]:
            row = change["ResourceChange"]
            by_path[row["LogicalResourceId"]] = row
            if "ChangeSetId" in row:
                below = rows(cfn, row["ChangeSetId"])
                by_path |= {f"{row['LogicalResourceId']}/{path}": each for path, each in below.items()}
    return by_path


def described(cfn: "CloudFormationClient", arn: str) -> Any:
    return cfn.describe_change_set(ChangeSetName=arn)


def test_new_children_wait_in_review_and_are_shown_to_any_depth(
    world: World, cfn: "CloudFormationClient", put: Put, plan: "Deploy"
) -> None:
    arn = plan(ROOT, **NESTED)
    by_path = rows(cfn, arn)
    assert {path: each["Action"] for path, each in by_path.items()} == dict.fromkeys(
        ["After", "Child", "Child/Inner", "Child/Inner/Data", "Child/Inner/Topic", "Child/Queue"], "Add"
    )
    there = stacks(cfn)
    assert statuses(cfn) == dict.fromkeys(["app", "app/Child", "app/Child/Inner"], "REVIEW_IN_PROGRESS")
    assert by_path["Child/Inner"]["PhysicalResourceId"] == there["app/Child/Inner"]["StackId"]
    child, inner = by_path["Child"]["ChangeSetId"], by_path["Child/Inner"]["ChangeSetId"]
    for made, parent, root in ((arn, None, None), (child, arn, arn), (inner, child, arn)):
        shown = described(cfn, made)
        assert (shown.get("ParentChangeSetId"), shown.get("RootChangeSetId")) == (parent, root)
        assert shown["IncludeNestedStacks"] is True
        (listed,) = cfn.list_change_sets(StackName=shown["StackId"])["Summaries"]
        assert (listed.get("ParentChangeSetId"), listed.get("RootChangeSetId")) == (parent, root)
        assert listed["IncludeNestedStacks"] is True
    assert [each["ParameterValue"] for each in described(cfn, inner)["Parameters"]] == ["one"]
    assert str(cfn.get_template(ChangeSetName=inner)["TemplateBody"]) == GRANDCHILD
    cfn.execute_change_set(ChangeSetName=arn)
    world.settle()
    assert set(statuses(cfn).values()) == {"CREATE_COMPLETE"}
    assert {path: each["StackId"] for path, each in stacks(cfn).items()} == {
        path: each["StackId"] for path, each in there.items()
    }
    assert described(cfn, inner)["ExecutionStatus"] == "EXECUTE_COMPLETE"
    assert stacks(cfn)["app/Child/Inner"]["ChangeSetId"] == inner


def test_what_was_reviewed_is_executed_whatever_lies_at_the_url_by_then(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy", plan: "Deploy"
) -> None:
    deploy(ROOT)
    put("grandchild.yaml", GRANDCHILD.replace("data-of", "more-of"))
    arn = plan(ROOT, "second", **NESTED)
    row = rows(cfn, arn)["Child/Inner/Data"]
    assert (row["Action"], row["Replacement"], row["PolicyAction"]) == ("Modify", "True", "ReplaceAndDelete")
    put("grandchild.yaml", GRANDCHILD.replace("data-of", "other-of"))
    cfn.execute_change_set(ChangeSetName=arn)
    world.settle()
    assert {"more-of-the-test", "templates-of-the-test"} == set(world.buckets)


def test_rows_of_changed_children_say_that_the_change_is_automatic_or_their_own(
    cfn: "CloudFormationClient", put: Put, deploy: "Deploy", plan: "Deploy"
) -> None:
    deploy(ROOT)
    put("grandchild.yaml", GRANDCHILD.replace("DisplayName: !Ref Name", "DisplayName: x"))
    by_path = rows(cfn, plan(ROOT, "second", **NESTED))
    assert set(by_path) == {"After", "Child", "Child/Inner", "Child/Inner/Topic"}
    (detail,) = by_path["Child"]["Details"]
    assert (detail["ChangeSource"], detail["Evaluation"]) == ("Automatic", "Dynamic")
    assert [each["CausingEntity"] for each in by_path["After"]["Details"]] == ["Child.Outputs.Topic"]
    by_path = rows(cfn, plan(ROOT, "third", Parameters=NEW_NAME, **NESTED))
    (detail,) = by_path["Child"]["Details"]
    assert (detail["ChangeSource"], detail["CausingEntity"]) == ("ParameterReference", "Name")
    assert by_path["Child/Inner/Topic"]["Replacement"] == "False"


def test_without_looking_into_them_children_always_may_change_and_no_change_set_is_named(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy", plan: "Deploy"
) -> None:
    deploy(ROOT)
    by_path = rows(cfn, plan(ROOT, "second"))
    assert {path: each["Action"] for path, each in by_path.items()} == {"After": "Modify", "Child": "Modify"}
    assert "ChangeSetId" not in by_path["Child"]
    assert by_path["Child"]["Details"][0]["ChangeSource"] == "Automatic"
    put("grandchild.yaml", GRANDCHILD.replace("  Data: {", "  Other: {").replace("data-of", "other-of"))
    cfn.execute_change_set(ChangeSetName="second", StackName="app")
    world.settle()
    assert "data-of-the-test" not in world.buckets  # unseen


def test_a_child_without_changes_has_no_row_and_its_failed_change_set_goes_with_the_root(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy", plan: "Deploy"
) -> None:
    deploy(ROOT)
    arn = plan(ROOT, "second", **NESTED)
    shown = described(cfn, arn)
    assert (shown["Status"], shown["StatusReason"][:40]) == ("FAILED", "The submitted information didn't contain")
    child = stacks(cfn)["app/Child"]["StackId"]
    listed = cfn.list_change_sets(StackName=child)["Summaries"]
    assert [(each["Status"], each["RootChangeSetId"]) for each in listed] == [("FAILED", arn)]
    cfn.delete_change_set(ChangeSetName=arn)
    world.settle()
    assert cfn.list_change_sets(StackName=child)["Summaries"] == []
    assert set(
        rows(cfn, plan(ROOT.replace("DisplayName: !GetAtt Child.Outputs.Topic", "DisplayName: x"), "third", **NESTED))
    ) == {"After"}
    cfn.execute_change_set(ChangeSetName="third", StackName="app")
    world.settle()
    assert statuses(cfn) == {
        "app": "UPDATE_COMPLETE",
        "app/Child": "CREATE_COMPLETE",
        "app/Child/Inner": "CREATE_COMPLETE",
    }
    left = [each["Status"] for each in cfn.list_change_sets(StackName=child)["Summaries"]]
    assert left == ["FAILED"]  # and there they gather
    with pytest.raises(ClientError, match="EXECUTE_COMPLETE"):
        cfn.delete_change_set(StackName="app", ChangeSetName="third")


@pytest.mark.parametrize("named", [False, True])
def test_a_child_of_which_only_the_url_changes_has_a_row(
    world: World, put: Put, deploy: "Deploy", plan: "Deploy", *, named: bool
) -> None:
    cfn = world.session().client("cloudformation", region_name="us-east-1")
    world.quirks.unchanged_child_rows_name_their_change_set = named
    deploy(ROOT)
    put("child-2.yaml", CHILD)
    moved = ROOT.replace("com/child.yaml", "com/child-2.yaml")
    shown = described(cfn, plan(moved, "second", **NESTED))
    (row,) = [each["ResourceChange"] for each in shown["Changes"]]
    assert (row["LogicalResourceId"], "ChangeSetId" in row) == ("Child", named)
    if named:
        assert described(cfn, row["ChangeSetId"])["Status"] == "FAILED"
    cfn.execute_change_set(ChangeSetName="second", StackName="app")
    world.settle()
    assert statuses(cfn)["app/Child"] == "CREATE_COMPLETE"


def test_a_removed_child_has_no_change_set(
    cfn: "CloudFormationClient", put: Put, deploy: "Deploy", plan: "Deploy"
) -> None:
    put("grandchild.yaml", GRANDCHILD.replace(", Properties: {BucketName: data-of-the-test}", ""))
    deploy(ROOT)
    row = rows(cfn, plan(ALONE, "second", **NESTED))["Child"]
    assert (row["Action"], "ChangeSetId" in row) == ("Remove", False)
    renamed = ROOT.replace("Child", "Other")
    by_path = rows(
        cfn, plan(renamed.replace("  After", "  Spare: {Type: AWS::SNS::Topic}\n  After"), "third", **NESTED)
    )
    assert {path for path, each in by_path.items() if each["Action"] == "Remove"} == {"Child"}
    assert "Other/Inner/Data" in by_path


def test_pages_are_small_at_every_level(cfn: "CloudFormationClient", put: Put, plan: "Deploy") -> None:
    put("grandchild.yaml", MORE)
    arn = rows(cfn, plan(ROOT, **NESTED))["Child/Inner"]["ChangeSetId"]
    pages = list(cfn.get_paginator("describe_change_set").paginate(ChangeSetName=arn))
    assert [len(page["Changes"]) for page in pages] == [2, 2, 2, 1]


@pytest.mark.parametrize(
    ("grandchild", "why"),
    [
        (GRANDCHILD.replace("DisplayName", "Nickname"), "PropertyValidation"),
        (
            GRANDCHILD.replace("Name: {Type", "Other: {Type").replace("!Ref Name", "x").replace("${Name}", ""),
            "Parameters: [N",
        ),
        ("not a template", "Template format error"),
    ],
)
def test_a_child_that_cannot_be_made_fails_the_root(
    cfn: "CloudFormationClient", put: Put, plan: "Deploy", grandchild: str, why: str
) -> None:
    put("grandchild.yaml", grandchild)
    made = plan(ROOT, **NESTED)
    for _ in range(2):
        shown = described(cfn, made)
        assert (shown["Status"], shown["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
        assert shown["StatusReason"].startswith("Nested change set arn:aws:cloudformation:")
        assert shown["StatusReason"].endswith(" was not successfully created: Currently in FAILED.")
        made = shown["StatusReason"].split()[3]
    shown = described(cfn, made)
    assert shown["Status"] == "FAILED"
    assert why in shown["StatusReason"]


def test_only_the_root_is_executed_or_deleted(cfn: "CloudFormationClient", put: Put, plan: "Deploy") -> None:
    inner = rows(cfn, plan(ROOT, **NESTED))["Child/Inner"]["ChangeSetId"]
    with pytest.raises(ClientError, match=r"ValidationError.*root change set"):
        cfn.execute_change_set(ChangeSetName=inner)
    with pytest.raises(ClientError, match=r"ValidationError.*root change set"):
        cfn.delete_change_set(ChangeSetName=inner)


def test_deleting_the_root_takes_its_time_and_takes_children_in_review_along(
    world: World, cfn: "CloudFormationClient", put: Put, plan: "Deploy"
) -> None:
    arn = plan(ROOT, **NESTED)
    inner = rows(cfn, arn)["Child/Inner"]["ChangeSetId"]
    cfn.delete_change_set(ChangeSetName=arn)
    seen = []
    for _ in range(4):
        seen.append(described(cfn, arn)["Status"])
        if len(seen) == 2:
            with pytest.raises(ClientError, match="AlreadyExists"):
                plan(ROOT, ClientToken="other", **NESTED)
        world.pass_time(0.45)
    assert seen == ["DELETE_PENDING", "DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    world.settle()
    for gone in (arn, inner):
        with pytest.raises(ClientError, match="ChangeSetNotFound"):
            described(cfn, gone)
    assert statuses(cfn) == {"app": "REVIEW_IN_PROGRESS"}
    assert len(rows(cfn, plan(ROOT, **NESTED))) == 6


def test_a_deletion_may_fail_and_be_asked_for_again(
    world: World, cfn: "CloudFormationClient", put: Put, plan: "Deploy"
) -> None:
    world.script.fails_change_set_deletion("not now")
    arn = plan(ROOT, **NESTED)
    cfn.delete_change_set(ChangeSetName=arn)
    cfn.delete_change_set(ChangeSetName=arn)
    world.settle()
    shown = described(cfn, arn)
    assert (shown["Status"], shown["StatusReason"]) == ("DELETE_FAILED", "not now")
    cfn.delete_change_set(ChangeSetName=arn)
    world.settle()
    assert cfn.list_change_sets(StackName="app")["Summaries"] == []


def test_children_that_were_never_begun_go_with_a_creation_that_fails(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy"
) -> None:
    world.script.fails("CREATE", "First", reason="no")
    first = "  First: {Type: AWS::SNS::Topic}\n  Child:\n    DependsOn: First\n"
    assert deploy(ROOT.replace("  Child:\n", first), **NESTED) == "ROLLBACK_COMPLETE"
    assert statuses(cfn) == {"app": "ROLLBACK_COMPLETE"}


@pytest.mark.parametrize("unknown", [True, False])
def test_what_comes_from_a_siblings_outputs_is_unknown_until_it_is_executed(
    world: World, put: Put, deploy: "Deploy", plan: "Deploy", *, unknown: bool
) -> None:
    cfn = world.session().client("cloudformation", region_name="us-east-1")
    world.quirks.sibling_outputs_are_unknown = unknown
    put("second.yaml", SECOND)
    both = ROOT.replace("  After:", SIBLING + "      Parameters: {Of: !GetAtt Child.Outputs.Name}\n  After:")
    put("child.yaml", CHILD + "  Name: {Value: !Ref Name}\n")
    assert deploy(both, **NESTED) == "CREATE_COMPLETE"
    shown = described(cfn, arn := plan(both, "second", **NESTED))
    if not unknown:
        assert shown["Status"] == "FAILED"
        return
    row = rows(cfn, arn)["Second/Q"]
    assert (row["Action"], row["Replacement"]) == ("Modify", "Conditional")
    assert [(each["Evaluation"], each["ChangeSource"], each["CausingEntity"]) for each in row["Details"]] == [
        ("Dynamic", "ParameterReference", "Of")
    ]
    cfn.execute_change_set(ChangeSetName=arn)
    world.settle()
    assert world.stack("app").status == "UPDATE_COMPLETE"
    assert cfn.list_stack_resources(StackName=stacks(cfn)["app/Second"]["StackId"])["StackResourceSummaries"][0][
        "PhysicalResourceId"
    ].endswith("/one")


def test_a_part_of_what_is_unknown_cannot_be_selected(
    cfn: "CloudFormationClient", put: Put, deploy: "Deploy", plan: "Deploy"
) -> None:
    select = "!Select [1, !Split ['-', !Ref Of]]"
    put("second.yaml", SECOND.replace("!Ref Of", select))
    both = ROOT.replace("  After:", SIBLING + "      Parameters: {Of: !GetAtt Child.Outputs.Topic}\n  After:")
    shown = described(cfn, plan(both, **NESTED))
    assert "Nested change set" in shown["StatusReason"]
    below = described(cfn, shown["StatusReason"].split()[3])
    assert below["StatusReason"] == "Template error: Fn::Select cannot select nonexistent value at index 1"


@pytest.mark.parametrize(
    "more", [{"ChangeSetType": "IMPORT", "ResourcesToImport": []}, {"DeploymentMode": "REVERT_DRIFT"}]
)
def test_neither_imports_nor_drift_go_with_nested_stacks(
    cfn: "CloudFormationClient", put: Put, deploy: "Deploy", plan: "Deploy", more: dict[str, Any]
) -> None:
    deploy(ROOT)
    with pytest.raises(ClientError, match=r"ValidationError.*IncludeNestedStacks"):
        plan(ROOT, "second", **NESTED, **more)


def test_a_hierarchy_that_moved_on_below_cannot_be_executed(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy", plan: "Deploy"
) -> None:
    deploy(ROOT)
    arn = plan(ROOT, "second", Parameters=NEW_NAME, **NESTED)
    inner = stacks(cfn)["app/Child/Inner"]["StackName"]
    world.stack(inner).deploy(GRANDCHILD.replace("Name: {Type: String}", "Name: {Type: String, Default: x}"))
    with pytest.raises(ClientError, match=r"InvalidChangeSetStatus.*OBSOLETE"):
        cfn.execute_change_set(ChangeSetName=arn)


@pytest.mark.slow
def test_children_are_seen_as_they_were_by_a_stale_read(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy"
) -> None:
    world.faults.max_age_s = 1000.0
    rule = world.faults.add(Fault.STALE, operation="DescribeStacks")
    deploy(ROOT, **NESTED)
    seen = {status for _ in range(30) for status in statuses(cfn).values()}
    assert {"REVIEW_IN_PROGRESS", "CREATE_COMPLETE"} & seen
    world.faults.remove(rule)
    assert set(statuses(cfn).values()) == {"CREATE_COMPLETE"}
