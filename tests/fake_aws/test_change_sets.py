"""Change sets: how they are made, refused, executed, repeated and overtaken."""

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from fake_aws import World
from fake_aws.conftest import TOPIC

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

PROD = [{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "prod"}]


def _code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def test_a_change_set_takes_time_to_be_made(world: World, cfn: "CloudFormationClient") -> None:
    arn = cfn.create_change_set(StackName="app", ChangeSetName="one", TemplateBody=TOPIC, ChangeSetType="CREATE")["Id"]
    seen = []
    for _ in range(4):
        shown = cfn.describe_change_set(ChangeSetName=arn)
        seen.append((shown["Status"], shown["ExecutionStatus"]))
        world.pass_time(0.7)
    assert seen == [
        ("CREATE_PENDING", "UNAVAILABLE"),
        ("CREATE_IN_PROGRESS", "UNAVAILABLE"),
        ("CREATE_IN_PROGRESS", "UNAVAILABLE"),
        ("CREATE_COMPLETE", "AVAILABLE"),
    ]


def test_one_that_is_not_made_yet_cannot_be_executed(cfn: "CloudFormationClient") -> None:
    arn = cfn.create_change_set(StackName="app", ChangeSetName="one", TemplateBody=TOPIC, ChangeSetType="CREATE")["Id"]
    with pytest.raises(ClientError, match=r"cannot be executed in its current status of \[CREATE_PENDING\]") as refused:
        cfn.execute_change_set(ChangeSetName=arn)
    assert _code(refused) == "InvalidChangeSetStatus"


