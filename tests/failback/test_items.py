"""Two items are the same where DynamoDB would say so, and people are shown which key it is."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.failback.items import as_key, differing, fingerprint, key_as_json, key_of, shown_key, written_at
from failback.generated import Value, alike, contents, keys, rewritten
from failback.naive import meaning, same

LONG = "12345678901234567890123456789012345678"


@given(both=alike())
def test_two_items_have_one_fingerprint_where_they_are_the_same_and_only_there(
    both: tuple[dict[str, Value], dict[str, Value]],
) -> None:
    first, second = both
    assert (fingerprint(first) == fingerprint(second)) == same(first, second)
    assert set(differing(first, second)) == {
        name
        for name in first.keys() | second.keys()
        if name not in first or name not in second or meaning(first[name]) != meaning(second[name])
    }


@given(item=contents, dice=st.randoms())
def test_how_it_is_written_makes_no_difference(item: dict[str, Value], dice: random.Random) -> None:
    again = rewritten({"M": item}, dice)["M"]
    assert fingerprint(item) == fingerprint(again)
    assert differing(item, again) == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"N": LONG}, {"N": f"{LONG[:-1]}9"}),  # the 38th digit, which Python's decimals drop
        ({"N": "1"}, {"S": "1"}),
        ({"S": "a"}, {"B": b"a"}),
        ({"SS": ["a", "b"]}, {"L": [{"S": "a"}, {"S": "b"}]}),
        ({"L": [{"S": "a"}, {"S": "b"}]}, {"L": [{"S": "b"}, {"S": "a"}]}),
        ({"L": [{"S": "ab"}, {"S": "c"}]}, {"L": [{"S": "a"}, {"S": "bc"}]}),
        ({"M": {"a": {"S": ""}}}, {"M": {}}),
        ({"NULL": True}, {"BOOL": True}),
        ({"BOOL": True}, {"BOOL": False}),
        ({"later": [1]}, {"later": [2]}),  # a type that nobody knows yet
    ],
)
def test_what_is_near_is_not_the_same(first: Value, second: Value) -> None:
    assert fingerprint({"a": first}) != fingerprint({"a": second})


@pytest.mark.parametrize(
    ("first", "second"), [("0", "-0.00"), ("1", "1.0"), ("1200", "12E2"), ("0.5", ".50"), ("1E90", "10E89")]
)
def test_a_number_is_one_however_it_is_written(first: str, second: str) -> None:
    assert key_of(("n",), {"n": {"N": first}}) == key_of(("n",), {"n": {"N": second}})


@given(value=st.one_of(*map(keys, "SNB")))
def test_a_key_leads_back_to_its_item(value: Value) -> None:
    key = key_of(("id",), {"id": value, "more": {"S": "x"}})
    assert meaning(as_key(("id",), key)["id"]) == meaning(value)


def test_people_are_shown_the_key_and_a_machine_gets_it_as_dynamodb_writes_it() -> None:
    key = key_of(("id", "at", "of"), {"of": {"B": b"\x00\xff"}, "id": {"S": "order-7"}, "at": {"N": "12.50"}})
    assert shown_key(("id", "at", "of"), key) == "id=order-7, at=12.5, of=AP8="
    assert key_as_json(("id", "at", "of"), key) == {"id": {"S": "order-7"}, "at": {"N": "12.5"}, "of": {"B": "AP8="}}


@pytest.mark.parametrize(
    ("item", "at"),
    [
        ({"time": {"S": "2026-11-28T10:00:00.250Z"}}, "2026-11-28T10:00:00.250Z"),
        ({"time": {"S": "2026-11-28T11:00:00+01:00"}}, "2026-11-28T10:00:00.000Z"),
        ({"time": {"S": "2026-11-28T10:00:00"}}, None),  # of which time zone?
        ({"time": {"S": "noon"}}, None),
        ({"time": {"N": "7"}}, None),
        ({}, None),
    ],
)
def test_the_handlers_items_say_when_they_were_written(item: dict[str, Value], at: str | None) -> None:
    assert written_at(item) == at
