"""Transforms: what they make of a template, who has to acknowledge them, and change sets that fail because of them."""

import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from builder.local.adapter.cloudformation import transforms
from builder.local.adapter.cloudformation.macros import TransformError
from local.account import Account, deploy, destroy

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import DescribeChangeSetOutputTypeDef

ALL = ("CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
TOPIC = "T: {Type: AWS::SNS::Topic}"
QUEUE = "Type: AWS::SQS::Queue, DeletionPolicy: %s"
FUNCTION = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Alias: {Type: String, Default: live}}
Resources:
  Run:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: index.handler, InlineCode: x, AutoPublishAlias: !Ref Alias}
"""


def change_set(
    account: Account, template: str, *given: Any, name: str = "app", kind: Any = "CREATE", **options: Any
) -> "DescribeChangeSetOutputTypeDef":
    client = account.cloudformation()
    made = client.create_change_set(
        StackName=name,
        ChangeSetName=f"c-{time.monotonic_ns()}",
        ChangeSetType=kind,
        TemplateBody=template,
        Capabilities=given,
        **options,
    )
    return client.describe_change_set(ChangeSetName=made["Id"])


def types(described: "DescribeChangeSetOutputTypeDef") -> dict[str, str]:
    rows = [change["ResourceChange"] for change in described["Changes"]]
    return {row["LogicalResourceId"]: row["ResourceType"] for row in rows}


class TestSam:
    def test_the_change_set_shows_what_it_makes(self, account: Account) -> None:
        described = change_set(account, FUNCTION, *ALL)
        assert described["Status"] == "CREATE_COMPLETE"
        shown = types(described)
        (version,) = [name for name, kind in shown.items() if kind == "AWS::Lambda::Version"]
        assert shown == {
            "Run": "AWS::Lambda::Function",
            "RunRole": "AWS::IAM::Role",
            "RunAliaslive": "AWS::Lambda::Alias",
            version: "AWS::Lambda::Version",
        }

    def test_both_stages_of_the_template_are_shown(self, account: Account) -> None:
        client, arn = account.cloudformation(), change_set(account, FUNCTION, *ALL)["ChangeSetId"]
        assert str(client.get_template(ChangeSetName=arn, TemplateStage="Original")["TemplateBody"]) == FUNCTION
        processed: Any = client.get_template(ChangeSetName=arn, TemplateStage="Processed")["TemplateBody"]
        assert processed["Resources"]["Run"]["Properties"]["Code"] == {"ZipFile": "x"}
        assert "Transform" not in processed

    def test_it_is_given_the_parameters_that_the_stack_is_given(self, account: Account) -> None:
        described = change_set(
            account, FUNCTION, *ALL, Parameters=[{"ParameterKey": "Alias", "ParameterValue": "beta"}]
        )
        assert "RunAliasbeta" in types(described)

    def test_the_extra_is_named_where_the_translator_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "samtranslator.translator.transform", None)
        with pytest.raises(TransformError, match=r"with the extra `local`: pip install 'two-region-dr\[local\]'"):
            transforms.translate({}, {})


EACH = (
    "Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::Each': [N, [A, B], {'R${N}': {Type: AWS::%s}}],"
    " J: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !ToJsonString [!Length [a, b]]}}}"
)


class TestLanguageExtensions:
    def test_loops_lengths_and_texts_are_what_they_come_to(self, account: Account) -> None:
        assert set(types(change_set(account, EACH % "SNS::Topic", *ALL))) == {"RA", "RB", "J"}

    @pytest.mark.parametrize(("policy", "kept"), [("!Ref Policy", True), ("!If [Never, Retain, Delete]", False)])
    def test_a_deletion_policy_may_be_a_function(self, account: Account, policy: str, *, kept: bool) -> None:
        head = "Transform: AWS::LanguageExtensions\nParameters: {Policy: {Type: String, Default: Retain}}\n"
        body = f"{head}Conditions: {{Never: !Equals [a, b]}}\nResources: {{Q: {{{QUEUE % policy}}}}}"
        client, arn = account.cloudformation(), change_set(account, body, *ALL)["ChangeSetId"]
        processed: Any = client.get_template(ChangeSetName=arn, TemplateStage="Processed")["TemplateBody"]
        assert processed["Resources"]["Q"]["DeletionPolicy"] == ("Retain" if kept else "Delete")

    def test_without_the_transform_it_may_not(self, account: Account) -> None:
        body = (
            f"Parameters: {{Policy: {{Type: String, Default: Retain}}}}\nResources: {{Q: {{{QUEUE % '!Ref Policy'}}}}}"
        )
        with pytest.raises(ClientError, match="Every DeletionPolicy member must be a string"):
            change_set(account, body)


INCLUDE = "Fn::Transform: {Name: AWS::Include, Parameters: {Location: !Sub 's3://${Bucket}/part.yaml'}}"


@pytest.mark.parametrize(
    "template",
    [
        "Parameters: {Bucket: {Type: String, Default: %s}}\nResources: {" + TOPIC + ", " + INCLUDE + "}",
        "Transform: {Name: AWS::Include, Parameters: {Location: s3://%s/whole.yaml}}\nDescription: all of it is there",
    ],
)
def test_what_is_included_is_read_from_a_bucket(account: Account, template: str) -> None:
    bucket, s3 = f"parts-{account.id}", account.s3()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="part.yaml", Body=b"Q: {Type: AWS::SQS::Queue}")
    s3.put_object(
        Bucket=bucket, Key="whole.yaml", Body=b"Resources: {Q: {Type: AWS::SQS::Queue}, T: {Type: AWS::SNS::Topic}}"
    )
    assert set(types(change_set(account, template % bucket, *ALL))) == {"Q", "T"}


ROLE = "R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}%s}}"
SAM_ROLE = f"Transform: AWS::Serverless-2016-10-31\nResources: {{{ROLE % ', RoleName: mine'}}}"


class TestCapabilities:
    @pytest.mark.parametrize(
        ("template", "given", "lacking"),
        [
            (f"Resources: {{{ROLE % ''}}}", (), "CAPABILITY_IAM"),
            (f"Resources: {{{ROLE % ', RoleName: mine'}}}", ("CAPABILITY_IAM",), "CAPABILITY_NAMED_IAM"),
        ],
    )
    def test_a_request_that_lacks_one_is_refused(
        self, account: Account, template: str, given: tuple[str, ...], lacking: str
    ) -> None:
        with pytest.raises(ClientError) as refused:
            change_set(account, template, *given)
        assert refused.value.response["Error"]["Code"] == "InsufficientCapabilitiesException"
        assert refused.value.response["Error"]["Message"] == f"Requires capabilities : [{lacking}]"

    @pytest.mark.parametrize(
        ("template", "given", "lacking"),
        [
            (FUNCTION, (), "CAPABILITY_IAM"),
            (FUNCTION, ("CAPABILITY_AUTO_EXPAND",), "CAPABILITY_IAM"),
            (SAM_ROLE, ("CAPABILITY_IAM",), "CAPABILITY_NAMED_IAM"),
        ],
    )
    def test_a_change_set_fails_for_what_a_transform_makes(
        self, account: Account, template: str, given: tuple[str, ...], lacking: str
    ) -> None:
        described = change_set(account, template, *given)
        assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
        assert described["StatusReason"] == f"Requires capabilities : [{lacking}]"

    def test_a_change_set_takes_transforms_unacknowledged(self, account: Account) -> None:
        # "This capacity doesn't apply to creating change sets": API_CreateChangeSet.
        assert change_set(account, EACH % "SNS::Topic")["Status"] == "CREATE_COMPLETE"

    def test_a_stack_created_at_once_does_not(self, account: Account) -> None:
        with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_AUTO_EXPAND\]"):
            account.cloudformation().create_stack(StackName="app", TemplateBody=EACH % "SNS::Topic")

    def test_nor_does_a_child_whose_parent_has_not_acknowledged_it(self, account: Account) -> None:
        bucket, s3 = f"children-{account.id}", account.s3()
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="child.yaml", Body=(EACH % "SNS::Topic").encode())
        url = f"https://{bucket}.s3.us-east-1.amazonaws.com/child.yaml"
        child = {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}
        assert "Requires capabilities : [CAPABILITY_AUTO_EXPAND]" in deploy(account, "parent", child).reason


FAILED = (
    "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document. "
    "Number of errors found: 1. "
)
REFUSED = [
    ("Transform: [Mine]\nResources: {" + TOPIC + "}", "No transform named {id}::Mine found."),
    ("Resources: {" + TOPIC + ", Fn::Transform: {Name: Mine}}", "No transform named {id}::Mine found."),
    *(
        (
            f"Transform: {name}\nResources: {{{TOPIC}}}",
            f"Transform {name} failed with: the embedded AWS does not have this transform",
        )
        for name in ("AWS::CodeDeployBlueGreen", "AWS::SecretsManager-2024-09-16", "AWS::Serverless")
    ),
    (
        "Transform: {Name: AWS::Include, Parameters: {Location: s3://none-{id}/k}}\nResources: {" + TOPIC + "}",
        "Transform AWS::Include failed with: The S3 object s3://none-{id}/k does not exist.",
    ),
    ("Transform: [{Nam: x}]\nResources: {" + TOPIC + "}", "Key Name of transform definition must be a string."),
    (
        "Transform: AWS::Serverless-2016-10-31\nResources: {Run: {Type: AWS::Serverless::Function}}",
        FAILED + "Resource with id [Run] is invalid. Only one of 'InlineCode' or 'CodeUri' can be set.",
    ),
    (
        "Transform: AWS::Serverless-2016-10-31\nResources: {Run: {Type: AWS::Serverless::Functio}}",
        "Template format error: Unrecognized resource types: [AWS::Serverless::Functio]",
    ),
    (
        "Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: AWS::CodeDeploy::Application}}",
        "Template format error: Unrecognized resource types: [AWS::CodeDeploy::Application]",
    ),
    (
        "Transform: AWS::LanguageExtensions\nResources: {Q: {" + QUEUE % "!Ref Nobody" + "}}",
        "Template format error: Unrecognized DeletionPolicy Nobody for resource Q",
    ),
]


class TestRefusal:
    @pytest.mark.parametrize(("template", "reason"), REFUSED)
    def test_it_is_a_change_set_that_has_failed(self, account: Account, template: str, reason: str) -> None:
        body = template.replace("{id}", account.id)
        described = change_set(account, body, *ALL)
        assert (described["Status"], described["Changes"]) == ("FAILED", [])
        assert described["StatusReason"] == reason.replace("{id}", account.id)
        shown = account.cloudformation().get_template(ChangeSetName=described["ChangeSetId"], TemplateStage="Original")
        assert str(shown["TemplateBody"]) == body

    def test_an_update_leaves_the_stack_as_it_is(self, account: Account) -> None:
        deploy(account, "app", {"T": {"Type": "AWS::SNS::Topic"}})
        described = change_set(account, REFUSED[0][0], *ALL, kind="UPDATE")
        assert described["Status"] == "FAILED"
        (stack,) = account.cloudformation().describe_stacks(StackName="app")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"

    def test_what_is_wrong_with_the_request_itself_is_refused_as_ever(self, account: Account) -> None:
        with pytest.raises(ClientError, match=r"Stack \[none\] does not exist"):
            change_set(account, REFUSED[0][0], *ALL, name="none", kind="UPDATE")

    def test_a_child_with_it_fails_its_parent(self, account: Account) -> None:
        bucket, s3 = f"children-{account.id}", account.s3()
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="child.yaml", Body=REFUSED[0][0].encode())
        url = f"https://{bucket}.s3.us-east-1.amazonaws.com/child.yaml"
        child = {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}
        outcome = deploy(account, "parent", child)
        assert f"No transform named {account.id}::Mine found." in outcome.reason
        assert outcome.status == "ROLLBACK_COMPLETE"


CODE = """
import boto3
def handler(event, context):
    answer = {"requestId": event["requestId"], "status": event["params"].get("status", "Success")}
    if "say" in event["params"]:
        return {**answer, "errorMessage": event["params"]["say"]}
    if "raise" in event["params"]:
        raise ValueError("no luck")
    if "drop" in event["params"]:
        return {name: value for name, value in answer.items() if name != event["params"]["drop"]}
    (name,) = [one["FunctionName"] for one in boto3.client("lambda").list_functions()["Functions"]]
    made = {"TopicName": "-".join([name, event["params"].get("name", ""), *event["templateParameterValues"].values()])}
    fragment = event["fragment"]
    if "Resources" in fragment:
        fragment["Resources"]["Added"] = {"Type": "AWS::SNS::Topic", "Properties": made}
        return {**answer, "fragment": fragment}
    return {**answer, "fragment": {**fragment, **made}}
