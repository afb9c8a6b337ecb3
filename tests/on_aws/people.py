"""Somebody with few permissions, in a test's corner of an account."""

from typing import Any, Protocol

import boto3
from botocore.exceptions import ClientError

from on_aws.lab import EAST, Lab


class Person(Protocol):
    """Makes somebody who may do what the statements say."""

    def __call__(self, *statements: dict[str, Any]) -> Lab: ...


def let_in(lab: Lab, *statements: dict[str, Any]) -> Lab:
    """Return the same corner for a role with these statements, once IAM knows it everywhere."""
    known = {"Effect": "Allow", "Action": "cloudformation:ListExports", "Resource": "*"}
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": lab.name("person"),
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{lab.account}:root"},
                    "Action": "sts:AssumeRole",
                },
            },
            "Policies": [
                {
                    "PolicyName": "all",
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": [*statements, known]},
                }
            ],
        },
    }
    lab.deploy("person", {"Resources": {"Role": role}})
    arn = f"arn:aws:iam::{lab.account}:role/{lab.name('person')}"

    def enter() -> Lab | None:
        try:
            keys = lab.client("sts").assume_role(RoleArn=arn, RoleSessionName="person")["Credentials"]
            made = lab.acting_as(
                boto3.Session(
                    aws_access_key_id=keys["AccessKeyId"],
                    aws_secret_access_key=keys["SecretAccessKey"],
                    aws_session_token=keys["SessionToken"],
                )
            )
            made.client("cloudformation", EAST).list_exports()
        except ClientError as error:
            if error.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}:
                return None  # not yet
            raise
        return made

    return lab.until(enter, arn)
