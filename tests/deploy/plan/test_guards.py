"""Every guard, by what CloudFormation itself shows of an update on the fake."""

from dataclasses import replace

import pytest

from builder.assembly.render import make_assembly
from builder.deploy import Deployment, Done
from builder.deploy import make_deployment as bind
from builder.deploy.plan.guards import guard_hits
from builder.deploy.progress import Allowed
from builder.deploy.records import ResourceChange
from builder.errors import Stopped
from builder.terms import LogicalId, Region, StackId
from deploy.chained import make_deployment, make_stack
from deploy.rig import Rig, edited
from loaded_config import make_loaded_config

STACK, TABLE = StackId("us-east-1/data"), StackId("us-east-1/table")
BESIDE = "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n"


def holding(resource: str) -> Deployment:
    """A deployment of one stack, with this resource beside one that holds nothing."""
    return make_deployment(make_stack(STACK, BESIDE + resource))


def guarded(rig: Rig, deployment: Deployment, *allow: str) -> str:
    """Plan it, see exactly these names guarded and nothing executed without them; let them pass. Return the reasons."""
    plan = rig.plan(deployment)
    assert {hit.allow for hit in plan.guards} == set(allow)
    before = rig.operations("ExecuteChangeSet")
    for some in (allow[:-1], ()):
        with pytest.raises(Stopped, match="Nothing was executed") as caught:
            rig.execute(plan, some)
        assert f"--allow {allow[-1]} " in caught.value.next_step
    assert rig.operations("ExecuteChangeSet") == before
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan, allow))
    return "; ".join(hit.why for hit in plan.guards)


BUCKET = "  Data: {Type: AWS::S3::Bucket, Properties: {BucketName: one}}\n"
KEY = "  Data: {Type: AWS::KMS::Key, Properties: {KeySpec: SYMMETRIC_DEFAULT}}\n"
LOGS = "  Data: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: one}}\n"
GLOBAL_TABLE = """\
  Data:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      TableName: one
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      Replicas:
        - {Region: us-east-1}
        - {Region: us-west-2}
"""
URL = """\
  Function: {Type: AWS::Lambda::Function, Properties: {FunctionName: one, Role: r, Code: {ZipFile: x}}}
  Other: {Type: AWS::Lambda::Function, Properties: {FunctionName: two, Role: r, Code: {ZipFile: x}}}
  Data: {Type: AWS::Lambda::Url, Properties: {AuthType: NONE, TargetFunctionArn: !GetAtt Function.Arn}}
"""


@pytest.mark.parametrize("resource", [BUCKET, KEY, LOGS, GLOBAL_TABLE], ids=["bucket", "key", "log group", "table"])
def test_what_holds_data_is_not_removed_unasked(rig: Rig, resource: str) -> None:
    rig.deploy(holding(resource))
    assert "with it goes" in guarded(rig, make_deployment(make_stack(STACK, BESIDE)), f"{STACK}/Data")


@pytest.mark.parametrize("resource", [BUCKET, LOGS, GLOBAL_TABLE], ids=["bucket", "log group", "table"])
def test_what_holds_data_is_not_replaced_unasked(rig: Rig, resource: str) -> None:
    rig.deploy(holding(resource))
    assert "is replaced" in guarded(rig, holding(resource.replace(": one", ": two")), f"{STACK}/Data")


UNKNOWN = "  Data: {Type: Org::Service::Store, Properties: {Name: one}}\n"


def test_what_nobody_knows_is_not_removed_unasked_and_that_says_so(rig: Rig) -> None:
    rig.deploy(holding(UNKNOWN))
    why = guarded(rig, make_deployment(make_stack(STACK, BESIDE)), f"{STACK}/Data")
    assert "with it goes what it holds (this version does not know what that is)" in why


def test_only_what_replaces_it_is_stopped_by_what_cloudformation_shows_of_it(rig: Rig) -> None:
    rig.deploy(holding(UNKNOWN))
    plan = rig.plan(holding(UNKNOWN.replace("Name: one", "Name: one, Size: 2")))
    assert (plan.guards, [type(outcome) for outcome in rig.execute(plan)]) == ((), [Done])
    why = guarded(rig, holding(UNKNOWN.replace("Name: one", "Name: two")), f"{STACK}/Data")
    assert "is replaced: with the old one goes what it holds (this version" in why


@pytest.mark.parametrize("policy", ["Delete", "Retain", "Snapshot"])
def test_what_nobody_knows_is_not_replaced_unasked(rig: Rig, policy: str) -> None:
    change = ResourceChange(
        action="Modify",
        logical_id=LogicalId("Data"),
        type="AWS::NextYear::Store",
        replacement="True",
        policy_action=f"ReplaceAnd{policy}",
    )
    step = rig.plan().steps[0]
    (hit,) = guard_hits([replace(step, changes=(change,))])
    assert "this version does not know what that is" in hit.why
    stays = replace(change, replacement="False", policy_action=None)
    assert guard_hits([replace(step, changes=(stays,))]) == ()


