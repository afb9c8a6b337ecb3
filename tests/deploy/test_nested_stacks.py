"""Nested stacks on the fake AWS: what their change sets show, and what is done where they have none."""

from dataclasses import replace
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from builder.assembly.components import OutputOf
from builder.deploy import Deployment, Done, PlanOptions, PlanRequest, StackFailed, discard_plan, narrow
from builder.deploy.observe.nested import Prover
from builder.deploy.observe.stacks import SiteView
from builder.deploy.progress import Outcome
from builder.errors import BadInput, BuilderError, Failed, Stopped
from builder.terms import Region, Site, StackId
from deploy.chained import make_deployment, make_stack
from deploy.halted import recoveries
from deploy.nesting import NESTED, PARENT, TABLE, TOPIC, nest, parent, put
from deploy.rig import Rig
from fake_aws import Fault

EAST = Site(None, Region("us-east-1"))
LOST = "us-east-1/p/Child/Orders"
HELD = {**TOPIC, "Orders": TABLE}


def done(outcomes: tuple[Outcome, ...]) -> bool:
    return all(isinstance(outcome, Done) for outcome in outcomes)


def allowed(rig: Rig, resources: dict[str, Any], **sections: Any) -> list[tuple[str, str]]:
    """Plan the parent with these resources; return what stops."""
    return [(hit.allow, hit.why) for hit in rig.plan(parent(resources, **sections)).guards]


def three_levels(rig: Rig, lowest: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    middle = put(rig, "child.yaml", {"Grandchild": nest(put(rig, "grandchild.yaml", lowest))})
    return {"Child": nest(middle, **attributes)}


def test_what_changes_at_the_lowest_of_three_levels_is_planned_refused_and_allowed_by_its_path(rig: Rig) -> None:
    assert done(rig.deploy(parent(three_levels(rig, HELD))))
    plan = rig.plan(parent(three_levels(rig, TOPIC)))
    lost = "us-east-1/p/Child/Grandchild/Orders"
    assert [(hit.allow, hit.why) for hit in plan.guards] == [
        (lost, "AWS::DynamoDB::Table is deleted: with it goes every item")
    ]
    assert [(change.action, change.logical_id) for change in plan.steps[0].changes] == [
        ("Modify", "Child"),
        ("Modify", "Child/Grandchild"),
        ("Remove", "Child/Grandchild/Orders"),
    ]
    before = rig.operations("ExecuteChangeSet")
    with pytest.raises(Stopped, match=lost):
        rig.execute(plan)
    assert rig.operations("ExecuteChangeSet") == before
    assert done(rig.execute(plan, [lost]))
    assert rig.plan(parent(three_levels(rig, TOPIC))).is_empty


def test_every_page_of_every_change_set_is_read(rig: Rig) -> None:
    many = {f"Topic{number}": TOPIC["Topic"] for number in range(7)}
    plan = rig.plan(parent(three_levels(rig, many)))
    assert {change.logical_id for change in plan.steps[0].changes} >= {
        f"Child/Grandchild/Topic{number}" for number in range(7)
    }


def test_what_the_listing_with_values_leaves_out_of_a_nested_change_set_is_there(rig: Rig) -> None:
    rig.deploy(parent({"Child": nest(put(rig, "one.yaml", HELD))}))
    rig.world.script.drops_with_values("Orders")
    assert [name for name, _ in allowed(rig, {"Child": nest(put(rig, "two.yaml", TOPIC))})] == [LOST]


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({}, "is deleted: with it goes every item"),
        ({"DeletionPolicy": "Retain"}, "leaves the stack: it stays"),
        ({"DeletionPolicy": "RetainExceptOnCreate"}, "leaves the stack: it stays"),
    ],
)
def test_all_that_a_removed_child_holds_is_guarded_by_what_becomes_of_it(
    rig: Rig, attributes: dict[str, Any], reason: str
) -> None:
    rig.deploy(parent({**TOPIC, **three_levels(rig, HELD, **attributes)}))
    ((name, why),) = allowed(rig, TOPIC)
    assert (name, reason in why) == ("us-east-1/p/Child/Grandchild/Orders", True)


