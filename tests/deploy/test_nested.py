"""What is known of nested stacks from records alone; on the fake AWS they are deployed in test_nested_stacks.py."""

from dataclasses import dataclass, field, replace
from typing import Any

import botocore.session
import pytest

from builder.deploy.change_sets.review import ACTIONS, POLICY_ACTIONS, REPLACEMENTS, lost_policies, read_change
from builder.deploy.draft.expected import beyond, expect_changes
from builder.deploy.execute.halted import HaltedStack, NestedRecovery, decide_recovery
from builder.deploy.observe.deployment import inside, may_nest
from builder.deploy.observe.operation import FirstCause, first_cause_inside, made_inside
from builder.deploy.observe.stacks import ObservedStack
from builder.deploy.plan.guards import guard_hits
from builder.deploy.records import Deletion, ResourceChange, StackResource
from builder.errors import Stopped
from builder.template import S3Location, Template, find_object
from builder.terms import Arn, LogicalId, Region, StackId, StackName
from deploy.draft.test_decide import observed
from deploy.execute.test_recovery import since

PARENT = StackId("us-east-1/p")
NESTED = "AWS::CloudFormation::Stack"
FOR_EACH = """\
Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Children: [Name, [A], {'Child${Name}': {Type: AWS::CloudFormation::Stack}}]
"""
ORPHAN = Deletion(
    stack=PARENT,
    region=Region("us-east-1"),
    name=StackName("p"),
    stack_arn=Arn("arn:aws:cloudformation:us-east-1:1:stack/p/1"),
    because="the assembly no longer has it",
)
CHILD = {"Type": NESTED, "Properties": {"TemplateURL": "https://b.s3.amazonaws.com/child.yaml"}}


@dataclass(frozen=True)
class Changed:
    """A step, as guards see it."""

    stack: StackId
    changes: tuple[ResourceChange, ...]
    region: Region = field(default=Region("us-east-1"))


@pytest.mark.parametrize(
    ("template", "may"),
    [
        ("Resources:\n  Topic: {Type: AWS::SNS::Topic}\n", False),
        ("Resources:\n  Child: {Type: AWS::CloudFormation::Stack}\n", True),
        ('{"Resources": {"Child": {"Type": "AWS::CloudFormation::Stack"}}}', True),
        ("Resources:\n  Set: {Type: AWS::CloudFormation::StackSet}\n", False),
        ("Transform: AWS::LanguageExtensions\nResources:\n  Topic: {Type: AWS::SNS::Topic}\n", False),
        (
            FOR_EACH,
            True,
        ),
        ("Transform: [AWS::Serverless-2016-10-31]\nResources:\n  App: {Type: AWS::Serverless::Application}\n", True),
        ("Transform: AWS::SecretsManager-2020-07-23\nResources: {}\n", True),
        ("Transform: AWS::SecretsManager-2024-09-16\nResources: {}\n", True),
        ("Transform: {Name: AWS::Include, Parameters: {Location: s3://b/x}}\nResources: {}\n", True),
        ("Transform: Ours\nResources:\n  Topic: {Type: AWS::SNS::Topic}\n", True),
        ("Resources:\n  Module: {Type: 'Our::Big::Thing::MODULE'}\n", True),
        ("Resources:\n  Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://b/x}}\n", True),
        ("just text", True),
        ({"Resources": {"Child": CHILD}}, True),
        ({}, False),
    ],
)
def test_a_template_may_nest_unless_it_plainly_cannot(template: object, *, may: bool) -> None:
    assert may_nest(template) is may


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://b.s3.amazonaws.com/a/c.yaml", S3Location("b", "a/c.yaml")),
        ("https://b.c.s3.us-east-1.amazonaws.com/c.yaml", S3Location("b.c", "c.yaml")),
        ("https://b.s3-eu-west-1.amazonaws.com/c%20d.yaml", S3Location("b", "c d.yaml")),
        ("https://b.s3.dualstack.us-east-1.amazonaws.com/c.yaml", S3Location("b", "c.yaml")),
        ("https://b.s3.cn-north-1.amazonaws.com.cn/c.yaml?versionId=v1", S3Location("b", "c.yaml", "v1")),
        ("https://s3.amazonaws.com/b/a/c.yaml", S3Location("b", "a/c.yaml")),
        ("https://s3.us-west-2.amazonaws.com/b/c.yaml", S3Location("b", "c.yaml")),
        ("http://127.0.0.1:4566/b/c.yaml", S3Location("b", "c.yaml")),
        ("http://127.0.0.1:4567/b/c.yaml", None),
        ("https://example.com/c.yaml", None),
        ("https://b.s3.amazonaws.com.evil.com/c.yaml", None),
        ("https://s3.amazonaws.com/b", None),
        ("ssm-doc://arn:aws:ssm:us-east-1:1:document/d", None),
    ],
)
def test_a_template_is_found_in_s3_by_its_url_alone(url: str, address: S3Location | None) -> None:
    assert find_object(url, "http://127.0.0.1:4566") == address


