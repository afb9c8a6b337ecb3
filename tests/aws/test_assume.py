import tracemalloc

import boto3
import botocore.session
import pytest

from builder.aws import Clients, aws_errors
from builder.errors import AwsError
from builder.terms import AccountId, Region, Site
from fake_aws import World

OTHER, US_WEST_2 = AccountId("444455556666"), Region("us-west-2")
ROLE = f"arn:aws:iam::{OTHER}:role/deployer"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def clients(world: World) -> Clients:
    def make_core() -> botocore.session.Session:
        core = botocore.session.Session()
        world.reach(core)
        return core

    return Clients(world.session(), roles={OTHER: ROLE}, make_core=make_core)


def account(clients: Clients) -> str:
    return clients.sts(US_WEST_2).get_caller_identity()["Account"]


def test_a_site_of_another_account_is_reached_by_its_role(clients: Clients, world: World) -> None:
    other = clients.of(Site(OTHER, US_WEST_2))
    assert world.calls == []
    assert account(other) == OTHER
    assert account(clients) == "111122223333"
    assumed = [call for call in world.calls if call.operation == "AssumeRole"]
    assert [(call.region, call.params["RoleArn"]) for call in assumed] == [("us-west-2", ROLE)]


def test_the_role_is_assumed_once_for_all_regions(clients: Clients, world: World) -> None:
    other = clients.of(Site(OTHER, US_WEST_2))
    assert clients.of(Site(OTHER, Region("us-east-1"))) is other
    other.sts(US_WEST_2).get_caller_identity()
    other.sts(Region("us-east-1")).get_caller_identity()
    assert sum(call.operation == "AssumeRole" for call in world.calls) == 1


def test_an_account_that_no_role_is_named_for_is_the_credentials_own(clients: Clients) -> None:
    assert clients.of(Site(None, US_WEST_2)) is clients
    assert clients.of(Site(AccountId("111122223333"), US_WEST_2)) is clients


def test_a_role_that_may_not_be_assumed_is_told(clients: Clients, world: World) -> None:
    world.forbidden_roles.add(ROLE)
    other = clients.of(Site(OTHER, US_WEST_2))
    with pytest.raises(AwsError, match="not allowed to call AssumeRole"), aws_errors("us-west-2/storage"):
        other.sts(US_WEST_2).get_caller_identity()


@pytest.mark.slow
def test_a_further_account_takes_no_copy_of_what_botocore_knows_of_all_services() -> None:
    clients = Clients(boto3.Session("key", "secret", region_name=US_WEST_2))

    def reach(*accounts: AccountId) -> list[object]:
        reaching = clients.reaching({account: f"arn:aws:iam::{account}:role/deployer" for account in accounts})
        return [reaching.of(Site(account, US_WEST_2)).cloudformation(US_WEST_2) for account in accounts]

    reach(OTHER)
    tracemalloc.start()
    try:
        made = reach(*(AccountId(f"{number:012d}") for number in range(10)))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / len(made) < 1_000_000
