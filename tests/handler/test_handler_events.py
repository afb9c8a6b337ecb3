"""What either twin makes of events as a function URL delivers them, unchanged by the emulator's front end."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from handler.stage import Function, make_event


def status_and_error(service: Function, event: Mapping[str, Any]) -> tuple[int, str]:
    reply, _ = service.invoke(event)
    assert reply.headers["content-type"] == "application/json"
    return reply.status, reply.json["error"]


@pytest.mark.parametrize(
    ("encoded", "other"),
    [
        ("%2525", "%25"),
        ("a%2Fb%252Fc", "a%2Fb%2Fc"),
        ("100%25", "100%2525"),
        ("%C3%A4", "%25C3%25A4"),
        ("p+q", "p%20q"),
    ],
)
def test_an_id_is_decoded_once(service: Function, encoded: str, other: str) -> None:
    body = json.dumps({"id": encoded})
    assert service.invoke(make_event("PUT", f"/items/{encoded}", body))[0].status == 201
    assert service.invoke(make_event("GET", f"/items/{encoded}"))[0].body == body.encode()
    assert service.invoke(make_event("GET", f"/items/{other}"))[0].status == 404


@pytest.mark.parametrize(("encoded", "same"), [("50%", "50%25"), ("%zz", "%25zz"), ("%2", "%252")])
def test_a_stray_percent_sign_stands_for_itself(service: Function, encoded: str, same: str) -> None:
    assert service.invoke(make_event("PUT", f"/items/stray-{encoded}", "{}"))[0].status == 201
    assert service.invoke(make_event("GET", f"/items/stray-{same}"))[0].status == 200


@pytest.mark.parametrize(
    ("method", "encoded"),
    [("GET", "%FF"), ("PUT", "%C3"), ("DELETE", "%C3A"), ("GET", "a%E2%98b"), ("PUT", "%ED%A0%80"), ("GET", "%C0%AF")],
)
def test_an_id_that_is_not_utf_8_is_refused(service: Function, method: str, encoded: str) -> None:
    event = make_event(method, f"/items/{encoded}", "{}")
    assert status_and_error(service, event) == (400, "The id is not UTF-8.")


def test_a_delete_is_answered_without_a_body(service: Function) -> None:
    reply, _ = service.invoke(make_event("DELETE", "/items/nothing"))
    assert (reply.status, reply.headers, reply.body) == (204, {}, b"")


def test_a_body_in_base64_is_decoded(service: Function) -> None:
    text = '{"u": "\u00e4\u2603", "n": 1.0}'
    coded = base64.b64encode(text.encode()).decode()
    assert service.invoke(make_event("PUT", "/items/coded", coded, is_base64=True))[0].status == 201
    assert service.invoke(make_event("GET", "/items/coded"))[0].body == text.encode()


@pytest.mark.parametrize("body", ["*", "e30", "e3", "e30=e30=", "{}", "e3 0=", "e30=\n", "ZQ=", "/w==", "\u00e9"])
def test_base64_that_is_none_or_hides_no_object_is_refused(service: Function, body: str) -> None:
    event = make_event("PUT", "/items/coded", body, is_base64=True)
    assert status_and_error(service, event) == (400, "The body is not JSON in UTF-8.")


def test_base64_is_measured_decoded(service: Function) -> None:
    fits = base64.b64encode(b'{"a":"' + b"x" * 407_480 + b'"}').decode()
    large = base64.b64encode(b'{"a":"' + b"x" * 407_481 + b'"}').decode()
    assert len(fits) > 407_488
    assert service.invoke(make_event("PUT", "/items/fits", fits, is_base64=True))[0].status == 201
    assert service.invoke(make_event("PUT", "/items/fits", large, is_base64=True))[0].status == 413


def test_half_a_surrogate_pair_in_the_body_is_refused(service: Function) -> None:
    event = make_event("PUT", "/items/half", '{"a": "\ud800"}')
    assert status_and_error(service, event) == (400, "The body is not JSON in UTF-8.")


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_missing_body_is_not_json(service: Function, method: str) -> None:
    event = make_event(method, "/items" if method == "POST" else "/items/none")
    assert status_and_error(service, event) == (400, "The body is not JSON in UTF-8.")


@pytest.mark.parametrize(
    "event", [{}, {"rawPath": "/"}, {"version": "1.0", "path": "/", "httpMethod": "GET"}, {"rawPath": 7}]
)
def test_an_event_of_another_kind_is_answered_500_and_logged_in_one_line(
    service: Function, event: Mapping[str, Any]
) -> None:
    reply, log = service.invoke(event)
    assert reply.status == 500
    assert reply.headers["content-type"] == "application/json"
    assert reply.json == {"error": "Something went wrong here."}
    assert "Error" in log
    assert len(log.strip().splitlines()) == 1


@pytest.mark.parametrize("event", [make_event("GET", "/health"), make_event("GET", "/nope"), make_event("PUT", "/")])
def test_what_is_no_fault_of_ours_is_not_logged(service: Function, event: Mapping[str, Any]) -> None:
    assert service.invoke(event)[1] == ""


@pytest.mark.parametrize("method", ["constructor", "toString", "get", "", "__proto__", "GET "])
def test_a_method_nobody_has_is_not_allowed(service: Function, method: str) -> None:
    assert status_and_error(service, make_event(method, "/items")) == (405, "The path has no such method.")