def test_what_a_removed_child_s_own_template_retains_stays(rig: Rig) -> None:
    kept = {"Orders": {**TABLE, "DeletionPolicy": "Retain"}}
    rig.deploy(parent({**TOPIC, "Child": nest(put(rig, "one.yaml", kept))}))
    ((name, why),) = allowed(rig, TOPIC)
    assert (name, "leaves the stack: it stays" in why) == (LOST, True)


def test_a_grandchild_that_its_parent_gives_up_is_guarded_too(rig: Rig) -> None:
    rig.deploy(parent({"Child": nest(put(rig, "one.yaml", {**TOPIC, "Grandchild": nest(put(rig, "g.yaml", HELD))}))}))
    assert [name for name, _ in allowed(rig, {"Child": nest(put(rig, "two.yaml", TOPIC))})] == [
        "us-east-1/p/Child/Grandchild/Orders"
    ]


SSM = {"Parameters": {"Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image"}}}
UMLAUT = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "Störung"}}}


def test_a_child_at_another_address_is_unchanged_only_if_that_is_shown(rig: Rig) -> None:
    rig.deploy(parent({"Child": nest(put(rig, "one.yaml", HELD))}))
    moved = put(rig, "two.yaml", HELD)
    plan = rig.plan(parent({"Child": nest(moved)}))
    assert (plan.guards, [change.logical_id for change in plan.steps[0].changes]) == ((), ["Child"])
    assert ("s3", "GetObject") in {(call.service, call.operation) for call in rig.world.calls}
    assert done(rig.execute(plan))


def test_a_child_whose_template_nobody_can_compare_stops(rig: Rig) -> None:
    rig.deploy(parent({"Child": nest(put(rig, "one.yaml", UMLAUT))}))
    ((name, why),) = allowed(rig, {"Child": nest(put(rig, "two.yaml", UMLAUT))})
    assert (name, "not known to be the deployed one" in why) == ("us-east-1/p/Child", True)


def test_a_child_whose_template_we_may_not_read_stops(rig: Rig) -> None:
    rig.deploy(parent({"Child": nest(put(rig, "one.yaml", TOPIC))}))
    moved = put(rig, "two.yaml", TOPIC)
    rig.world.faults.add(Fault.DENIED, operation="GetObject")
    ((name, why),) = allowed(rig, {"Child": nest(moved)})
    assert (name, "its template cannot be read from" in why) == ("us-east-1/p/Child", True)


def test_a_child_that_may_take_another_value_from_ssm_stops(rig: Rig) -> None:
    rig.world.by_hand("AWS::SSM::Parameter", {"Name": "/image", "Type": "String", "Value": "one"})
    rig.deploy(parent({"Child": nest(put(rig, "one.yaml", TOPIC, **SSM))}))
    ((name, why),) = allowed(rig, {"Child": nest(put(rig, "two.yaml", TOPIC, **SSM))})
    assert (name, "read from SSM" in why) == ("us-east-1/p/Child", True)


def test_a_child_that_is_given_a_value_which_is_only_shown_masked_may_be_another(rig: Rig) -> None:
    hidden = {"Parameters": {"Password": {"Type": "String", "NoEcho": True}}}
    url = put(rig, "one.yaml", TOPIC, **hidden)
    rig.deploy(parent({"Child": nest(url, parameters={"Password": "one"})}))
    (child,) = (stack for stack in rig.run(SiteView(rig.clients, EAST).every_stack) if stack.parent)
    properties = {"TemplateURL": url, "Parameters": {"Password": "****"}}
    doubt = rig.run(lambda: Prover(rig.clients, EAST).doubt(child.arn, properties))
    assert doubt == "its parameters are not known to be the deployed ones"


