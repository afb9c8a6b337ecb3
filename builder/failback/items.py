"""The items of a table for a comparison: their keys, their contents, and how both are shown to people; pure.

Two items are the same if they are for DynamoDB: sets have no order, a number may be written in several ways, and each
of its 38 digits counts. Values are as in boto3's client: `{"S": "..."}`, and binary ones as bytes.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

AttributeValue = Mapping[str, Any]
Item = Mapping[str, AttributeValue]
ItemKey = tuple[tuple[str, str | bytes], ...]
"""The type and value of each attribute of a key, in the order of the table's key. Keys that are the same are equal."""

_DIGEST_BYTES = 16
_PLAIN_EXPONENT = 40
_WRITTEN_AT = "time"
"""The attribute in which the handlers of this project store the time of a write."""


def key_of(names: Sequence[str], item: Item) -> ItemKey:
    """Return the key of an item, by the names of the key's attributes. Raises KeyError if one is missing."""
    return tuple(_known(item[name]) for name in names)


def _known(value: AttributeValue) -> tuple[str, str | bytes]:
    ((kind, content),) = value.items()
    if kind == "N":
        return kind, _number(content)
    return kind, bytes(content) if kind == "B" else str(content)


def as_key(names: Sequence[str], key: ItemKey) -> dict[str, dict[str, Any]]:
    """Return a key as boto3's client takes it."""
    return {name: {kind: content} for name, (kind, content) in zip(names, key, strict=True)}


def shown_key(names: Sequence[str], key: ItemKey) -> str:
    """Return a key as text for people: `id=order-7, at=12`; bytes in base 64."""
    return ", ".join(f"{name}={_text(content)}" for name, (_, content) in zip(names, key, strict=True))


def key_as_json(names: Sequence[str], key: ItemKey) -> dict[str, dict[str, str]]:
    """Return a key in DynamoDB's JSON, bytes in base 64."""
    return {name: {kind: _text(content)} for name, (kind, content) in zip(names, key, strict=True)}


def _text(content: str | bytes) -> str:
    return base64.b64encode(content).decode() if isinstance(content, bytes) else content


def fingerprint(item: Item) -> bytes:
    """Return a digest of an item. Two items have the same digest if and only if they are the same."""
    return hashlib.blake2b(_encode({"M": item}), digest_size=_DIGEST_BYTES).digest()


def differing(item: Item, other: Item) -> tuple[str, ...]:
    """Return the names of the attributes that only one of two items has, or that are not the same in both."""
    names = sorted(item.keys() | other.keys())
    return tuple(name for name in names if _encoded(item.get(name)) != _encoded(other.get(name)))


def _encoded(value: AttributeValue | None) -> bytes:
    return b"" if value is None else _encode(value)


def written_at(item: Item) -> str | None:
    """Return when an item was written by its attribute `time`, None if that is no date and time with a zone."""
    try:
        at = datetime.fromisoformat(item.get(_WRITTEN_AT, {}).get("S", ""))
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _encode(value: AttributeValue) -> bytes:
    """Return bytes that two values share only if they are the same; each part has its length before it."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            body = _bytes(content)
        case "N":
            body = _number(content).encode()
        case "B":
            body = bytes(content)
        case "SS":
            body = _joined(sorted(map(_bytes, content)))
        case "NS":
            body = _joined(sorted(_number(number).encode() for number in content))
        case "BS":
            body = _joined(sorted(map(bytes, content)))
        case "L":
            body = _joined(map(_encode, content))
        case "M":
            body = _joined(part for name in sorted(content) for part in (_bytes(name), _encode(content[name])))
        case _:
            # BOOL and NULL. Two values of a type that is new to this builder are the same if their JSON is.
            body = json.dumps(content, sort_keys=True, default=repr).encode()
    return _joined([kind.encode(), body])


def _joined(parts: Iterable[bytes]) -> bytes:
    return b"".join(b"%d:%s" % (len(part), part) for part in parts)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _number(text: str) -> str:
    """Return a number in one spelling, with all its digits. Decimal's normalize would round it to 28."""
    sign, digits, exponent = Decimal(text).as_tuple()
    if not isinstance(exponent, int):
        return text
    significant = "".join(map(str, digits)).rstrip("0")
    exponent += len(digits) - len(significant)
    significant = significant.lstrip("0")
    if not significant:
        return "0"
    number = Decimal((sign, tuple(map(int, significant)), exponent))
    return f"{number:f}" if abs(exponent) <= _PLAIN_EXPONENT else str(number)
