"""A serverless application of SAM's own resources: its whole life, by the verbs that know nothing of SAM."""

import hashlib
import http.client
import json
from pathlib import Path

import boto3
import pytest

from answer import Command
from builder.local import EmbeddedAws

ENV = ("--assembly", "assembly", "--env", "dev")
HEAD = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: python3.13
    Handler: index.handler
    Environment: {Variables: {TABLE: !Ref Orders}}
Resources:
  Orders: {Type: AWS::Serverless::SimpleTable}
  Api: {Type: AWS::Serverless::HttpApi}
"""
WRITER = """
  Write:
    Type: AWS::Serverless::Function
    Properties:
      Policies: [DynamoDBCrudPolicy: {TableName: !Ref Orders}]
      Events: {Put: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: '/orders/{id}', Method: PUT}}}
      InlineCode: |
        import os, boto3
        def handler(event, context):
            boto3.client("dynamodb").put_item(
                TableName=os.environ["TABLE"], Item={"id": {"S": event["pathParameters"]["id"]}}
            )
            return {"statusCode": 201, "body": "written"}
"""
READER = """
  Read:
    Type: AWS::Serverless::Function
    Properties:
      AutoPublishAlias: live
      Policies: [DynamoDBReadPolicy: {TableName: !Ref Orders}]
      FunctionUrlConfig: {AuthType: AWS_IAM}
      Events: {Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: /orders, Method: GET}}}
      InlineCode: |
        import os, boto3
        def handler(event, context):
            items = boto3.client("dynamodb").scan(TableName=os.environ["TABLE"])["Items"]
            return {"statusCode": 200, "body": "%s: " + " ".join(item["id"]["S"] for item in items)}
Outputs:
  Host: {Value: !Sub '${Api}.execute-api.${AWS::Region}.amazonaws.com'}
  Url: {Value: !GetAtt ReadUrl.FunctionUrl}
"""


class Application:
    """An assembly of one stack, `us-east-1/app`, of a SAM template."""

    def __init__(self, folder: Path, builder: Command, endpoint: str) -> None:
        self.folder, self.builder, self.endpoint = folder / "assembly", builder, endpoint
        self.folder.mkdir()

    def write(self, template: str) -> None:
        body = template.encode()
        (self.folder / "app.yaml").write_bytes(body)
        entry = {
            "id": "us-east-1/app",
            "region": "us-east-1",
            "name": "shop-${EnvironmentSuffix}-app",
            "template": "app.yaml",
            "sha256": hashlib.sha256(body).hexdigest(),
            "capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        }
        function = {"url": {"us-east-1": {"output": ["us-east-1/app", "Url"]}}, "health": "/orders"}
        sections = {
            "stacks": [entry],
            "outputs": {"host": ["us-east-1/app", "Host"]},
            "components": {"api": {"function": function}},
        }
        (self.folder / "manifest.json").write_text(json.dumps({"version": 2, "project": "shop", **sections}))

    def __call__(self, verb: str, *options: str, code: int = 0) -> str:
        answer = self.builder(verb, *options, *ENV)
        assert answer.code == code, answer
        return answer.out + answer.err

    def changes(self) -> dict[str, str]:
        """Plan, and return what the change set does to what."""
        self("plan")
        plan = json.loads(Path("plan.json").read_text())
        return {change["logical_id"]: change["action"] for step in plan["steps"] for change in step["changes"]}

    def ask(self, method: str, path: str) -> str:
        """Ask the HTTP API, by the name that it has on AWS."""
        connection = http.client.HTTPConnection(self.endpoint.removeprefix("http://"))
        connection.request(method, path, headers={"Host": self("outputs", "host").strip()})
        text = connection.getresponse().read().decode()
        connection.close()
        return text


@pytest.fixture
def application(
    tmp_path: Path, credentials: None, builder: Command, monkeypatch: pytest.MonkeyPatch, embedded: EmbeddedAws
) -> Application:
    del credentials
    monkeypatch.chdir(tmp_path)
    return Application(tmp_path, builder, embedded.endpoint)


def test_a_life_from_the_first_plan_to_nothing(application: Application, session: boto3.Session) -> None:
    application.write(HEAD + WRITER + READER % "orders")
    made = application.changes()
    assert {"Orders", "Api", "Write", "WriteRole", "Read", "ReadRole", "ReadAliaslive", "ReadUrl"} <= made.keys()
    assert set(made.values()) == {"Add"}
    application("execute", "plan.json")
    assert application.ask("PUT", "/orders/one") == "written"
    # Its URL is known to no template before the transform, and wants a signature.
    assert "orders: one" in application("call", "GET", "/orders")

    # What a transform makes can only be told by a change set: it is asked, and says no.
    assert "No changes" in application("plan")
    status = application("status")
    assert "1 items" in status
    assert "auth AWS_IAM" in status
    assert "0 drifted, 0 absent, 0 unknown" in application("drift")

    # Another version of the function, and nothing else.
    application.write(HEAD + WRITER + READER % "all orders")
    changes = application.changes()
    (old,) = [name for name, action in changes.items() if action == "Remove"]
    (new,) = [name for name, action in changes.items() if action == "Add"]
    assert old.startswith("ReadVersion")
    assert new.startswith("ReadVersion")
    assert changes.keys() - {old, new} <= {"Read", "ReadAliaslive"}
    application("execute", "plan.json")
    assert application.ask("GET", "/orders") == "all orders: one"

    # The guard looks at what was made of the table.
    other_key = HEAD.replace("SimpleTable", "SimpleTable, Properties: {PrimaryKey: {Name: number, Type: String}}")
    application.write(other_key + WRITER + READER % "all orders")
    application("plan")
    assert "--allow us-east-1/app/Orders" in application("execute", "plan.json", code=4)

    # A version that the transform retains goes with its function all the same.
    assert "left of shop-dev: nothing" in application("destroy", "--yes")
    assert session.client("dynamodb").list_tables()["TableNames"] == []
    assert session.client("lambda").list_functions()["Functions"] == []
