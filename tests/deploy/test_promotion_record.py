"""The record of a promotion: written once, read as it was written, a claim to whoever reads it; whatever gets lost."""

import json
from collections.abc import Callable, Coroutine
from dataclasses import asdict, replace
from typing import Any, TypeVar

import pytest

from builder.aws import Clients, denied_operation
from builder.deploy import Promotion, delete_promotion, observe_promotion, read_promotion, write_promotion
from builder.deploy.promotion import parameter_name
from builder.errors import AwsError, Failed, Stopped
from builder.terms import Region
from deploy.rig import ACCOUNT
from fake_aws import Fault, Killed, World, run_virtual

T = TypeVar("T")
EAST, WEST = Region("us-east-1"), Region("us-west-2")
NAME = "/builder/tap-dev/promotion"
DECIDED = Promotion(deployment="tap-dev", to=WEST, came_from=EAST, at="2026-11-28T10:00:00+00:00")
FORCED = replace(DECIDED, forced=True, postponed=("us-east-1/table", "us-east-1/storage"))


class Account:
    """An account whose parameters are asked about by a process, which may die and begin anew."""

    def __init__(self) -> None:
        self.world = World()
        self.begin()

    def begin(self) -> None:
        self.clients = Clients(self.world.session(ACCOUNT))
        self.world.faults.revive()

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return run_virtual(work)

    def read(self, *regions: Region) -> Promotion | None:
        return self.run(lambda: read_promotion(self.clients, "tap-dev", regions or (EAST, WEST)))

    def write(self, promotion: Promotion) -> None:
        self.run(lambda: write_promotion(self.clients, promotion))

    def delete(self, promotion: Promotion) -> None:
        self.run(lambda: delete_promotion(self.clients, promotion))

    def put(self, value: object, region: Region = WEST) -> None:
        self.world.ssm_values[ACCOUNT, region, NAME] = value if isinstance(value, str) else json.dumps(value)


@pytest.fixture
def account() -> Account:
    return Account()


def test_no_record_is_no_promotion(account: Account) -> None:
    assert account.read() is None
    assert {call.region for call in account.world.calls} == {EAST, WEST}


@pytest.mark.parametrize("promotion", [DECIDED, FORCED])
def test_what_is_written_is_read_from_the_region_that_is_promoted(account: Account, promotion: Promotion) -> None:
    account.write(promotion)
    assert account.read() == promotion
    assert account.read(EAST) is None
    assert set(account.world.ssm_values) == {(ACCOUNT, WEST, NAME)}
    account.delete(promotion)
    assert account.read() is None


def test_the_same_again_writes_nothing_and_another_state_of_it_takes_its_place(account: Account) -> None:
    account.write(DECIDED)
    account.write(DECIDED)
    assert [call.operation for call in account.world.calls].count("PutParameter") == 1
    account.write(FORCED)
    assert account.read() == FORCED


def test_the_record_of_another_promotion_is_neither_overwritten_nor_deleted(account: Account) -> None:
    other = replace(DECIDED, came_from=Region("eu-west-1"))
    account.write(other)
    for touch in (account.write, account.delete):
        with pytest.raises(Stopped, match="another promotion is under way: us-west-2 is being promoted"):
            touch(DECIDED)
    assert account.read() == other


def test_deleting_what_is_gone_is_done(account: Account) -> None:
    account.delete(DECIDED)
    assert account.read() is None


