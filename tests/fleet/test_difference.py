from dataclasses import dataclass

import pytest

from builder.deploy.plan.guards import guard_hits
from builder.deploy.records import GuardHit, ResourceChange
from builder.fleet.difference import find_changes, merge_changes, resolve_template
from builder.template import Template
from builder.terms import Region, StackId
from fleet.stack_sets import shipped_bodies

PARAMETERS = {"EnvironmentSuffix": "dev", "Role": "secondary", "BornAs": "secondary"}
BODIES = shipped_bodies()


def changes(before: str, after: str, **parameters: str) -> dict[str, ResourceChange]:
    values, region = {**PARAMETERS, **parameters}, Region("us-west-2")
    resource_changes = find_changes(
        resolve_template(before, PARAMETERS, region), resolve_template(after, values, region)
    )
    return {change.logical_id: change for change in resource_changes}


def hits_of(by_id: dict[str, ResourceChange]) -> tuple[GuardHit, ...]:
    return guard_hits([Changed(StackId("us-west-2/service"), Region("us-west-2"), tuple(by_id.values()))])


@dataclass(frozen=True)
class Changed:
    """A stack's changes, in the form in which guards read them."""

    stack: StackId
    region: Region
    changes: tuple[ResourceChange, ...]


@pytest.mark.parametrize("stack", BODIES)
def test_the_same_template_changes_nothing(stack: str) -> None:
    assert changes(BODIES[stack], BODIES[stack]) == {}


def test_a_function_s_memory_changes_the_function_and_nothing_that_names_it() -> None:
    body = BODIES["us-west-2/service"]
    by_id = changes(body, body.replace("MemorySize: 256", "MemorySize: 512"))
    assert set(by_id) == {"Function"}
    (touched,) = by_id["Function"].properties
    assert (touched.path, touched.before, touched.after) == ("/Properties/MemorySize", "256", "512")
    assert not by_id["Function"].is_replaced


def test_another_name_of_the_table_replaces_it() -> None:
    body = BODIES["us-east-1/table"]
    table = changes(body, body.replace("-global", "-worldwide"))["Table"]
    assert table.is_replaced
    assert (table.replacement, table.policy_action) == ("True", "ReplaceAndDelete")
    assert table.properties[0].recreation == "Always"


def test_another_value_of_a_parameter_is_another_name() -> None:
    body = BODIES["us-east-1/table"]
    assert changes(body, body, EnvironmentSuffix="prod")["Table"].is_replaced
    service = BODIES["us-west-2/service"]
    assert changes(service, service, BornAs="primary")["FunctionUrl"].is_replaced
    assert set(changes(service, service, Role="primary")) == {"Function"}
    assert not changes(service, service, Role="primary")["Function"].is_replaced


def test_a_replica_less_is_a_loss() -> None:
    body = BODIES["us-east-1/table"]
    head, _, _ = body.partition("        - Region: us-west-2")
    assert any("its replica in us-west-2" in loss for loss in changes(body, head)["Table"].losses)


THING = "Resources:\n  Data: {Type: AWS::S3::Bucket, Properties: {BucketName: one}}\n"


def test_what_goes_and_what_comes() -> None:
    other = "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n"
    by_id = changes(THING, other)
    assert {name: (change.action, change.policy_action) for name, change in by_id.items()} == {
        "Data": ("Remove", "Delete"),
        "Topic": ("Add", None),
    }
    kept = THING.replace("Bucket,", "Bucket, DeletionPolicy: RetainExceptOnCreate,")
    assert changes(kept, other)["Data"].policy_action == "Retain"
    database = "Resources:\n  Data: {Type: AWS::RDS::DBInstance, Properties: {Engine: mysql}}\n"
    assert changes(database, other)["Data"].policy_action == "Snapshot"


UNKNOWN = """\
Resources:
  Role: {Type: AWS::IAM::Role, Properties: {RoleName: one}}
  Function: {Type: AWS::Lambda::Function, Properties: {MemorySize: 128, Role: !GetAtt Role.Arn}}
  Store: {Type: Org::Service::Store, Properties: {Size: 1, Writer: !GetAtt Function.Arn, Role: !Ref Role}}
  Copy: {Type: Org::Service::Copy, Properties: {Of: !Ref Store}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref Copy}}
"""


def test_any_change_of_a_type_that_nobody_knows_may_replace_it() -> None:
    by_id = changes(UNKNOWN, UNKNOWN.replace("Size: 1,", "Size: 2,"))
    assert {name: change.replacement for name, change in by_id.items()} == {
        "Store": "Conditional",
        "Copy": "Conditional",
    }
    assert by_id["Store"].policy_action == "ReplaceAndDelete"
    assert {hit.logical_id for hit in hits_of(by_id)} == {"Store", "Copy"}


def test_what_it_refers_to_replaces_it_only_where_that_is_replaced() -> None:
    assert set(changes(UNKNOWN, UNKNOWN.replace("128", "256"))) == {"Function"}
    by_id = changes(UNKNOWN, UNKNOWN.replace("RoleName: one", "RoleName: two"))
    assert {name for name, change in by_id.items() if change.is_replaced} == {"Role", "Store", "Copy"}


