"""Change sets that cannot be made yet, because they look at what the same plan makes; and what only orders them."""

from typing import Any

import pytest

from builder.assembly import OutputOf
from builder.deploy import Deployment, Done, ReviewRequired
from builder.deploy.draft.creation import changes_unseen
from builder.deploy.draft.dependants import wait_for_makers
from builder.deploy.draft.records import DecidedStack, Keep, NeedsChangeSet
from builder.deploy.observe.deployment import ObservedDeployment
from builder.errors import BadInput, Failed, Stopped
from builder.template import read_template
from builder.terms import AccountId, StackId
from deploy.chained import assembled
from deploy.rig import Rig

BASE, APP = StackId("us-east-1/base"), StackId("us-east-1/app")
SSM = """\
Resources:
  Ami: {Type: AWS::SSM::Parameter, Properties: {Name: !Sub "/${AWS::StackName}/ami", Type: String, Value: ami-2}}
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}
"""
READS = """\
Parameters:
  Ami: {Type: "AWS::SSM::Parameter::Value<String>", Default: /tap-dev-base/ami}
Resources:
  User: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Ami}}
"""
# The default is bound with the suffix as everything is: the manifest gives the name.
GIVEN = {APP: {"Ami": "/tap-${EnvironmentSuffix}-base/ami"}}
EXPORTS = """\
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: first}}
Outputs:
  Topic: {Value: !Ref Topic, Export: {Name: !Sub "${AWS::StackName}-topic"}}
"""
IMPORTS = """\
Resources:
  User: {Type: AWS::SNS::Topic, Properties: {DisplayName: !ImportValue tap-dev-base-topic}}
"""
KEY = "Resources:\n  Key: {Type: AWS::EC2::KeyPair, Properties: {KeyName: door}}\n"
DOOR = """\
Parameters:
  Door: {Type: AWS::EC2::KeyPair::KeyName, Default: door}
Resources:
  User: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Door}}
"""


def reading(ssm: str = SSM, reads: str = READS) -> Deployment:
    return assembled({APP: reads, BASE: ssm}, parameters=GIVEN)


def exporting(exports: str = EXPORTS, imports: str = IMPORTS, **more: Any) -> Deployment:
    # In the assembly the name that is imported is computed, as in the stack that exports it.
    imports = imports.replace("!ImportValue tap-dev-base", '{"Fn::ImportValue": !Sub "tap-${Suffix}-base')
    imports = imports.replace("-topic}}", '-topic"}}}').replace("-other}}", '-other"}}}')
    suffix = "Parameters: {Suffix: {Type: String}}\n"
    return assembled(
        {APP: suffix + imports, BASE: exports}, parameters={APP: {"Suffix": "${EnvironmentSuffix}"}}, **more
    )


def display(rig: Rig, stack: str = "tap-dev-app") -> str:
    return str(rig.world.stack(stack).record.resources["User"].properties["DisplayName"])


def test_a_need_that_a_template_shows_is_one_that_nobody_types() -> None:
    assert reading().stack(APP).needs == (BASE,)
    assert exporting().stack(APP).needs == (BASE,)
    assert assembled({APP: DOOR, BASE: KEY}).stack(APP).needs == (BASE,)


def test_what_reads_an_ssm_parameter_of_the_same_plan_is_made_once_that_is_there(rig: Rig) -> None:
    plan = rig.plan(reading())
    assert [step.stack for step in plan.steps] == [BASE]
    (deferred,) = plan.deferred
    assert deferred.because == "reads the SSM parameter /tap-dev-base/ami, which us-east-1/base makes"
    assert [(change.action, change.logical_id) for change in deferred.changes] == [("Add", "User")]
    assert {type(outcome) for outcome in rig.execute(plan)} == {Done}
    assert display(rig) == "ami-2"
    assert rig.plan(reading()).is_empty


def test_a_value_that_moved_in_ssm_is_a_change_though_the_manifest_has_its_name(rig: Rig) -> None:
    rig.world.by_hand("AWS::SSM::Parameter", {"Name": "/app/ami", "Type": "String", "Value": "ami-2"})
    app = assembled({APP: READS.replace("/tap-dev-base/ami", "/app/ami")})
    rig.deploy(app)
    assert rig.plan(app).is_empty
    assert rig.world.stack("tap-dev-app").record.change_sets.keys() == {
        rig.world.stack("tap-dev-app").record.change_set_id
    }
    rig.world.ssm_values["111122223333", "us-east-1", "/app/ami"] = "ami-3"
    plan = rig.plan(app)
    ((change,),) = [step.changes for step in plan.steps]
    assert [(prop.before, prop.after) for prop in change.properties] == [("ami-2", "ami-3")]
    rig.execute(plan)
    assert display(rig) == "ami-3"
    assert rig.plan(app).is_empty


