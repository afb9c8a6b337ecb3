import pytest
from cfnlint.rules.resources.UpdateReplacePolicyDeletionPolicyOnStatefulResourceTypes import (
    UpdateReplacePolicyDeletionPolicyOnStatefulResourceTypes,
)
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from builder.rules.deletion_policy import HOLD_DATA, DeletionPolicies
from rules.findings import find, make_template

LEFT_ALONE = {"AWS::CloudFormation::Stack", "AWS::DocDB::DBInstance", "AWS::Neptune::DBInstance"}


def bucket(rest: str) -> str:
    return f"Resources: {{Bucket: {{Type: AWS::S3::Bucket{rest}}}}}"


@pytest.mark.parametrize(
    ("rest", "unsaid"),
    [
        ("", "DeletionPolicy and UpdateReplacePolicy"),
        (", DeletionPolicy: Retain", "UpdateReplacePolicy"),
        (", UpdateReplacePolicy: Retain", "DeletionPolicy"),
    ],
)
def test_what_is_unsaid_is_named(rest: str, unsaid: str) -> None:
    (match,) = DeletionPolicies().match(make_template(bucket(rest)))
    assert match.message == f"Bucket holds data: say {unsaid}"
    assert match.path == ["Resources", "Bucket"]


@pytest.mark.parametrize("policy", ["Delete", "Retain", "RetainExceptOnCreate"])
def test_any_word_will_do(policy: str) -> None:
    assert find(DeletionPolicies, bucket(f", DeletionPolicy: {policy}, UpdateReplacePolicy: {policy}")) == []


def test_an_instance_holds_data_unless_its_cluster_does() -> None:
    template = """
        Parameters: {Cluster: {Type: String}}
        Conditions: {IsMember: !Not [!Equals [!Ref Cluster, ""]]}
        Resources:
          Alone: {Type: AWS::RDS::DBInstance, Properties: {Engine: postgres}}
          Member: {Type: AWS::RDS::DBInstance, Properties: {Engine: aurora, DBClusterIdentifier: !Ref Cluster}}
          Either:
            Type: AWS::RDS::DBInstance
            Properties: {DBClusterIdentifier: !If [IsMember, !Ref Cluster, !Ref AWS::NoValue]}
    """
    assert find(DeletionPolicies, template) == ["Resources/Alone", "Resources/Either"]


def test_what_holds_no_data_is_left_alone() -> None:
    assert find(DeletionPolicies, "Resources: {Topic: {Type: AWS::SNS::Topic}}") == []


@pytest.mark.parametrize("kind", ["AWS::MSK::Cluster", "AWS::Cassandra::Table", "AWS::RDS::DBSnapshot"])
def test_what_cfnlint_does_not_count_among_it_is_asked_too(kind: str) -> None:
    assert find(DeletionPolicies, f"Resources: {{Data: {{Type: {kind}}}}}") == ["Resources/Data"]


def test_cfnlint_s_own_list_is_covered() -> None:
    theirs = UpdateReplacePolicyDeletionPolicyOnStatefulResourceTypes()  # type: ignore[no-untyped-call]  # not ours
    assert set(theirs.likely_stateful_resource_types) - set(HOLD_DATA) == LEFT_ALONE


@pytest.mark.parametrize("kind", HOLD_DATA)
def test_every_type_on_the_list_is_or_was_one(kind: str) -> None:
    # cfn-lint's schemas leave out what AWS has closed; the policies still matter to who has it.
    closed = {"AWS::QLDB::Ledger", "AWS::SDB::Domain"}
    assert kind in closed or kind in PROVIDER_SCHEMA_MANAGER.get_resource_types("us-east-1")
