"""What becomes of a resource, each row by what AWS's pages of DeletionPolicy and UpdateReplacePolicy say."""

from typing import Any

import pytest

from builder.resource_types.fate import (
    default_policy,
    fate_on_deletion,
    fate_on_replacement,
    fate_on_rolled_back_creation,
)
from builder.template import read_template

BUCKET = {"Type": "AWS::S3::Bucket"}
CLUSTER = {"Type": "AWS::RDS::DBCluster"}
INSTANCE = {"Type": "AWS::RDS::DBInstance"}
# With the transform AWS::LanguageExtensions a policy may be a function; before it nobody can tell what it comes to.
FUNCTION = {"Fn::If": ["IsProd", "Retain", "Delete"]}
IN_A_CLUSTER = {**INSTANCE, "Properties": {"DBClusterIdentifier": {"Ref": "Cluster"}}}
PERHAPS_IN_A_CLUSTER = {
    **INSTANCE,
    "Properties": {"DBClusterIdentifier": {"Fn::If": ["IsAurora", {"Ref": "Cluster"}, {"Ref": "AWS::NoValue"}]}},
}


@pytest.mark.parametrize(
    ("resource", "deleted", "replaced", "rolled_back"),
    [
        (BUCKET, "Delete", "Delete", "Delete"),
        ({**BUCKET, "DeletionPolicy": "Retain"}, "Retain", "Delete", "Retain"),
        ({**BUCKET, "UpdateReplacePolicy": "Retain"}, "Delete", "Retain", "Delete"),
        ({**BUCKET, "DeletionPolicy": "RetainExceptOnCreate"}, "Retain", "Delete", "Delete"),
        (
            {**BUCKET, "DeletionPolicy": "Snapshot", "UpdateReplacePolicy": "Snapshot"},
            "Snapshot",
            "Snapshot",
            "Snapshot",
        ),
        ({**BUCKET, "DeletionPolicy": FUNCTION, "UpdateReplacePolicy": FUNCTION}, None, None, None),
        ({**BUCKET, "DeletionPolicy": "Later", "UpdateReplacePolicy": "Later"}, None, None, None),
        # CloudFormation knows it as a DeletionPolicy alone.
        ({**BUCKET, "UpdateReplacePolicy": "RetainExceptOnCreate"}, "Delete", None, "Delete"),
        ({**BUCKET, "DeletionPolicy": None, "UpdateReplacePolicy": None}, None, None, None),
        # "The default policy is Snapshot for AWS::RDS::DBCluster resources and for AWS::RDS::DBInstance resources
        # that don't specify the DBClusterIdentifier property"; of a replacement no page says so.
        (CLUSTER, "Snapshot", "Delete", "Snapshot"),
        ({**CLUSTER, "Properties": {"DBClusterIdentifier": "orders"}}, "Snapshot", "Delete", "Snapshot"),
        ({**CLUSTER, "DeletionPolicy": "Delete"}, "Delete", "Delete", "Delete"),
        (INSTANCE, "Snapshot", "Delete", "Snapshot"),
        ({**INSTANCE, "Properties": {"Engine": "mysql"}}, "Snapshot", "Delete", "Snapshot"),
        (IN_A_CLUSTER, "Delete", "Delete", "Delete"),
        (PERHAPS_IN_A_CLUSTER, None, "Delete", None),
        ({"Type": "Custom::Thing"}, "Delete", "Delete", "Delete"),
        ({}, "Delete", "Delete", "Delete"),
    ],
)
def test_what_becomes_of_a_resource(
    resource: dict[str, Any], deleted: str | None, replaced: str | None, rolled_back: str | None
) -> None:
    assert (fate_on_deletion(resource), fate_on_replacement(resource)) == (deleted, replaced)
    assert fate_on_rolled_back_creation(resource) == rolled_back


def test_the_default_is_told_whatever_the_policy_says() -> None:
    assert default_policy("DeletionPolicy", {**CLUSTER, "DeletionPolicy": "Retain"}) == "Snapshot"
    assert default_policy("UpdateReplacePolicy", CLUSTER) == "Delete"


TEMPLATE = """
Transform: AWS::LanguageExtensions
Parameters: {Fate: {Type: String}, Stage: {Type: String}}
Conditions: {IsProd: !Equals [!Ref Stage, prod]}
Resources:
  Said: {Type: AWS::S3::Bucket, DeletionPolicy: !Ref Fate}
  Chosen: {Type: AWS::S3::Bucket, DeletionPolicy: !If [IsProd, Retain, Delete]}
"""


@pytest.mark.parametrize(
    ("values", "fates"),
    [
        ({"Fate": "RetainExceptOnCreate", "Stage": "prod"}, ("Retain", "Retain")),
        ({"Fate": "Delete", "Stage": "dev"}, ("Delete", "Delete")),
        ({}, (None, None)),
    ],
)
def test_a_function_is_told_as_far_as_its_values_are_known(
    values: dict[str, str | None], fates: tuple[str | None, str | None]
) -> None:
    template = read_template(TEMPLATE)
    bodies = (template.bind(values).value(body) for body in template.resources().values())
    assert tuple(map(fate_on_deletion, bodies)) == fates
