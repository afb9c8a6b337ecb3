from dataclasses import replace

from builder.deploy import FoundStacks, StackContents, Unreachable
from builder.deploy.observe.stacks import ObservedStack
from builder.report.text import left_text, waiting_text
from builder.terms import Arn, Region, Site, StackId, StackName

SITE = Site(None, Region("us-east-1"))


def contents(name: str, *retained: tuple[str, str]) -> StackContents:
    stack = ObservedStack(
        site=SITE,
        name=StackName(f"tap-dev-{name}"),
        arn=Arn(f"arn:aws:cloudformation:us-east-1:111122223333:stack/tap-dev-{name}/1"),
        status="DELETE_FAILED",
        status_reason="",
        change_set=None,
        created="",
        last_change="",
        parameters={},
        tags={},
        outputs={},
        capabilities=(),
        termination_protection=False,
    )
    return StackContents(StackId(f"us-east-1/{name}"), stack, (), retained)


def test_nothing_left_is_said_to_be_nothing() -> None:
    assert left_text("tap-dev", [contents("table")], FoundStacks((), ())) == "left of tap-dev: nothing"


def test_a_stack_that_still_stands_is_named_once_and_what_another_left_behind_too() -> None:
    held = ("AWS::S3::Bucket", "kept")
    table, storage = contents("table", held), contents("storage", held)
    assert left_text("tap-dev", [table, storage], FoundStacks((table,), ())).splitlines() == [
        "left of tap-dev:",
        "  us-east-1/table  tap-dev-table  DELETE_FAILED",
        "  us-east-1  kept  AWS::S3::Bucket, left behind by us-east-1/storage as its template says",
    ]


def test_keys_that_kms_deletes_days_later_are_left_until_then() -> None:
    kinds = ("AWS::KMS::Key", "AWS::KMS::ReplicaKey", "AWS::S3::Bucket")
    gone = replace(contents("key"), holders=tuple((kind, f"mrk-{number}") for number, kind in enumerate(kinds)))
    back = "which waits until KMS deletes it, 7 to 30 days; to have it back: aws kms cancel-key-deletion"
    assert left_text(
        "tap-dev", [gone, replace(gone, stack=contents("x").stack)], FoundStacks((contents("x"),), ())
    ) == (
        "left of tap-dev:\n"
        "  us-east-1/x  tap-dev-x  DELETE_FAILED\n"
        f"  us-east-1  mrk-0  AWS::KMS::Key of us-east-1/key, {back} --region us-east-1 --key-id mrk-0\n"
        f"  us-east-1  mrk-1  AWS::KMS::ReplicaKey of us-east-1/key, {back} --region us-east-1 --key-id mrk-1"
    )
    waits = "KMS deletes it 7 to 30 days after its stack, and until then it can be had back"
    assert waiting_text([gone]).splitlines() == [
        f"us-east-1/key  mrk-{number}  {kind}: {waits}" for number, kind in enumerate(kinds[:2])
    ]


def test_where_nobody_could_look_is_said() -> None:
    text = left_text("tap-dev", [], FoundStacks((), (Unreachable(SITE, "not allowed"),)))
    assert text == "left of tap-dev: nothing\nnot looked at: us-east-1: not allowed"
