"""What nobody could check of change sets and stacks."""

from typing import Any

import pytest

from on_aws.lab import Lab, group, topic, unless_new

NOT_JSON_S = ("007", "0x1F", "0o17", "0b11", "1_000", "+1", ".5", "5.", "1.10", "1e3", "1E+3", "1:30", "-0", "12e03")


@pytest.fixture
def taken(lab: Lab) -> str:
    """The name of a log group that a change set is made for, and that another stack takes before it is executed."""
    return lab.name("taken")


def test_only_json_s_numbers_are_numbers(lab: Lab) -> None:
    lines = ["Resources:"]
    for number, text in enumerate((*NOT_JSON_S, "10", "1.5")):
        lines += [f"  P{number}:", "    Type: AWS::SSM::Parameter", f"    Properties: {{Type: String, Value: {text}}}"]
    outputs = [f"  P{number}: {{Value: !GetAtt P{number}.Value}}" for number in range(len(NOT_JSON_S) + 2)]
    stack = lab.deploy("numbers", "\n".join([*lines, "Outputs:", *outputs]))
    read = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert [read[f"P{number}"] for number in range(len(read))] == [*NOT_JSON_S, "10", "1.5"]


def test_a_stack_in_review_shows_no_tags(lab: Lab) -> None:
    planned = lab.plan("new", topic())
    assert planned["Tags"] == lab.tags
    assert lab.describe("new")["Tags"] == []


def test_a_change_set_s_token_may_be_repeated(lab: Lab) -> None:
    again = {"ChangeSetName": "first", "ClientToken": lab.name("token")}
    assert lab.ask("new", topic(), **again) == lab.ask("new", topic(), **again)


def test_an_execution_s_token_may_be_repeated(lab: Lab) -> None:
    planned = lab.plan("new", topic())
    again = {"ChangeSetName": planned["ChangeSetId"], "ClientRequestToken": lab.name("token")}
    lab.cfn.execute_change_set(**again)
    assert lab.execute(planned, ClientRequestToken=again["ClientRequestToken"]) == "CREATE_COMPLETE"


def test_a_rollback_of_what_never_stood_deletes_it(lab: Lab, taken: str) -> None:
    planned = lab.plan("fails", group(taken), OnStackFailure="DO_NOTHING")
    in_the_way = lab.deploy("holds", group(taken))
    assert lab.execute(planned) == "CREATE_FAILED"
    # A change set for a name that is taken is refused by early validation.
    lab.delete(in_the_way["StackId"])
    bigger = {"Resources": group(taken)["Resources"] | topic()["Resources"]}
    planned = lab.plan("fails", bigger, "UPDATE", OnStackFailure="DO_NOTHING")
    lab.deploy("holds-again", group(taken))
    assert lab.execute(planned) == "UPDATE_FAILED"
    lab.cfn.rollback_stack(StackName=planned["StackId"])
    assert lab.end_of(planned["StackId"]) == "DELETE_COMPLETE"


def policy_buckets(lab: Lab) -> dict[str, Any]:
    """Return a bucket for each policy that retains, by the policy's name, and what comes after them all."""
    policies = ("Retain", "RetainExceptOnCreate")
    return {
        policy: {
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": policy,
            "UpdateReplacePolicy": "Retain",
            "Properties": {"BucketName": lab.name(policy.lower())},
        }
        for policy in policies
    }


def test_a_rolled_back_creation_leaves_what_is_retained_but_not_what_is_except_on_create(lab: Lab, taken: str) -> None:
    resources = topic()["Resources"]
    lab.deploy("fails", {"Resources": resources})
    buckets = policy_buckets(lab)
    last = {"Group": {**group(taken)["Resources"]["Group"], "DependsOn": list(buckets)}}
    planned = lab.plan("fails", {"Resources": resources | buckets | last}, "UPDATE")
    lab.deploy("holds", group(taken))
    assert lab.execute(planned) == "UPDATE_ROLLBACK_COMPLETE"
    names = {bucket["Name"] for bucket in lab.client("s3").list_buckets()["Buckets"]}
    assert {policy for policy in buckets if lab.name(policy.lower()) in names} == {"Retain"}


def test_a_stack_whose_update_failed_shows_the_template_of_that_update(lab: Lab, taken: str) -> None:
    resources = topic()["Resources"]
    lab.deploy("fails", {"Resources": resources})
    planned = lab.plan(
        "fails", {"Resources": resources | group(taken)["Resources"]}, "UPDATE", OnStackFailure="DO_NOTHING"
    )
    lab.deploy("holds", group(taken))
    assert lab.execute(planned) == "UPDATE_FAILED"
    for which in ({"StackName": lab.name("fails")}, {"ChangeSetName": planned["ChangeSetId"]}):
        shown = lab.cfn.get_template(TemplateStage="Processed", **which)["TemplateBody"]
        assert "Group" in shown["Resources"]


