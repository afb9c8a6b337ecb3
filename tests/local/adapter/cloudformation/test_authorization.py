import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.adapter.strict import Strict, allow
from local.adapter.templates import log_group

EVERYTHING = allow("*")
TEMPLATE = json.dumps({"Resources": log_group("/a")})
OURS = "arn:aws:cloudformation:us-east-1:*:stack/ours/*"


def create(client: Any, stack: str = "ours", name: str = "first", **options: Any) -> str:
    request = {
        "StackName": stack,
        "ChangeSetName": name,
        "ChangeSetType": "CREATE",
        "TemplateBody": TEMPLATE,
        **options,
    }
    return str(client.create_change_set(**request)["Id"])


def test_a_change_set_named_by_its_arn_is_allowed_on_its_stack(strict: Strict) -> None:
    ours, others = create(strict.root("cloudformation")), create(strict.root("cloudformation"), "others")
    person = strict.person(allow("cloudformation:*", resource=OURS))
    assert person.describe_change_set(ChangeSetName=ours)["StackName"] == "ours"
    with pytest.raises(ClientError, match="AccessDenied"):
        person.describe_change_set(ChangeSetName=others)
    with pytest.raises(ClientError, match="AccessDenied"):
        person.describe_change_set(ChangeSetName=ours.replace("first", "no-such"))


