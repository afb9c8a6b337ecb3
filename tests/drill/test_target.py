import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest

from builder.aws import Clients, observe_account
from builder.drill.target import Target, observe_primary, observe_target
from builder.errors import BadInput, Failed, Several
from builder.terms import Endpoint, Region, StackName, StackPlace, System
from drill.conftest import Theatre
from drill.hand_made import PRIMARY, SECONDARY


def system_of(target: Target) -> System:
    """Return what the shipped system's components are, as they stand."""
    return System(
        name=target.deployment,
        primary=target.primary.region,
        secondaries=tuple(side.region for side in target.secondaries),
        endpoints={
            side.region: Endpoint(side.url, StackPlace(side.site, StackName("tap-dev-service")))
            for side in target.sides
        },
        health=target.health,
        table=target.table,
        buckets={side.region: side.needed_bucket for side in target.sides},
        copies=target.copies,
    )


def test_a_target_is_found_by_components_and_functions(deployed_target: Target, theatre: Theatre) -> None:
    primary, secondary = deployed_target.sides
    assert (primary.region, secondary.region) == ("us-east-1", "us-west-2")
    assert (primary.function.name, secondary.function.name) == ("tap-dev-primary", "tap-dev-secondary")
    assert primary.function.arn == f"arn:aws:lambda:us-east-1:{deployed_target.account}:function:tap-dev-primary"
    assert not primary.signs
    assert deployed_target.table == "tap-dev-global"
    assert deployed_target.copies == ((PRIMARY, SECONDARY),)
    assert deployed_target.by == f"arn:aws:iam::{deployed_target.account}:root"
    assert primary.url != secondary.url
    assert asyncio.run(observe_target(system_of(deployed_target), theatre.clients)) == deployed_target


def test_a_region_that_nobody_can_call_is_no_target(theatre: Theatre) -> None:
    system = system_of(theatre.target)
    deaf = replace(system, endpoints={PRIMARY: system.endpoints[PRIMARY]})
    with pytest.raises(BadInput, match="tap-dev: has no function URL in us-west-2"):
        asyncio.run(observe_target(deaf, theatre.clients))
    with pytest.raises(BadInput, match="tap-dev: has no secondary beside us-east-1"):
        asyncio.run(observe_target(replace(system, secondaries=()), theatre.clients))


def test_the_primary_s_function_is_found_without_a_call_to_another_region(theatre: Theatre) -> None:
    session, regions = boto3.Session(region_name="us-east-1"), set[str]()
    session.events.register("before-call", lambda context, **_: regions.add(context["client_region"]))
    system = system_of(theatre.target)
    function = asyncio.run(observe_primary(system, Clients(session)))
    assert function == theatre.target.primary.function
    assert asyncio.run(observe_account(Clients(session), function.region)) == theatre.target.account
    assert regions == {"us-east-1"}
    with pytest.raises(BadInput, match="has no function URL in us-east-1"):
        asyncio.run(observe_primary(replace(system, endpoints={}), theatre.clients))


def test_a_stack_without_a_function_is_told(theatre: Theatre) -> None:
    system = system_of(theatre.target)
    storage = Endpoint("https://x.test/", StackPlace(theatre.target.primary.site, StackName("tap-dev-storage")))
    with pytest.raises(Several, match=r"holds 0 functions, and https://x.test/ is a URL of none of them"):
        asyncio.run(observe_target(replace(system, endpoints={PRIMARY: storage, SECONDARY: storage}), theatre.clients))


@pytest.mark.parametrize("others", [1, 3])
def test_a_target_with_any_number_of_secondaries_puts_the_chosen_one_first(theatre: Theatre, others: int) -> None:
    first = theatre.target.secondary
    more = tuple(
        replace(first, function=replace(first.function, site=first.site._replace(region=Region(f"eu-west-{number}"))))
        for number in range(1, others + 1)
    )
    target = replace(theatre.target, secondaries=(first, *more))
    chosen = target.towards(Region("eu-west-1"))
    assert [side.region for side in chosen.clients_sides] == [PRIMARY, "eu-west-1"]
    assert set(chosen.sides) == set(target.sides)
    assert target.towards(SECONDARY) == target
    for wrong in ("us-east-1", "eu-north-1"):
        with pytest.raises(BadInput, match=f"--to {wrong}: is not a secondary of tap-dev: us-west-2, eu-west-1"):
            target.towards(Region(wrong))


_ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
    },
}


def _function(name: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": name,
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": "def handler(event, context): return {}"},
        },
    }


def _url(function: str, auth: str) -> dict[str, Any]:
    properties = {"TargetFunctionArn": {"Fn::GetAtt": [function, "Arn"]}, "AuthType": auth}
    return {"Type": "AWS::Lambda::Url", "Properties": properties}


@pytest.fixture
def crowd(theatre: Theatre) -> Iterator[StackName]:
    """A stack with three functions, two of them behind URLs."""
    name, cloudformation = StackName("crowd"), theatre.account.cloudformation()
    template = {
        "Resources": {
            "Role": _ROLE,
            "Admin": _function("crowd-admin"),
            "Api": _function("crowd-api"),
            "Worker": _function("crowd-worker"),
            "AdminUrl": _url("Admin", "NONE"),
            "ApiUrl": _url("Api", "AWS_IAM"),
        },
    }
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    yield name
    cloudformation.delete_stack(StackName=name)


def test_of_several_functions_the_one_behind_the_url_is_found(theatre: Theatre, crowd: StackName) -> None:
    functions, system = theatre.account.functions(), system_of(theatre.target)
    site = theatre.target.primary.site

    def side_behind(url: str) -> str:
        there = {**system.endpoints, PRIMARY: Endpoint(url, StackPlace(site, crowd))}
        side = asyncio.run(observe_target(replace(system, endpoints=there), theatre.clients)).primary
        return f"{side.function.name} {side.signs}"

    urls = {
        name: functions.get_function_url_config(FunctionName=f"crowd-{name}")["FunctionUrl"]
        for name in ("admin", "api")
    }
    assert {name: side_behind(url) for name, url in urls.items()} == {
        "admin": "crowd-admin False",
        "api": "crowd-api True",
    }
    assert side_behind(urls["api"] + "v1/") == "crowd-api True"
    with pytest.raises(Failed, match=r"crowd: holds 3 functions, and https://shop.test/ is a URL of none of them"):
        side_behind("https://shop.test/")


def test_a_url_of_the_user_s_own_is_taken_for_the_stack_s_only_function(theatre: Theatre) -> None:
    system = system_of(theatre.target)
    there = {region: end._replace(url="https://shop.test/") for region, end in system.endpoints.items()}
    target = asyncio.run(observe_target(replace(system, endpoints=there), theatre.clients))
    assert [side.function for side in target.sides] == [side.function for side in theatre.target.sides]
    assert {side.url for side in target.sides} == {"https://shop.test/"}
