"""Systems Manager's parameters: put, read, tagged and deleted, by calls and by stacks."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from fake_aws import Fault, Killed, Unsupported, World

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

    from fake_aws.conftest import Deploy

NAME = "/builder/app/promotion"
STACKS = """
Resources:
  Parameter: {Type: AWS::SSM::Parameter, Properties: {Name: /builder/app/promotion, Type: String, Value: one}}
"""
DOUBLY_BRACED = '{"of": {"us-east-1": {"is": "down"}}}'


@pytest.fixture
def ssm(world: World) -> "SSMClient":
    return world.session().client("ssm", region_name="us-east-1")


def put(client: "SSMClient", value: str, **more: Any) -> int:
    return client.put_parameter(Name=NAME, Value=value, **({"Type": "String"} | more))["Version"]


def read(client: "SSMClient") -> tuple[str, int]:
    shown = client.get_parameter(Name=NAME)["Parameter"]
    return shown["Value"], shown["Version"]


def refused(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def test_a_parameter_is_put_once_and_overwritten_where_that_is_said(ssm: "SSMClient") -> None:
    assert put(ssm, DOUBLY_BRACED) == 1
    with pytest.raises(ClientError) as there:
        put(ssm, "two")
    assert (refused(there), read(ssm)) == ("ParameterAlreadyExists", (DOUBLY_BRACED, 1))
    assert put(ssm, "two", Overwrite=True) == 2
    assert read(ssm) == ("two", 2)
    ssm.delete_parameter(Name=NAME)
    with pytest.raises(ClientError) as gone:
        read(ssm)
    with pytest.raises(ClientError) as nothing:
        ssm.delete_parameter(Name=NAME)
    assert (refused(gone), refused(nothing)) == ("ParameterNotFound", "ParameterNotFound")
    assert put(ssm, "three", Overwrite=True) == 1


def test_a_parameter_is_of_its_region_and_account(world: World, ssm: "SSMClient") -> None:
    put(ssm, "here")
    for account, region in (("111122223333", "us-west-2"), ("999988887777", "us-east-1")):
        with pytest.raises(ClientError, match="ParameterNotFound"):
            read(world.session(account).client("ssm", region_name=region))


def test_several_are_read_at_once_and_the_missing_are_named(ssm: "SSMClient") -> None:
    put(ssm, "one")
    answer = ssm.get_parameters(Names=["/none", NAME])
    assert ([each["Value"] for each in answer["Parameters"]], answer["InvalidParameters"]) == (["one"], ["/none"])


@pytest.mark.parametrize(
    "params",
    [
        {"Value": ""},
        {"Value": "x" * 4097},
        {"Value": "of {{ssm:other}}"},
        {"Name": "builder/app"},
        {"Name": "/aws/app"},
        {"Name": "/a b"},
        {"Overwrite": True, "Tags": [{"Key": "a", "Value": "b"}]},
    ],
)
def test_what_ssm_does_not_keep_is_refused(ssm: "SSMClient", params: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as error:
        ssm.put_parameter(**({"Name": NAME, "Value": "x", "Type": "String"} | params))
    assert refused(error) == "ValidationException"


@pytest.mark.parametrize("params", [{"Type": "SecureString"}, {"Tier": "Advanced"}, {"Name": f"{NAME}:1"}])
def test_what_the_fake_does_not_keep_is_loud(ssm: "SSMClient", params: dict[str, Any]) -> None:
    request = {"Name": NAME, "Value": "x", "Type": "String"} | params
    with pytest.raises(Unsupported):
        ssm.put_parameter(**request) if ":" not in request["Name"] else ssm.get_parameter(Name=request["Name"])


def test_tags_stay_through_versions(ssm: "SSMClient") -> None:
    put(ssm, "one", Tags=[{"Key": "builder:deployment", "Value": "app"}])
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=NAME, Tags=[{"Key": "a", "Value": "b"}])
    put(ssm, "two", Overwrite=True)
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=NAME)["TagList"]
    assert tags == [{"Key": "builder:deployment", "Value": "app"}, {"Key": "a", "Value": "b"}]
    with pytest.raises(ClientError, match="InvalidResourceId"):
        ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/none")


def test_a_stack_s_parameter_is_read_and_cannot_be_made_where_one_is(
    world: World, ssm: "SSMClient", deploy: "Deploy"
) -> None:
    put(ssm, "mine")
    with pytest.raises(ClientError, match=r"current status of \[FAILED\]"):
        deploy(STACKS)
    ssm.delete_parameter(Name=NAME)
    assert deploy(STACKS, name="second") == "CREATE_COMPLETE"
    assert deploy(STACKS.replace("one", "two"), name="third") == "UPDATE_COMPLETE"
    assert read(ssm) == ("two", 2)
    world.session().client("cloudformation", region_name="us-east-1").delete_stack(StackName="app")
    world.settle()
    with pytest.raises(ClientError, match="ParameterNotFound"):
        read(ssm)


def test_a_stale_read_shows_what_was(world: World, ssm: "SSMClient") -> None:
    rule = world.faults.add(Fault.STALE, service="ssm")
    world.faults.max_age_s = 5
    put(ssm, "one")
    world.pass_time(60)
    put(ssm, "two", Overwrite=True)
    assert {read(ssm) for _ in range(20)} == {("one", 1), ("two", 2)}
    world.pass_time(60)
    assert read(ssm) == ("two", 2)
    assert rule.struck == 21 + 2  # what puts is told so too, and sees what is


def test_calls_can_be_throttled_lost_and_killed(world: World, ssm: "SSMClient") -> None:
    world.faults.add(Fault.THROTTLE, service="ssm", nth=1)
    assert put(ssm, "one") == 1
    world.faults.add(Fault.LOSE_ANSWER, service="ssm", operation="PutParameter", nth=1)
    with pytest.raises((ClientError, ConnectionClosedError)) as again:
        put(ssm, "two", Tags=[])
    assert "ParameterAlreadyExists" in str(again.value)  # botocore asks again
    world.faults.add(Fault.KILL_AFTER, operation="DeleteParameter")
    with pytest.raises(Killed):
        ssm.delete_parameter(Name=NAME)
    world.faults.revive()
    with pytest.raises(ClientError, match="ParameterNotFound"):
        read(ssm)
