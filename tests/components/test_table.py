import pytest

from components.templates import THREE, properties, template


def test_there_is_a_replica_in_every_region_the_primary_first() -> None:
    replicas = properties(template("eu-central-1/table", regions=THREE), "Table")["Replicas"]

    assert [replica["Region"] for replica in replicas] == ["eu-central-1", "eu-west-1", "eu-north-1"]


def test_the_table_is_keyed_by_id_paid_by_request_and_streams() -> None:
    table = properties(template("us-east-1/table"), "Table")

    assert table["TableName"] == {"Fn::Sub": "tap-${EnvironmentSuffix}-global"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["AttributeDefinitions"] == [{"AttributeName": "id", "AttributeType": "S"}]
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


@pytest.mark.parametrize("wanted", [True, False])
def test_point_in_time_recovery_holds_for_each_replica(*, wanted: bool) -> None:
    replicas = properties(template("us-east-1/table", table={"point_in_time_recovery": wanted}), "Table")["Replicas"]

    assert [replica["PointInTimeRecoverySpecification"] for replica in replicas] == [
        {"PointInTimeRecoveryEnabled": wanted}
    ] * 2


def test_each_replica_carries_the_tags_itself() -> None:
    replicas = properties(template("us-east-1/table", tags={"team": "core"}), "Table")["Replicas"]

    for replica in replicas:
        assert {tag["Key"]: tag["Value"] for tag in replica["Tags"]} == {
            "project": "tap",
            "environment": {"Ref": "EnvironmentSuffix"},
            "team": "core",
        }


def test_it_puts_out_name_and_arn() -> None:
    outputs = template("us-east-1/table")["Outputs"]

    assert outputs["TableName"]["Value"] == {"Ref": "Table"}
    assert outputs["TableArn"]["Value"] == {"Fn::GetAtt": ["Table", "Arn"]}