def test_a_row_that_names_a_change_set_without_changes_is_no_error(rig: Rig) -> None:
    rig.world.quirks.unchanged_child_rows_name_their_change_set = True
    rig.deploy(parent({"Child": nest(put(rig, "one.yaml", HELD))}))
    plan = rig.plan(parent({"Child": nest(put(rig, "two.yaml", HELD))}))
    assert (plan.guards, [change.logical_id for change in plan.steps[0].changes]) == ((), ["Child"])


def test_a_failed_nested_change_set_s_reason_is_the_root_s(rig: Rig) -> None:
    broken = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"NoSuchProperty": "x"}}}
    with pytest.raises(Failed, match="NoSuchProperty"):
        rig.plan(parent(three_levels(rig, broken)))


def test_a_discarded_plan_leaves_no_child_in_review(rig: Rig) -> None:
    plan = rig.plan(parent(three_levels(rig, HELD)))
    rig.run(lambda: discard_plan(plan, rig.clients))
    rig.world.settle()
    listed = rig.clients.cloudformation(Region("us-east-1")).get_paginator("describe_stacks").paginate()
    assert [stack["StackName"] for page in listed for stack in page["Stacks"]] == []
    assert rig.plan(parent(three_levels(rig, HELD))).steps


def test_drift_is_not_put_right_where_that_could_not_be_reviewed(rig: Rig) -> None:
    rig.deploy(parent({"Child": nest(put(rig, "one.yaml", TOPIC))}))
    before = rig.operations("CreateChangeSet")
    with pytest.raises(BadInput, match="us-east-1/p: AWS makes no drift-aware change set"):
        rig.plan(
            parent({"Child": nest(put(rig, "one.yaml", TOPIC))}),
            PlanRequest(options=PlanOptions(deployment_mode="REVERT_DRIFT")),
        )
    assert rig.operations("CreateChangeSet") == before


def test_the_first_failure_is_the_resource_inside(rig: Rig) -> None:
    rig.world.script.fails("CREATE", "Orders", reason="Subscriber limit exceeded")
    (broke,) = rig.deploy(parent(three_levels(rig, HELD)))
    assert isinstance(broke, StackFailed)
    assert (broke.resource, broke.reason) == (
        "Child/Grandchild/Orders (AWS::DynamoDB::Table)",
        "Subscriber limit exceeded",
    )


def test_a_failed_creation_whose_child_still_holds_data_is_not_deleted_by_a_plan(rig: Rig) -> None:
    rig.world.script.fails("CREATE", "Last", reason="no")
    rig.world.script.fails("DELETE", "Orders", reason="in use")
    resources = {
        "Child": nest(put(rig, "one.yaml", HELD)),
        "Last": {"Type": "AWS::SNS::Topic", "DependsOn": "Child"},
    }
    rig.deploy(parent(resources))
    assert rig.world.stack("tap-dev-p").status == "ROLLBACK_FAILED"
    with pytest.raises(Stopped, match=r"Child/Orders \(AWS::DynamoDB::Table\): every item"):
        rig.plan(parent(resources))


def test_an_orphan_s_nested_data_is_guarded(rig: Rig) -> None:
    rig.deploy(parent(three_levels(rig, HELD)))
    other = make_deployment(make_stack(StackId("us-east-1/q"), "Resources: {T: {Type: AWS::SNS::Topic}}"))
    plan = rig.plan(other, PlanRequest(remove_orphans=True))
    assert [hit.allow for hit in plan.guards] == ["us-east-1/tap-dev-p/Child/Grandchild/Orders"]
    assert "every item" in plan.guards[0].why
    assert done(rig.execute(plan, ["us-east-1/tap-dev-p/Child/Grandchild/Orders"]))


def test_a_rollback_that_would_delete_a_nested_table_is_refused(rig: Rig) -> None:
    rig.deploy(parent({"Child": nest(put(rig, "one.yaml", TOPIC))}))
    rig.world.script.fails("CREATE", "Last", reason="no")
    grown = {
        "Child": nest(put(rig, "two.yaml", HELD)),
        "Last": {"Type": "AWS::SQS::Queue", "DependsOn": "Child"},
    }
    rig.deployment = parent(grown)
    rig.deploy(request=PlanRequest(options=PlanOptions(unrolled=(PARENT,))))
    assert rig.world.stack("tap-dev-p").status == "UPDATE_FAILED"
    with pytest.raises(Stopped, match=r"Child/Orders \(AWS::DynamoDB::Table\): every item"):
        recoveries(rig)