GOOD = json.loads(json.dumps(asdict(DECIDED)))
CLAIMS: dict[str, tuple[object, str]] = {
    "no JSON": ("{", "it is not JSON"),
    "deep JSON": ("[" * 4000, "it is not JSON"),
    "a list": ([], "it says no version"),
    "no version": ({**GOOD, "version": None}, "it says no version"),
    "a version that is true": ({**GOOD, "version": True}, "it says no version"),
    "a newer version, with what it may have": ({**GOOD, "version": 2, "more": 1}, "its version is 2"),
    "a key too many": ({**GOOD, "more": 1}, "more: Unexpected keyword argument"),
    "a key that moves the cursor": ({**GOOD, "\x1b[2J": 1}, r"\\x1b\[2J: Unexpected"),
    "a key too few": ({key: GOOD[key] for key in GOOD if key != "to"}, "to: Field required"),
    "another deployment": ({**GOOD, "deployment": "tap-prod"}, "another deployment than tap-dev"),
    "another region than where it stands": ({**GOOD, "to": EAST}, "it promotes us-east-1, and stands in us-west-2"),
    "a region in its own place": ({**GOOD, "came_from": WEST}, "in its own place"),
    "no region": ({**GOOD, "came_from": "\x1b[2J"}, "came_from: String should match"),
    "a time that is none": ({**GOOD, "at": "\x1b[2J"}, "at: String should match"),
    "a text for a truth": ({**GOOD, "forced": "yes"}, "forced: Input should be a valid boolean"),
    "what moves the cursor": ({**GOOD, "postponed": ["\x1b[2J"]}, r"postponed\.0: String should match"),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_value_is_a_claim(account: Account, claim: str) -> None:
    value, words = CLAIMS[claim]
    account.put(value)
    with pytest.raises(Stopped, match=words) as stopped:
        account.read()
    assert stopped.value.where == f"us-west-2: {NAME}"
    assert f"aws ssm delete-parameter --region us-west-2 --name {NAME}" in stopped.value.next_step


def test_two_regions_that_are_promoted_at_once_stop_everybody(account: Account) -> None:
    account.put(GOOD)
    account.put({**GOOD, "to": EAST, "came_from": WEST}, EAST)
    with pytest.raises(Stopped, match="two promotions are under way") as stopped:
        account.read()
    assert stopped.value.next_step.count("aws ssm delete-parameter") == 2


def test_who_may_not_read_it_is_stopped_and_the_call_is_known(account: Account) -> None:
    account.world.faults.add(Fault.DENIED, operation="GetParameter", region=EAST)
    with pytest.raises(Stopped, match="cannot be known whether a promotion is under way") as stopped:
        account.read()
    assert isinstance(stopped.value.__cause__, AwsError)
    assert denied_operation(stopped.value.__cause__) == "GetParameter"


def test_a_region_that_does_not_answer_is_an_error_to_who_changes_and_told_to_who_looks(account: Account) -> None:
    account.put(GOOD)
    account.world.region_down(EAST)
    with pytest.raises(AwsError, match="does not answer"):
        account.read()
    seen, unseen = account.run(lambda: observe_promotion(account.clients, "tap-dev", (EAST, WEST)))
    assert seen == DECIDED
    assert {region: error.where for region, error in unseen.items()} == {EAST: f"us-east-1: {NAME}"}


def test_a_record_that_no_parameter_takes_is_not_sent(account: Account) -> None:
    with pytest.raises(Failed, match="a parameter takes 4,096"):
        account.write(replace(DECIDED, postponed=("x" * 400,) * 12))
    assert account.world.ssm_values == {}


def a_life(account: Account) -> None:
    """A record's whole life, as two runs have it."""
    account.write(DECIDED)
    assert account.read() == DECIDED
    account.write(FORCED)
    assert account.read() == FORCED
    account.delete(FORCED)
    assert account.read() is None


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.LOSE_REQUEST, Fault.SERVER_ERROR, Fault.THROTTLE])
@pytest.mark.parametrize("nth", range(1, 12))
def test_a_life_goes_on_whatever_gets_lost(account: Account, fault: Fault, nth: int) -> None:
    account.world.faults.add(fault, service="ssm", nth=nth)
    a_life(account)


@pytest.mark.parametrize("seed", range(10))
def test_a_read_that_lags_behind_ends_nothing(seed: int) -> None:
    account = Account()
    account.world.faults.random.seed(seed)
    account.world.faults.max_age_s = 3.0
    account.world.faults.add(Fault.STALE, probability=0.7)
    a_life(account)


@pytest.mark.proof
@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
def test_killed_at_any_call_the_same_again_comes_to_the_same(fault: Fault) -> None:
    killed = 0
    for nth in range(1, 12):
        account = Account()
        account.world.faults.add(fault, service="ssm", nth=nth)
        try:
            account.write(FORCED)
            account.delete(FORCED)
        except Killed:
            killed += 1
        account.begin()
        account.world.faults.clear()
        assert account.read() in {None, FORCED}
        account.write(FORCED)
        assert account.read() == FORCED
        account.delete(FORCED)
        assert account.read() is None
    assert killed >= 5


def test_somebody_else_who_ends_it_meanwhile_is_told(account: Account) -> None:
    account.write(DECIDED)
    del account.world.ssm_values[ACCOUNT, WEST, NAME]
    assert account.read() is None  # after it was asked for again for a while
    account.write(DECIDED)
    assert account.read() == DECIDED


def test_the_name_is_the_deployment_s() -> None:
    assert parameter_name("tap-dev") == NAME
