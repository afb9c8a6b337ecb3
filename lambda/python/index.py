"""Answers a Lambda function URL from the DynamoDB global table of its own region.

An object is kept as the text it came in, since DynamoDB's own types would lose digits and depth.
Items live under item# and heartbeats under heartbeat#, so no id reaches the other kind.
"""

import base64
import json
import logging
import os
import re
import traceback
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any
from urllib.parse import unquote

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

REGION, ROLE, TABLE = (os.environ[name] for name in ("AWS_REGION", "ROLE", "TABLE_NAME"))
REGIONS = os.environ["REGIONS"].split(",")

MAX_KEY = 2048  # bytes, as DynamoDB has it
MAX_BODY = 400 * 1024 - MAX_KEY - 64  # an item less the longest key and the stamps
MAX_DEPTH = 500  # levels, which the parser of any runtime reads without running out of stack

# The second attempt outlives a stale connection; a lost DynamoDB is still told within seconds.
CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2})
DYNAMODB = boto3.client("dynamodb", REGION, config=CONFIG)

Json = dict[str, Any]


class Refused(Exception):
    """A request to answer with an error: status, sentence, headers if any."""


def answer(status: int, body: str | Json, headers: dict[str, str] | None = None) -> Json:
    """Return a response of payload format 2.0; text is JSON already."""
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"content-type": "application/json", **(headers or {})}
    return {"statusCode": status, "headers": headers, "body": text}


def read(key: str) -> dict[str, str]:
    """Return the attributes under a key, {} for none; a region sees its own writes at once."""
    found = DYNAMODB.get_item(TableName=TABLE, Key={"id": {"S": key}}, ConsistentRead=True)
    return {name: value["S"] for name, value in found.get("Item", {}).items()}


def write(key: str, body: str) -> bool:
    """Write the body under a key, with region and time, and return whether the key is new."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entry = {"id": key, "body": body, "region": REGION, "time": time}
    item = {name: {"S": text} for name, text in entry.items()}
    return "Attributes" not in DYNAMODB.put_item(TableName=TABLE, Item=item, ReturnValues="ALL_OLD")


def item_key(event: Json) -> str:
    """Return the key for all that follows /items/, which a function URL leaves percent-encoded."""
    try:
        key = "item#" + unquote(event["rawPath"].removeprefix("/items/"), errors="strict")
        size = len(key.encode())
    except UnicodeError:
        raise Refused(400, "The id is not UTF-8.") from None
    if key == "item#" or size > MAX_KEY:
        raise Refused(400, f"An id has 1 to {MAX_KEY - len('item#')} bytes.")
    return key


def body_bytes(event: Json) -> bytes:
    """Return the body's bytes, none where there is no text; ValueError where base64 hides some, or text is half."""
    body = event.get("body")
    if not isinstance(body, str):
        return b""
    if event.get("isBase64Encoded") is not True:
        return body.encode()
    raw = base64.b64decode(body, validate=True)
    if base64.b64encode(raw).decode() != body:
        raise ValueError
    return raw


def body_object(event: Json) -> str:
    """Return the body as it came, once it is known to be a JSON object."""
    try:
        raw = body_bytes(event)
        if len(raw) > MAX_BODY:
            raise Refused(413, f"An object has {MAX_BODY} bytes at most.")
        text: str = raw.decode()
        # What is left without strings, and without all between, is brackets.
        brackets = re.sub(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[^][{}"]+', "", text, flags=re.DOTALL)
        if max(accumulate(1 if one in "[{" else -1 for one in brackets), default=0) > MAX_DEPTH:
            raise Refused(400, f"An object has {MAX_DEPTH} levels at most.")
        # Numbers stay text, so that none is too long; int() refuses NaN and Infinity.
        parsed = json.loads(text, parse_int=str, parse_float=str, parse_constant=int)
    except ValueError:
        raise Refused(400, "The body is not JSON in UTF-8.") from None
    if not isinstance(parsed, dict):
        raise Refused(400, "The body is not a JSON object.")
    return text


def show_regions(_event: Json) -> Json:
    """Write this region's heartbeat and show all: one call proves write and replication."""
    write(f"heartbeat#{REGION}", "{}")
    now = datetime.now(UTC)
    beats: dict[str, Json | None] = dict.fromkeys(REGIONS)
    for region in REGIONS:
        if time := read(f"heartbeat#{region}").get("time"):
            age = (now - datetime.fromisoformat(time)).total_seconds()
            beats[region] = {"time": time, "age_seconds": max(0, round(age, 3))}
    return answer(200, {"region": REGION, "role": ROLE, "table": TABLE, "heartbeats": beats})


def show_health(_event: Json) -> Json:
    """Read once from the table and write nothing."""
    read(f"heartbeat#{REGION}")
    return answer(200, {"status": "ok", "region": REGION, "role": ROLE})


def create_item(event: Json) -> Json:
    """Keep an object under an id made here."""
    name = str(uuid.uuid4())
    write(f"item#{name}", body_object(event))
    return answer(201, {"id": name}, {"location": f"/items/{name}"})


def put_item(event: Json) -> Json:
    """Keep an object under the caller's id: 201 for a new one, 200 for one replaced."""
    key, body = item_key(event), body_object(event)
    return answer(201 if write(key, body) else 200, body)


def get_item(event: Json) -> Json:
    """Show an object just as it was put, with where and when it was written in headers."""
    item = read(item_key(event))
    if not item:
        raise Refused(404, "There is no such item.")
    return answer(200, item["body"], {"x-written-by": item["region"], "x-written-at": item["time"]})


def delete_item(event: Json) -> Json:
    """Delete an object, or find it gone already."""
    DYNAMODB.delete_item(TableName=TABLE, Key={"id": {"S": item_key(event)}})
    return {"statusCode": 204}


ROUTES: dict[str, dict[str, Callable[[Json], Json]]] = {
    "/": {"GET": show_regions},
    "/health": {"GET": show_health},
    "/items": {"POST": create_item},
    "/items/": {"GET": get_item, "PUT": put_item, "DELETE": delete_item},  # and all below
}


def route(event: Json) -> Json:
    """Call what the path and method ask for; HEAD is no method of any path."""
    path, method = event["rawPath"], event["requestContext"]["http"]["method"]
    if not (isinstance(path, str) and isinstance(method, str)):
        raise TypeError("The event is no request.")
    methods = ROUTES.get("/items/" if path.startswith("/items/") else path)
    if not methods:
        raise Refused(404, "There is no such path.")
    if method not in methods:
        raise Refused(405, "The path has no such method.", {"allow": ", ".join(methods)})
    return methods[method](event)


def failed(error: Exception) -> Json:
    """Tell the log in one line what went wrong, and the caller no more than whether to wait."""
    logging.getLogger().error("%r", "".join(traceback.format_exception(error)))
    if isinstance(error, (BotoCoreError, ClientError)):
        return answer(503, {"error": "The table is out of reach now."}, {"retry-after": "1"})
    return answer(500, {"error": "Something went wrong here."})


def handler(event: Json, _context: object) -> Json:
    """Answer one request, whatever happens."""
    try:
        return route(event)
    except Refused as refused:
        status, sentence, *headers = refused.args
        return answer(status, {"error": sentence}, *headers)
    except Exception as error:  # noqa: BLE001  else the front end answers a bare 502
        return failed(error)