@pytest.mark.parametrize(
    ("of_stack", "of_table", "kept"),
    [
        ("Delete", "Delete", None),
        ("Delete", "RetainExceptOnCreate", None),
        ("Delete", "Retain", {"Child": "Delete", "Child/Orders": "Retain"}),
        ("Retain", "Delete", {"Child": "Retain", "Child/Orders": "Retain"}),
        ("RetainExceptOnCreate", "Retain", {"Child": "Delete", "Child/Orders": "Retain"}),
    ],
)
def test_a_rollback_takes_a_new_nested_stack_by_its_policy_and_by_those_inside(
    rig: Rig, of_stack: str, of_table: str, kept: dict[str, str] | None
) -> None:
    rig.deploy(parent({"Other": {"Type": "AWS::SNS::Topic"}}))
    rig.world.script.fails("CREATE", "Last", reason="no")
    held = put(rig, "two.yaml", {"Orders": {**TABLE, "DeletionPolicy": of_table}})
    grown = {
        "Other": {"Type": "AWS::SNS::Topic"},
        "Child": nest(held, DeletionPolicy=of_stack),
        "Last": {"Type": "AWS::SNS::Topic", "DependsOn": "Child"},
    }
    rig.deployment = parent(grown)
    rig.deploy(request=PlanRequest(options=PlanOptions(unrolled=(PARENT,))))
    if kept is None:
        with pytest.raises(Stopped, match=r"Child/Orders \(AWS::DynamoDB::Table\)"):
            recoveries(rig)
        return
    (recovery,) = recoveries(rig)
    fates = {resource.logical_id: resource.policy_action for resource in recovery.created}
    assert {name: fate for name, fate in fates.items() if name.startswith("Child")} == kept


GLOBAL = {
    "Orders": {
        "Type": "AWS::DynamoDB::GlobalTable",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            "Replicas": [{"Region": "us-east-1"}, {"Region": "us-west-2"}],
        },
    }
}


@pytest.mark.parametrize(
    ("resources", "why"),
    [
        (GLOBAL, "Child/Orders.*it has a replica in us-west-2, which is skipped"),
        ({"Data": {"Type": "AWS::S3::Bucket"}}, "Child/Data.*S3's bucket configuration is in us-east-1"),
    ],
)
def test_nothing_in_a_nested_stack_hangs_on_a_skipped_region(rig: Rig, resources: dict[str, Any], why: str) -> None:
    skipped = Region("us-west-2") if resources is GLOBAL else Region("us-east-1")
    stays = "us-east-1" if resources is GLOBAL else "us-west-2"
    stack = make_stack(StackId(f"{stays}/p"), parent({"Child": nest(put(rig, "c.yaml", resources))}).stacks[0].template)
    other = make_stack(StackId(f"{skipped}/q"), "Resources: {T: {Type: AWS::SNS::Topic}}")
    with pytest.raises(BuilderError, match=why):
        rig.plan(narrow(make_deployment(stack, other), [skipped]))


@pytest.mark.slow
def test_destroy_empties_what_is_nested_and_goes_on_where_it_failed(rig: Rig) -> None:
    data = {"Data": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "nested-data"}}}
    rig.deployment = parent(three_levels(rig, {**data, **HELD}))
    rig.deploy()
    rig.clients.s3(Region("us-east-1")).put_object(Bucket="nested-data", Key="left", Body=b"x")
    rig.world.script.fails("DELETE", "Orders", reason="in use")
    assert done(rig.destroy())
    assert rig.world.stack("tap-dev-p").status == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="404"):
        rig.clients.s3(Region("us-east-1")).head_bucket(Bucket="nested-data")


