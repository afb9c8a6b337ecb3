from dataclasses import replace

from builder.deploy.records import (
    Broke,
    Cancelled,
    Done,
    Outcome,
    PendingReview,
    Plan,
    PropertyChange,
    ResourceChange,
    Step,
)
from builder.report import text
from builder.terms import AccountId, Arn, LogicalId, Region, StackId, StackName

TABLE, SERVICE = StackId("us-east-1/table"), StackId("us-east-1/service")


def step(stack: StackId, **fields: object) -> Step:
    made = Step(
        stack=stack,
        region=Region("us-east-1"),
        name=StackName("tap-dev-x"),
        type="UPDATE",
        change_set=Arn("arn:cs"),
        stack_arn=Arn("arn:stack"),
        template_sha256="0" * 64,
        console="https://console",
        risk="update",
    )
    return replace(made, **fields)  # type: ignore[arg-type]  # the fields are named at each call


FUNCTION = ResourceChange(
    action="Modify",
    logical_id=LogicalId("Function"),
    type="AWS::Lambda::Function",
    replacement="False",
    properties=(PropertyChange(path="Properties.MemorySize", before="128", after="256"), PropertyChange(path="Tags")),
)
REPLACED = ResourceChange(
    action="Modify", logical_id=LogicalId("Table"), type="AWS::DynamoDB::GlobalTable", replacement="True"
)
PLAN = Plan(
    version=1,
    id="p1",
    at="2026-01-01T00:00:00+00:00",
    account=AccountId("111122223333"),
    deployment="tap-dev",
    assembly="0" * 64,
    steps=(step(SERVICE, changes=(FUNCTION,)), step(TABLE, changes=(REPLACED,), risk="replace")),
    unchanged=(StackId("us-west-2/storage"),),
)


def test_the_riskiest_step_comes_first_and_shows_what_is_replaced() -> None:
    shown = text.plan(PLAN)
    assert shown.index("us-east-1/table") < shown.index("us-east-1/service")
    assert "~ Table  AWS::DynamoDB::GlobalTable  REPLACED" in shown
    assert "Properties.MemorySize: 128 -> 256" in shown
    assert "https://console" in shown
    assert "unchanged: us-west-2/storage" in shown


def test_the_summary_counts_as_people_do() -> None:
    assert text.summary(PLAN) == "0 to create, 2 to update (1 replacement), 1 unchanged"
    removal = step(SERVICE, risk="remove")
    created = replace(PLAN, steps=(step(TABLE, type="CREATE"), removal, removal))
    assert text.summary(created) == "1 to create, 2 to update (2 removals), 1 unchanged"


def test_a_plan_without_steps_says_so() -> None:
    assert "No changes: all 1 stacks are as they should be." in text.plan(replace(PLAN, steps=()))


def test_strays_pending_reviews_findings_and_output_only_steps_are_told() -> None:
    shown = text.plan(
        replace(
            PLAN,
            steps=(step(TABLE, findings=("WARN Table is odd",)),),
            orphans=("us-east-1/tap-dev-old",),
            pending=(PendingReview(stack=TABLE, change_set=Arn("arn:theirs"), created="then"),),
        )
    )
    assert "not in the assembly any more, left alone: us-east-1/tap-dev-old" in shown
    assert "us-east-1/table: another change set waits for review and would be deleted: arn:theirs" in shown
    assert "validation: WARN Table is odd" in shown
    assert "outputs only" in shown


def test_long_values_are_cut_and_missing_ones_named() -> None:
    touched = PropertyChange(path="P", before=None, after="x" * 100)
    shown = text.plan(replace(PLAN, steps=(step(TABLE, changes=(replace(FUNCTION, properties=(touched,)),)),)))
    assert f"P: (none) -> {'x' * 60}…" in shown


def test_outcomes_name_what_did_not_end_well() -> None:
    ended: list[Outcome] = [
        Done(StackId("a"), "CREATE_COMPLETE"),
        Broke(TABLE, "ROLLBACK_COMPLETE", "Table (T)", "limit"),
        Broke(StackId("b"), "", "", "no answer"),
        Cancelled(SERVICE, because="table failed"),
    ]
    assert text.outcomes(ended) == (
        "us-east-1/table: ROLLBACK_COMPLETE: Table (T): limit\n"
        "b: failed: no answer\n"
        "us-east-1/service: not started: table failed\n"
        "1 done, 2 failed, 1 not started\n"
    )
