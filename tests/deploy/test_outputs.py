from dataclasses import replace

import pytest

from builder.assembly import OutputOf
from builder.deploy import Broke, Deployment, Done, Outputs, observe_every_output, observe_outputs
from builder.errors import Failed, Several, Stopped
from builder.terms import StackId
from deploy.chained import make_deployment, make_stack
from deploy.rig import Rig

TOPICS, GONE = StackId("us-east-1/topics"), StackId("us-east-1/gone")
TEMPLATE = """\
Parameters: {Stage: {Type: String, Default: dev}}
Conditions: {IsProd: !Equals [!Ref Stage, prod]}
Resources: {Topic: {Type: AWS::SNS::Topic}}
Outputs:
  Always: {Value: a}
  Prod: {Value: b, Condition: IsProd}
  Last: {Value: c}
"""
TAKER = """\
Parameters: {Note: {Type: String}}
Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Note}}}
"""


def test_every_public_output_is_read_from_the_stack_that_holds_it(standing: Rig) -> None:
    outputs = standing.run(lambda: observe_outputs(standing.deployment, standing.clients))
    assert list(outputs) == [
        "primaryLambdaUrl",
        "secondaryLambdaUrl",
        "globalTableName",
        "primaryBucketName",
        "secondaryBucketName",
    ]
    assert outputs["globalTableName"] == "tap-dev-global"
    assert outputs["secondaryBucketName"] == "tap-dev-111122223333-us-west-2-an"


def test_what_is_not_deployed_has_no_outputs(rig: Rig) -> None:
    with pytest.raises(Failed, match=r"^tap-dev: is not deployed: no region has a stack of it$"):
        rig.run(lambda: observe_outputs(rig.deployment, rig.clients))


def putting_out(stage: str, *names: str, stack: StackId = TOPICS) -> Deployment:
    deployment = make_deployment(make_stack(TOPICS, TEMPLATE, {"Stage": stage}))
    return replace(deployment, outputs={name.lower(): (stack, name) for name in names})


def read(rig: Rig, deployment: Deployment) -> Outputs:
    return rig.run(lambda: observe_every_output(deployment, rig.clients))


def test_one_under_a_condition_that_is_false_is_absent_and_hides_no_other(rig: Rig) -> None:
    deployment = putting_out("dev", "Always", "Prod", "Last")
    rig.deploy(deployment)
    found = read(rig, deployment)
    assert found == Outputs(
        values={"always": "a", "last": "c"},
        absent={"prod": "is the output Prod of us-east-1/topics, whose condition IsProd is false there"},
    )
    found.check()
    assert found.value("always") == "a"
    with pytest.raises(Failed, match="condition IsProd is false"):
        found.value("prod")
    prod = putting_out("prod", "Always", "Prod", "Last")
    rig.deploy(prod)
    assert read(rig, prod) == Outputs(values={"always": "a", "prod": "b", "last": "c"})


def test_one_that_should_be_there_and_is_not_hides_no_other_either(rig: Rig) -> None:
    rig.deploy(putting_out("dev", "Always"))
    deployment = putting_out("dev", "Always", "Never", "Last")
    gone = make_stack(GONE, TEMPLATE)
    deployment = replace(
        deployment, stacks=(*deployment.stacks, gone), outputs={**deployment.outputs, "gone": (GONE, "Prod")}
    )
    found = read(rig, deployment)
    assert found == Outputs(
        values={"always": "a", "last": "c"},
        missing={
            "never": "is the output Never of us-east-1/topics, which is deployed without it",
            "gone": "is the output Prod of us-east-1/gone, which is not deployed",
        },
    )
    with pytest.raises(Several, match=r"which is deployed without it\n.*which is not deployed"):
        found.check()


def test_a_stack_in_review_is_not_deployed(rig: Rig) -> None:
    deployment = putting_out("dev", "Prod")
    rig.plan(deployment)
    with pytest.raises(Failed, match="is not deployed"):
        read(rig, deployment)


@pytest.mark.parametrize(
    ("value", "begun"), [("Störung", False), ("https://example.com/?a=b", False), ("https://example.com/?a=b", True)]
)
def test_a_value_that_may_be_masked_is_no_parameter(rig: Rig, value: str, *, begun: bool) -> None:
    def both(note: str) -> Deployment:
        source = make_stack(
            TOPICS, f"Resources: {{Topic: {{Type: AWS::SNS::Topic}}}}\nOutputs: {{Note: {{Value: '{note}'}}}}"
        )
        taker = make_stack(GONE, TAKER, {"Note": OutputOf((TOPICS, "Note"))}, (TOPICS,))
        return make_deployment(source, taker)

    if begun:
        rig.deploy(make_deployment(both(value).stacks[0]))
        rig.world.calls.clear()
        with pytest.raises(
            Stopped, match=r"takes the output Note of us-east-1/topics, which shows as '.*not sent again"
        ):
            rig.plan(both(value))
        assert rig.operations("CreateChangeSet") == 0
    else:
        _, broke = rig.deploy(both(value))
        assert isinstance(broke, Broke)
        assert "is not sent again" in broke.reason
    assert all(isinstance(one, Done) for one in rig.deploy(both("plain")))