@pytest.mark.parametrize("by", ["destroy", "plan"])
def test_a_stack_that_goes_leaves_no_child_in_review_that_a_plan_of_an_update_made(rig: Rig, by: str) -> None:
    rig.deployment = parent(TOPIC)
    rig.deploy()
    rig.deploy(parent({**TOPIC, "Child": nest(put(rig, "one.yaml", TOPIC))}))  # its change set is still listed
    rig.plan(parent({**TOPIC, "Child": nest(put(rig, "one.yaml", TOPIC)), "Second": nest(put(rig, "two.yaml", HELD))}))
    if by == "destroy":
        assert done(rig.destroy())
    else:
        other = make_deployment(make_stack(StackId("us-east-1/q"), "Resources: {T: {Type: AWS::SNS::Topic}}"))
        assert done(rig.deploy(other, PlanRequest(remove_orphans=True)))
    listed = rig.clients.cloudformation(Region("us-east-1")).get_paginator("describe_stacks").paginate()
    left = {stack["StackName"] for page in listed for stack in page["Stacks"]}
    assert left == (set() if by == "destroy" else {"tap-dev-q"})


def test_an_export_that_a_child_imports_is_changed_in_two_plans(rig: Rig) -> None:
    def both(*names: str, taken: str) -> Deployment:
        outputs = {name: {"Value": "one", "Export": {"Name": name}} for name in names}
        exports = make_stack(StackId("us-east-1/k"), yaml.safe_dump({"Resources": TOPIC, "Outputs": outputs}))
        child = {"T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::ImportValue": taken}}}}
        (stack,) = parent({"Child": nest(put(rig, "child.yaml", child))}).stacks
        return make_deployment(exports, replace(stack, needs=(exports.id,)))

    rig.deploy(both("old", taken="old"))
    with pytest.raises(Stopped, match=r"removes the export old, .* seems to be nested in us-east-1/p"):
        rig.plan(both("new", taken="new"))
    assert done(rig.deploy(both("old", "new", taken="new")))
    assert done(rig.deploy(both("new", taken="new")))


def test_a_child_is_no_stack_of_the_deployment_s_own(rig: Rig) -> None:
    rig.deploy(parent(three_levels(rig, HELD)))
    child = next(change for change in rig.plan(parent({**TOPIC})).steps[0].changes if change.type == NESTED)
    assert child.physical_id
    assert not rig.plan(parent(three_levels(rig, HELD))).orphans


def test_what_takes_an_output_of_a_parent_that_stays_stays_too(rig: Rig) -> None:
    outputs = {"Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Child", "Outputs.Name"]}}}}
    inner = {"Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Topic", "TopicName"]}}}}
    first = parent({"Child": nest(put(rig, "one.yaml", TOPIC, **inner))}, **outputs).stacks[0]
    topic = "{Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name}}"
    taking = "Parameters: {Name: {Type: String}}\nResources: {T: " + topic + "}"
    second = make_stack(StackId("us-east-1/q"), taking, {"Name": OutputOf((PARENT, "Name"))}, (PARENT,))
    rig.deployment = make_deployment(first, second)
    assert done(rig.deploy())
    assert rig.plan().is_empty


def test_a_sibling_s_output_that_nobody_knows_stops_nothing_where_a_change_set_tells(rig: Rig) -> None:
    """CloudFormation shows such a child as changed, and its change set what happens inside."""
    inner = {"Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Topic", "TopicName"]}}}}
    declared = {"Parameters": {"Name": {"Type": "String"}}}
    taking = {**HELD, "Other": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Name"}}}}
    first = nest(put(rig, "one.yaml", TOPIC, **inner))
    given = {"Name": {"Fn::GetAtt": ["First", "Outputs.Name"]}}
    resources = {"First": first, "Child": nest(put(rig, "two.yaml", taking, **declared), parameters=given)}
    assert done(rig.deploy(parent(resources)))
    assert rig.plan(parent(resources)).guards == ()
