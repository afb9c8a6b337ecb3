"""What either twin answers over HTTP, at its function URL."""

import json
from datetime import datetime, timedelta
from urllib.parse import quote

import pytest

from handler.stage import PRIMARY, REGIONS, SECONDARY, TABLE, Function, RegionPair, Reply

LONGEST_ID = 2043
LARGEST_BODY = 407_488


def refusal(reply: Reply) -> str:
    """Return the sentence of an error that is shaped as every error is."""
    assert reply.headers["content-type"] == "application/json"
    assert list(reply.json) == ["error"]
    sentence: str = reply.json["error"]
    assert sentence.endswith(".")
    assert len(sentence) < 80
    return sentence


def of_size(size: int) -> str:
    return '{"a":"' + "x" * (size - 8) + '"}'


def test_the_root_of_each_region_shows_its_own_write_and_the_other_region_s(pair: RegionPair) -> None:
    first = pair.primary.call("GET", "/")
    second = pair.secondary.call("GET", "/").json
    again = pair.primary.call("GET", "/").json

    assert first.status == 200
    assert first.headers["content-type"] == "application/json"
    assert list(first.json.items())[:3] == [("region", PRIMARY), ("role", "primary"), ("table", TABLE)]
    assert (second["region"], second["role"]) == (SECONDARY, "secondary")
    assert list(second["heartbeats"]) == list(again["heartbeats"]) == list(REGIONS)
    assert second["heartbeats"][PRIMARY]["time"] == first.json["heartbeats"][PRIMARY]["time"]
    assert again["heartbeats"][SECONDARY]["time"] == second["heartbeats"][SECONDARY]["time"]
    assert again["heartbeats"][PRIMARY]["time"] > first.json["heartbeats"][PRIMARY]["time"]


def test_a_heartbeat_has_its_time_in_milliseconds_and_its_age_in_seconds(pair: RegionPair) -> None:
    beat = pair.primary.call("GET", "/").json["heartbeats"][PRIMARY]
    later = pair.secondary.call("GET", "/").json["heartbeats"]

    assert len(beat["time"]) == len("2026-11-22T11:50:21.892Z")
    assert datetime.fromisoformat(beat["time"]).utcoffset() == timedelta(0)
    assert 0 <= beat["age_seconds"] < 5
    apart = datetime.fromisoformat(later[SECONDARY]["time"]) - datetime.fromisoformat(later[PRIMARY]["time"])
    assert later[PRIMARY]["age_seconds"] >= apart.total_seconds() - 0.001


def test_a_region_that_never_wrote_has_no_heartbeat(lonely: Function) -> None:
    beats = lonely.call("GET", "/").json["heartbeats"]
    assert beats[PRIMARY] is not None
    assert beats[SECONDARY] is None
    assert beats["eu-central-1"] is None


def test_health_reads_and_writes_nothing(service: Function) -> None:
    before = service.aws.client("dynamodb").scan(TableName=TABLE)["Items"]
    reply = service.call("GET", "/health")
    assert (reply.status, reply.json) == (200, {"status": "ok", "region": PRIMARY, "role": "primary"})
    assert service.aws.client("dynamodb").scan(TableName=TABLE)["Items"] == before


def test_an_item_is_created_then_replaced_then_read_then_deleted(service: Function) -> None:
    path = "/items/life"
    assert service.call("GET", path).status == 404
    assert service.call("PUT", path, '{"n": 1}').status == 201
    replaced = service.call("PUT", path, '{"n": 2}')
    assert (replaced.status, replaced.body) == (200, b'{"n": 2}')
    read = service.call("GET", path)
    assert (read.status, read.body, read.headers["content-type"]) == (200, b'{"n": 2}', "application/json")
    deleted = service.call("DELETE", path)
    assert (deleted.status, deleted.body) == (204, b"")
    assert service.call("DELETE", path).status == 204
    assert refusal(service.call("GET", path)) == "There is no such item."


def test_an_item_written_in_one_region_is_read_in_the_other_with_its_origin(pair: RegionPair) -> None:
    written = pair.secondary.call("PUT", "/items/far", '{"from": "west"}')
    read = pair.primary.call("GET", "/items/far")
    assert written.body == read.body
    assert read.headers["x-written-by"] == SECONDARY
    assert datetime.fromisoformat(read.headers["x-written-at"]).utcoffset() == timedelta(0)


def test_a_delete_in_one_region_is_seen_in_the_other(pair: RegionPair) -> None:
    pair.primary.call("PUT", "/items/gone", "{}")
    pair.secondary.call("DELETE", "/items/gone")
    assert pair.primary.call("GET", "/items/gone").status == 404


