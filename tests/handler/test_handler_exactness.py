"""Whatever JSON object is put is got, to the byte, under whatever id."""

import json
import string
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handler.stage import Function, make_event

texts = st.text(max_size=20)
numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,60})(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,6})?", fullmatch=True)
spaces = st.text(alphabet=" \t\r\n", max_size=2)


def as_string(text: str) -> st.SearchStrategy[str]:
    """Return the ways to write a text down: escaped or not."""
    return st.sampled_from([json.dumps(text), json.dumps(text, ensure_ascii=False)])


strings = texts.flatmap(as_string)


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.lists(values, max_size=4), spaces).map(lambda pair: f"[{pair[1]}{','.join(pair[0])}]")


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(strings, spaces, values).map(lambda three: f"{three[0]}{three[1]}:{three[2]}")
    return st.tuples(st.lists(pairs, max_size=4), spaces).map(lambda both: f"{{{both[1]}{','.join(both[0])}}}")


# Written as text and not made by json.dumps, which would never spell a number or a space in another way than its own.
values = st.recursive(
    st.one_of(st.sampled_from(["null", "true", "false"]), numbers, strings),
    lambda inner: st.one_of(lists(inner), objects(inner)),
    max_leaves=12,
)
ids = st.text(min_size=1, max_size=60)
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(body=objects(values), name=ids)
def test_put_then_get_returns_exactly_what_was_put(service: Function, body: str, name: str) -> None:
    path = f"/items/{quote(name, safe='')}"
    put, _ = service.invoke(make_event("PUT", path, body))
    got, _ = service.invoke(make_event("GET", path))
    assert put.status in {200, 201}
    assert got.status == 200
    assert put.body == got.body == body.encode()


@pytest.mark.acceptance
@quick
@given(body=objects(values), name=st.text(string.ascii_letters + "/-_.~ ", min_size=1, max_size=60))
def test_over_http_put_then_get_returns_exactly_what_was_put(service: Function, body: str, name: str) -> None:
    path = f"/items/{quote(name, safe='')}"
    assert service.call("PUT", path, body).body == service.call("GET", path).body == body.encode()


@quick
@given(text=st.one_of(st.text(max_size=40), st.text('{}[]":,\\0123456789eE+-. \ntrufalsn', max_size=40)))
def test_text_is_kept_just_when_it_is_a_json_object(service: Function, text: str) -> None:
    reply, _ = service.invoke(make_event("PUT", "/items/any", text))
    assert (reply.status in {200, 201}) == is_object(text)
    assert reply.status in {200, 201, 400}


def is_object(text: str) -> bool:
    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    try:
        return isinstance(json.loads(text, parse_constant=refuse), dict)
    except ValueError:
        return False
