from typing import Any

import pytest

from builder.local.adapter import replication_delay
from builder.local.adapter.propagation import Direction, Pace, Propagation


def _entry(**changed: Any) -> dict[str, Any]:
    return {"service": "s3", "from": "us-east-1", "to": "us-west-2", "delay_s": 0.8, "paused": False, **changed}


def test_what_is_set_can_be_read() -> None:
    propagation = Propagation()
    replication_delay.change(propagation, {"delays": [_entry()]})
    assert propagation.paces == {Direction("s3", "us-east-1", "us-west-2"): Pace(0.8)}
    assert replication_delay.read(propagation) == {"delays": [_entry()]}


def test_a_direction_that_is_not_named_stays_as_it_is() -> None:
    propagation = Propagation()
    replication_delay.change(propagation, {"delays": [_entry()]})
    replication_delay.change(propagation, {"delays": [_entry(service="dynamodb", paused=True)]})
    assert replication_delay.read(propagation)["delays"] == [_entry(), _entry(service="dynamodb", paused=True)]


@pytest.mark.parametrize(
    "wrong", [{"service": "sqs"}, {"delay_s": -1}, {"delay_s": float("nan")}, {"delay_s": "x"}, {"paused": "yes"}]
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(wrong: dict[str, Any]) -> None:
    propagation = Propagation()
    with pytest.raises(ValueError):  # noqa: PT011  float's own words for one of them
        replication_delay.change(propagation, {"delays": [_entry(), _entry(**wrong)]})
    assert propagation.paces == {}
