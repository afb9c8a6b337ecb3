"""What nested stacks need: their templates where they can be read, their stacks and change sets, else a warning."""

import json
from dataclasses import replace
from typing import Any

import pytest

from builder.assembly.bound import Bound
from builder.errors import AwsError
from builder.policy import bind_nested, make_document
from builder.policy.document import Rights, Verb
from builder.policy.rights import caller_rights, service_role_rights
from builder.template import Template
from builder.terms import Region
from policy.system import ACCOUNT, CONTEXT, VIA_ROLE, stack

NESTED = "AWS::CloudFormation::Stack"
STACKS = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack"


def nest(key: str, **parameters: Any) -> dict[str, Any]:
    url = {"Fn::Sub": f"https://children-${{AWS::AccountId}}.s3.us-east-1.amazonaws.com/{key}"}
    return {"Type": NESTED, "Properties": {"TemplateURL": url, "Parameters": parameters}}


LOWEST = {
    "Parameters": {"Name": {"Type": "String"}},
    "Resources": {"Orders": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": {"Ref": "Name"}}}},
}
TEMPLATES = {
    "child.json": {"Resources": {"Grandchild": nest("grandchild.json", Name="orders")}},
    "grandchild.json": LOWEST,
}


def read(region: Region, url: str) -> str:
    assert (region, url.startswith(f"https://children-{ACCOUNT}.s3.")) == ("us-east-1", True)
    return json.dumps(TEMPLATES[url.rpartition("/")[2]])


def arns(rights: Rights, action: str) -> set[str]:
    resources: set[str] = set()
    for statement in make_document(rights)["Statement"]:
        if action in statement["Action"]:
            resources |= (
                {statement["Resource"]} if isinstance(statement["Resource"], str) else set(statement["Resource"])
            )
    return resources


@pytest.fixture
def bounds() -> tuple[Bound, ...]:
    nested, warnings = bind_nested((stack(Child=nest("child.json")),), CONTEXT, read)
    assert warnings == ()
    return nested


def test_the_service_role_gets_what_the_lowest_level_needs(bounds: tuple[Bound, ...]) -> None:
    rights = service_role_rights(bounds, CONTEXT, Verb.EXECUTE)
    assert arns(rights, "dynamodb:CreateTable") == {f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders"}
    assert arns(rights, "cloudformation:CreateStack") == {
        f"{STACKS}/tap-dev-own-Child-*/*",
        f"{STACKS}/tap-dev-own-Child-*-Grandchild-*/*",
    }
    templates = {f"arn:aws:s3:::children-{ACCOUNT}/{key}" for key in TEMPLATES}
    assert arns(rights, "s3:GetObject") >= templates
    assert arns(rights, "cloudformation:ExecuteChangeSet") == arns(rights, "cloudformation:CreateStack")


def test_the_caller_may_look_at_the_nested_stacks_and_read_their_templates(bounds: tuple[Bound, ...]) -> None:
    rights = caller_rights(bounds, CONTEXT, Verb.PLAN, VIA_ROLE)
    assert f"{STACKS}/tap-dev-own-Child-*/*" in arns(rights, "cloudformation:DescribeChangeSet")
    assert arns(rights, "s3:GetObject") == {f"arn:aws:s3:::children-{ACCOUNT}/{key}" for key in TEMPLATES}
    assert "dynamodb:CreateTable" not in {grant.action for grant in rights.granted}


def test_what_is_not_read_is_said_and_its_stack_may_be_looked_at_all_the_same() -> None:
    def denied(region: Region, url: str) -> str:
        raise AwsError(where=url, code="AccessDenied", what="not allowed to call GetObject")

    nested, (warning,) = bind_nested((stack(Child=nest("child.json")),), CONTEXT, denied)
    assert warning.startswith("us-east-1/own/Child: its template could not be read from https://children-")
    rights = caller_rights(nested, CONTEXT, Verb.PLAN, VIA_ROLE)
    assert f"{STACKS}/tap-dev-own-Child-*/*" in arns(rights, "cloudformation:DescribeChangeSet")


def test_a_template_whose_place_nobody_knows_is_said() -> None:
    import_value = {"Type": NESTED, "Properties": {"TemplateURL": {"Fn::ImportValue": "url"}}}
    _, (warning,) = bind_nested((stack(Child=import_value),), CONTEXT, read)
    assert "lies nobody can tell where before the deployment" in warning


def test_a_parameter_that_is_not_known_is_not_taken_for_its_default() -> None:
    declared = {**LOWEST, "Parameters": {"Name": {"Type": "String", "Default": "other"}}}
    child = nest("x.json", Name={"Fn::GetAtt": ["Sibling", "Outputs.Name"]})
    nested, _ = bind_nested((stack(Child=child),), CONTEXT, lambda *_: json.dumps(declared))
    rights = service_role_rights(nested, CONTEXT, Verb.EXECUTE)
    assert arns(rights, "dynamodb:CreateTable") == {f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/*"}


def test_the_caller_may_have_templates_transformed_by_what_they_name() -> None:
    call = {"Fn::Transform": [{"Name": "Mine"}, {"Name": {"Ref": "Which"}}]}
    bound = stack(Run={"Type": "AWS::Serverless::Function", "Properties": call})
    data = {**bound.template.data, "Transform": ["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"]}
    rights = caller_rights((replace(bound, template=Template(data)),), CONTEXT, Verb.PLAN, VIA_ROLE)
    transforms = {arn.partition(":us-east-1:")[2] for arn in arns(rights, "cloudformation:CreateChangeSet")}
    assert transforms - {f"{ACCOUNT}:stack/tap-dev-own/*"} == {
        "aws:transform/LanguageExtensions",
        "aws:transform/Serverless-2016-10-31",
        f"{ACCOUNT}:transform/Mine",
        "aws:transform/*",
        f"{ACCOUNT}:transform/*",
    }
