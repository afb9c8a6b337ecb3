"""Findings of pydantic's in words; the table in broken.yaml has the most of them."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from builder.config import Config
from builder.config.load import FOLLOWS, in_words
from builder.config.model import PATTERNS
from loaded_config import make_loaded_config


def faults_of(**sections: Any) -> list[tuple[str, str]]:
    whole = {
        "project": "tap",
        "environment": "dev",
        "regions": make_loaded_config().config.regions.model_dump(),
    } | sections
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(whole)
    faults = [in_words(error, {}) for error in caught.value.errors()]
    return [(".".join(map(str, fault.place)), fault.what) for fault in faults]


def test_a_key_and_its_value_are_told_apart() -> None:
    assert sorted(faults_of(environments={"Prod": {"account": "1"}})) == [
        (
            "environments.Prod",
            "'Prod': only lower-case letters, digits and hyphens, no hyphen first or last (did you mean prod?)",
        ),
        ("environments.Prod.account", "'1': an account has 12 digits"),
    ]


def test_a_key_near_no_other_is_answered_with_all_there_are() -> None:
    assert faults_of(environments={"prod": {"weather": True}}) == [
        (
            "environments.prod.weather",
            (
                "is not a key here "
                "(there are account, role_arn, production, termination_protection, deletion_protection, "
                "replacement_protection, table, bucket, function, tables, buckets, functions, alarms)"
            ),
        )
    ]


def test_a_key_of_another_section_is_answered_with_its_place() -> None:
    assert faults_of(secondaries=["us-west-2"]) == [
        ("secondaries", "is not a key here (did you mean regions.secondaries?)")
    ]


def test_a_long_value_is_cut_short() -> None:
    ((_, what),) = faults_of(project="ä" * 1000)

    assert len(what) < 150


def test_a_text_that_is_none_is_told_as_that() -> None:
    ((_, what),) = faults_of(tags={"team": "x\ud800"})

    assert what.endswith(" cannot be used here")


ODD: tuple[Any, ...] = (
    None,
    True,
    5,
    -1,
    1e400,
    float("nan"),
    10**30,
    "",
    "x",
    [],
    [1],
    {},
    {"a": 1},
    [[{}]],
    "1.5",
    "[",
)
PYDANTICS = re.compile(
    "input|pydantic|valid (string|integer|number|dict|tuple|bool)|default factory|greater|less", re.IGNORECASE
)


def keys(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        yield (*above, name)
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                inner = "prod" if name == "environments" else ""
                yield from keys(kind, (*above, name, *filter(None, [inner])))


@pytest.mark.parametrize("path", [*keys(Config)], ids=".".join)
def test_pydantic_s_own_words_never_reach_a_person(path: tuple[str, ...]) -> None:
    for value in ODD:
        data: Any = value
        for part in reversed(path):
            data = {part: data}
        whole = {"project": "tap", "environment": "dev", "regions": make_loaded_config().config.regions.model_dump()}
        section = whole.get(path[0])
        whole[path[0]] = section | data[path[0]] if len(path) > 1 and isinstance(section, dict) else data[path[0]]
        try:
            Config.model_validate(whole)
        except ValidationError as error:
            details = [detail for detail in error.errors() if detail["type"] != FOLLOWS]
            for fault in (in_words(detail, {}) for detail in details if detail["type"] != "value_error"):
                assert not PYDANTICS.search(fault.what.replace(str(value), "")), (path, value, fault.what)


def test_every_pattern_of_the_schema_has_words() -> None:
    def patterns(schema: Any) -> set[str]:
        if isinstance(schema, dict):
            own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
            return own.union(*map(patterns, schema.values()), schema.get("patternProperties", {}))
        return set().union(*map(patterns, schema)) if isinstance(schema, list) else set()

    # A region's pattern is for editors; the check itself knows every region.
    assert {pattern for pattern in patterns(Config.model_json_schema()) if "-[0-9]$" not in pattern} == set(PATTERNS)
