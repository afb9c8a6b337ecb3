"""Lambda, as far as drills and tags need it."""

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from fake_aws import Fault, World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_lambda import LambdaClient

    from fake_aws.conftest import Deploy

BODY = """
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: writes
      Role: arn:aws:iam::111122223333:role/app
      Runtime: python3.14
      Handler: index.handler
      MemorySize: 256
      Environment: {Variables: {TABLE: things}}
      Code: {ZipFile: "pass"}
"""
ARN = "arn:aws:lambda:us-east-1:111122223333:function:writes"


@pytest.fixture
def functions(world: World) -> "LambdaClient":
    return world.session().client("lambda", region_name="us-east-1")


@pytest.mark.parametrize("name", ["writes", ARN])
def test_a_function_is_what_its_stack_made_it(functions: "LambdaClient", deploy: "Deploy", name: str) -> None:
    deploy(BODY, Tags=[{"Key": "app", "Value": "tap"}])
    function = functions.get_function(FunctionName=name)
    assert functions.get_function_configuration(FunctionName=name)["FunctionName"] == "writes"
    assert function["Configuration"]["FunctionArn"] == ARN
    assert (function["Configuration"]["MemorySize"], function["Configuration"]["Timeout"]) == (256, 3)
    assert function["Configuration"]["Environment"] == {"Variables": {"TABLE": "things"}}
    assert (function["Tags"]["app"], function["Configuration"]["State"]) == ("tap", "Active")


def test_concurrency_is_reserved_and_freed_until_the_stack_says_otherwise(
    functions: "LambdaClient", deploy: "Deploy"
) -> None:
    deploy(BODY)
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName="writes")
    functions.put_function_concurrency(FunctionName="writes", ReservedConcurrentExecutions=0)
    assert functions.get_function(FunctionName="writes")["Concurrency"] == {"ReservedConcurrentExecutions": 0}
    functions.delete_function_concurrency(FunctionName="writes")
    assert "Concurrency" not in functions.get_function(FunctionName="writes")
    deploy(BODY.replace("MemorySize", "ReservedConcurrentExecutions: 5\n      MemorySize"), name="second")
    assert functions.get_function_concurrency(FunctionName="writes")["ReservedConcurrentExecutions"] == 5


def test_tags_come_and_go(functions: "LambdaClient", deploy: "Deploy") -> None:
    deploy(BODY)
    functions.tag_resource(Resource=ARN, Tags={"a": "1", "b": "2"})
    functions.untag_resource(Resource=ARN, TagKeys=["a", "c"])
    assert functions.list_tags(Resource=ARN)["Tags"] == {"b": "2", "aws:cloudformation:logical-id": "Function"}


def test_a_function_goes_with_its_stack_and_may_be_pending_in_express_mode(
    world: World, cfn: "CloudFormationClient", functions: "LambdaClient", plan: "Deploy"
) -> None:
    cfn.execute_change_set(ChangeSetName=plan(BODY, DeploymentConfig={"Mode": "EXPRESS"}))
    world.pass_time(4)
    assert world.stack("app").status == "CREATE_COMPLETE"
    assert functions.get_function_configuration(FunctionName="writes")["State"] == "Pending"
    world.settle()
    assert functions.get_function_configuration(FunctionName="writes")["State"] == "Active"
    cfn.delete_stack(StackName="app")
    world.settle()
    with pytest.raises(ClientError, match=f"Function not found: {ARN}") as missing:
        functions.get_function(FunctionName="writes")
    assert missing.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_lambda_throttles_in_its_own_words(world: World, functions: "LambdaClient", deploy: "Deploy") -> None:
    deploy(BODY)
    world.faults.add(Fault.THROTTLE, service="lambda", nth=1)
    functions.get_function(FunctionName="writes")
    assert [call.outcome for call in world.calls if call.service == "lambda"] == ["TooManyRequestsException", "ok"]
