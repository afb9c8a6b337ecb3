"""What change sets show, computed from real differences."""

from typing import TYPE_CHECKING, Any

import pytest

from fake_aws import World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

BODY = """
Parameters:
  Days: {Type: Number, Default: 7}
  Name: {Type: String, Default: one}
Conditions:
  Loud: !Equals [!Ref Name, loud]
Resources:
  Group:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Retain
    Properties: {LogGroupName: !Sub "/x/${Name}", RetentionInDays: !Ref Days}
  Key: {Type: AWS::KMS::Key, Properties: {Description: fixed}}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: fn
      Role: arn:aws:iam::111122223333:role/x
      Code: {ZipFile: "x"}
      Environment: {Variables: {GROUP: !Ref Group, ARN: !GetAtt Group.Arn}}
  Allowed:
    Type: AWS::Lambda::Permission
    Properties: {Action: "lambda:InvokeFunction", FunctionName: !GetAtt Function.Arn, Principal: "*"}
  Topic: {Type: AWS::SNS::Topic, Condition: Loud}
"""

Changes = dict[str, dict[str, Any]]


@pytest.fixture
def changes(cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy") -> Any:
    """The changes of a second change set, by logical id."""

    def of(body: str = BODY, *, values: bool = False, **more: object) -> Changes:
        deploy(BODY)
        arn = plan(body, name="second", **more)
        rows: Changes = {}
        token: dict[str, Any] = {}
        while True:
            shown = cfn.describe_change_set(ChangeSetName=arn, IncludePropertyValues=values, **token)
            for each in shown["Changes"]:
                rows[each["ResourceChange"]["LogicalResourceId"]] = dict(each["ResourceChange"])
            if "NextToken" not in shown:
                return rows
            token = {"NextToken": shown["NextToken"]}

    return of


def _given(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def test_a_property_that_can_be_changed_in_place_is_no_replacement(changes: Any) -> None:
    group = changes(Parameters=_given(Days="30"))["Group"]
    assert (group["Action"], group["Replacement"], group["Scope"]) == ("Modify", "False", ["Properties"])
    assert group["Details"] == [
        {
            "Target": {"Attribute": "Properties", "Name": "RetentionInDays", "RequiresRecreation": "Never"},
            "Evaluation": "Static",
            "ChangeSource": "ParameterReference",
            "CausingEntity": "Days",
        }
    ]


def test_a_create_only_property_replaces_and_what_refers_to_it_may_change(changes: Any) -> None:
    rows = changes(Parameters=_given(Name="two"))
    assert (rows["Group"]["Replacement"], rows["Group"]["PolicyAction"]) == ("True", "ReplaceAndDelete")
    causes = {each["CausingEntity"] for each in rows["Function"]["Details"]}
    assert (rows["Function"]["Replacement"], causes) == ("False", {"Group", "Group.Arn"})
    permission = rows["Allowed"]
    assert permission["Replacement"] == "Conditional"
    assert [(each["Evaluation"], each["CausingEntity"]) for each in permission["Details"]] == [
        ("Dynamic", "Function.Arn")
    ]
    assert "Key" not in rows


def test_what_may_change_is_left_alone_where_it_does_not(world: World, changes: Any, deploy: "Deploy") -> None:
    assert "Allowed" in changes(BODY.replace('ZipFile: "x"', 'ZipFile: "y"'))
    before = world.stack("app").record.resources["Allowed"].physical_id
    assert deploy(BODY.replace('ZipFile: "x"', 'ZipFile: "y"'), name="third") == "UPDATE_COMPLETE"
    assert world.stack("app").record.resources["Allowed"].physical_id == before


def test_removing_a_resource_tells_what_becomes_of_it(changes: Any) -> None:
    without = BODY[: BODY.index("  Key:")] + BODY[BODY.index("  Topic:") :]
    rows = changes(without.replace("    DeletionPolicy: Retain\n", ""))
    assert {lid: (each["Action"], each.get("PolicyAction")) for lid, each in rows.items()} == {
        "Group": ("Modify", None),
        "Key": ("Remove", "Delete"),
        "Function": ("Remove", "Delete"),
        "Allowed": ("Remove", "Delete"),
    }
    assert rows["Group"]["Scope"] == ["DeletionPolicy"]


def test_a_condition_that_comes_true_adds_its_resource(changes: Any) -> None:
    assert changes(Parameters=_given(Name="loud"))["Topic"]["Action"] == "Add"


def test_values_are_shown_when_asked_for(changes: Any) -> None:
    rows = changes(values=True, Parameters=_given(Days="30", Name="two"))
    targets = {each["Target"]["Path"]: each["Target"] for each in rows["Group"]["Details"]}
    days = targets["/Properties/RetentionInDays"]
    assert (days["BeforeValue"], days["AfterValue"], days["AttributeChangeType"]) == ("7", "30", "Modify")
    arn = next(each["Target"] for each in rows["Function"]["Details"] if each["CausingEntity"] == "Group.Arn")
    assert arn["AfterValue"] == "{{changeSet:KNOWN_AFTER_APPLY}}"
    assert '"RetentionInDays":"30"' in rows["Group"]["AfterContext"]


def test_stack_tags_show_on_every_resource_that_takes_tags(changes: Any) -> None:
    rows = changes(Tags=[{"Key": "build", "Value": "1"}])
    assert {lid for lid, each in rows.items() if "Tags" in each["Scope"]} == {"Function", "Group", "Key"}
    assert [each["Target"] for each in rows["Key"]["Details"]] == [{"Attribute": "Tags", "RequiresRecreation": "Never"}]


def test_values_can_silently_drop_a_resource(world: World, changes: Any) -> None:
    world.script.drops_with_values("Group", stack="app")
    assert "Group" in changes(Parameters=_given(Days="30"))


def test_a_dropped_resource_leaves_a_warning_only(world: World, cfn: "CloudFormationClient", plan: "Deploy") -> None:
    world.script.drops_with_values("Group", stack="app")
    shown = cfn.describe_change_set(ChangeSetName=plan(BODY), IncludePropertyValues=True)
    assert shown["Status"] == "CREATE_COMPLETE"
    assert shown["StatusReason"].startswith("[WARN]")
    assert "Group" not in [each["ResourceChange"]["LogicalResourceId"] for each in shown["Changes"]]


def test_a_logical_id_keeps_its_type(cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy") -> None:
    deploy("Resources: {A: {Type: AWS::SNS::Topic}}")
    shown = cfn.describe_change_set(ChangeSetName=plan("Resources: {A: {Type: AWS::KMS::Key}}", name="second"))
    assert shown["StatusReason"].startswith("Update of resource type is not permitted.")


@pytest.mark.parametrize("name", ["DeletionPolicy", "UpdateReplacePolicy"])
@pytest.mark.parametrize(
    ("policies", "values"),
    [
        (("Retain", "Delete"), {"BeforeValue": "Retain", "AfterValue": "Delete", "AttributeChangeType": "Modify"}),
        (("Retain", None), {"BeforeValue": "Retain", "AttributeChangeType": "Remove"}),
        ((None, "Retain"), {"AfterValue": "Retain", "AttributeChangeType": "Add"}),
    ],
)
def test_a_policy_that_changes_is_a_detail_of_its_own(
    world: World, plan: "Deploy", deploy: "Deploy", name: str, *, policies: tuple[str | None, ...], values: Any
) -> None:
    before, after = (
        f"Resources:\n  T:\n    Type: AWS::SNS::Topic\n{f'    {name}: {each}' if each else ''}\n" for each in policies
    )
    deploy(before)
    arn = plan(after, "second")
    cfn = world.session().client("cloudformation", region_name="us-east-1")
    row = cfn.describe_change_set(ChangeSetName=arn, IncludePropertyValues=True)["Changes"][0]["ResourceChange"]
    target = {"Attribute": name, "RequiresRecreation": "Never", "Path": f"/{name}", **values}
    assert (row["Scope"], [each["Target"] for each in row["Details"]]) == ([name], [target])
    row = cfn.describe_change_set(ChangeSetName=arn)["Changes"][0]["ResourceChange"]
    assert [each["Target"] for each in row["Details"]] == [{"Attribute": name, "RequiresRecreation": "Never"}]
