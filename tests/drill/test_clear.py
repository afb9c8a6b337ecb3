import asyncio

from builder.drill.clear import clear
from builder.drill.probe import object_key
from builder.drill.records import Sent
from drill.conftest import Theatre


def test_what_was_sent_is_gone_from_both_regions_acknowledged_or_not(theatre: Theatre) -> None:
    target, names = theatre.target, ["drill-d1-x-000001", "drill-d1-x-000002"]
    theatre.account.dynamodb("us-east-1").put_item(
        TableName=target.needed_table, Item={"id": {"S": f"item#{names[0]}"}, "body": {"S": ""}, "time": {"S": ""}}
    )
    for side in target.sides:
        theatre.account.s3(side.region).put_object(Bucket=side.needed_bucket, Key=object_key("d1", "o"), Body=b"x")
    sent = [*(Sent(name, "item") for name in names), Sent("o", "object")]
    asyncio.run(clear(target, theatre.clients, "d1", sent))
    for side in target.sides:
        assert theatre.items(side.region) == {}
        listed = theatre.account.s3(side.region).list_object_versions(Bucket=side.needed_bucket, Prefix="drill/d1/")
        assert "Versions" not in listed
