"""`--import-existing`: a bucket that no stack has becomes one's, under the name that the template has in plain text."""

import pytest

from builder.deploy import Deployment, Done, PlanOptions, PlanRequest
from builder.errors import Stopped
from builder.terms import Region, StackId
from deploy.chained import make_deployment, make_stack
from deploy.rig import Rig

NEW, EAST = StackId("us-east-1/new"), Region("us-east-1")
REQUEST = PlanRequest(options=PlanOptions(import_existing=True))


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.clients.s3(EAST).create_bucket(Bucket="files")
    rig.clients.s3(EAST).put_object(Bucket="files", Key="kept", Body=b"x")
    return rig


def holding(name: str = "files", policy: str = "Retain") -> Deployment:
    resource = f"Files: {{Type: AWS::S3::Bucket, DeletionPolicy: {policy}, Properties: {{BucketName: {name}}}}}"
    return make_deployment(make_stack(NEW, f"Resources:\n  Topic: {{Type: AWS::SNS::Topic}}\n  {resource}\n"))


def test_it_is_taken_in_with_all_that_is_in_it(rig: Rig) -> None:
    plan = rig.plan(holding(), REQUEST)
    shown = {change.logical_id: change.action for change in plan.steps[0].changes}
    assert shown == {"Files": "Import", "Topic": "Add"}
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
    assert [version.key for version in rig.world.buckets["files"].versions] == ["kept"]
    assert rig.plan(holding(), REQUEST).is_empty


def test_without_the_option_it_is_named(rig: Rig) -> None:
    with pytest.raises(Stopped, match="the bucket files is there already: no stack of us-east-1 has it") as caught:
        rig.plan(holding())
    assert caught.value.next_step.startswith("--import-existing    takes it in under the name that the template has")


@pytest.mark.parametrize(
    ("name", "policy"), [("!Sub files", "Retain"), ("files", "Delete"), ("files", "!If [Kept, Retain, Delete]")]
)
def test_what_cloudformation_does_not_import_of_itself_is_refused_all_the_same(
    rig: Rig, name: str, policy: str
) -> None:
    with pytest.raises(Stopped, match="and creating it would fail"):
        rig.plan(holding(name, policy), REQUEST)


def test_what_another_stack_has_is_refused_all_the_same(rig: Rig) -> None:
    rig.deploy(holding(), REQUEST)
    stack = make_stack(StackId("us-east-1/more"), holding().stacks[0].template)
    with pytest.raises(Stopped):
        rig.plan(make_deployment(stack), REQUEST)