def test_another_role_alone_is_no_change(lab: Lab) -> None:
    roles = lab.deploy("roles", {"Resources": {"Role": service_role("AmazonSNSFullAccess")}} | outputs(Role="Role.Arn"))
    lab.deploy("same", topic())
    arn = roles["Outputs"][0]["OutputValue"]
    planned = lab.until(lambda: unless_new(lambda: lab.plan("same", topic(), "UPDATE", RoleARN=arn)), arn)
    assert planned["Status"] == "FAILED"
    assert planned["StatusReason"].startswith(("The submitted information didn't contain changes", "No updates are"))


def test_a_change_set_shows_the_topics_and_triggers_that_the_stack_has(lab: Lab) -> None:
    alarm = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "Namespace": lab.name("nothing"),
            "MetricName": "Nothing",
            "Statistic": "Sum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    }
    stack = lab.deploy(
        "told", {"Resources": topic()["Resources"] | {"Alarm": alarm}} | outputs(A="Topic", B="Alarm.Arn")
    )
    arns = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    trigger = {"Arn": arns["B"], "Type": "AWS::CloudWatch::Alarm"}
    brought: dict[str, Any] = {
        "NotificationARNs": [arns["A"]],
        "RollbackConfiguration": {"RollbackTriggers": [trigger], "MonitoringTimeInMinutes": 0},
    }
    lab.deploy("watched", topic(), **brought)
    planned = lab.plan("watched", topic("two"), "UPDATE")
    assert planned["NotificationARNs"] == brought["NotificationARNs"]
    assert planned["RollbackConfiguration"]["RollbackTriggers"] == [trigger]


def test_a_change_set_reads_another_stack_s_output_while_it_is_made(lab: Lab) -> None:
    taken = {"Fn::GetStackOutput": {"StackName": lab.name("nowhere"), "OutputName": "Name"}}
    template = topic()
    template["Resources"]["Topic"]["Properties"]["DisplayName"] = taken
    planned = lab.plan("takes", template)
    assert planned["Status"] == "FAILED"
    assert lab.name("nowhere") in planned["StatusReason"]


def test_tags_alone_show_nothing_but_tags(lab: Lab) -> None:
    template = topic() | {"Parameters": {"Secret": {"Type": "String", "NoEcho": True}}}
    lab.deploy("legacy", template, Parameters=[{"ParameterKey": "Secret", "ParameterValue": "s"}])
    planned = adopt(lab, "legacy", Parameters=[{"ParameterKey": "Secret", "UsePreviousValue": True}])
    rows = [row["ResourceChange"] for row in planned["Changes"]]
    assert [(row["Action"], row["Replacement"], row["Scope"]) for row in rows] == [("Modify", "False", ["Tags"])]
    assert lab.execute(planned) == "UPDATE_COMPLETE"
    assert {"Key": "adopted", "Value": "yes"} in lab.describe("legacy")["Tags"]


def test_tags_are_a_change_also_where_nothing_takes_them(lab: Lab) -> None:
    lab.deploy("bare", {"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})
    planned = adopt(lab, "bare")
    assert (planned["Status"], planned["Changes"]) == ("CREATE_COMPLETE", [])


def adopt(lab: Lab, stack: str, **more: Any) -> dict[str, Any]:
    """Make a change set of what stands and one more tag; return its description."""
    change_set = lab.cfn.create_change_set(
        StackName=lab.name(stack),
        ChangeSetName="adoption",
        UsePreviousTemplate=True,
        Tags=[*lab.tags, {"Key": "adopted", "Value": "yes"}],
        **more,
    )

    def observe() -> dict[str, Any] | None:
        described: dict[str, Any] = lab.cfn.describe_change_set(ChangeSetName=change_set["Id"])
        return None if described["Status"].endswith(("_PENDING", "_IN_PROGRESS")) else described

    return lab.until(observe, str(change_set["Id"]))


def service_role(*managed: str) -> dict[str, object]:
    """Return a role for CloudFormation with AWS's own policies, as a resource."""
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudformation.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                },
            },
            "ManagedPolicyArns": [f"arn:aws:iam::aws:policy/{name}" for name in managed],
        },
    }


def outputs(**values: str) -> dict[str, object]:
    """Return a template's outputs: attributes as `Role.Arn`, references as `Topic`."""
    return {
        "Outputs": {
            name: {"Value": {"Fn::GetAtt": value.split(".")} if "." in value else {"Ref": value}}
            for name, value in values.items()
        }
    }