def test_the_same_again_is_no_change(cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy") -> None:
    deploy()
    shown = cfn.describe_change_set(ChangeSetName=plan(name="second"))
    assert (shown["Status"], shown["ExecutionStatus"], shown["Changes"]) == ("FAILED", "UNAVAILABLE", [])
    assert shown["StatusReason"].startswith("The submitted information didn't contain changes.")
    shown = cfn.describe_change_set(ChangeSetName=plan("# other words\n" + TOPIC, name="third"))
    assert (shown["Status"], shown["StatusReason"]) == ("FAILED", "No updates are to be performed.")
    with pytest.raises(ClientError, match=r"current status of \[FAILED\]"):
        cfn.execute_change_set(ChangeSetName="third", StackName="app")


def test_a_change_of_outputs_alone_can_be_executed_and_lists_nothing(
    cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy()
    more = TOPIC + "  Name: {Value: !GetAtt Topic.TopicName}\n"
    shown = cfn.describe_change_set(ChangeSetName=plan(more, name="second"))
    assert (shown["Status"], shown["ExecutionStatus"], shown["Changes"]) == ("CREATE_COMPLETE", "AVAILABLE", [])
    assert deploy(more, name="third") == "UPDATE_COMPLETE"
    assert len(cfn.describe_stacks(StackName="app")["Stacks"][0]["Outputs"]) == 2


@pytest.mark.parametrize("shows", [True, False])
def test_a_stack_in_review_may_name_its_change_set(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", *, shows: bool
) -> None:
    world.quirks.review_shows_change_set_id = shows
    arn = plan()
    assert cfn.describe_stacks(StackName="app")["Stacks"][0].get("ChangeSetId") == (arn if shows else None)


def test_executing_one_ends_the_others(world: World, cfn: "CloudFormationClient", plan: "Deploy") -> None:
    first, second = plan(name="first"), plan(name="second")
    cfn.execute_change_set(ChangeSetName=second)
    with pytest.raises(ClientError, match="does not exist") as refused:
        cfn.describe_change_set(ChangeSetName=first)
    assert _code(refused) == "ChangeSetNotFound"
    world.settle()
    assert cfn.describe_change_set(ChangeSetName=second)["ExecutionStatus"] == "EXECUTE_COMPLETE"
    with pytest.raises(ClientError, match=r"current execution status of \[EXECUTE_COMPLETE\]"):
        cfn.execute_change_set(ChangeSetName=second)


def test_someone_elses_update_makes_one_obsolete(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy()
    arn = plan(name="second", Parameters=PROD)
    world.stack("app").deploy(TOPIC, parameters={"EnvironmentSuffix": "other"})
    assert cfn.describe_change_set(ChangeSetName=arn)["ExecutionStatus"] == "OBSOLETE"
    with pytest.raises(ClientError, match=r"current execution status of \[OBSOLETE\]"):
        cfn.execute_change_set(ChangeSetName=arn)


def test_a_name_is_used_once_and_a_repeat_with_the_same_token_is_a_switch(
    world: World, cfn: "CloudFormationClient"
) -> None:
    request = {"StackName": "app", "ChangeSetName": "one", "TemplateBody": TOPIC, "ChangeSetType": "CREATE"}
    first = cfn.create_change_set(**request, ClientToken="a")  # type: ignore[arg-type]  # keywords shared by the calls
    with pytest.raises(ClientError, match="already exists") as refused:
        cfn.create_change_set(**request, ClientToken="a")  # type: ignore[arg-type]
    assert _code(refused) == "AlreadyExistsException"
    with pytest.raises(ClientError, match="mismatch with existing attribute ClientToken"):
        cfn.create_change_set(**request, ClientToken="b")  # type: ignore[arg-type]
    with pytest.raises(ClientError, match="mismatch with existing attribute Template"):
        cfn.create_change_set(**{**request, "TemplateBody": TOPIC + "#"}, ClientToken="a")  # type: ignore[arg-type]
    world.quirks.repeated_client_token_is_honoured = True
    assert cfn.create_change_set(**request, ClientToken="a")["Id"] == first["Id"]  # type: ignore[arg-type]


def test_create_is_for_absent_stacks_and_update_for_present_ones(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    with pytest.raises(ClientError, match=r"Stack \[app\] does not exist"):
        cfn.create_change_set(StackName="app", ChangeSetName="one", TemplateBody=TOPIC, ChangeSetType="UPDATE")
    deploy()
    with pytest.raises(ClientError, match=r"\[app\] already exists and cannot be created again with the changeSet"):
        cfn.create_change_set(StackName="app", ChangeSetName="one", TemplateBody=TOPIC, ChangeSetType="CREATE")
    cfn.delete_stack(StackName="app")
    with pytest.raises(ClientError, match="is in DELETE_IN_PROGRESS state and can not be updated"):
        cfn.create_change_set(StackName="app", ChangeSetName="one", TemplateBody=TOPIC, ChangeSetType="UPDATE")
    world.settle()
    cfn.create_change_set(StackName="app", ChangeSetName="one", TemplateBody=TOPIC, ChangeSetType="CREATE")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"TemplateBody": "Resources: {}"}, "At least one Resources member must be defined"),
        ({"TemplateBody": "- no mapping"}, "unsupported structure"),
        ({"TemplateBody": "Resources: {A: {Type: AWS::SNS::Topic, DependsOn: B}, A: {}}"}, "duplicate key"),
        ({"TemplateBody": TOPIC.replace("!Ref Topic", "!Ref Lost")}, r"Unresolved resource dependencies \[Lost\]"),
        ({"TemplateBody": TOPIC + "#" * 51_200}, "Member must have length less than or equal to 51200"),
        ({"Parameters": [{"ParameterKey": "Other", "ParameterValue": "x"}]}, r"Parameters: \[Other\] do not exist"),
        ({"TemplateBody": TOPIC.replace(", Default: dev", "")}, r"Parameters: \[EnvironmentSuffix\] must have values"),
        ({"StackName": "a" * 129}, "Member must have length less than or equal to 128"),
        ({"ChangeSetName": "1st"}, "Value '1st' at 'changeSetName' failed to satisfy constraint"),
        ({"ChangeSetType": "SOMETIMES"}, "Member must satisfy enum value set"),
    ],
)
def test_a_bad_request_is_refused_at_once_and_leaves_no_stack(
    world: World, cfn: "CloudFormationClient", change: dict[str, str], reason: str
) -> None:
    request = {"StackName": "app", "ChangeSetName": "one", "TemplateBody": TOPIC, "ChangeSetType": "CREATE"}
    with pytest.raises(ClientError, match=reason) as refused:
        cfn.create_change_set(**{**request, **change})  # type: ignore[arg-type]
    assert _code(refused) == "ValidationError"
    assert not world.stack("app").exists


