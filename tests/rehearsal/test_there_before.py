"""The life of a system whose table and bucket were there before."""

import pytest

from builder.rehearsal import rehearse_system
from loaded_config import make_loaded_config
from rehearsal.transcript import Transcript

TABLES = {
    "orders": {
        "existing": "acme-orders",
        "key": {"customer": "S", "day": "N"},
        "indexes": {"by_day": {"key": {"day": "N"}}},
    }
}
BUCKETS = {"uploads": {"existing": "acme-uploads", "replication": "two-way"}}


@pytest.mark.acceptance
@pytest.mark.processes
@pytest.mark.usefixtures("linter")
def test_what_was_there_before_is_made_taken_in_used_and_deleted_by_name(transcript: Transcript) -> None:
    handler = "def handler(event, context):\n    return {'statusCode': 200, 'body': '{}'}\n"
    functions = {"api": {"source": "api", "uses": {"orders": "read", "uploads": "read"}, "health": "/"}}
    loaded = make_loaded_config(
        handler, table="absent", bucket="absent", function="absent", tables=TABLES, buckets=BUCKETS, functions=functions
    )

    rehearse_system(loaded, "dev", transcript.stage())

    for line in (
        "us-east-1: table acme-orders is there before",
        "us-east-1: bucket acme-uploads is there before",
        "allowed by name: us-east-1/uploads/Bucket, us-east-1/orders/Table",
        "acme-orders holds what was in it before",
        "acme-uploads holds what was in it before",
    ):
        assert line in transcript.lines
    assert "put an item into acme-orders in us-west-2" in "\n".join(transcript.lines)
    assert "nothing is left" in transcript.lines[-1]
