from builder.rules._worlds import replication_rules
from rules.findings import make_template, resource_template

BUCKET = "AWS::S3::Bucket"


def paths(properties: str) -> list[tuple[str | int, ...]]:
    rules = replication_rules(make_template(resource_template(BUCKET, properties)))
    return [rule.path[4:] for rule in rules]


def test_every_rule_comes_once_a_world() -> None:
    rules = "{Rules: [{Status: Enabled}, !If [IsNamed, {Status: Disabled}, !Ref AWS::NoValue]]}"
    assert sorted(paths(f"{{ReplicationConfiguration: {rules}}}")) == [
        ("Rules", 0),
        ("Rules", 0),
        ("Rules", 1, "Fn::If", 1),
    ]


def test_a_bucket_without_rules_or_with_unknown_ones_brings_none() -> None:
    assert paths("{}") == []
    assert paths("{ReplicationConfiguration: {Rules: !Ref Name}}") == []
    assert paths("{ReplicationConfiguration: !Ref Name}") == []
