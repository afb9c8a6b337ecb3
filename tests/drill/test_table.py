import asyncio

from builder.drill.probe import item_key
from builder.drill.table import delete_items, read_items, see_items
from drill.conftest import Theatre


def test_more_probes_than_one_call_takes_are_seen_read_and_deleted(theatre: Theatre) -> None:
    side, table, names = theatre.target.primary, theatre.target.needed_table, [f"drill-t-{n:06}" for n in range(130)]
    dynamodb = theatre.account.dynamodb()
    for name in names:
        dynamodb.put_item(TableName=table, Item={"id": {"S": item_key(name)}, "body": {"S": name}})
    asked = [*names, "drill-never-written"]
    assert set(asyncio.run(see_items(theatre.clients, side, table, asked))) == set(names)
    found = asyncio.run(read_items(theatre.clients, side, table, asked))
    assert found == {name: {"id": item_key(name), "body": name} for name in names}
    asyncio.run(delete_items(theatre.clients, side, table, asked))
    assert asyncio.run(see_items(theatre.clients, side, table, asked)) == set()