def test_iam_wants_a_capability(cfn: "CloudFormationClient", plan: "Deploy") -> None:
    role = "Resources: {Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Version: 2012-10-17}}}}"
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_IAM\]") as refused:
        plan(role)
    assert _code(refused) == "InsufficientCapabilitiesException"
    plan(role, Capabilities=["CAPABILITY_IAM"])
    with pytest.raises(ClientError, match="CAPABILITY_NAMED_IAM"):
        plan(role.replace("Properties: {", "Properties: {RoleName: x, "), name="named", Capabilities=["CAPABILITY_IAM"])


def test_a_deleted_one_leaves_its_stack_in_review(world: World, cfn: "CloudFormationClient", plan: "Deploy") -> None:
    arn = plan()
    cfn.delete_change_set(ChangeSetName=arn)
    cfn.delete_change_set(ChangeSetName=arn)
    assert cfn.list_change_sets(StackName="app")["Summaries"] == []
    assert world.stack("app").status == "REVIEW_IN_PROGRESS"
    with pytest.raises(ClientError, match=r"Stack \[none\] does not exist"):
        cfn.delete_change_set(ChangeSetName="first", StackName="none")


def test_the_template_is_read_back_as_it_was_sent(
    cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy()
    other = TOPIC.replace("of ", "for ")
    arn = plan(other, name="second")
    assert str(cfn.get_template(StackName="app", TemplateStage="Original")["TemplateBody"]) == TOPIC
    assert str(cfn.get_template(ChangeSetName=arn)["TemplateBody"]) == other
    assert cfn.get_template_summary(StackName="app")["ResourceTypes"] == ["AWS::SNS::Topic"]


def test_a_test_says_what_transforms_made_of_a_template(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy()
    world.stack("app").record.deployed.processed = "Resources: {}"
    assert str(cfn.get_template(StackName="app", TemplateStage="Original")["TemplateBody"]) == TOPIC
    assert str(cfn.get_template(StackName="app", TemplateStage="Processed")["TemplateBody"]) == "Resources: {}"
    assert str(cfn.get_template(StackName="app")["TemplateBody"]) == "Resources: {}"


def test_a_failure_primed_for_the_change_set_is_its_reason(
    world: World, cfn: "CloudFormationClient", plan: "Deploy"
) -> None:
    world.script.fails_change_set("Access denied for operation 'x'", stack="app")
    shown = cfn.describe_change_set(ChangeSetName=plan())
    assert (shown["Status"], shown["StatusReason"]) == ("FAILED", "Access denied for operation 'x'")
    assert cfn.describe_change_set(ChangeSetName=plan(name="second"))["Status"] == "CREATE_COMPLETE"


def test_disabling_rollback_excludes_a_failure_option(cfn: "CloudFormationClient", plan: "Deploy") -> None:
    arn = plan(OnStackFailure="ROLLBACK")
    with pytest.raises(ClientError, match="OnStackFailure"):
        cfn.execute_change_set(ChangeSetName=arn, DisableRollback=True)


def test_previous_values_and_templates_are_kept_when_asked(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy(Parameters=PROD, Tags=[{"Key": "a", "Value": "b"}])
    made = cfn.create_change_set(
        StackName="app",
        ChangeSetName="second",
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "EnvironmentSuffix", "UsePreviousValue": True}],
    )
    world.settle()
    shown = cfn.describe_change_set(ChangeSetName=made["Id"])
    assert shown["StatusReason"].startswith("The submitted information didn't contain changes.")
    assert shown["Parameters"] == PROD
    assert shown["Tags"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize("shows", [True, False])
def test_a_stack_in_review_shows_its_tags_or_gets_them_with_the_execution_by_a_switch(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", *, shows: bool
) -> None:
    world.quirks.review_shows_tags = shows
    tags = [{"Key": "owner", "Value": "us"}]
    arn = plan(TOPIC, Tags=tags)
    assert cfn.describe_stacks(StackName="app")["Stacks"][0].get("Tags") == (tags if shows else [])
    cfn.execute_change_set(ChangeSetName=arn)
    world.settle()
    assert cfn.describe_stacks(StackName="app")["Stacks"][0].get("Tags") == tags
