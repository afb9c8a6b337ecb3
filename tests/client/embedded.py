"""Functions with URLs in two regions of an embedded AWS."""

import io
import json
import zipfile
from typing import Any

import boto3
import urllib3

from builder.client import RegionUrl
from local.account import authorized

REGIONS = ("us-east-1", "us-west-2")
_CODE = """
def handler(event, context):
    return {"statusCode": 200, "body": event["requestContext"]["http"]["method"]}
"""


def client(endpoint: str, account: str, service: str, region: str) -> Any:
    """A client of the account's."""
    return boto3.client(
        service,  # type: ignore[call-overload]  # the stubs want a literal
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=account,
        aws_secret_access_key="test",
    )


def make_region(endpoint: str, account: str, region: str, *, auth: str = "NONE") -> RegionUrl:
    """Make a function that answers 200, with a URL that anyone may call, or with AuthType AWS_IAM the account."""
    functions = client(endpoint, account, "lambda", region)
    role = f"arn:aws:iam::{account}:role/execution"
    if auth == "AWS_IAM":
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        iam = client(endpoint, account, "iam", region)
        role = iam.create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))[
            "Role"
        ]["Arn"]
    functions.create_function(
        FunctionName="f", Runtime="python3.13", Handler="index.handler", Role=role, Code={"ZipFile": _zipped(_CODE)}
    )
    if auth == "NONE":
        anyone = {"FunctionName": "f", "Principal": "*"}
        functions.add_permission(
            StatementId="u", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE", **anyone
        )
        functions.add_permission(StatementId="i", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True, **anyone)
    return RegionUrl(region, functions.create_function_url_config(FunctionName="f", AuthType=auth)["FunctionUrl"])


def throttle(endpoint: str, account: str, region: str) -> None:
    """Let the region's function run no more."""
    functions = client(endpoint, account, "lambda", region)
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)


def read_log(endpoint: str, path: str) -> list[dict[str, Any]]:
    """What the embedded AWS says it was asked for under the path."""
    requests = urllib3.request("GET", f"{endpoint}/_builder/requests", headers=authorized()).json()["requests"]
    return [request for request in requests if request["path"] == path]


def _zipped(code: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("index.py", code)
    return written.getvalue()