def test_its_removal_is_guarded_and_a_policy_that_keeps_less_too() -> None:
    bare = UNKNOWN.replace("  Copy: {Type: Org::Service::Copy, Properties: {Of: !Ref Store}}\n", "")
    bare = bare.replace("!Ref Copy", "other")
    (hit,) = hits_of(changes(UNKNOWN.replace("!Ref Copy", "other"), bare))
    assert "is deleted: with it goes what it holds (this version does not know what that is)" in hit.why
    kept = UNKNOWN.replace("Service::Copy,", "Service::Copy, DeletionPolicy: Retain,")
    (hit,) = hits_of(changes(kept, UNKNOWN))
    assert "its DeletionPolicy Retain, which becomes Delete" in hit.why


def test_another_policy_alone_is_a_change_of_no_property() -> None:
    kept = changes(THING, THING.replace("Bucket,", "Bucket, DeletionPolicy: Retain,"))["Data"]
    assert (kept.scope, kept.properties, kept.is_replaced) == (("DeletionPolicy",), (), False)


def test_another_type_under_the_same_name_is_told_as_a_replacement_of_what_stands() -> None:
    data = changes(THING, "Resources:\n  Data: {Type: AWS::SNS::Topic}\n")["Data"]
    assert (data.type, data.replacement) == ("AWS::S3::Bucket", "True")


def test_a_condition_of_a_type_s_own_may_replace_it() -> None:
    table = "Resources:\n  Data: {Type: AWS::DynamoDB::GlobalTable, Properties: {KeySchema: [{AttributeName: %s}]}}\n"
    data = changes(table % "id", table % "key")["Data"]
    assert (data.replacement, data.properties[0].recreation) == ("Conditional", "Conditionally")


def test_what_is_not_guarded_is_told_as_replaced_too() -> None:
    topic = "Resources:\n  News: {Type: AWS::SNS::Topic, Properties: {TopicName: %s}}\n"
    news = changes(topic % "one", topic % "other")["News"]
    assert (news.replacement, news.policy_action) == ("True", "ReplaceAndDelete")
    assert (news.properties[0].recreation, news.losses) == ("Always", ())


URL = """\
Resources:
  Function: {Type: AWS::Lambda::Function, Properties: {MemorySize: %s}}
  Url: {Type: AWS::Lambda::Url, Properties: {AuthType: NONE, TargetFunctionArn: !GetAtt Function.Arn}}
  Other: {Type: AWS::Lambda::Url, Properties: {AuthType: NONE, TargetFunctionArn: fixed}}
"""


def test_what_refers_to_something_that_may_be_replaced_may_be_too() -> None:
    by_id = changes(URL % 1, URL % 2)
    assert by_id["Url"].replacement == "Conditional"
    assert by_id["Url"].properties[0].path == "/Properties/TargetFunctionArn"
    assert "Other" not in by_id
    both = changes(URL % 1, (URL % 2).replace("NONE, TargetFunctionArn: !", "AWS_IAM, TargetFunctionArn: !"))
    assert [change.path for change in both["Url"].properties] == [
        "/Properties/AuthType",
        "/Properties/TargetFunctionArn",
    ]


def test_a_replacement_is_followed_over_any_number_of_steps() -> None:
    chain = """\
Resources:
  Last: {Type: AWS::S3::Bucket, Properties: {BucketName: !GetAtt Middle.WebsiteURL}}
  Middle: {Type: AWS::S3::Bucket, Properties: {BucketName: !GetAtt First.DomainName}}
  First: {Type: AWS::S3::Bucket, Properties: {BucketName: %s}}
"""
    by_id = changes(chain % "one", chain % "two")
    assert {name: change.replacement for name, change in by_id.items()} == {
        "Last": "Conditional",
        "Middle": "Conditional",
        "First": "True",
    }
    assert [change.path for change in by_id["Last"].properties] == ["/Properties/BucketName"]


def test_a_path_with_items_counts_all_of_them() -> None:
    plain = (
        "Resources:\n  Data: {Type: AWS::OpenSearchServerless::Index, Properties: {Settings: {Analysis: {A: %s}}}}\n"
    )
    assert changes(plain % 1, plain % 2)["Data"].replacement == "True"
    assert changes(plain % 1, (plain % 1).replace("Settings: {", "Settings: {B: 1, "))["Data"].replacement == "False"


def test_of_several_instances_the_gravest_counts() -> None:
    body = BODIES["us-east-1/table"]
    harmless = find_changes(Template({"Resources": {"A": {"Type": "T"}}}), Template())
    grave = tuple(changes(body, body, EnvironmentSuffix="prod").values())
    mild = tuple(changes(body, body.replace("PAY_PER", "PAY_BY")).values())
    merged = merge_changes([mild, grave, mild, harmless])
    assert {change.logical_id: change.is_replaced for change in merged} == {"Table": True, "A": False}
