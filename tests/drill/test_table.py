import asyncio
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_args

import pytest

from builder.drill.probe import (
    KeyType,
    Layout,
    delete_items,
    handler_layout,
    observe_layout,
    read_item,
    read_items,
    read_layout,
    see_items,
    write_item,
)
from builder.errors import Failed
from drill.conftest import Theatre

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

KINDS: tuple[KeyType, ...] = get_args(KeyType)
KEYS: list[tuple[tuple[str, KeyType], ...]] = [(("pk", kind),) for kind in KINDS]
KEYS += [(("pk", hash_kind), ("sk", range_kind)) for hash_kind, range_kind in itertools.product(KINDS, KINDS)]


def described(key: tuple[tuple[str, KeyType], ...]) -> "TableDescriptionTypeDef":
    """The table as DescribeTable tells of it, with more attributes than those of its key, and the key's last first."""
    roles = ("HASH", "RANGE")
    schema = [{"AttributeName": name, "KeyType": role} for (name, _), role in zip(key, roles, strict=False)]
    types = [{"AttributeName": name, "AttributeType": kind} for name, kind in (("of_an_index", "S"), *key)]
    description: Any = {"TableName": "t", "KeySchema": schema[::-1], "AttributeDefinitions": types}
    table: TableDescriptionTypeDef = description
    return table


@pytest.mark.parametrize("key", KEYS)
def test_any_key_has_a_place_of_its_own_for_every_probe(key: tuple[tuple[str, KeyType], ...]) -> None:
    layout = read_layout("us-east-1: t", described(key))
    assert (layout.table, layout.key) == ("t", key)
    places = [layout.place(f"drill-d-load-{number:06}") for number in range(300)]
    assert len({repr(place) for place in places}) == 300
    for place in places:
        assert list(place) == [name for name, _ in key]
        for name, kind in key:
            ((written_kind, value),) = place[name].items()
            assert written_kind == kind
            match kind:
                case "S":
                    assert value.startswith("drill-")
                case "B":
                    assert value.startswith(b"drill-")
                case "N":
                    # What DynamoDB keeps of a number is 38 digits.
                    assert len(value.lstrip("-")) <= 38
                    assert Decimal(value) < -9 * 10**37


@pytest.mark.parametrize("table", [{}, {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}])
def test_a_table_whose_key_is_not_understood_is_not_written_to(table: Any) -> None:
    with pytest.raises(Failed, match="has a key that is not understood"):
        read_layout("us-east-1: t", table)


@pytest.fixture
def tables(theatre: Theatre) -> Iterator[list[str]]:
    """A table of every key, beside the deployment's."""
    dynamodb, made = theatre.account.dynamodb(), []
    for key in KEYS:
        name = "key-" + "-".join(kind for _, kind in key)
        table: Any = described(key)
        dynamodb.create_table(
            TableName=name,
            KeySchema=table["KeySchema"][::-1],
            AttributeDefinitions=table["AttributeDefinitions"][1:],
            BillingMode="PAY_PER_REQUEST",
        )
        made.append(name)
    yield made
    for name in made:
        dynamodb.delete_table(TableName=name)


def test_probes_are_written_seen_read_and_deleted_in_a_table_of_any_key(theatre: Theatre, tables: list[str]) -> None:
    side, clients = theatre.target.primary, theatre.clients
    names = [f"drill-d-load-{number:06}" for number in range(3)]
    for table in tables:
        layout = asyncio.run(observe_layout(clients, side, table))
        for number, name in enumerate(names):
            write_item(clients, side, layout, name, f"text {number}")
        write_item(clients, side, layout, names[1], None)
        shown = {names[0]: "text 0", names[1]: None, names[2]: "text 2", "drill-never-written": None}
        assert asyncio.run(see_items(clients, side, layout, shown)) == shown, table
        held = asyncio.run(read_items(clients, side, layout, shown))
        assert {name: item[layout.text] for name, item in held.items()} == {names[0]: "text 0", names[2]: "text 2"}
        assert [read_item(clients, side, layout, name) for name in names] == ["text 0", None, "text 2"]
        asyncio.run(delete_items(clients, side, layout, names))
        assert theatre.account.dynamodb().scan(TableName=table)["Count"] == 0


def test_more_probes_than_one_call_takes_are_seen_read_and_deleted(theatre: Theatre) -> None:
    side, layout = theatre.target.primary, handler_layout(theatre.target.needed_table)
    names = [f"drill-t-{n:06}" for n in range(130)]
    for name in names:
        write_item(theatre.clients, side, layout, name, name)
    all_names = [*names, "drill-never-written"]
    seen = asyncio.run(see_items(theatre.clients, side, layout, all_names))
    assert seen == {**{name: name for name in names}, "drill-never-written": None}
    items = asyncio.run(read_items(theatre.clients, side, layout, all_names))
    assert items == {name: {"id": f"item#{name}", "body": name} for name in names}
    asyncio.run(delete_items(theatre.clients, side, layout, all_names))
    assert set(asyncio.run(see_items(theatre.clients, side, layout, all_names)).values()) == {None}


def test_what_dynamodb_leaves_unanswered_is_neither_there_nor_gone(theatre: Theatre) -> None:
    side, layout = theatre.target.primary, handler_layout(theatre.target.needed_table)

    def leave(parsed: dict[str, Any], **_: object) -> None:
        keys = [{"id": {"S": "item#drill-a"}}]
        parsed["Responses"] = {layout.table: []}
        parsed["UnprocessedKeys"] = {layout.table: {"Keys": keys}}

    events = theatre.clients.dynamodb(side.region).meta.events
    events.register("after-call.dynamodb.BatchGetItem", leave)
    try:
        seen = asyncio.run(see_items(theatre.clients, side, layout, ["drill-a", "drill-b"]))
    finally:
        events.unregister("after-call.dynamodb.BatchGetItem", leave)
    assert seen == {"drill-b": None}


def test_what_dynamodb_leaves_undeleted_is_asked_for_again(theatre: Theatre) -> None:
    side, layout = theatre.target.primary, handler_layout(theatre.target.needed_table)
    write_item(theatre.clients, side, layout, "drill-a", "text")
    answers: list[Any] = []

    def leave(parsed: dict[str, Any], **_: object) -> None:
        answers.append(parsed)
        if len(answers) == 1:
            left = {"DeleteRequest": {"Key": layout.place("drill-a")}}
            parsed["UnprocessedItems"] = {layout.table: [left]}

    events = theatre.clients.dynamodb(side.region).meta.events
    events.register("after-call.dynamodb.BatchWriteItem", leave)
    try:
        asyncio.run(delete_items(theatre.clients, side, layout, ["drill-a"]))
    finally:
        events.unregister("after-call.dynamodb.BatchWriteItem", leave)
    assert len(answers) == 2


def test_a_place_is_of_the_layout_and_the_name_alone() -> None:
    layout = Layout("t", (("id", "N"),), "body")
    assert layout.place("drill-a") == replace(layout, table="u", text="x").place("drill-a")
    assert re.fullmatch(r"-[0-9]{38}", layout.place("drill-a")["id"]["N"])
