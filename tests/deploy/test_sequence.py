from typing import Any

from builder.deploy.sequence import make_sequence
from builder.deploy.template import properties_of, read_template, resources_of, write_template


def template(*regions: str, memory: int = 1, **table: Any) -> str:
    properties = {"TableName": "t", "Replicas": [{"Region": region} for region in regions], **table}
    return write_template(
        {
            "Resources": {
                "Table": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": properties},
                "Function": {"Type": "AWS::Lambda::Function", "Properties": {"MemorySize": memory}},
            }
        }
    )


def regions(text: str) -> list[str]:
    table = resources_of(read_template(text))["Table"]
    return [replica["Region"] for replica in properties_of(table)["Replicas"]]


def steps(deployed: str, desired: str) -> list[list[str]]:
    return [regions(text) for text in make_sequence(deployed, desired)]


def test_one_replica_as_the_only_change_is_one_update() -> None:
    assert make_sequence(template("a"), template("a", "b")) == (template("a", "b"),)
    assert make_sequence(template("a", "b"), template("a")) == (template("a"),)


def test_replicas_come_one_at_a_time_and_before_others_go() -> None:
    assert steps(template("a", "b"), template("a", "c", "d")) == [
        ["a", "b", "c"],
        ["a", "b", "c", "d"],
        ["a", "c", "d"],
    ]


def test_anything_else_comes_in_an_update_of_its_own() -> None:
    sequence = make_sequence(template("a"), template("a", "b", memory=2))
    assert [regions(text) for text in sequence] == [["a", "b"], ["a", "b"]]
    assert resources_of(read_template(sequence[0]))["Function"]["Properties"] == {"MemorySize": 1}
    assert sequence[-1] == template("a", "b", memory=2)


def test_the_last_is_the_desired_template_to_the_byte() -> None:
    desired = "# why\n" + template("a", "b", "c")
    assert make_sequence(template("a"), desired)[-1] == desired
    assert len(make_sequence(template("a"), desired)) == 2


def test_no_replica_more_or_less_is_one_update() -> None:
    assert len(make_sequence(template("a", "b"), template("b", "a", memory=2))) == 1
    assert len(make_sequence(template("a"), template("a", BillingMode="PAY_PER_REQUEST"))) == 1


def test_a_table_that_comes_or_goes_has_no_sequence() -> None:
    empty = write_template({"Resources": {}})
    assert make_sequence(empty, template("a", "b")) == (template("a", "b"),)
    assert make_sequence(template("a", "b"), empty) == (empty,)


def test_a_resource_that_becomes_a_table_has_no_sequence() -> None:
    topic = write_template({"Resources": {"Table": {"Type": "AWS::SNS::Topic"}}})
    assert len(make_sequence(topic, template("a", "b", "c"))) == 1