def test_a_value_that_the_plan_changes_defers_what_reads_it_with_the_most_it_may_show(rig: Rig) -> None:
    rig.deploy(reading())
    plan = rig.plan(reading(SSM.replace("ami-2", "ami-3")))
    (deferred,) = plan.deferred
    assert [(change.logical_id, [each.path for each in change.properties]) for change in deferred.changes] == [
        ("User", ["/Properties/DisplayName"])
    ]
    assert {type(outcome) for outcome in rig.execute(plan)} == {Done}
    assert display(rig) == "ami-3"


def test_another_change_of_its_maker_defers_nothing(rig: Rig) -> None:
    rig.deploy(reading())
    plan = rig.plan(reading(SSM.replace("DisplayName: one", "DisplayName: two")))
    assert (len(plan.steps), plan.deferred) == (1, ())


def test_what_shows_more_than_the_value_is_left_for_review(rig: Rig) -> None:
    named = READS.replace("DisplayName: !Ref Ami", "TopicName: !Ref Ami")
    rig.deploy(reading(reads=named))
    plan = rig.plan(reading(SSM.replace("ami-2", "ami-3"), named))
    (deviated,) = [outcome for outcome in rig.execute(plan) if isinstance(outcome, ReviewRequired)]
    assert deviated.beyond == ("User (AWS::SNS::Topic) would be replaced",)


def test_a_stack_that_takes_an_output_of_one_that_is_only_asked_is_not_made_to_wait(rig: Rig) -> None:
    rig.world.by_hand("AWS::SSM::Parameter", {"Name": "/app/ami", "Type": "String", "Value": "ami-2"})
    reads = READS.replace("/tap-dev-base/ami", "/app/ami") + "Outputs: {Arn: {Value: !Ref User}}\n"
    topic = TOPIC.replace("Topic}", "Topic, Properties: {DisplayName: !Ref Arn}}")
    takes = f"Parameters: {{Arn: {{Type: String}}}}\n{topic}"
    both = assembled(
        {APP: reads, BASE: takes}, parameters={BASE: {"Arn": OutputOf((APP, "Arn"))}}, needs={BASE: (APP,)}
    )
    rig.deploy(both)
    assert rig.plan(both).is_empty
    rig.world.ssm_values["111122223333", "us-east-1", "/app/ami"] = "ami-3"
    plan = rig.plan(both)
    assert ([step.stack for step in plan.steps], [step.stack for step in plan.deferred]) == ([APP], [BASE])


def test_a_key_pair_of_the_same_plan_defers_what_is_given_its_name(rig: Rig) -> None:
    plan = rig.plan(assembled({APP: DOOR, BASE: KEY}))
    (deferred,) = plan.deferred
    assert deferred.because == "is given the name door, which us-east-1/base makes"
    assert {type(outcome) for outcome in rig.execute(plan)} == {Done}
    assert display(rig) == "door"


def test_what_nobody_makes_is_asked_at_once_and_told_in_aws_s_words(rig: Rig) -> None:
    with pytest.raises(Failed, match=r"Unable to fetch parameters"):
        rig.plan(assembled({APP: READS}))
    assert not [
        stack
        for stack in rig.world.region("111122223333", "us-east-1").cloudformation.stacks.values()
        if stack.change_sets
    ]


def test_an_import_orders_executions_and_its_change_set_is_made_at_once(rig: Rig) -> None:
    plan = rig.plan(exporting())
    assert ({step.stack for step in plan.steps}, plan.deferred) == ({APP, BASE}, ())
    app = next(step for step in plan.steps if step.stack == APP)
    assert (app.needs, app.findings) == ((BASE,), ())
    assert {type(outcome) for outcome in rig.execute(plan)} == {Done}
    assert display(rig) == "arn:aws:sns:us-east-1:111122223333:first"


def test_an_import_that_nobody_makes_is_told_before_it_fails(rig: Rig) -> None:
    plan = rig.plan(assembled({APP: IMPORTS}))
    assert plan.steps[0].findings == (
        "WARN no export named tap-dev-base-topic: it has to be there when this is executed",
    )


def test_a_name_that_another_stack_gives_up_is_taken_after_that(rig: Rig) -> None:
    mine = "Resources:\n  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: work}}\n"
    none = "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n"
    rig.deploy(assembled({APP: none, BASE: mine + none.partition("\n")[2]}))
    moved = assembled({APP: mine + none.partition("\n")[2], BASE: none})
    plan = rig.plan(moved)
    (deferred,) = plan.deferred
    assert (deferred.stack, deferred.because) == (APP, f"takes the name work, which {BASE} gives up")
    assert deferred.needs == (BASE,)
    allow = {hit.allow for hit in plan.guards}
    assert {type(outcome) for outcome in rig.execute(plan, allow)} == {Done}
    assert "Queue" in rig.world.stack("tap-dev-app").record.resources


