"""Reads of a table on the fake where answers come in pages, late, twice, or not at all."""

from typing import Any

import pytest

from builder.deploy.observe.live import LiveResource, observe_table
from builder.errors import AwsError
from builder.terms import Site
from deploy.rig import Rig
from deploy.there_before import EAST, TABLE, WEST, make_key, make_table
from fake_aws.faults import Fault

pytestmark = pytest.mark.slow
HERE = Site(None, EAST)
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
TAGS = [{"Key": f"tag{number:02}", "Value": "x"} for number in range(23)]


@pytest.fixture
def rig() -> Rig:
    return Rig()


def observe(rig: Rig, **more: Any) -> LiveResource:
    live = rig.run(lambda: observe_table(rig.clients, HERE, TABLE, **more))
    assert live is not None
    return live


def in_two_regions(rig: Rig) -> None:
    make_table(rig, StreamSpecification=STREAM, Tags=TAGS)
    updates: Any = [{"Create": {"RegionName": WEST}}]
    rig.clients.dynamodb(EAST).update_table(TableName=TABLE, ReplicaUpdates=updates)
    rig.world.settle()


def test_every_page_is_read(rig: Rig) -> None:
    in_two_regions(rig)
    live = observe(rig)

    assert live.obstacles == ()
    assert live.definition["Replicas"][0]["Tags"] == TAGS
    pages = [call for call in rig.world.calls if call.operation == "ListTagsOfResource" and call.region == EAST]
    assert len(pages) > 1


def test_a_key_is_called_by_an_alias_that_a_template_has_for_it(rig: Rig) -> None:
    key = make_key(rig)
    make_table(rig, SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key})
    properties = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "Replicas": [{"Region": EAST, "SSESpecification": {"KMSMasterKeyId": "alias/theirs"}}],
    }

    plain, fitted = observe(rig), observe(rig, properties=properties)

    assert plain.definition["Replicas"][0]["SSESpecification"] == {"KMSMasterKeyId": key}
    assert fitted.definition["Replicas"] == [{"Region": EAST, "SSESpecification": {"KMSMasterKeyId": "alias/theirs"}}]
    assert plain.definition["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}


def test_throttling_and_lost_answers_change_nothing_of_what_is_seen(rig: Rig) -> None:
    in_two_regions(rig)
    calm = observe(rig)
    rig.world.faults.add(Fault.THROTTLE, probability=0.3)
    rig.world.faults.add(Fault.LOSE_ANSWER, probability=0.1)

    assert observe(rig) == calm


def test_a_lost_region_is_not_asked_and_its_replica_is_in_the_definition(rig: Rig) -> None:
    in_two_regions(rig)
    rig.world.region_down(WEST)
    rig.world.calls.clear()

    live = observe(rig, lost=(WEST,))

    assert [replica["Region"] for replica in live.definition["Replicas"]] == [EAST, WEST]
    assert live.obstacles == ()
    assert "which was not asked" in live.notes[0]
    assert {call.region for call in rig.world.calls} == {EAST}


def test_a_region_that_does_not_answer_is_told(rig: Rig) -> None:
    in_two_regions(rig)
    rig.world.region_down(WEST)
    hurried = rig.clients.hurried()

    with pytest.raises(AwsError, match="does not answer"):
        rig.run(lambda: observe_table(hurried, HERE, TABLE))