def test_post_makes_an_id_of_its_own_each_time_and_says_where(service: Function) -> None:
    first, second = (service.call("POST", "/items", '{"a": 1}') for _ in range(2))
    assert first.status == second.status == 201
    assert first.json["id"] != second.json["id"]
    assert list(first.json) == ["id"]
    assert first.headers["location"] == f"/items/{first.json['id']}"
    assert service.call("GET", first.headers["location"]).body == b'{"a": 1}'


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        ' {"space": [ ] }\r\n\t',
        '{"b": 1, "a": 2, "10": 3, "9": 4}',
        '{"same": 1, "same": 2}',
        '{"__proto__": {"x": 1}, "constructor": null}',
        '{"n": [0.1, 1.0, 1.00, -0, -0.0, 1e400, 1E-400, 1e+2]}',
        '{"n": 3.14159265358979323846264338327950288419716939937510582097494459}',
        '{"n": ' + "9" * 5000 + "}",
        '{"u": "\u00e4\u2603\U0001f600\u202e\u2028", "\u00e9": "e\u0301"}',
        '{"u": "\\u00e4\\ud83d\\ude00\\/\\u0000"}',
        '{"lone": "\\ud800"}',
        '{"x": [[], {}, "", null, true, false, {"": ""}]}',
        '{"text": "' + "\\n" * 200_000 + '"}',
        '{"text": "[[[[{{{{\\"[[[[\\\\"}',
        '{"d": ' + "[" * 499 + "]" * 499 + "}",
        '{"d": ' * 500 + "1" + "}" * 500,
        '{"wide": [' + "[]," * 2000 + "[]]}",
    ],
    ids=lambda text: text[:24].encode("ascii", "replace").decode(),
)
def test_an_object_comes_back_to_the_byte(service: Function, text: str) -> None:
    put = service.call("PUT", "/items/exact", text)
    assert put.status in {200, 201}
    assert put.body == service.call("GET", "/items/exact").body == text.encode()


@pytest.mark.parametrize("name", ["a b", "a/b", "a?b=c&d", "#", "..", ".", "\u00e4\u2603\U0001f600", "a\nb", "+", "//"])
def test_any_text_can_be_an_id(service: Function, name: str) -> None:
    path = f"/items/{quote(name, safe='')}"
    body = json.dumps({"id": name})
    assert service.call("PUT", path, body).status == 201
    assert service.call("GET", path).body == body.encode()
    assert service.call("GET", f"/items/{quote('x' + name, safe='')}").status == 404


def test_an_encoded_slash_and_a_plain_one_name_the_same_item(service: Function) -> None:
    service.call("PUT", "/items/year%2F2026", '{"x": 1}')
    assert service.call("GET", "/items/year/2026").body == b'{"x": 1}'


def test_no_id_reaches_a_heartbeat(pair: RegionPair) -> None:
    before = pair.primary.call("GET", "/").json["heartbeats"][PRIMARY]["time"]
    for name in (f"heartbeat%23{PRIMARY}", f"%2E%2E%2Fheartbeat%23{PRIMARY}", f"../heartbeat%23{PRIMARY}"):
        path = f"/items/{name}"
        assert pair.primary.call("GET", path).status == 404
        assert pair.primary.call("PUT", path, '{"time": "never"}').status == 201
        assert pair.primary.call("DELETE", path).status == 204
    assert pair.secondary.call("GET", "/").json["heartbeats"][PRIMARY]["time"] == before


def test_an_id_and_an_object_may_be_as_large_as_dynamodb_takes_them(pair: RegionPair) -> None:
    path, body = f"/items/{'k' * LONGEST_ID}", of_size(LARGEST_BODY)
    assert pair.secondary.call("PUT", path, body).status == 201
    assert pair.primary.call("GET", path).body == body.encode()


@pytest.mark.parametrize("size", [LARGEST_BODY + 1, 400 * 1024, 1024 * 1024, 5 * 1024 * 1024])
def test_an_object_over_the_limit_is_too_large(service: Function, size: int) -> None:
    reply = service.call("PUT", "/items/large", of_size(size))
    assert (reply.status, refusal(reply)) == (413, f"An object has {LARGEST_BODY} bytes at most.")


def test_the_limit_counts_bytes_and_not_characters(service: Function) -> None:
    reply = service.call("POST", "/items", json.dumps({"a": "\u2603" * 140_000}, ensure_ascii=False))
    assert reply.status == 413