def test_a_name_that_is_given_up_by_what_needs_the_taker_takes_two_plans(rig: Rig) -> None:
    mine = "Resources:\n  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: work}}\n"
    none = "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n"
    needs = {BASE: (APP,)}
    rig.deploy(assembled({APP: none, BASE: mine + none.partition("\n")[2]}, needs=needs))
    with pytest.raises(Stopped, match=f"takes the name work, which {BASE} gives up, and {BASE} needs it"):
        rig.plan(assembled({APP: mine + none.partition("\n")[2], BASE: none}, needs=needs))


WIDE = "is transformed by the macro Wide, which us-east-1/base makes"
MACRO = "Resources:\n  Macro: {Type: AWS::CloudFormation::Macro, Properties: {Name: Wide, FunctionName: f}}\n"
TOPIC = "Resources:\n  User: {Type: AWS::SNS::Topic}\n"
OUTPUT = """\
Resources:
  User:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: {"Fn::GetStackOutput": {StackName: !Sub "tap-${Suffix}-base", OutputName: Arn}}}
"""
BUCKET = 'Resources:\n  B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "tap-${AWS::AccountId}-t"}}\n'
CHILD = """\
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: !Sub "https://tap-${AWS::AccountId}-t.s3.us-east-1.amazonaws.com/child.yaml"}
"""


@pytest.mark.parametrize(
    ("base", "app", "because"),
    [
        (MACRO, f"Transform: Wide\n{TOPIC}", WIDE),
        (
            MACRO,
            f"Transform: [AWS::LanguageExtensions, Wide]\n{TOPIC}",
            WIDE,
        ),
        (BUCKET, CHILD, "takes templates from the bucket tap-${AWS::AccountId}-t, which us-east-1/base makes"),
        (TOPIC, OUTPUT, "reads the output tap-${Suffix}-base.Arn in us-east-1, which us-east-1/base makes"),
    ],
    ids=["macro", "one of several", "children's templates", "output of a stack"],
)
@pytest.mark.parametrize(
    "decision", [NeedsChangeSet("CREATE"), NeedsChangeSet("UPDATE", certain=False), Keep()], ids=str
)
def test_what_else_forces_a_later_change_set_where_its_maker_is_in_the_plan(
    base: str, app: str, because: str, decision: NeedsChangeSet | Keep
) -> None:
    app = app.replace("${Suffix}", "${EnvironmentSuffix}") if "GetStackOutput" not in app else app
    parameters = {APP: {"Suffix": "${EnvironmentSuffix}"}} if "Suffix" in app else {}
    text = f"Parameters: {{Suffix: {{Type: String}}}}\n{app}" if "Suffix" in app else app
    deployment = assembled({APP: text, BASE: base}, parameters=parameters)
    maker = DecidedStack(desired=deployment.stack(BASE), decision=decision)
    deployed = ObservedDeployment(account=AccountId("111122223333"), stacks={}, templates={}, orphans=())
    decided = wait_for_makers(
        DecidedStack(desired=deployment.stack(APP), decision=Keep()), deployment, {BASE: maker}, deployed
    )
    if isinstance(decision, Keep):
        assert (decided.because, decided.decision) == ((), Keep())
    else:
        assert decided.because == (because.replace("${Suffix}", "dev"),)
        assert decided.decision == NeedsChangeSet("UPDATE", certain=False)


def test_stacks_that_take_values_of_each_other_are_refused() -> None:
    first = TOPIC.replace("Topic}", "Topic, Properties: {DisplayName: !ImportValue b}}")
    first += "Outputs: {A: {Value: x, Export: {Name: a}}}\n"
    second = first.replace("ImportValue b", "ImportValue a").replace("Name: a", "Name: b")
    with pytest.raises(BadInput, match=f"{APP} -> {BASE} -> {APP}"):
        assembled({APP: first, BASE: second})


@pytest.mark.parametrize(
    ("template", "unseen"),
    [
        (READS, True),
        (READS.replace("String>", "List<String>>"), True),
        (READS.replace('"AWS::SSM::Parameter::Value<String>"', "AWS::SSM::Parameter::Name"), False),
        (f"Transform: AWS::Serverless-2016-10-31\n{TOPIC}", True),
        (f"Transform: AWS::LanguageExtensions\n{TOPIC}", False),
        (f"Transform: [AWS::LanguageExtensions, Wide]\n{TOPIC}", True),
        ('Resources:\n  A: {Type: T, Properties: {"Fn::Transform": {Name: Wide}}}\n', True),
        (TOPIC, False),
    ],
)
def test_what_may_change_though_nothing_of_it_is_seen_is_asked_each_time(template: str, unseen: bool) -> None:  # noqa: FBT001
    assert changes_unseen(read_template(template, "app")) is unseen