def nested_in(parent: ObservedStack | None, name: str) -> ObservedStack:
    arn = Arn(f"arn:aws:cloudformation:us-east-1:1:stack/{name}/1")
    return replace(observed("CREATE_COMPLETE"), arn=arn, parent=parent.arn if parent else None)


def test_the_nested_stacks_of_a_stack_are_found_at_any_depth_and_in_any_order() -> None:
    root, stranger = nested_in(None, "p"), nested_in(None, "q")
    child = nested_in(root, "p-Child")
    grandchild = nested_in(child, "p-Child-Grand")
    other = nested_in(stranger, "q-Child")
    assert inside([root], [grandchild, other, root, child, stranger]) == (grandchild, child)


def row(kind: str, **more: Any) -> Any:
    return {
        "Type": "Resource",
        "ResourceChange": {"Action": "Modify", "LogicalResourceId": "Data", "ResourceType": kind, **more},
    }


def test_the_words_of_a_change_set_are_those_that_botocore_knows() -> None:
    model = botocore.session.Session().get_service_model("cloudformation")
    words = {"ChangeAction": ACTIONS, "Replacement": REPLACEMENTS, "PolicyAction": POLICY_ACTIONS}
    assert {shape: set(model.shape_for(shape).enum) for shape in words} == {k: set(v) for k, v in words.items()}  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["AWS::SNS::Topic", "AWS::S3::Bucket", NESTED])
@pytest.mark.parametrize("field", ["Action", "Replacement", "PolicyAction"])
def test_a_word_that_nobody_knows_stops_whatever_it_is_said_of(field: str, kind: str) -> None:
    changes = (read_change(row(kind, **{field: "Transmogrify"}), "Child/"),)
    (*_, hit) = guard_hits([Changed(PARENT, changes)])
    assert hit.allow == "us-east-1/p/Child/Data"
    assert f"{field} Transmogrify, which this builder does not know" in hit.why


def test_a_change_of_something_else_than_a_resource_stops() -> None:
    thing: Any = {"Type": "Hook"}
    (hit,) = guard_hits([Changed(PARENT, (read_change(thing),))])
    assert (hit.allow, "Hook" in hit.why) == ("us-east-1/p/?", True)


def policy(name: str, **values: str) -> dict[str, Any]:
    return {"Target": {"Attribute": name, "RequiresRecreation": "Never", **values}}


