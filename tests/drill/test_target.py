import asyncio

import boto3
import pytest

from builder.aws import Clients, observe_account
from builder.drill.target import Target, observe_primary, observe_target
from builder.errors import BadInput, Several
from builder.terms import Place, StackName
from drill.conftest import Theatre


def test_a_target_is_found_by_outputs_and_functions(deployed_target: Target) -> None:
    primary, secondary = deployed_target.sides
    assert (primary.region, secondary.region) == ("us-east-1", "us-west-2")
    assert (primary.function.name, secondary.function.name) == ("tap-dev-primary", "tap-dev-secondary")
    assert primary.function.arn == f"arn:aws:lambda:us-east-1:{deployed_target.account}:function:tap-dev-primary"
    assert not primary.signs
    assert deployed_target.table == "tap-dev-global"
    assert primary.url != secondary.url


def test_an_assembly_without_the_system_s_outputs_is_no_target(theatre: Theatre) -> None:
    with pytest.raises(BadInput, match="tap-dev: has no output primaryLambdaUrl, secondaryLambdaUrl"):
        asyncio.run(observe_target("tap-dev", {"globalTableName": "t"}, {}, theatre.clients))


def test_the_primary_s_function_is_found_without_a_call_to_another_region(theatre: Theatre) -> None:
    session, asked = boto3.Session(region_name="us-east-1"), set[str]()
    session.events.register("before-call", lambda context, **_: asked.add(context["client_region"]))
    services = {"primaryLambdaUrl": Place(theatre.target.primary.site, StackName("tap-dev-service"))}
    function = asyncio.run(observe_primary("tap-dev", services, Clients(session)))
    assert function == theatre.target.primary.function
    assert asyncio.run(observe_account(Clients(session), function.region)) == theatre.target.account
    assert asked == {"us-east-1"}
    with pytest.raises(BadInput, match="has no output primaryLambdaUrl"):
        asyncio.run(observe_primary("tap-dev", {}, theatre.clients))


def test_a_stack_without_the_one_function_is_told(theatre: Theatre) -> None:
    outputs = dict.fromkeys(
        ("primaryLambdaUrl", "secondaryLambdaUrl", "globalTableName", "primaryBucketName", "secondaryBucketName"), "x"
    )
    storage = Place(theatre.target.primary.site, StackName("tap-dev-storage"))
    services = {"primaryLambdaUrl": storage, "secondaryLambdaUrl": storage}
    with pytest.raises(Several, match="holds 0 functions"):
        asyncio.run(observe_target("tap-dev", outputs, services, theatre.clients))
