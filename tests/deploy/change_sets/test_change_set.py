import re

import pytest

from builder.deploy.change_sets.change_set import (
    ChangeSetRequest,
    PendingChangeSet,
    change_set_name,
    console_link,
    create_change_set,
    delete_change_set,
    token,
)
from builder.deploy.change_sets.review import review
from builder.deploy.records import Origin, PlanOptions
from builder.errors import AwsError
from builder.terms import AccountId, Arn, Region, Site, StackId
from deploy.rig import Rig
from fake_aws import Fault

TABLE = StackId("us-east-1/table")


def pending(arn: str = "arn:aws:cloudformation:us-east-1:1:changeSet/c/1") -> PendingChangeSet:
    return PendingChangeSet(
        TABLE, Site(None, Region("us-east-1")), Arn(arn), Arn("arn:aws:cloudformation:us-east-1:1:stack/s/1")
    )


def test_a_token_is_the_same_for_the_same_and_fits_cloudformation() -> None:
    assert token("p", TABLE, "execute") == token("p", TABLE, "execute") != token("p", TABLE, "create")
    assert re.fullmatch(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}", token("p", TABLE, "execute"))


def test_each_change_set_of_a_stack_has_a_name_of_its_own() -> None:
    assert change_set_name("tap-dev", "p1", 1) == "tap-dev-p1"
    assert change_set_name("tap-dev", "p1", 2) == "tap-dev-p1-2"


@pytest.mark.parametrize(
    ("arn", "host"),
    [
        ("arn:aws:c", "https://us-east-1.console.aws.amazon.com/"),
        ("arn:aws-cn:c", "https://us-east-1.console.amazonaws.cn/"),
        ("arn:aws-us-gov:c", "https://us-east-1.console.amazonaws-us-gov.com/"),
    ],
)
def test_links_lead_to_the_partition_s_console(arn: str, host: str) -> None:
    assert console_link(pending(arn)).startswith(host)


@pytest.mark.slow
def test_deleting_what_is_gone_is_fine_and_another_refusal_is_not(deployed: Rig) -> None:
    deployed.run(
        lambda: delete_change_set(deployed.clients, pending(f"{deployed.world.stack('tap-dev-table').record.id}"))
    )
    deployed.world.faults.add(Fault.THROTTLE)
    with pytest.raises(AwsError):
        deployed.run(lambda: delete_change_set(deployed.clients, pending()))


def test_a_change_set_that_stays_unknown_is_given_up(rig: Rig) -> None:
    origin = Origin(
        deployment="tap-dev", assembly="a" * 64, plan="p1", options=PlanOptions(), account=AccountId("111122223333")
    )
    request = ChangeSetRequest(desired=rig.stack("us-east-1/table"), type="CREATE")
    made = rig.run(lambda: create_change_set(rig.clients, origin, request))
    rig.run(lambda: delete_change_set(rig.clients, made))  # waits until it is made
    with pytest.raises(AwsError, match="ChangeSetNotFound"):
        rig.run(lambda: review(rig.clients, made))
