"""Findings of pydantic's in words; the table in broken.yaml has the most of them."""

from typing import Any

import pytest
from pydantic import ValidationError

from builder.config import Config
from builder.config.model import PATTERNS
from builder.config.words import in_words
from wanted import make_wanted


def told(**said: Any) -> list[tuple[str, str]]:
    whole = {"project": "tap", "environment": "dev", "regions": make_wanted().config.regions.model_dump()} | said
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(whole)
    faults = [in_words(error, {}) for error in caught.value.errors()]
    return [(".".join(map(str, fault.place)), fault.what) for fault in faults]


def test_a_key_and_its_value_are_told_apart() -> None:
    assert sorted(told(environments={"Prod": {"account": "1"}})) == [
        (
            "environments.Prod",
            "'Prod': only lower-case letters, digits and hyphens, no hyphen first or last (did you mean prod?)",
        ),
        ("environments.Prod.account", "'1': an account has 12 digits"),
    ]


def test_a_key_near_no_other_is_answered_with_all_there_are() -> None:
    assert told(environments={"prod": {"weather": True}}) == [
        ("environments.prod.weather", "is not a key here (there are account, role_arn, production)")
    ]


def test_a_key_of_another_section_is_answered_with_its_place() -> None:
    assert told(secondaries=["us-west-2"]) == [("secondaries", "is not a key here (did you mean regions.secondaries?)")]


def test_a_long_value_is_cut_short() -> None:
    ((_, what),) = told(project="ä" * 1000)

    assert len(what) < 150


def test_a_finding_without_words_of_ours_is_told_in_pydantics() -> None:
    ((_, what),) = told(tags={"team": "x\ud800"})

    assert what.endswith(": input should be a valid string, unable to parse raw data as a unicode string")


def test_every_pattern_of_the_schema_has_words() -> None:
    def patterns(schema: Any) -> set[str]:
        if isinstance(schema, dict):
            own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
            return own.union(*map(patterns, schema.values()), schema.get("patternProperties", {}))
        return set().union(*map(patterns, schema)) if isinstance(schema, list) else set()

    # A region's pattern is for editors; the check itself knows every region.
    assert {pattern for pattern in patterns(Config.model_json_schema()) if "-[0-9]$" not in pattern} == set(PATTERNS)