@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", NESTED])
@pytest.mark.parametrize("name", ["DeletionPolicy", "UpdateReplacePolicy"])
@pytest.mark.parametrize(
    ("values", "lost"),
    [
        ({"BeforeValue": "Retain", "AfterValue": "Delete"}, "Retain, which becomes Delete"),
        ({"BeforeValue": "Retain"}, "Retain, which becomes Delete"),
        ({"BeforeValue": "RetainExceptOnCreate", "AfterValue": "Snapshot"}, "which becomes Snapshot"),
        ({"BeforeValue": "Snapshot", "AfterValue": "Delete"}, "Snapshot, which becomes Delete"),
        ({"BeforeValue": "Retain", "AfterValue": "Later"}, "Retain, which becomes Later"),
        ({"BeforeValue": "Retain", "AfterValue": "RetainExceptOnCreate"}, ""),
        ({"BeforeValue": "Delete", "AfterValue": "Retain"}, ""),
        ({"AfterValue": "Retain"}, ""),
        ({}, "perhaps its"),
    ],
)
def test_a_policy_that_keeps_less_than_before_is_guarded(
    kind: str, name: str, values: dict[str, str], lost: str
) -> None:
    change = read_change(row(kind, Replacement="False", Scope=[name], Details=[policy(name, **values)]))
    reasons = [hit.why for hit in guard_hits([Changed(PARENT, (change,))])]
    assert (len(reasons) == 1 and lost in reasons[0] and name in reasons[0]) if lost else not reasons


def test_a_policy_of_what_holds_nothing_is_nobodys_concern() -> None:
    change = read_change(row("AWS::SNS::Topic", Details=[policy("DeletionPolicy", BeforeValue="Retain")]))
    assert change.losses == ()
    assert lost_policies("AWS::SNS::Topic", [("DeletionPolicy", "Retain", "Delete")]) == ()


def test_a_database_without_a_policy_has_a_snapshot_to_lose() -> None:
    change = read_change(row("AWS::RDS::DBCluster", Details=[policy("DeletionPolicy", AfterValue="Delete")]))
    assert "its DeletionPolicy Snapshot, which becomes Delete" in change.losses[0]
    body = {"Type": "AWS::RDS::DBCluster"}
    before = Template({"Resources": {"Data": body}})
    (deferred,) = expect_changes(before, Template({"Resources": {"Data": {**body, "DeletionPolicy": "Delete"}}}))
    assert deferred.losses == change.losses
    assert (
        read_change(row("AWS::RDS::DBCluster", Details=[policy("DeletionPolicy", AfterValue="Snapshot")])).losses == ()
    )


def test_a_policy_that_a_deferred_change_takes_away_is_known_before() -> None:
    before = Template({"Resources": {"Data": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}}})
    (change,) = expect_changes(before, Template({"Resources": {"Data": {"Type": "AWS::S3::Bucket"}}}))
    shown = read_change(
        row("AWS::S3::Bucket", Scope=["DeletionPolicy"], Details=[policy("DeletionPolicy", BeforeValue="Retain")])
    )
    assert change.losses == shown.losses != ()


@pytest.mark.parametrize(
    ("fate", "why"),
    [
        ("Delete", "is deleted with its stack: with it goes every object"),
        ("Retain", "leaves the stack: it stays"),
        ("Snapshot", "is deleted with its stack: a snapshot"),
        (None, "is deleted with its stack: with it goes every object"),
    ],
)
def test_what_a_deleted_stack_holds_is_guarded_by_what_becomes_of_it(fate: str | None, why: str) -> None:
    held = StackResource(logical_id=LogicalId("Child/Data"), type="AWS::S3::Bucket", policy_action=fate)
    (hit,) = guard_hits([], [replace(ORPHAN, resources=(held,))])
    assert hit.allow.endswith("/Child/Data")
    assert why in hit.why


def test_a_deferred_change_set_may_show_what_is_new_in_a_new_child_and_no_more_in_an_old_one() -> None:
    def inside_of(child: str, action: str) -> ResourceChange:
        return ResourceChange(action=action, logical_id=LogicalId(f"{child}/Data"), type="AWS::S3::Bucket")

    expected = expect_changes(
        Template({"Resources": {"Old": CHILD}}), Template({"Resources": {"Old": CHILD, "New": CHILD}})
    )
    rows = [
        read_change(row(NESTED, LogicalResourceId="Old", Details=[policy("Properties", Name="TemplateURL")])),
        ResourceChange(action="Add", logical_id=LogicalId("New"), type=NESTED),
    ]
    assert beyond(expected, [*rows, inside_of("New", "Add")]) == ()
    assert beyond(expected, [*rows, inside_of("Old", "Add")]) == ("Add Old/Data (AWS::S3::Bucket)",)
    assert beyond(expected, [*rows, inside_of("New", "Remove")]) == ("Remove New/Data (AWS::S3::Bucket)",)


