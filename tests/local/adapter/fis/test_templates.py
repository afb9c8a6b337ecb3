import copy
from typing import Any

import pytest

from builder.local.adapter.fis.templates import ValidationException, check, read_duration
from local.adapter.experiments import template

GOOD = template(table="t", bucket="b", account="111111111111")


def test_both_actions_may_be_in_one_template() -> None:
    check(GOOD)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("actions",), {}, "at least one action"),
        (("actions", "pause-table", "actionId"), "aws:fis:wait", "has no aws:fis:wait"),
        (("actions", "pause-table", "startAfter"), ["pause-bucket"], "without startAfter"),
        (("actions", "pause-table", "parameters"), {}, "the parameters are duration"),
        (("actions", "pause-bucket", "parameters"), {"duration": "PT1M"}, "the parameters are duration, region"),
        (("actions", "pause-table", "parameters"), {"duration": "PT59S"}, "from PT1M to PT12H"),
        (("actions", "pause-table", "targets"), {"Tables": "bucket"}, "of type aws:dynamodb:global-table"),
        (("actions", "pause-table", "targets"), {}, "of type aws:dynamodb:global-table"),
        (("targets", "table", "selectionMode"), "COUNT(1)", "selectionMode ALL"),
        (("targets", "table", "filters"), [{"path": "p", "values": ["v"]}], "without filters"),
        (("targets", "table", "resourceArns"), [], "either resourceArns or resourceTags"),
        (("targets", "table", "resourceTags"), {"team": "red"}, "either resourceArns or resourceTags"),
    ],
)
def test_what_cannot_be_done_here_is_refused(path: tuple[str, ...], value: Any, words: str) -> None:
    wrong: Any = copy.deepcopy(GOOD)
    at = wrong
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    with pytest.raises(ValidationException, match=words):
        check(wrong)


@pytest.mark.parametrize(("text", "seconds"), [("PT1M", 60), ("PT90S", 90), ("PT1H30M", 5400), ("PT12H", 43200)])
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "PT", "PT59S", "PT12H1S", "P1D", "5"])
def test_a_duration_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(ValidationException):
        read_duration(text)
