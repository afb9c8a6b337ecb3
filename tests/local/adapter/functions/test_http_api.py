"""An HTTP API whose routes stand in its Body."""

import http.client
from typing import Any

import pytest

from local.account import Account, deploy, update

ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}
CODE = "def handler(event, context):\n    return {'statusCode': 200, 'body': event['routeKey'] + event['rawPath']}\n"
PROXY = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Run.Arn}/invocations"}
INTEGRATION = {"type": "aws_proxy", "httpMethod": "POST", "uri": PROXY, "payloadFormatVersion": "2.0"}
SCHEMES = {
    "Signed": {"type": "apiKey", "x-amazon-apigateway-authtype": "awsSigv4"},
    "Pool": {"type": "oauth2", "x-amazon-apigateway-authorizer": {"type": "jwt"}},
}
OPERATION = {"x-amazon-apigateway-integration": INTEGRATION}


def api(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An API, with a route of a type of its own beside those of its Body."""
    body = {"openapi": "3.0.1", "info": {"title": "shop"}, "paths": paths, "components": {"securitySchemes": SCHEMES}}
    return {
        "Role": ROLE,
        "Run": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": CODE},
            },
        },
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": {**body, **more}}},
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
        },
        "Own": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {"ApiId": {"Ref": "Api"}, "RouteKey": "GET /own"}},
    }


OUTPUTS = {"Host": {"Value": {"Fn::Sub": "${Api}.execute-api.${AWS::Region}.amazonaws.com"}}}


def ask(account: Account, host: str, method: str, path: str) -> tuple[int, str]:
    """Ask as anybody, without credentials, by the name that the API has on AWS."""
    connection = http.client.HTTPConnection(account.endpoint.removeprefix("http://"))
    connection.request(method, path, headers={"Host": host})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text if answer.status == 200 else ""


def routes(account: Account, host: str) -> dict[str, str]:
    client = account.apis()
    items = client.get_routes(ApiId=host.partition(".")[0])["Items"]
    return {item["RouteKey"]: item["AuthorizationType"] for item in items}


@pytest.mark.slow  # It starts a process of a function.
def test_its_routes_reach_their_functions_and_follow_the_body(account: Account) -> None:
    paths = {"/health": {"get": OPERATION}, "/items/{id}": {"x-amazon-apigateway-any-method": OPERATION}}
    more = {"x-amazon-apigateway-cors": {"allowOrigins": ["https://example.com"]}}
    host = deploy(account, "app", api(paths, **more), outputs=OUTPUTS).outputs["Host"]
    (made,) = account.apis().get_apis()["Items"]
    assert (made["Name"], made["CorsConfiguration"]["AllowOrigins"]) == ("shop", ["https://example.com"])
    # `/health` is a path of the emulator's own under every other name.
    assert ask(account, host, "GET", "/health") == (200, "GET /health/health")
    assert ask(account, host, "PUT", "/items/1") == (200, "ANY /items/{id}/items/1")
    assert ask(account, host, "GET", "/none") == (404, "")
    signed = {"security": [{"Signed": []}], **OPERATION}
    update(account, "app", api({"$default": {"x-amazon-apigateway-any-method": signed}}))
    assert routes(account, host) == {"$default": "AWS_IAM", "GET /own": "NONE"}


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        ({"security": [{"Pool": []}], **OPERATION}, "the authorizer Pool"),
        ({"security": [{"Unknown": []}], **OPERATION}, "the authorizer Unknown"),
        ({"x-amazon-apigateway-integration": {"type": "http_proxy"}}, "GET /: an integration of type http_proxy"),
        (
            {"x-amazon-apigateway-integration": {**INTEGRATION, "integrationSubtype": "SQS-SendMessage"}},
            "GET /: an integration of type SQS-SendMessage",
        ),
        ({}, "GET /: an integration of type none"),
    ],
)
def test_what_is_not_imported_fails_it_by_name(account: Account, operation: dict[str, Any], what: str) -> None:
    made = {"Api": api({"/": {"get": operation}})["Api"], "Run": ROLE}
    assert f"does not import {what} of the Body of an HTTP API" in deploy(account, "app", made).reason


def test_a_body_in_a_bucket_is_refused(account: Account) -> None:
    resource = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"BodyS3Location": {"Bucket": "b", "Key": "k"}}}
    assert "does not import BodyS3Location" in deploy(account, "app", {"Api": resource}).reason
