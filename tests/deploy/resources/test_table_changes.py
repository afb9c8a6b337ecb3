from typing import Any

import pytest

from builder.deploy.resources import HOLDERS, remedy_for

Json = dict[str, Any]
TABLE = HOLDERS["AWS::DynamoDB::GlobalTable"]
LOCAL = HOLDERS["AWS::DynamoDB::Table"]
REF = {"Ref": "Parameter"}


def key(*names: str) -> list[Json]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


def index(name: str, *names: str, kind: Any = "ALL", **more: Any) -> Json:
    return {"IndexName": name, "KeySchema": key(*names), "Projection": {"ProjectionType": kind, **more}}


def of_types(**types: Any) -> list[Json]:
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]


def replicas(*regions: Any, protected: bool = False) -> list[Json]:
    return [{"Region": region, "DeletionProtectionEnabled": protected} for region in regions]


def table(*indexes: Json, **more: Any) -> Json:
    return {
        "AttributeDefinitions": of_types(id="S", a="S", b="S"),
        "KeySchema": key("id"),
        "Replicas": replicas("here", "there"),
        "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        **({"GlobalSecondaryIndexes": list(indexes)} if indexes else {}),
        **more,
    }


REFUSED = [
    (table(index("x", "a")), table(index("x", "b")), "index x cannot get another key"),
    (table(index("x", "a")), table(index("x", "a", "b")), "index x cannot get another key"),
    (table(index("x", "a")), table(index("x", "a", kind="KEYS_ONLY")), "index x cannot get another projection"),
    (
        table(index("x", "a", kind="INCLUDE", NonKeyAttributes=["c"])),
        table(index("x", "a", kind="INCLUDE", NonKeyAttributes=["c", "d"])),
        "index x cannot get another projection",
    ),
    (
        table(index("x", "a")),
        table(index("x", "a"), AttributeDefinitions=of_types(id="S", a="N")),
        "a is S in the key of the index x and cannot become N",
    ),
    (
        table(index("x", "a")),
        table(index("y", "a"), AttributeDefinitions=of_types(id="S", a="N")),
        "a is S in the key of the index x and cannot become N",
    ),
    (table(), table(AttributeDefinitions=of_types(id="B")), "id is S in the table's key and cannot become B"),
]
OF_GLOBAL = [
    (
        table(),
        table(StreamSpecification={"StreamViewType": "KEYS_ONLY"}),
        "stream shows NEW_AND_OLD_IMAGES and cannot b",
    ),
    (table(), {**table(), "StreamSpecification": None}, "cannot be switched off: replication"),
    (table(), table(MultiRegionConsistency="STRONG"), "is EVENTUAL and cannot become STRONG"),
    (
        table(Replicas=replicas("here", "there", protected=True)),
        table(Replicas=replicas("here")),
        "its replica in there has deletion protection",
    ),
]
TAKEN = [
    (table(), table(index("x", "a"))),
    (table(index("x", "a")), table()),
    (table(index("x", "a")), table(index("y", "b"))),
    (
        table(index("x", "a", kind="INCLUDE", NonKeyAttributes=["c", "d"])),
        table(index("x", "a", kind="INCLUDE", NonKeyAttributes=["d", "c"])),
    ),
    (table(index("x", "a")), table(index("x", "a", kind=REF))),
    (table(index("x", "a")), table(index("x", REF))),  # type: ignore[arg-type]  # a function is as good as a name
    (table(), table(AttributeDefinitions=of_types(id=REF))),
    (table(), table(AttributeDefinitions=of_types(id="S", a="N"))),
    (
        table(Replicas=replicas("here")),
        table(Replicas=replicas("here"), StreamSpecification={"StreamViewType": "KEYS_ONLY"}),
    ),
    (table(), table(StreamSpecification={"StreamViewType": REF})),
    ({**table(), "StreamSpecification": None}, table()),
    (table(), table(Replicas=replicas("here"))),
    (table(Replicas=replicas("here", "there", protected=True)), table(Replicas=replicas("here", REF))),
]


@pytest.mark.parametrize(("before", "after", "what"), [*REFUSED, *OF_GLOBAL])
def test_what_dynamodb_refuses_is_refused_before_with_a_remedy(before: Json, after: Json, what: str) -> None:
    (refusal,) = TABLE.refusals(before, after)
    assert what in refusal.what
    assert refusal.next_step
    assert bool(LOCAL.refusals(before, after)) == ((before, after, what) in REFUSED)


@pytest.mark.parametrize(("before", "after"), TAKEN)
def test_what_it_takes_or_only_a_deployment_tells_is_not(before: Json, after: Json) -> None:
    assert TABLE.refusals(before, after) == LOCAL.refusals(before, after) == ()


def recovering(*, on: bool = True, days: int | None = None) -> Json:
    period = {"RecoveryPeriodInDays": days} if days else {}
    return {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": on, **period}}


@pytest.mark.parametrize(
    ("before", "after", "warning"),
    [
        (recovering(), recovering(days=7), "goes back 7 days, not 35 any more"),
        (recovering(days=7), recovering(days=3), "goes back 3 days, not 7 any more"),
        (recovering(days=7), recovering(), ""),
        (recovering(days=7), recovering(on=False), "is switched off: what it could go back to is gone with it"),
        (recovering(), {}, "is switched off"),
        ({}, recovering(days=1), ""),
    ],
)
def test_fewer_days_of_recovery_are_warned_of(before: Json, after: Json, warning: str) -> None:
    lines = LOCAL.weakens(before, after)
    assert [warning in line for line in lines] == ([True] if warning else [])
    both = [{"Replicas": [{"Region": "here", **side}]} for side in (before, after)]
    assert [" in here" in line for line in TABLE.weakens(*both)] == ([True] if warning else [])


@pytest.mark.parametrize(
    ("reason", "helps"),
    [
        ("Attempting to create an index which already exists", "has left the index"),
        ("Time to live has been modified multiple times within a fixed interval", "an hour later"),
        ("Subscriber limit exceeded", ""),
    ],
)
def test_what_a_failed_update_of_a_table_takes_is_said(reason: str, helps: str) -> None:
    for kind in ("AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table"):
        remedy = remedy_for(kind, reason)
        assert helps in remedy
        assert bool(remedy) == bool(helps)
    assert not remedy_for("AWS::S3::Bucket", reason)
