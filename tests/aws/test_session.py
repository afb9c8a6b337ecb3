import os
import subprocess
import sys
from typing import Any

import botocore.session
import pytest

from builder.aws import Clients, Tempo
from builder.errors import BadInput
from builder.terms import AccountId, Region, Site
from fake_aws import World

US_EAST_1 = Region("us-east-1")


def test_a_client_is_made_once_for_each_service_and_region(credentials: None) -> None:
    clients = Clients.of_profile(None)
    assert clients.s3(US_EAST_1) is clients.s3(US_EAST_1)
    assert clients.s3(US_EAST_1) is not clients.s3(Region("us-west-2"))
    assert clients.dynamodb(US_EAST_1).meta.region_name == "us-east-1"


def test_what_fails_on_the_way_is_outlasted_by_retries(credentials: None) -> None:
    config: Any = Clients.of_profile(None).cloudformation(US_EAST_1).meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 10}


def test_sts_is_asked_in_the_region_itself() -> None:
    assert (
        Clients(World().session()).sts(Region("us-west-2")).meta.endpoint_url == "https://sts.us-west-2.amazonaws.com"
    )


def test_who_has_no_credentials_is_told_at_once() -> None:
    with pytest.raises(BadInput, match="credentials: no AWS credentials were found"):
        Clients.of_profile(None)


def test_an_unknown_profile_is_a_wrong_input() -> None:
    with pytest.raises(BadInput, match="nobody"):
        Clients.of_profile("nobody")


def test_no_answer_says_how_soon_to_come_back_as_aws_s_say_it_not(credentials: None) -> None:
    clients = Clients.of_profile(None)
    answer = clients.cloudformation(US_EAST_1).describe_stacks()
    assert "retry-after" not in {name.lower() for name in answer["ResponseMetadata"]["HTTPHeaders"]}
    assert clients.tempo == Tempo.usual()


def test_the_tempo_is_that_of_whoever_knows_better(credentials: None) -> None:
    tempo = Tempo.quick()
    clients = Clients.of_profile(None, tempo=tempo)
    assert clients.tempo is clients.hurried().tempo is tempo


@pytest.mark.processes
def test_nothing_but_the_session_module_makes_clients() -> None:
    code = "import sys, builder.cli.main; sys.exit('boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False).returncode == 0


def test_every_request_is_told_with_where_it_goes_and_nothing_of_what_it_says() -> None:
    world, requests = World(), list[str]()
    clients = Clients(world.session(), on_request=requests.append)
    clients.cloudformation(Region("us-west-2")).describe_stacks()
    assert requests == ["cloudformation.DescribeStacks at cloudformation.us-west-2.amazonaws.com"]


def test_other_accounts_are_reached_by_roles_that_become_known_later() -> None:
    world, requests = World(), list[str]()

    def make_core() -> botocore.session.Session:
        core = botocore.session.Session()
        world.reach(core)
        return core

    clients = Clients(world.session(), make_core=make_core, on_request=requests.append)
    there = Site(AccountId("444455556666"), Region("us-west-2"))
    reaching = clients.reaching({AccountId("444455556666"): "arn:aws:iam::444455556666:role/tap"})
    assert clients.of(there) is clients
    answer = reaching.of(there).sts(there.region).get_caller_identity()
    assert answer["Account"] == "444455556666"
    assert reaching.sts(there.region).get_caller_identity()["Account"] == "111122223333"
    assert any(line.startswith("sts.AssumeRole") for line in requests)
    assert reaching.sts(there.region) is clients.sts(there.region)


def test_organizations_has_one_endpoint_whatever_the_region() -> None:
    assert Clients(World().session()).organizations(Region("us-west-2")).meta.endpoint_url == (
        "https://organizations.us-east-1.amazonaws.com"
    )


def test_hurried_clients_give_up_in_seconds(credentials: None) -> None:
    config: Any = Clients.of_profile(None).hurried().s3(US_EAST_1).meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 2}
    # Two attempts, and up to a second between them.
    assert 2 * max(config.connect_timeout, config.read_timeout) + 1 <= 4.5