def test_events_of_a_change_set_are_allowed_on_the_change_set(strict: Strict) -> None:
    made = create(strict.root("cloudformation"))
    change_sets = "arn:aws:cloudformation:us-east-1:*:changeSet/first/*"
    assert strict.person(allow("cloudformation:DescribeEvents", resource=change_sets)).describe_events(
        ChangeSetName=made
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        strict.person(allow("cloudformation:DescribeEvents", resource=OURS)).describe_events(ChangeSetName=made)


def test_a_change_set_s_name_and_role_are_condition_keys(strict: Strict) -> None:
    role = strict.role("cfn", EVERYTHING)
    person = strict.person(
        allow("iam:PassRole"),
        allow(
            "cloudformation:*",
            StringEquals={"cloudformation:RoleArn": role},
            StringLike={"cloudformation:ChangeSetName": "fir*"},
        ),
    )
    assert create(person, RoleARN=role)
    for refused in ({"name": "second", "RoleARN": role}, {}):
        with pytest.raises(ClientError, match="AccessDenied"):
            create(person, "others", **refused)


def test_a_stack_s_tags_are_condition_keys_once_they_are_its_own(strict: Strict) -> None:
    root = strict.root("cloudformation")
    tagged = strict.person(allow("cloudformation:*", StringEquals={"aws:ResourceTag/owner": "us"}))
    made = create(root, Tags=[{"Key": "owner", "Value": "us"}])
    with pytest.raises(ClientError, match="AccessDenied"):
        tagged.list_stack_resources(StackName="ours")
    root.execute_change_set(ChangeSetName=made)
    assert tagged.list_stack_resources(StackName="ours")
    create(root, "others")
    with pytest.raises(ClientError, match="AccessDenied"):
        tagged.list_stack_resources(StackName="others")


def test_a_transform_is_allowed_to_the_caller_by_its_own_arn(strict: Strict) -> None:
    template = "Transform: AWS::LanguageExtensions\nResources: {T: {Type: AWS::SNS::Topic}}"
    on_stacks, role = allow("cloudformation:*", resource=OURS), strict.role("cfn", EVERYTHING)
    transform = "arn:aws:cloudformation:us-east-1:aws:transform/LanguageExtensions"
    who, with_role = strict.person(on_stacks, allow("iam:PassRole")), {"TemplateBody": template, "RoleARN": role}
    made = create(who, **with_role)
    refused = who.describe_change_set(ChangeSetName=made)
    assert refused["Status"] == "FAILED"
    assert refused["StatusReason"].endswith(
        f"is not authorized to perform: cloudformation:CreateChangeSet on resource: {transform}"
    )
    may = strict.person(on_stacks, allow("iam:PassRole"), allow("cloudformation:CreateChangeSet", resource=transform))
    made = create(may, name="second", **with_role)
    assert may.describe_change_set(ChangeSetName=made)["Status"] == "CREATE_COMPLETE"


def test_a_role_is_passed_by_those_only_who_may(strict: Strict) -> None:
    role = strict.role("cfn", EVERYTHING)
    with pytest.raises(ClientError, match=f"not authorized to perform: iam:PassRole on resource: {role}"):
        create(strict.person(allow("cloudformation:*")), RoleARN=role)
    to_lambda = allow("iam:PassRole", StringEquals={"iam:PassedToService": "lambda.amazonaws.com"})
    with pytest.raises(ClientError, match="iam:PassRole"):
        create(strict.person(allow("cloudformation:*"), to_lambda), RoleARN=role)
    assert create(strict.person(allow("cloudformation:*"), allow("iam:PassRole", resource=role)), RoleARN=role)


def test_a_role_that_does_not_trust_cloudformation_is_refused(strict: Strict) -> None:
    lambda_s = strict.role("fn", EVERYTHING, service="lambda.amazonaws.com")
    with pytest.raises(ClientError, match="invalid or cannot be assumed"):
        create(strict.root("cloudformation"), RoleARN=lambda_s)
    with pytest.raises(ClientError, match="invalid or cannot be assumed"):
        create(strict.root("cloudformation"), RoleARN="arn:aws:iam::123456789012:role/none")


def test_a_template_is_read_by_whoever_may_read_it(strict: Strict) -> None:
    bucket = f"templates-{strict.id}"
    strict.root("s3").create_bucket(Bucket=bucket)
    strict.root("s3").put_object(Bucket=bucket, Key="t.json", Body=TEMPLATE)
    url = f"https://{bucket}.s3.us-east-1.amazonaws.com/t.json"
    given: Any = {"StackName": "ours", "ChangeSetName": "first", "ChangeSetType": "CREATE", "TemplateURL": url}
    blind = strict.person(allow("cloudformation:*"))
    with pytest.raises(ClientError, match="S3 error: Access Denied"):
        blind.create_change_set(**given)
    reader = strict.person(allow("cloudformation:*"), allow("s3:GetObject", resource=f"arn:aws:s3:::{bucket}/*"))
    assert reader.create_change_set(**given)["Id"]


def test_a_table_named_by_its_arn_is_what_a_request_about_its_tags_is_allowed_on(strict: Strict) -> None:
    for name in ("ours", "theirs"):
        strict.root("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
    ours, theirs = (f"arn:aws:dynamodb:us-east-1:{strict.id}:table/{name}" for name in ("ours", "theirs"))
    person = strict.client_of(allow("dynamodb:ListTagsOfResource", resource=ours), service="dynamodb")
    assert person.list_tags_of_resource(ResourceArn=ours)["Tags"] == []
    with pytest.raises(ClientError, match="AccessDenied"):
        person.list_tags_of_resource(ResourceArn=theirs)


def test_a_stack_set_is_what_its_requests_are_allowed_on_and_nothing_has_one_before_it_is_made(strict: Strict) -> None:
    root = strict.root("cloudformation")
    for name in ("ours", "theirs"):
        root.create_stack_set(StackSetName=name, TemplateBody=TEMPLATE)
    ours = f"arn:aws:cloudformation:us-east-1:{strict.id}:stackset/ours:*"
    person = strict.person(allow("cloudformation:DescribeStackSet", resource=ours))
    made = person.describe_stack_set(StackSetName="ours")["StackSet"]
    assert person.describe_stack_set(StackSetName=made["StackSetId"])["StackSet"] == made
    with pytest.raises(ClientError, match="AccessDenied"):
        person.describe_stack_set(StackSetName="theirs")
    with pytest.raises(ClientError, match="AccessDenied"):
        person.create_stack_set(StackSetName="more", TemplateBody=TEMPLATE)
    root.delete_stack_set(StackSetName="ours")
    with pytest.raises(ClientError, match="StackSetNotFoundException"):
        person.describe_stack_set(StackSetName="ours")


def test_a_stack_is_looked_for_by_what_it_has_by_whoever_may_look_at_every_stack(strict: Strict) -> None:
    create(strict.root("cloudformation"))
    for resource in (OURS, "arn:aws:cloudformation:us-east-1:*:stack/*"):
        person = strict.person(allow("cloudformation:DescribeStackResources", resource=resource))
        with pytest.raises(ClientError, match="AccessDenied"):
            person.describe_stack_resources(PhysicalResourceId="/a")
    able = strict.person(allow("cloudformation:DescribeStackResources"))
    with pytest.raises(ClientError, match="Stack for /a does not exist"):
        able.describe_stack_resources(PhysicalResourceId="/a")
