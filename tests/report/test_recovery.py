from dataclasses import replace

from builder.deploy.execute.halted import FailedResource, Recovery
from builder.deploy.records import StackResource
from builder.report.text import recoveries_text
from builder.terms import LogicalId, StackId
from deploy.draft.test_decide import observed

FUNCTION = FailedResource(
    logical_id=LogicalId("Function"), type="AWS::Lambda::Function", reason="Handler is wrong", may_be_skipped=True
)
TABLE = FailedResource(logical_id=LogicalId("Table"), type="AWS::DynamoDB::GlobalTable", reason="", may_be_skipped=True)
NESTED = FailedResource(
    logical_id=LogicalId("Nested"), type="AWS::CloudFormation::Stack", reason="inside", may_be_skipped=False
)
STUCK = Recovery(
    stack=StackId("us-east-1/table"),
    observed=replace(observed("UPDATE_ROLLBACK_FAILED"), status_reason="The following resource(s) failed"),
    failed=(FUNCTION, TABLE, NESTED),
    created=(
        StackResource(logical_id=LogicalId("Bucket"), type="AWS::S3::Bucket", policy_action="Delete"),
        StackResource(logical_id=LogicalId("Kept"), type="AWS::S3::Bucket", policy_action="Retain"),
        StackResource(logical_id=LogicalId("Cluster"), type="AWS::RDS::DBCluster", policy_action="Snapshot"),
        StackResource(logical_id=LogicalId("Other"), type="AWS::S3::Bucket"),
    ),
)
PAUSED = Recovery(
    stack=StackId("us-east-1/table"),
    observed=replace(observed("UPDATE_FAILED"), status_reason=""),
    failed=(replace(FUNCTION, may_be_skipped=False),),
    created=(StackResource(logical_id=LogicalId("Topic"), type="AWS::SNS::Topic", policy_action="Delete"),),
)


def test_a_failed_rollback_shows_what_it_might_skip_and_what_that_means() -> None:
    assert (
        recoveries_text([STUCK])
        == """\
  us-east-1/table  goes on with its rollback  (tap-dev-table, UPDATE_ROLLBACK_FAILED: The following resource(s) failed)
    ! Function  AWS::Lambda::Function: Handler is wrong
        skipped if it fails again: it stays as it is, though CloudFormation takes it for rolled back from then on
    ! Table  AWS::DynamoDB::GlobalTable: no reason given
        skipped if it fails again: it stays as it is with all its data, though CloudFormation takes it for rolled back \
from then on
    ! Nested  AWS::CloudFormation::Stack: inside
        not skipped
    - Bucket  AWS::S3::Bucket: made by the failed update, deleted with all its data
    = Kept  AWS::S3::Bucket: made by the failed update, retained: it stays, and no stack updates or deletes it any more
    - Cluster  AWS::RDS::DBCluster: made by the failed update, deleted once a snapshot of it is taken
    - Other  AWS::S3::Bucket: made by the failed update, deleted with all its data unless its DeletionPolicy, which \
nobody can tell, retains it
"""
    )


def test_what_is_skipped_or_deleted_of_an_unknown_type_is_told_as_that() -> None:
    store = FailedResource(logical_id=LogicalId("Store"), type="Org::Service::Store", reason="", may_be_skipped=True)
    made = StackResource(logical_id=LogicalId("Other"), type="Org::Service::Store", policy_action="Delete")
    shown = recoveries_text([replace(STUCK, failed=(store,), created=(made,))])
    assert "it stays as it is with what it holds (this version does not know what that is), though" in shown
    assert "made by the failed update, deleted with what it holds (this version does not know what that is)" in shown


def test_a_paused_update_shows_what_failed_and_skips_nothing() -> None:
    assert recoveries_text([PAUSED, PAUSED]) == "\n".join(
        2
        * [
            """\
  us-east-1/table  is rolled back  (tap-dev-table, UPDATE_FAILED)
    ! Function  AWS::Lambda::Function: Handler is wrong
    - Topic  AWS::SNS::Topic: made by the failed update, deleted
"""
        ]
    )
