"""One table of odd events, with the one answer that either twin gives to each."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from handler.stage import Function, make_event

NOT_JSON = (400, "The body is not JSON in UTF-8.")
NO_OBJECT = (400, "The body is not a JSON object.")
NO_UTF_8 = (400, "The id is not UTF-8.")
NO_ID = (400, "An id has 1 to 2043 bytes.")
NO_PATH = (404, "There is no such path.")
NO_ITEM = (404, "There is no such item.")
NO_METHOD = (405, "The path has no such method.")
TOO_DEEP = (400, "An object has 500 levels at most.")
NO_REQUEST = (500, "Something went wrong here.")
NEW = (201, "")
"""Where an object is kept, under an id of its own."""


def put(body: Any, path: str = "/items/odd", **fields: Any) -> dict[str, Any]:
    return {**make_event("PUT", path), "body": body, **fields}


def without(event: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in names}


def get(path: Any) -> dict[str, Any]:
    return make_event("GET", path)


def by(method: Any, path: str = "/items") -> dict[str, Any]:
    return make_event(method, path)


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


EVENTS: dict[str, tuple[Mapping[str, Any], tuple[int, str]]] = {
    # -- the path
    "half a pair in an id, put": (put("{}", "/items/a\ud800"), NO_UTF_8),
    "half a pair in an id, got": (get("/items/\udc00a"), NO_UTF_8),
    "half a pair in an id, deleted": (by("DELETE", "/items/\ud83d"), NO_UTF_8),
    "the halves of a pair the wrong way round": (get("/items/\ude00\ud83d"), NO_UTF_8),
    "half a pair beside a percent sign": (get("/items/%41\ud800%42"), NO_UTF_8),
    "half a pair in no path of ours": (get("/\ud800"), NO_PATH),
    "a whole pair": (get("/items/never-\U0001f600"), NO_ITEM),
    "a whole pair, percent-encoded": (get("/items/never-%F0%9F%98%80"), NO_ITEM),
    "half a pair, percent-encoded": (get("/items/%ED%A0%80"), NO_UTF_8),
    "beyond Unicode, percent-encoded": (get("/items/%F4%90%80%80"), NO_UTF_8),
    "a character cut by a stray percent sign": (get("/items/%C3%zz%A4"), NO_UTF_8),
    "a percent-encoded NUL": (get("/items/never%00"), NO_ITEM),
    "a percent-encoded slash": (get("/items/never%2Fa"), NO_ITEM),
    "a percent-encoded slash after items": (get("/items%2Fa"), NO_PATH),
    "an empty segment first": (get("//items/a"), NO_PATH),
    "an empty segment last": (get("/items/never//"), NO_ITEM),
    "only an empty segment": (get("/items//"), NO_ITEM),
    "no id": (get("/items/"), NO_ID),
    "the largest id": (get("/items/" + "n" * 2043), NO_ITEM),
    "an id too large": (get("/items/" + "n" * 2044), NO_ID),
    "an id too large in bytes": (get("/items/" + "\u00e4" * 1022), NO_ID),
    "a path of nothing": (get(""), NO_PATH),
    "a relative path": (get("items/a"), NO_PATH),
    "dots": (get("/items/../items"), NO_ITEM),
    "another case": (get("/Items/a"), NO_PATH),
    "a query in the path": (get("/health?x=1"), NO_PATH),
    "what every object of JavaScript has": (get("__proto__"), NO_PATH),
    "constructor": (get("constructor"), NO_PATH),
    "a path twice": (get("/items/never/items/never"), NO_ITEM),
    "a dollar sign": (get("/items/never-$&"), NO_ITEM),
    # -- the method
    "HEAD": (by("HEAD"), NO_METHOD),
    "no method's name": (by(""), NO_METHOD),
    "a method in lower case": (by("post"), NO_METHOD),
    "half a pair as method": (by("\ud800"), NO_METHOD),
    "null as method": (by(None), NO_REQUEST),
    "a number as method": (by(1), NO_REQUEST),
    "a list of one method": (by(["GET"], "/health"), NO_REQUEST),
    "an object as method": (by({"GET": 1}), NO_REQUEST),
    # -- what it says of the request
    "no flag of base64": (without(put("{}", "/items/odd-no-flag"), "isBase64Encoded"), NEW),
    "null for it": (put("{}", "/items/odd-null-flag", isBase64Encoded=None), NEW),
    "a text for it": (put("{}", "/items/odd-text-flag", isBase64Encoded="true"), NEW),
    "an empty list for it": (put("{}", "/items/odd-list-flag", isBase64Encoded=[]), NEW),
    "a number for it": (put("e30=", isBase64Encoded=1), NOT_JSON),
    "no headers": (without(get("/items/never"), "headers"), NO_ITEM),
    "null for headers": (get("/items/never") | {"headers": None}, NO_ITEM),
    "no query string": (without(get("/items/never"), "rawQueryString"), NO_ITEM),
    "a query string": (get("/items/never") | {"rawQueryString": "a=1&a=2&%FF", "queryStringParameters": None}, NO_ITEM),
    "no version": (without(get("/items/never"), "version", "routeKey"), NO_ITEM),
    "no path": (without(get("/"), "rawPath"), NO_REQUEST),
    "null as path": (get(None), NO_REQUEST),
    "a list of one path": (get(["/health"]), NO_REQUEST),
    "an object as path": (get({}), NO_REQUEST),
    "no context": (without(get("/health"), "requestContext"), NO_REQUEST),
    "null as context": (get("/health") | {"requestContext": None}, NO_REQUEST),
    "a text as http": (get("/health") | {"requestContext": {"http": "GET"}}, NO_REQUEST),
    "no http": (get("/health") | {"requestContext": {}}, NO_REQUEST),
    # -- the body as it comes
    "null as body": (put(None), NOT_JSON),
    "a number as body": (put(7), NOT_JSON),
    "true as body": (put(body=True), NOT_JSON),
    "an object as body": (put({"a": 1}), NOT_JSON),
    "a list as body": (put(["{}"]), NOT_JSON),
    "null as body in base64": (put(None, isBase64Encoded=True), NOT_JSON),
    "an object as body in base64": (put({"a": 1}, isBase64Encoded=True), NOT_JSON),
    "no body": (without(put(""), "body"), NOT_JSON),
    "an empty body": (put(""), NOT_JSON),
    "null as body of a new item": (make_event("POST", "/items") | {"body": None}, NOT_JSON),
    "base64 with bits to spare": (put("e31=", isBase64Encoded=True), NOT_JSON),
    "base64 with bits to spare, two of them": (put("eyJhIjoxfR==", isBase64Encoded=True), NOT_JSON),
    "base64 without its end": (put("eyJhIjoxfQ", isBase64Encoded=True), NOT_JSON),
    "base64 for URLs": (put("eyJhIjoi8J-YgCJ9", isBase64Encoded=True), NOT_JSON),
    "base64 in lines": (put("e3\n0=", isBase64Encoded=True), NOT_JSON),
    "base64 of what is not UTF-8": (put("eyJhIjoi/yJ9", isBase64Encoded=True), NOT_JSON),
    "base64 of half a pair": (put("eyJhIjoi7aCAIn0=", isBase64Encoded=True), NOT_JSON),
    "base64 of a mark of byte order": (put("77u/e30=", isBase64Encoded=True), NOT_JSON),
    "base64 of an object": (put("e30=", "/items/odd-base64", isBase64Encoded=True), NEW),
    "base64 that nobody says it is": (put("e30="), NOT_JSON),
    "half a pair in the body": (put('{"a":"\ud800"}'), NOT_JSON),
    "half a pair in the body, escaped": (put('{"a":"\\ud800"}', "/items/odd-escaped"), NEW),
    "a mark of byte order": (put("\ufeff{}"), NOT_JSON),
    "a space that is none of JSON's": (put("\u00a0{}"), NOT_JSON),
    "a vertical tab": (put("\x0b{}"), NOT_JSON),
    "JSON's spaces": (put(" \t\r\n{}\n", "/items/odd-spaces"), NEW),
    # -- what the body says
    "a number too large for a double": (put('{"a":1e400}', "/items/odd-1e400"), NEW),
    "a number too small for one": (put('{"a":-1e-400}', "/items/odd-1e-400"), NEW),
    "minus nought": (put('{"a":-0}', "/items/odd-0"), NEW),
    "minus nought with a point": (put('{"a":-0.0e-0}', "/items/odd-0.0"), NEW),
    "an integer of 5,000 digits": (put(f'{{"a":{"9" * 5000}}}', "/items/odd-digits"), NEW),
    "NaN": (put('{"a":NaN}'), NOT_JSON),
    "Infinity": (put('{"a":Infinity}'), NOT_JSON),
    "minus Infinity": (put('{"a":-Infinity}'), NOT_JSON),
    "undefined": (put('{"a":undefined}'), NOT_JSON),
    "a plus sign": (put('{"a":+1}'), NOT_JSON),
    "a leading nought": (put('{"a":01}'), NOT_JSON),
    "a point at the end": (put('{"a":1.}'), NOT_JSON),
    "a point at the beginning": (put('{"a":.1}'), NOT_JSON),
    "hexadecimal": (put('{"a":0x1}'), NOT_JSON),
    "digits of another script": (put('{"a":\u0661}'), NOT_JSON),
    "an underscore in a number": (put('{"a":1_0}'), NOT_JSON),
    "a key twice": (put('{"a":1,"a":2}', "/items/odd-twice"), NEW),
    "what every object of JavaScript has, as key": (put('{"__proto__":{"a":1}}', "/items/odd-proto"), NEW),
    "an empty key": (put('{"":1}', "/items/odd-empty"), NEW),
    "a key without quotes": (put("{a:1}"), NOT_JSON),
    "single quotes": (put("{'a':1}"), NOT_JSON),
    "a comma too many": (put('{"a":1,}'), NOT_JSON),
    "a comment": (put('{"a":1} // x'), NOT_JSON),
    "two objects": (put("{}{}"), NOT_JSON),
    "a newline in a text": (put('{"a":"\n"}'), NOT_JSON),
    "a NUL in a text": (put('{"a":"\x00"}'), NOT_JSON),
    "DEL in a text": (put('{"a":"\x7f"}', "/items/odd-del"), NEW),
    "a separator of lines in a text": (put('{"a":"\u2028"}', "/items/odd-line"), NEW),
    "an escape that is none": (put('{"a":"\\x41"}'), NOT_JSON),
    "half an escape": (put('{"a":"\\u00"}'), NOT_JSON),
    "a list": (put("[]"), NO_OBJECT),
    "null": (put("null"), NO_OBJECT),
    "a text that looks like an object": (put('"{}"'), NO_OBJECT),
    "a number alone": (put("1e400"), NO_OBJECT),
    "as deep as may be": (put(deep(500), "/items/odd-deep"), NEW),
    "deeper than that": (put(deep(501)), TOO_DEEP),
    "deep lists": (put(f'{{"a":{"[" * 500}{"]" * 500}}}'), TOO_DEEP),
    "brackets in a text": (put(json.dumps({"a": "[" * 600}), "/items/odd-brackets"), NEW),
    "brackets in a text that never ends": (put('{"a":"' + "[" * 600), NOT_JSON),
    "brackets after an escaped separator of lines": (put('{"a":"\\\u2028' + "[" * 600), NOT_JSON),
    "brackets after an escaped newline": (put('{"a":"\\\n' + "[" * 600), NOT_JSON),
    "brackets after an escaped return": (put('{"a":"\\\r' + "[" * 600), NOT_JSON),
    "brackets of no JSON": (put("[" * 600), TOO_DEEP),
}


@pytest.mark.parametrize("odd", EVENTS)
def test_either_twin_gives_the_one_answer(service: Function, odd: str) -> None:
    event, (status, error) = EVENTS[odd]
    reply, log = service.invoke(event)
    if (status, error) == NEW:
        assert reply.status == 201
        assert reply.body == (b"{}" if event.get("isBase64Encoded") is True else event["body"].encode())
        kept, _ = service.invoke({**event, "requestContext": make_event("GET", "/")["requestContext"], "body": None})
        assert (kept.status, kept.body) == (200, reply.body)
        return
    assert (reply.status, reply.json) == (status, {"error": error})
    assert reply.headers["content-type"] == "application/json"
    assert ("Error" in log) == (status == 500)  # what the SDK says of the version of Node.js is not ours


@pytest.mark.parametrize("event", [None, [], "GET /", 7, True, [{"rawPath": "/health"}]])
def test_an_event_that_is_no_object_is_no_request(service: Function, event: Any) -> None:
    reply, log = service.invoke(event)
    assert (reply.status, reply.json["error"]) == NO_REQUEST
    assert len(log.strip().splitlines()) == 1