"""


def make_macro(account: Account) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}
    properties = {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Code": {"ZipFile": CODE},
        "FunctionName": "mine",
    }
    arn = {"Fn::GetAtt": ["Run", "Arn"]}
    resources: dict[str, Any] = {
        "Role": role,
        "Run": {"Type": "AWS::Lambda::Function", "Properties": {**properties, "Role": {"Fn::GetAtt": ["Role", "Arn"]}}},
        "Macro": {"Type": "AWS::CloudFormation::Macro", "Properties": {"Name": "Mine", "FunctionName": arn}},
    }
    assert deploy(account, "macro", resources).status == "CREATE_COMPLETE"


def processed(account: Account, template: str) -> Any:
    arn = change_set(account, template, *ALL)["ChangeSetId"]
    shown: Any = account.cloudformation().get_template(ChangeSetName=arn, TemplateStage="Processed")["TemplateBody"]
    return shown["Resources"]


class TestMacros:
    """One life of a macro: starting a process of its function is what takes time."""

    def test_a_function_of_the_account_makes_what_it_is_called_for(self, account: Account) -> None:
        make_macro(account)
        head = "Parameters: {P: {Type: String, Default: p}}\nTransform: {Name: Mine, Parameters: {name: whole}}\n"
        inner = "Properties: {DisplayName: d, Fn::Transform: {Name: Mine, Parameters: {name: part}}}"
        made = processed(account, f"{head}Resources: {{T: {{Type: AWS::SNS::Topic, {inner}}}}}")
        # The embedded call is made before that of the whole template, and keeps what stands beside it.
        assert made["T"]["Properties"] == {"DisplayName": "d", "TopicName": "mine-part-p"}
        assert made["Added"]["Properties"] == {"TopicName": "mine-whole-p"}
        for params, reason in {
            "status: failure, say: because": "Transform {}::Mine failed with: because.",
            "status: failure, say: ''": "Transform {}::Mine failed without an error message.",
            "raise: ''": "Transform {}::Mine failed with: no luck.",
            "drop: requestId": "Received malformed response from transform {}::Mine",
            "drop: status": "Received malformed response from transform {}::Mine",
            "drop: none": "Received malformed response from transform {}::Mine",
        }.items():
            body = f"Transform: {{Name: Mine, Parameters: {{{params}}}}}\nResources: {{{TOPIC}}}"
            assert change_set(account, body, *ALL)["StatusReason"] == reason.format(account.id), params
        destroy(account, "macro")
        described = change_set(account, f"Transform: Mine\nResources: {{{TOPIC}}}", *ALL)
        assert described["StatusReason"] == f"No transform named {account.id}::Mine found."

    def test_a_name_is_taken_once(self, account: Account) -> None:
        macro = {"Type": "AWS::CloudFormation::Macro", "Properties": {"Name": "Mine", "FunctionName": "f"}}
        assert "already exists" in deploy(account, "app", {"One": macro, "Two": {**macro, "DependsOn": "One"}}).reason

    def test_one_without_its_function_is_refused(self, account: Account) -> None:
        macro = {"Type": "AWS::CloudFormation::Macro", "Properties": {"Name": "Mine", "FunctionName": "none"}}
        deploy(account, "app", {"One": macro})
        described = change_set(account, f"Transform: Mine\nResources: {{{TOPIC}}}", *ALL, name="other")
        assert described["StatusReason"] == f"Transform {account.id}::Mine failed with: Function not found: none."
