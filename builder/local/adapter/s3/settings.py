"""Settings of a bucket that the emulator takes without keeping them, or says otherwise; what it has not is refused.

Configurations that a bucket has several of are kept and listed: analytics, inventories, metrics, intelligent tiering.
Nothing follows from them. A new bucket blocks public access, as since April 2023.
Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import replace, touch
from builder.local.adapter.handlers import Reply

Query = Mapping[str, Any]
Handle = Callable[..., Awaitable[Reply]]

_S3 = "ministack.services.s3"
_LISTED = ("analytics", "inventory", "metrics", "intelligent-tiering")
_UNPLAYED = frozenset(
    {"abac", "metadataConfiguration", "metadataInventoryTable", "metadataJournalTable", "metadataTable"}
    | {"metadataAnnotationTable", "policyStatus"}
)
# On the emulator's own record of a bucket: the configurations by kind and id, as they were put.
_KEPT = "_listed_settings"


def install() -> None:
    """Answer for these settings before the emulator does."""
    replace(f"{_S3}:_new_bucket_public_access_block", lambda _: _block_public_access)
    replace(f"{_S3}:handle_request", _make_handle)


def _block_public_access() -> dict[str, Any]:
    return {"_public_access_block": touch(f"{_S3}:_NEW_BUCKET_PUBLIC_ACCESS_BLOCK")}


def _make_handle(handle: Handle) -> Handle:
    async def handle_settings(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Query, *rest: object, **named: object
    ) -> Reply:
        name, _, key = path.strip("/").partition("/")
        bucket = touch(f"{_S3}:_buckets").get(name) if not key else None
        if bucket is not None:
            for kind in _LISTED:
                if kind in query:
                    return _answer(bucket, kind, method, _first(query, "id"), body)
            if unplayed := sorted(_UNPLAYED & query.keys()):
                return _error("NotImplemented", f"The embedded AWS does not play {method} ?{unplayed[0]}", 501)
            if method == "GET" and "requestPayment" in query:
                query = {**query, "request-payment": query["requestPayment"]}  # what the emulator calls it to read it
        return await handle(method, path, headers, body, query, *rest, **named)

    return handle_settings


def _answer(bucket: MutableMapping[str, Any], kind: str, method: str, identifier: str, body: bytes) -> Reply:
    kept: dict[str, str] = bucket.setdefault(_KEPT, {}).setdefault(kind, {})
    if method == "PUT":
        kept[identifier] = body.decode()
        return 200, {}, b""
    if not identifier:
        listed = "".join(text.partition("?>")[2] or text for text in kept.values())
        return _document(f"<Listed><IsTruncated>false</IsTruncated>{listed}</Listed>")
    if identifier not in kept:
        return _error("NoSuchConfiguration", "The specified configuration does not exist.", 404)
    if method == "DELETE":
        del kept[identifier]
        return 204, {}, b""
    return _document(kept[identifier])


def _document(text: str) -> Reply:
    # Headers of its own: the emulator adds to them.
    return 200, {"Content-Type": "application/xml"}, text.encode()


def _first(query: Query, name: str) -> str:
    value = query.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def _error(code: str, message: str, status: int) -> Reply:
    reply: Reply = touch(f"{_S3}:_error")(code, message, status)
    return reply
