import time
from typing import Any

import pytest

from local.account import PRIMARY, SECONDARY, Account, deploy
from local.adapter.control import paced, set_pace
from local.adapter.templates import TABLE, table

_KEY = {"id": {"S": "1"}}


@pytest.fixture
def account(account: Account) -> Account:
    """One with a global table in both regions."""
    assert deploy(account, "table", table()).status == "CREATE_COMPLETE"
    return account


def _put(account: Account, value: str, region: str = PRIMARY, key: str = "1") -> None:
    account.dynamodb(region).put_item(TableName=TABLE, Item={"id": {"S": key}, "value": {"S": value}})


def _value(account: Account, region: str, key: str = "1") -> str | None:
    answer = account.dynamodb(region).get_item(TableName=TABLE, Key={"id": {"S": key}}, ConsistentRead=True)
    return answer["Item"]["value"]["S"] if "Item" in answer else None


def _values(account: Account, key: str = "1") -> tuple[str | None, str | None]:
    return _value(account, PRIMARY, key), _value(account, SECONDARY, key)


def _wait(account: Account, region: str, value: str | None, key: str = "1") -> None:
    """Wait until the value is there."""
    began = time.monotonic()
    while _value(account, region, key) != value:
        assert time.monotonic() < began + 10


def test_a_write_is_in_both_replicas_at_once_by_default(account: Account) -> None:
    _put(account, "a")
    assert _values(account) == ("a", "a")


@pytest.mark.alone
def test_a_delayed_write_is_seen_at_once_where_it_was_made_and_elsewhere_after_the_delay(account: Account) -> None:
    with paced(account, "dynamodb", delay_s=0.4):
        began = time.monotonic()
        _put(account, "a")
        assert _values(account) == ("a", None)
        _wait(account, SECONDARY, "a")
        assert 0.4 <= time.monotonic() - began < 0.8


def test_directions_are_delayed_one_by_one(account: Account) -> None:
    set_pace(account, "dynamodb", paused=True)
    try:
        _put(account, "from the secondary", SECONDARY)
        assert _values(account) == ("from the secondary", "from the secondary")
        _put(account, "from the primary")
        assert _values(account) == ("from the primary", "from the secondary")
    finally:
        set_pace(account, "dynamodb")
    assert _values(account) == ("from the primary", "from the primary")


def test_replicas_that_were_written_while_paused_agree_on_the_last_write(account: Account) -> None:
    with paced(account, "dynamodb", paused=True):
        _put(account, "primary, first", PRIMARY, "a")
        _put(account, "secondary, last", SECONDARY, "a")
        _put(account, "secondary, first", SECONDARY, "b")
        _put(account, "primary, last", PRIMARY, "b")
    assert _values(account, "a") == ("secondary, last", "secondary, last")
    assert _values(account, "b") == ("primary, last", "primary, last")


def test_an_older_write_that_arrives_late_does_not_undo_a_newer_one(account: Account) -> None:
    set_pace(account, "dynamodb", paused=True)
    _put(account, "older")
    _put(account, "newer", SECONDARY)
    set_pace(account, "dynamodb")
    assert _values(account) == ("newer", "newer")


def test_a_deletion_is_a_write_like_any_other(account: Account) -> None:
    _put(account, "a")
    with paced(account, "dynamodb", paused=True):
        account.dynamodb().delete_item(TableName=TABLE, Key=_KEY)
        assert _values(account) == (None, "a")
    assert _values(account) == (None, None)


def test_a_write_after_a_deletion_elsewhere_wins_over_it(account: Account) -> None:
    _put(account, "a")
    with paced(account, "dynamodb", paused=True):
        account.dynamodb().delete_item(TableName=TABLE, Key=_KEY)
        _put(account, "again", SECONDARY)
    assert _values(account) == ("again", "again")


def test_a_deletion_after_a_write_elsewhere_wins_over_it(account: Account) -> None:
    _put(account, "a")
    with paced(account, "dynamodb", paused=True):
        _put(account, "again", SECONDARY)
        account.dynamodb().delete_item(TableName=TABLE, Key=_KEY)
    assert _values(account) == (None, None)


@pytest.mark.parametrize("how", ["update", "batch", "transaction"])
def test_every_way_to_write_is_delayed(account: Account, how: str) -> None:
    client = account.dynamodb()
    item: Any = {**_KEY, "value": {"S": how}}
    with paced(account, "dynamodb", paused=True):
        if how == "update":
            client.update_item(
                TableName=TABLE,
                Key=_KEY,
                UpdateExpression="SET #v = :v",
                ExpressionAttributeNames={"#v": "value"},
                ExpressionAttributeValues={":v": {"S": how}},
            )
        elif how == "batch":
            client.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": item}}]})
        else:
            client.transact_write_items(TransactItems=[{"Put": {"TableName": TABLE, "Item": item}}])
        assert _values(account) == (how, None)
    assert _values(account) == (how, how)


def test_a_write_under_way_carries_the_item_as_it_was_written(account: Account) -> None:
    set_pace(account, "dynamodb", delay_s=0.4)
    try:
        _put(account, "first")
        time.sleep(0.2)
        _put(account, "second")
        _wait(account, SECONDARY, "first")
        _wait(account, SECONDARY, "second")
    finally:
        set_pace(account, "dynamodb")


def test_what_was_meant_for_a_replica_does_not_reach_another_table_of_its_name(account: Account) -> None:
    with paced(account, "dynamodb", paused=True):
        _put(account, "a")
        for kind in ("Delete", "Create"):
            change: Any = {kind: {"RegionName": SECONDARY}}
            account.dynamodb().update_table(TableName=TABLE, ReplicaUpdates=[change])
        account.dynamodb().delete_item(TableName=TABLE, Key=_KEY)
        account.dynamodb(SECONDARY).delete_item(TableName=TABLE, Key=_KEY)
    assert _values(account) == (None, None)


def test_a_table_of_one_region_is_written_as_ever(account: Account) -> None:
    client = account.dynamodb()
    client.create_table(
        TableName="alone",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    with paced(account, "dynamodb", paused=True):
        client.put_item(TableName="alone", Item=_KEY)
        assert client.get_item(TableName="alone", Key=_KEY)["Item"] == _KEY
