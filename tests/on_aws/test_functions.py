"""What nobody could check of functions and their URLs."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from builder.client import RegionUrl, Request, Trouble
from builder.client.wire import Wire
from on_aws.lab import Lab, Template, rows

CODE = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'here'}\n"


def function(lab: Lab, **properties: Any) -> Template:
    """Return a template with a function, and a URL which anybody may call, of the function's name."""
    name = lab.name("function")
    open_to_all = {"Principal": "*", "FunctionName": name}
    url = open_to_all | {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}
    invoke = open_to_all | {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True}
    settings = {
        "FunctionName": name,
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Code": {"ZipFile": CODE},
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        **properties,
    }
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": trust}
    later = {"DependsOn": "Function"}
    return {
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": settings},
            "Url": {
                "Type": "AWS::Lambda::Url",
                "Properties": {"TargetFunctionArn": name, "AuthType": "NONE"},
                **later,
            },
            "ByUrl": {"Type": "AWS::Lambda::Permission", "Properties": url, **later},
            "Invoke": {"Type": "AWS::Lambda::Permission", "Properties": invoke, **later},
        },
        "Outputs": {"Url": {"Value": {"Fn::GetAtt": ["Url", "FunctionUrl"]}}},
    }


class Caller:
    """Somebody who calls the function's URL."""

    def __init__(self, lab: Lab, url: str) -> None:
        self.lab, self.url = lab, urlsplit(url)
        self.name = lab.name("function")

    def get(self) -> Any:
        region = RegionUrl("us-east-1", f"{self.url.scheme}://{self.url.netloc}")
        with Wire(None, self.lab.endpoint) as wire:
            answer = wire.send(region, Request("GET", "/", {}, b""), limit_s=30)
        assert not isinstance(answer, Trouble), answer
        return answer

    def until(self, status: int) -> Any:
        """Call until the answer has this status; return it."""

        def observe() -> Any:
            answer = self.get()
            return answer if answer.status == status else None

        return self.lab.until(observe, f"status {status} of {self.url.netloc}")


@pytest.fixture
def caller(lab: Lab) -> Caller:
    stack = lab.deploy("function", function(lab))
    made = Caller(lab, stack["Outputs"][0]["OutputValue"])
    made.until(200)
    return made


def test_a_url_by_name_is_not_shown_as_replaced_with_its_function(lab: Lab) -> None:
    lab.deploy("function", function(lab))
    listed = rows(lab.plan("function", function(lab, MemorySize=256), "UPDATE"))
    assert listed["Function"]["Replacement"] == "False"
    assert listed.get("Url", {"Replacement": "False"})["Replacement"] == "False"


def test_a_throttled_url_answers_429_and_names_the_error(lab: Lab, caller: Caller) -> None:
    functions = lab.client("lambda")
    functions.put_function_concurrency(FunctionName=caller.name, ReservedConcurrentExecutions=0)
    answer = caller.until(429)
    named = {name.lower(): value for name, value in answer.headers.items()}["x-amzn-errortype"]
    assert named.partition(":")[0] in {"TooManyRequestsException", "ThrottlingException"}


def test_a_handler_that_is_not_there_answers_502(lab: Lab, caller: Caller) -> None:
    functions = lab.client("lambda")
    functions.update_function_configuration(FunctionName=caller.name, Handler="builder-drill-x.gone")
    caller.until(502)
    lab.until(lambda: _is_updated(functions.get_function(FunctionName=caller.name)) or None, caller.name)
    functions.update_function_configuration(FunctionName=caller.name, Handler="index.handler")
    caller.until(200)


def test_a_tag_moves_no_revision_is_no_drift_and_is_listed_at_once(lab: Lab, caller: Caller) -> None:
    functions = lab.client("lambda")
    before = functions.get_function(FunctionName=caller.name)["Configuration"]
    functions.tag_resource(Resource=before["FunctionArn"], Tags={"drill": "on"})
    assert functions.list_tags(Resource=before["FunctionArn"])["Tags"]["drill"] == "on"
    after = functions.get_function(FunctionName=caller.name)["Configuration"]
    assert after["RevisionId"] == before["RevisionId"]
    answer = lab.cfn.detect_stack_resource_drift(StackName=lab.name("function"), LogicalResourceId="Function")
    assert answer["StackResourceDrift"]["StackResourceDriftStatus"] == "IN_SYNC"


def _is_updated(function: dict[str, Any]) -> bool:
    return bool(function["Configuration"]["LastUpdateStatus"] == "Successful")