STACK = "arn:aws:cloudformation:us-east-1:1:stack/p-Child/1"


def event(name: str, status: str, reason: str = "", token: str = "", kind: str = "AWS::SNS::Topic") -> Any:
    own = {"PhysicalResourceId": STACK, "ResourceType": NESTED} if name == "p-Child" else {"PhysicalResourceId": "x"}
    return {
        "StackId": STACK,
        "LogicalResourceId": name,
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        **({"ClientRequestToken": token} if token else {}),
        **own,
    }


def failing(token: str = "") -> list[Any]:
    """A nested stack, newest first: deleted by its root's rollback, after a creation that failed, after an old one."""
    return [
        event("p-Child", "DELETE_COMPLETE", token=token),
        event("First", "DELETE_COMPLETE", token=token),
        event("p-Child", "DELETE_IN_PROGRESS", token=token),
        event("p-Child", "CREATE_FAILED", "The following resource(s) failed to create: [First].", token=token),
        event("Second", "CREATE_FAILED", "Resource creation cancelled", token=token),
        event("First", "CREATE_FAILED", "no", token=token),
        event("p-Child", "CREATE_IN_PROGRESS", token=token),
        event("Old", "CREATE_FAILED", "long ago", token="another"),
    ]


@pytest.mark.parametrize("token", ["ours", ""])
def test_a_nested_stack_s_first_failure_is_its_own_resource_s(token: str) -> None:
    assert first_cause_inside(failing(token), "ours") == FirstCause("First (AWS::SNS::Topic)", "no")


def test_a_failure_further_down_says_where_to_look_on() -> None:
    events = [event("Grand", "CREATE_FAILED", "Embedded stack x was not", kind=NESTED)]
    assert first_cause_inside(events, "ours") == FirstCause(f"Grand ({NESTED})", "Embedded stack x was not", nested="x")
    assert first_cause_inside([event("p-Child", "CREATE_COMPLETE")], "ours") is None


def test_what_an_operation_made_new_inside_is_told_by_its_token_or_it_is_all_that_was_ever_made() -> None:
    events = [event("New", "CREATE_COMPLETE", token="ours"), event("Old", "CREATE_COMPLETE", token="before")]
    assert made_inside(events, frozenset({"ours"})) == {"New"}
    assert made_inside(events, frozenset({"unseen"})) == {"New", "Old"}


@pytest.mark.parametrize("policy_action", ["Delete", "Snapshot", None])
def test_a_rollback_that_would_delete_data_in_a_nested_stack_is_refused_by_its_path(policy_action: str | None) -> None:
    table = StackResource(
        logical_id=LogicalId("Child/Orders"), type="AWS::DynamoDB::Table", policy_action=policy_action
    )
    halted = HaltedStack(
        observed=observed("UPDATE_FAILED"), resources=(), since=since(), inside=NestedRecovery((table,))
    )
    with pytest.raises(Stopped, match=r"Child/Orders \(AWS::DynamoDB::Table\): every item"):
        decide_recovery(PARENT, halted)
    kept = replace(table, policy_action="Retain")
    assert decide_recovery(PARENT, replace(halted, inside=NestedRecovery((kept,)))).created == (kept,)
    # CloudFormation's own rollback was on its way already.
    rolling_back = replace(halted, observed=observed("UPDATE_ROLLBACK_FAILED"))
    assert decide_recovery(PARENT, rolling_back).created == (table,)