@pytest.mark.parametrize(
    ("method", "name"),
    [("GET", "k" * (LONGEST_ID + 1)), ("PUT", "%E2%98%83" * 682), ("DELETE", "k" * 8000), ("GET", ""), ("PUT", "")],
    ids=["get-ascii", "put-snowmen", "delete-8000", "get-empty", "put-empty"],
)
def test_an_empty_or_overlong_id_is_refused(service: Function, method: str, name: str) -> None:
    reply = service.call(method, f"/items/{name}", "{}" if method == "PUT" else "")
    assert (reply.status, refusal(reply)) == (400, f"An id has 1 to {LONGEST_ID} bytes.")


@pytest.mark.parametrize("path", ["/nope", "/item", "/health/", "/healthz", "/itemsx", "//", "/Items", "/index.py"])
def test_an_unknown_path_is_not_found(service: Function, path: str) -> None:
    reply = service.call("GET", path)
    assert (reply.status, refusal(reply)) == (404, "There is no such path.")


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/", "GET"), ("/health", "GET"), ("/items", "POST"), ("/items/x", "GET, PUT, DELETE")],
)
def test_a_known_path_names_its_methods_when_asked_with_another(service: Function, path: str, methods: str) -> None:
    for method in {"GET", "PUT", "DELETE", "POST", "PATCH", "OPTIONS", "TRACE"} - set(methods.split(", ")):
        reply = service.call(method, path, "{}")
        assert (reply.status, reply.headers["allow"]) == (405, methods)
        assert refusal(reply) == "The path has no such method."


def test_head_is_no_method_of_any_path(service: Function) -> None:
    reply = service.call("HEAD", "/health")
    assert (reply.status, reply.headers["allow"], reply.body) == (405, "GET", b"")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": [-Infinity]}',
        "{'a': 1}",
        '{"a": 1,}',
        '{"a": 01}',
        '{"a": 1.}',
        '{"a": +1}',
        '{"a": .5}',
        '{"a": 0x10}',
        '{"a": 1_000}',
        '{"a": "\t"}',
        '{"a": "\\x41"}',
        '{"a": "\\ud8"}',
        '{"a": True}',
        "{} {}",
        "{}garbage",
        "{} // remark",
        "\ufeff{}",
        "\u00a0{}",
        '{"a": "' + '\\"' * 150_000,
        '"' * 400_000,
    ],
    ids=lambda text: text[:16].encode("unicode-escape").decode() or "nothing",
)
def test_what_is_not_json_is_refused(service: Function, text: str) -> None:
    reply = service.call("PUT", "/items/bad", text)
    assert (reply.status, refusal(reply)) == (400, "The body is not JSON in UTF-8.")


def test_what_is_refused_is_not_kept(service: Function) -> None:
    before = service.aws.client("dynamodb").scan(TableName=TABLE)["Count"]
    for text in ("{", "[]", of_size(LARGEST_BODY + 1)):
        assert service.call("PUT", "/items/refused", text).status in {400, 413}
        assert service.call("POST", "/items", text).status in {400, 413}
    assert service.aws.client("dynamodb").scan(TableName=TABLE)["Count"] == before


@pytest.mark.parametrize("text", ["[]", '"text"', "1", "null", "true", '[{"a": 1}]'])
def test_json_that_is_no_object_is_refused(service: Function, text: str) -> None:
    reply = service.call("PUT", "/items/bad", text)
    assert (reply.status, refusal(reply)) == (400, "The body is not a JSON object.")


@pytest.mark.parametrize("text", ['{"d": ' + "[" * 500 + "]" * 500 + "}", "[" * 400_000, '{"a":' * 60_000])
def test_an_object_deeper_than_parsers_bear_is_refused(service: Function, text: str) -> None:
    reply = service.call("PUT", "/items/deep", text)
    assert (reply.status, refusal(reply)) == (400, "An object has 500 levels at most.")


def test_a_body_sent_as_bytes_is_taken_as_the_same_json(service: Function) -> None:
    text = '{"u": "\u00e4\u2603", "n": 1.0}'
    assert service.call("PUT", "/items/bytes", text, "application/octet-stream").status == 201
    assert service.call("GET", "/items/bytes").body == text.encode()


@pytest.mark.parametrize(
    "raw", [b'{"a": "\xff"}', b'{"a": "\xc0\xaf"}', b'{"a": "\xed\xa0\x80"}', b"\x80", b'{"a": "\xe2\x98"}']
)
def test_bytes_that_are_not_utf_8_are_refused(service: Function, raw: bytes) -> None:
    reply = service.call("PUT", "/items/bad", raw, "application/octet-stream")
    assert (reply.status, refusal(reply)) == (400, "The body is not JSON in UTF-8.")


def test_text_in_utf_16_is_refused(service: Function) -> None:
    assert service.call("PUT", "/items/bad", "{}".encode("utf-16"), "application/octet-stream").status == 400