def test_a_function_url_is_not_replaced_unasked(rig: Rig) -> None:
    rig.deploy(holding(URL))
    why = guarded(rig, holding(URL.replace("!GetAtt Function.Arn", "!GetAtt Other.Arn")), f"{STACK}/Data")
    assert "the address that clients know" in why


def test_a_replica_does_not_go_unasked(rig: Rig) -> None:
    rig.deploy(holding(GLOBAL_TABLE))
    why = guarded(rig, holding(GLOBAL_TABLE.replace("        - {Region: us-west-2}\n", "")), f"{STACK}/Data")
    assert "loses its replica in us-west-2" in why


def test_a_pattern_lets_what_the_plan_shows_pass_and_says_how_many(rig: Rig) -> None:
    both = BUCKET + BUCKET.replace("Data:", "Other:").replace("one", "two")
    rig.deploy(holding(both))
    plan = rig.plan(make_deployment(make_stack(STACK, BESIDE)))
    with pytest.raises(Stopped, match="us-east-1/data/Other"):
        rig.execute(plan, ["us-east-1/data/D*"])
    rig.events.clear()
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan, ["us-east-1/data/*"]))
    assert rig.events_of(Allowed) == [Allowed("us-east-1/data/*", 2, ("us-east-1/data/Data", "us-east-1/data/Other"))]


def test_two_names_have_to_be_allowed_each(rig: Rig) -> None:
    both = make_deployment(make_stack(STACK, BESIDE + BUCKET), make_stack(StackId("us-west-2/data"), BESIDE + LOGS))
    rig.deploy(both)
    bare = make_deployment(make_stack(STACK, BESIDE), make_stack(StackId("us-west-2/data"), BESIDE))
    guarded(rig, bare, f"{STACK}/Data", "us-west-2/data/Data")


def test_what_is_retained_leaves_the_stack_only_when_asked(rig: Rig) -> None:
    kept = BUCKET.replace("S3::Bucket,", "S3::Bucket, DeletionPolicy: Retain,")
    rig.deploy(holding(kept))
    assert "it stays" in guarded(rig, make_deployment(make_stack(STACK, BESIDE)), f"{STACK}/Data")


def test_a_primary_region_in_which_the_table_is_not_is_refused(deployed: Rig) -> None:
    assembly = make_assembly(make_loaded_config(regions={"primary": "eu-west-1", "secondaries": ["us-west-2"]}))
    with pytest.raises(Stopped, match="stands in us-west-2, and not in eu-west-1"):
        deployed.plan(bind(assembly.manifest, assembly.templates, "dev"))


def test_a_primary_region_that_the_assembly_no_longer_names_is_found(deployed: Rig) -> None:
    client = deployed.clients.dynamodb(Region("us-east-1"))
    client.update_table(TableName="tap-dev-global", ReplicaUpdates=[{"Delete": {"RegionName": "us-west-2"}}])
    deployed.world.settle()
    assembly = make_assembly(make_loaded_config(regions={"primary": "eu-west-1", "secondaries": ["us-west-2"]}))
    plan = deployed.plan(bind(assembly.manifest, assembly.templates, "dev"))
    assert "us-east-1/tap-dev-table" in {orphan.stack for orphan in plan.orphans}
    assert "eu-west-1/table/Table" in {hit.allow for hit in plan.guards}


def test_an_ordinary_update_trips_nothing(deployed: Rig) -> None:
    plan = deployed.plan(edited(deployed.deployment, "us-west-2/service", "MemorySize: 256", "MemorySize: 512"))
    assert plan.guards == ()
    assert all(isinstance(outcome, Done) for outcome in deployed.execute(plan))


DATA = ResourceChange(action="Modify", logical_id=LogicalId("Data"), type="AWS::S3::Bucket")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (replace(DATA, replacement="Conditional"), "may be replaced: with the old one goes every object"),
        (replace(DATA, replacement="True", policy_action="ReplaceAndRetain"), "the old one stays"),
        (replace(DATA, replacement="True", policy_action="ReplaceAndSnapshot"), "a snapshot is all that stays"),
        (replace(DATA, policy_action="ReplaceAndDelete"), "is replaced"),
        (replace(DATA, action="Remove", policy_action="Snapshot"), "a snapshot is all that stays"),
        (replace(DATA, action="Dynamic"), "cannot say beforehand"),
        (replace(DATA, losses=("its replica",)), "loses its replica"),
    ],
)
def test_the_reason_says_what_becomes_of_the_data(rig: Rig, change: ResourceChange, why: str) -> None:
    step = replace(rig.plan().steps[0], changes=(change,))
    (hit,) = guard_hits([step])
    assert why in hit.why


@pytest.mark.parametrize("change", [DATA, replace(DATA, action="Add"), replace(DATA, action="Import")])
def test_what_stays_or_comes_needs_nobody_s_leave(rig: Rig, change: ResourceChange) -> None:
    assert guard_hits([replace(rig.plan().steps[0], changes=(change,))]) == ()
