from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from builder.local.adapter.functions.urls import allows_everyone
from local.account import PRIMARY, SECONDARY, Account, deploy
from local.adapter.templates import function

_URL = {"Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"}
_INVOKE = {"Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": True}


def _service(*permissions: dict[str, Any], auth: str = "NONE", cors: bool = True) -> dict[str, Any]:
    url = {"TargetFunctionArn": {"Fn::GetAtt": ["Function", "Arn"]}, "AuthType": auth}
    settings = {"Cors": {"AllowOrigins": ["*"]}} if cors else {}
    resources = {**function("tap"), "Url": {"Type": "AWS::Lambda::Url", "Properties": {**url, **settings}}}
    for number, permission in enumerate(permissions):
        properties = {"FunctionName": {"Ref": "Function"}, **permission}
        resources[f"Permission{number}"] = {"Type": "AWS::Lambda::Permission", "Properties": properties}
    return resources


def _call(account: Account, resources: dict[str, Any], *, region: str = PRIMARY, method: str = "GET") -> Any:
    """Deploy, call the URL as its clients do, and return the response."""
    outputs = {"Url": {"Value": {"Fn::GetAtt": ["Url", "FunctionUrl"]}}}
    made = deploy(account, "service", resources, region=region, outputs=outputs)
    assert made.status == "CREATE_COMPLETE"
    host = urlsplit(made.outputs["Url"]).netloc
    assert host.endswith(f".lambda-url.{region}.on.aws")
    return urllib3.request(method, account.endpoint, headers={"Host": host}, timeout=20.0)


@pytest.mark.parametrize("region", [PRIMARY, SECONDARY])
def test_a_url_with_both_permissions_answers(account: Account, region: str) -> None:
    assert _call(account, _service(_URL, _INVOKE), region=region).status == 200


@pytest.mark.parametrize(
    "permissions",
    [
        pytest.param([], id="none"),
        pytest.param([_URL], id="url-only"),
        pytest.param([_INVOKE], id="invoke-only"),
        pytest.param([{**_URL, "FunctionUrlAuthType": "AWS_IAM"}, _INVOKE], id="of-another-auth-type"),
        pytest.param([_URL, {**_INVOKE, "Principal": "s3.amazonaws.com"}], id="of-a-service"),
    ],
)
def test_a_url_that_lacks_a_permission_answers_403(account: Account, permissions: list[dict[str, Any]]) -> None:
    response = _call(account, _service(*permissions))
    assert response.status == 403
    assert response.json()["Message"].startswith("Forbidden.")
    assert response.headers["x-amzn-ErrorType"] == "AccessDeniedException"


def test_a_url_with_aws_iam_refuses_whoever_does_not_sign(account: Account) -> None:
    assert _call(account, _service(_URL, _INVOKE, auth="AWS_IAM")).status == 403


def test_a_preflight_needs_no_permission(account: Account) -> None:
    assert _call(account, _service(), method="OPTIONS").status == 200


def test_without_cors_settings_there_is_no_preflight(account: Account) -> None:
    assert _call(account, _service(cors=False), method="OPTIONS").status == 403


def test_an_unknown_url_is_not_found(account: Account) -> None:
    response = urllib3.request("GET", account.endpoint, headers={"Host": f"{'a' * 32}.lambda-url.{PRIMARY}.on.aws"})
    assert response.status == 404


def test_a_url_whose_function_is_gone_is_not_found(account: Account) -> None:
    resources = _service(_URL, _INVOKE)
    outputs = {"Url": {"Value": {"Fn::GetAtt": ["Url", "FunctionUrl"]}}}
    host = urlsplit(deploy(account, "service", resources, outputs=outputs).outputs["Url"]).netloc
    account.functions().delete_function(FunctionName="tap")
    assert urllib3.request("GET", account.endpoint, headers={"Host": host}).status == 404


def _statement(action: str, principal: object = "*", **condition: dict[str, str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Principal": principal, "Condition": condition}


_OPEN_URL = _statement("lambda:InvokeFunctionUrl", StringEquals={"lambda:FunctionUrlAuthType": "NONE"})
_OPEN_INVOKE = _statement("lambda:InvokeFunction", Bool={"lambda:InvokedViaFunctionUrl": "true"})


def test_an_unconditional_permission_covers_urls_too() -> None:
    assert allows_everyone([_OPEN_URL, _statement("lambda:InvokeFunction")])


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(_statement("lambda:InvokeFunction", {"AWS": "123456789012"}), id="one-account"),
        pytest.param(_statement("lambda:InvokeFunction", ArnLike={"AWS:SourceArn": "arn"}), id="one-source"),
        pytest.param(_statement("lambda:InvokeFunction", Bool={"lambda:InvokedViaFunctionUrl": "false"}), id="not-via"),
        pytest.param({**_OPEN_INVOKE, "Effect": "Deny"}, id="denied"),
    ],
)
def test_a_permission_for_somebody_else_lets_nobody_in(second: dict[str, Any]) -> None:
    assert not allows_everyone([_OPEN_URL, second])
    assert allows_everyone([_OPEN_URL, _OPEN_INVOKE, _statement("lambda:InvokeFunction", {"AWS": "1"})])
