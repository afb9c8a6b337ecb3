"""What the handler costs over DynamoDB itself: PUT through `index.handler` against a bare `put_item` of the same item.

    python benchmarks/handler.py [RUNS]

Both in this process, in turn, on one embedded AWS; medians and their ratio for a small and for a large object. Exits 1
where a ratio is over its limit.
"""

import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from builder.local import EmbeddedAws

HANDLERS = Path(__file__).resolve().parent.parent / "lambda" / "python"
TABLE = "tap-bench-global"
# Small: some 100 bytes. Large: some 360 KB in many small parts, which is the most that there is to check.
SMALL = json.dumps({"name": "Ada", "tags": ["a", "b"], "n": 12345678901234567890, "more": {"text": "x" * 40}})
LARGE = json.dumps({"rows": [{"id": n, "text": "[x" * 10} for n in range(7500)]})
LIMITS = {"small": (SMALL, 1.2), "large": (LARGE, 3.5)}


def main() -> int:
    """Measure both sizes and return the exit code."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with EmbeddedAws() as aws:
        os.environ.update(make_environment(aws.endpoint))
        sys.path.insert(0, str(HANDLERS))
        index = importlib.import_module("index")
        client = boto3.client("dynamodb", region_name="us-east-1", endpoint_url=aws.endpoint)
        make_table(client)
        code = 0
        for name, (body, limit) in LIMITS.items():
            bare, through = measure(make_bare(client, body), make_put(index.handler, body), runs)
            ratio = through / bare
            print(
                f"handler / put_item, {name} ({len(body)} bytes): {ratio:.2f} (at most {limit}); "
                f"medians of {runs}: {through * 1000:.2f} ms, {bare * 1000:.2f} ms"
            )
            code |= ratio > limit
    return int(code)


def make_environment(endpoint: str) -> dict[str, str]:
    """Return what Lambda and the template give the handler, with credentials that are none."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "123456789012",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_REGION": "us-east-1",
        "REGIONS": "us-east-1,us-west-2",
        "ROLE": "primary",
        "TABLE_NAME": TABLE,
    }


def make_table(client: Any) -> None:  # noqa: ANN401  boto3's client
    """Make the table that both write to."""
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )


def make_bare(client: Any, body: str) -> Callable[[], None]:  # noqa: ANN401  boto3's client
    """Return the floor: the one call that the handler can't do without."""
    entry = {"id": "item#bare", "body": body, "region": "us-east-1", "time": "2026-11-22T11:50:21.892Z"}
    item = {name: {"S": text} for name, text in entry.items()}

    def put() -> None:
        client.put_item(TableName=TABLE, Item=item, ReturnValues="ALL_OLD")

    return put


def make_put(handler: Callable[[dict[str, Any], object], dict[str, Any]], body: str) -> Callable[[], None]:
    """Return a PUT of the same object through the handler."""
    event = {
        "rawPath": "/items/through",
        "requestContext": {"http": {"method": "PUT"}},
        "isBase64Encoded": False,
        "body": body,
    }

    def put() -> None:
        answer = handler(event, None)
        if answer["statusCode"] not in {200, 201}:
            sys.exit(f"the handler answered {answer}")

    return put


def measure(first: Callable[[], None], second: Callable[[], None], runs: int) -> tuple[float, float]:
    """Return the median seconds of each, taken in turn after some to warm up."""
    took: tuple[list[float], list[float]] = ([], [])
    for run in range(runs + 10):
        for call, times in zip((first, second), took, strict=True):
            start = time.perf_counter()
            call()
            if run >= 10:
                times.append(time.perf_counter() - start)
    return statistics.median(took[0]), statistics.median(took[1])


if __name__ == "__main__":
    sys.exit(main())
