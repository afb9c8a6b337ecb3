import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import Account, deploy
from local.adapter.strict import Strict, allow, reasons, settled
from local.adapter.templates import log_group

TEMPLATE = json.dumps({"Resources": log_group("/a")})


def test_without_enforcement_nothing_is_asked_of_anybody(account: Account) -> None:
    assert deploy(account, "one", log_group("/a")).status == "CREATE_COMPLETE"


def test_cloudformation_does_for_a_caller_what_the_caller_may_do(strict: Strict) -> None:
    able = strict.person(allow("cloudformation:*"), allow("logs:*"))
    able.create_stack(StackName="able", TemplateBody=TEMPLATE)
    assert settled(able, "able") == "CREATE_COMPLETE"
    unable = strict.person(allow("cloudformation:*"))
    unable.create_stack(StackName="unable", TemplateBody=TEMPLATE.replace("/a", "/b"))
    assert settled(unable, "unable") == "ROLLBACK_COMPLETE"
    assert f"{strict.id}:user/person-2 is not authorized to perform: logs:CreateLogGroup" in reasons(unable, "unable")


def test_with_a_role_it_does_what_the_role_may_do_then_and_later(strict: Strict) -> None:
    role = strict.role("cfn", allow("logs:CreateLogGroup", "logs:TagResource"))
    person = strict.person(allow("cloudformation:*"), allow("iam:PassRole"))
    person.create_stack(StackName="one", TemplateBody=TEMPLATE, RoleARN=role)
    assert settled(person, "one") == "CREATE_COMPLETE"
    person.delete_stack(StackName="one")
    assert settled(person, "one") == "DELETE_FAILED"
    assert "assumed-role/cfn/AWSCloudFormation is not authorized to perform: logs:DeleteLogGroup" in reasons(
        person, "one"
    )


def test_a_permissions_boundary_bounds_the_role_that_acts(strict: Strict) -> None:
    role = strict.role("cfn", allow("logs:*"))
    iam = strict.root("iam")
    bound = json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:*")]})
    boundary = iam.create_policy(PolicyName="b", PolicyDocument=bound)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="cfn", PermissionsBoundary=boundary)
    root = strict.root("cloudformation")
    root.create_stack(StackName="one", TemplateBody=TEMPLATE, RoleARN=role)
    assert settled(root, "one") == "ROLLBACK_COMPLETE"


def test_a_bucket_that_takes_tls_alone_takes_what_comes_over_the_loopback(strict: Strict) -> None:
    s3, name = strict.root("s3"), f"tls-{strict.id}"
    s3.create_bucket(Bucket=name)
    over_tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [over_tls]}))
    assert s3.put_object(Bucket=name, Key="k", Body=b"x")


def test_alarms_are_looked_at_by_who_may_look_at_every_alarm_of_the_region(strict: Strict) -> None:
    def viewer(resource: str) -> Any:
        statement = allow("cloudwatch:DescribeAlarms", resource=f"arn:aws:cloudwatch:us-east-1:{strict.id}:{resource}")
        return strict.client_of(statement, service="cloudwatch")

    for request in ({}, {"AlarmNames": ["a"]}, {"AlarmNamePrefix": "a"}):
        assert viewer("alarm:*").describe_alarms(**request)["MetricAlarms"] == []
        with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:DescribeAlarms"):
            viewer("alarm:a").describe_alarms(**request)
