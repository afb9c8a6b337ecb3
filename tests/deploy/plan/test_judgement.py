"""Change sets that are not what the plan's file says they are: each is judged by AWS and the assembly alone."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from builder.deploy import Done, Plan, ReviewRequired, after_review, execute_plan, write_plan
from builder.deploy.change_sets.change_set import change_set_name
from builder.deploy.draft.expected import ExpectedChangeSet, ShownChangeSet, differences
from builder.deploy.records import Deletion, FoundStack, GuardHit, PlanOptions
from builder.errors import BadInput, Stopped
from builder.terms import Arn, Region, StackId, StackName
from deploy.chained import KEY_TEMPLATE, KEYS, chained, make_deployment, make_stack
from deploy.rig import Rig, edited

TABLE, SERVICE = StackId("us-east-1/table"), StackId("us-east-1/service")

TEMPLATE = "Parameters: {A: {Type: String}, B: {Type: String, Default: b}, P: {Type: String, NoEcho: true}}"
SHOWN = ShownChangeSet(
    name="tap-dev-plan-1",
    stack_name=StackName("tap-dev-table"),
    stack_arn=Arn("arn:table"),
    parameters={"A": "a", "P": "****"},
    tags={"builder:deployment": "tap-dev"},
    capabilities=frozenset({"CAPABILITY_IAM"}),
)
EXPECTED = ExpectedChangeSet(
    name="tap-dev-plan-1",
    stack_name=StackName("tap-dev-table"),
    stack_arn=Arn("arn:table"),
    template=TEMPLATE,
    parameters={"A": "a", "B": "b", "P": "secret"},
    tags={"builder:deployment": "tap-dev"},
    capabilities=frozenset({"CAPABILITY_IAM"}),
    notification_arns=frozenset({"arn:sns:theirs"}),
)
DIFFERENT: dict[str, tuple[dict[str, Any], str]] = {
    "name": ({"name": "other"}, "its name is other, and not tap-dev-plan-1"),
    "stack": ({"stack_arn": Arn("arn:payroll")}, "it is of the stack arn:payroll, and not of arn:table"),
    "part of another": ({"belongs_to": Arn("arn:root")}, "it is a part of the change set arn:root"),
    "value": ({"parameters": {"A": "x", "P": "****"}}, "its parameter A is 'x', and not 'a'"),
    "default": ({"parameters": {"A": "a", "B": "x", "P": "****"}}, "its parameter B is 'x', and not 'b'"),
    "one more": ({"parameters": {"A": "a", "C": "c", "P": "****"}}, "its parameter C is 'c', and not missing"),
    "one less": ({"parameters": {"P": "****"}}, "its parameter A is missing, and not 'a'"),
    "no secret": ({"parameters": {"A": "a"}}, "its parameter P is not the assembly's"),
    "tag": ({"tags": {"builder:deployment": "payroll"}}, "its tags are not the assembly's: builder:deployment"),
    "tags": ({"tags": {}}, "its tags are not the assembly's: builder:deployment"),
    "capability": (
        {"capabilities": frozenset({"CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"})},
        "its capabilities are CAPABILITY_AUTO_EXPAND, CAPABILITY_IAM, and not CAPABILITY_IAM",
    ),
    "events": ({"notification_arns": frozenset({"arn:sns:spy"})}, "it tells arn:sns:spy of the stack's events"),
    "triggers": ({"rollback_triggers": frozenset({"arn:alarm"})}, "it is rolled back by arn:alarm"),
    "imports": ({"imports_existing": True}, "it takes in resources that exist"),
    "mode": ({"mode": "REVERT_DRIFT"}, "its deployment mode is REVERT_DRIFT, and not STANDARD"),
    "nested": ({"nested": True}, "it was made with nested stacks"),
    "failure": ({"on_stack_failure": "DELETE"}, "a failure has CloudFormation DELETE instead of rolling back"),
    "no rollback": ({"keeps_failures": True}, "a failure of it is not rolled back"),
}
"""What AWS shows, and the difference that is reported."""


@pytest.mark.parametrize("kind", DIFFERENT)
def test_whatever_is_not_as_the_assembly_says_is_told_and_no_secret_with_it(kind: str) -> None:
    fields, message = DIFFERENT[kind]
    assert differences(replace(SHOWN, **fields), TEMPLATE, EXPECTED) == (message,)


def test_what_is_as_the_assembly_says_is_let_pass() -> None:
    assert differences(SHOWN, TEMPLATE, EXPECTED) == ()
    kept = replace(SHOWN, notification_arns=EXPECTED.notification_arns, on_stack_failure="ROLLBACK")
    assert differences(kept, TEMPLATE, EXPECTED) == ()


def test_another_template_is_told() -> None:
    assert differences(SHOWN, f"{TEMPLATE} ", EXPECTED) == ("its template is not the assembly's",)


def test_what_get_template_masks_is_no_difference() -> None:
    expected = replace(EXPECTED, template=f"{TEMPLATE} # Störung")
    assert differences(SHOWN, f"{TEMPLATE} # St?rung", expected) == ()


def forged(rig: Rig, plan: Plan, stack: StackId, **request: Any) -> Plan:
    """The plan with a change set that somebody else made in the place of one of its own: same name and Description."""
    (step,) = (step for step in plan.steps if step.stack == stack)
    client = rig.clients.cloudformation(step.region)
    own = client.describe_change_set(ChangeSetName=step.change_set)
    body = client.get_template(ChangeSetName=step.change_set, TemplateStage="Original")["TemplateBody"]
    client.delete_change_set(ChangeSetName=step.change_set)
    answer = client.create_change_set(
        **{
            "StackName": step.name,
            "ChangeSetName": own["ChangeSetName"],
            "ChangeSetType": step.type,
            "Description": own["Description"],
            "TemplateBody": body,
            "Parameters": own.get("Parameters", []),
            "Capabilities": own.get("Capabilities", []),
            "Tags": own.get("Tags", []),
            **request,
        }
    )
    rig.world.settle()
    fake = replace(step, change_set=Arn(answer["Id"]))
    return replace(plan, steps=tuple(fake if step.stack == stack else step for step in plan.steps))


OTHER = KEY_TEMPLATE.replace("one", "evil")
FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "template": ({"TemplateBody": OTHER}, "its template is not the assembly's"),
    "tags": ({"Tags": [{"Key": "builder:deployment", "Value": "payroll"}]}, "its tags are not the assembly's"),
    "capabilities": ({"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}, "its capabilities are CAPABILITY_AUTO_EXPAND"),
    "events": ({"NotificationARNs": ["arn:aws:sns:us-east-1:111122223333:spy"]}, "it tells arn:aws:sns"),
    "imports": ({"ImportExistingResources": True}, "it takes in resources that exist"),
    "mode": ({"DeploymentConfig": {"Mode": "EXPRESS"}}, "its deployment mode is EXPRESS, and not STANDARD"),
    "failure": ({"OnStackFailure": "DELETE"}, "a failure has CloudFormation DELETE"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_change_set_of_somebody_else_s_with_the_name_and_description_of_ours_is_not_executed(
    rig: Rig, kind: str
) -> None:
    fields, message = FORGED[kind]
    deployment = make_deployment(make_stack(KEYS, KEY_TEMPLATE))
    plan = forged(rig, rig.plan(deployment), KEYS, **fields)
    with pytest.raises(Stopped, match="is not what the assembly says") as caught:
        rig.execute(plan)
    assert message in str(caught.value)
    assert rig.operations("ExecuteChangeSet") == 0


def test_the_same_forgery_without_a_difference_is_as_good_as_ours(rig: Rig) -> None:
    plan = forged(rig, rig.plan(make_deployment(make_stack(KEYS, KEY_TEMPLATE))), KEYS)
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))


def test_guards_that_are_struck_out_of_the_file_stop_all_the_same(deployed: Rig) -> None:
    topic = "  Topic: {Type: AWS::SNS::Topic}\n"
    deployed.deploy(make_deployment(make_stack(KEYS, KEY_TEMPLATE.replace("Outputs:", f"{topic}Outputs:"))))
    plan = deployed.plan(make_deployment(make_stack(KEYS, f"Resources:\n{topic}")))
    harmless = tuple(replace(step, changes=(), risk="create") for step in plan.steps)
    assert plan.guards
    executed = deployed.operations("ExecuteChangeSet")
    silent = replace(plan, guards=(), steps=harmless, orphans=(), pending=())
    with pytest.raises(Stopped, match=f"{KEYS}/Key"):
        deployed.execute(silent)
    # Nor does a pattern let pass what nobody was shown.
    other = GuardHit(stack=KEYS, logical_id="Other", why="it is replaced", allow=f"{KEYS}/Other")
    with pytest.raises(Stopped, match=f"{KEYS}/Key"):
        deployed.execute(replace(silent, guards=(other,)), allow={f"{KEYS}/*"})
    assert deployed.operations("ExecuteChangeSet") == executed


def test_a_need_that_the_file_leaves_out_and_that_is_not_as_the_assembly_says_stops(deployed: Rig) -> None:
    newer = edited(deployed.deployment, TABLE, "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false")
    plan = deployed.plan(edited(newer, SERVICE, "MemorySize: 256", "MemorySize: 512"))
    assert {step.stack for step in plan.steps} == {TABLE, SERVICE}
    only = replace(plan, steps=tuple(step for step in plan.steps if step.stack == SERVICE), unchanged=(TABLE,))
    with pytest.raises(Stopped, match=f"{TABLE}/LeftOut: what needs it is executed"):
        deployed.execute(only)
    assert all(isinstance(outcome, Done) for outcome in deployed.execute(only, allow={f"{TABLE}/LeftOut"}))


def a_foreign_stack(rig: Rig) -> Arn:
    client = rig.clients.cloudformation(Region("us-east-1"))
    made = client.create_change_set(
        StackName="payroll", ChangeSetName="x", ChangeSetType="CREATE", TemplateBody=KEY_TEMPLATE
    )
    rig.world.settle()
    client.execute_change_set(ChangeSetName=made["Id"])
    rig.world.settle()
    return Arn(made["StackId"])


def test_a_deletion_of_a_stack_that_is_not_the_deployment_s_is_refused(deployed: Rig) -> None:
    arn = a_foreign_stack(deployed)
    plan = deployed.plan(edited(deployed.deployment, SERVICE, "MemorySize: 256", "MemorySize: 512"))
    described = deployed.clients.cloudformation(Region("us-east-1")).describe_stacks(StackName=arn)["Stacks"][0]
    as_found = FoundStack(status="CREATE_COMPLETE", stack_id=arn, last_change=described["LastUpdatedTime"].isoformat())
    deletion = Deletion(
        stack=StackId("us-east-1/payroll"),
        region=Region("us-east-1"),
        name=StackName("payroll"),
        stack_arn=arn,
        because="the assembly no longer has it",
        found=as_found,
    )
    with pytest.raises(Stopped, match="does not carry builder:deployment=tap-dev"):
        deployed.execute(replace(plan, deletions=(deletion,)))
    assert deployed.world.stack("payroll").exists
    assert deployed.operations("DeleteStack") == 0


@pytest.fixture
def chain(rig: Rig) -> Rig:
    """Two stacks of which the second takes an output of the first."""
    rig.deployment = chained()
    return rig


def test_what_a_file_says_of_a_deferred_step_is_not_what_is_made(chain: Rig) -> None:
    plan = chain.plan()
    (deferred,) = plan.deferred
    evil = replace(deferred.desired, template=OTHER, sha256="0" * 64, parameters={"X": "evil"}, capabilities=("X",))
    assert all(
        isinstance(outcome, Done)
        for outcome in chain.execute(replace(plan, deferred=(replace(deferred, desired=evil),)))
    )
    stack = chain.deployment.stack(deferred.stack)
    answer = chain.clients.cloudformation(stack.region).get_template(StackName=stack.name, TemplateStage="Original")
    assert str(answer["TemplateBody"]) == stack.template


def test_a_change_set_that_waits_under_the_name_of_a_deferred_one_is_not_executed(chain: Rig) -> None:
    plan = chain.plan()
    (deferred,) = plan.deferred
    description = {"plan": plan.id, "by": "plan", "assembly": plan.assembly, "stack": deferred.stack}
    digest = hashlib.sha256(chain.deployment.stack(deferred.stack).template.encode()).hexdigest()
    client = chain.clients.cloudformation(deferred.region)
    client.create_change_set(
        StackName=deferred.name,
        ChangeSetName=change_set_name(plan.deployment, plan.id, 1),
        ChangeSetType="CREATE",
        TemplateBody=OTHER,
        Description=json.dumps({**description, "template": digest}, separators=(",", ":")),
    )
    chain.world.settle()
    outcomes = {outcome.stack: outcome for outcome in chain.execute(plan)}
    assert not isinstance(outcomes[deferred.stack], Done)
    assert "its template is not the assembly's" in str(outcomes[deferred.stack])


SECRET = "correct horse battery staple"
HIDDEN = KEY_TEMPLATE.replace("one", "!Ref Password").replace(
    "Resources:", "Parameters: {Password: {Type: String, NoEcho: true}}\nResources:"
)


def hidden(template: str = HIDDEN, value: str = SECRET) -> Any:
    stack = replace(make_stack(KEYS, template), parameters={"Password": value})
    return make_deployment(stack)


def test_a_stack_with_hidden_values_gets_its_change_set_when_it_is_executed(rig: Rig) -> None:
    plan = rig.plan(hidden())
    assert (plan.steps, [step.stack for step in plan.deferred]) == ((), [KEYS])
    assert "AWS shows to nobody the value of Password" in plan.deferred[0].because
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
    stack = rig.world.stack(make_stack(KEYS, HIDDEN).name)
    assert stack.record.deployed.parameters["Password"] == SECRET


def test_a_plan_of_hidden_values_that_stay_is_empty_and_leaves_no_change_set(rig: Rig) -> None:
    rig.execute(rig.plan(hidden()))
    assert rig.plan(hidden()).is_empty
    plan = rig.plan(hidden(value="another one"))
    assert [step.stack for step in plan.deferred] == [KEYS]
    stack = make_stack(KEYS, HIDDEN)
    listed = rig.clients.cloudformation(stack.region).list_change_sets(StackName=stack.name)["Summaries"]
    assert [summary["ChangeSetName"] for summary in listed if summary["ExecutionStatus"] == "AVAILABLE"] == []


def test_no_hidden_value_is_in_what_is_written(rig: Rig) -> None:
    plan = rig.plan(hidden())
    written = write_plan(plan).decode()
    assert SECRET not in written
    assert '"Password": "****"' in written
    rig.execute(plan)
    assert SECRET not in repr(rig.events)


def test_another_template_that_was_executed_as_ours_is_not_taken_for_done(rig: Rig) -> None:
    rig.deploy(make_deployment(make_stack(KEYS, KEY_TEMPLATE)))
    plan = rig.plan(make_deployment(make_stack(KEYS, KEY_TEMPLATE.replace("one", "two"))))
    evil = forged(rig, plan, KEYS, TemplateBody=OTHER)
    rig.clients.cloudformation(Region("us-east-1")).execute_change_set(ChangeSetName=evil.steps[0].change_set)
    rig.world.settle()
    # By its ARN in the file, and by its Description alone.
    for claimed in (evil, plan):
        with pytest.raises(Stopped, match="was executed here, and the stack is not as the assembly says"):
            rig.execute(claimed)


def test_what_was_executed_as_it_was_planned_is_done(rig: Rig) -> None:
    plan = rig.plan(chained())
    rig.execute(plan)
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))


def test_a_change_set_after_one_that_runs_is_not_executed_unseen(rig: Rig) -> None:
    rig.deploy(make_deployment(make_stack(KEYS, KEY_TEMPLATE)))
    plan = rig.plan(make_deployment(make_stack(KEYS, KEY_TEMPLATE.replace("one", "two"))))
    (step,) = plan.steps
    rig.clients.cloudformation(step.region).execute_change_set(ChangeSetName=step.change_set)
    later = replace(step, part=2, change_set=Arn(step.change_set.replace("/tap-dev-plan-2/", "/tap-dev-plan-2-2/")))
    executed = rig.operations("ExecuteChangeSet")
    with pytest.raises(Stopped, match="a change set of another part is executed, and a later one is there"):
        rig.execute(replace(plan, steps=(step, later)))
    assert rig.operations("ExecuteChangeSet") == executed


NAMED = """\
Parameters: {Password: {Type: String, NoEcho: true}}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Password}}
"""


def test_no_hidden_value_is_in_what_is_left_for_review(rig: Rig) -> None:
    rig.execute(rig.plan(hidden(NAMED, "first-secret")))
    plan = rig.plan(hidden(NAMED.replace("Parameters", "# more\nParameters"), "second-secret"))
    (left,) = rig.execute(plan)
    assert isinstance(left, ReviewRequired)
    written = write_plan(after_review(plan, [left])).decode()
    assert "/Properties/QueueName" in written
    assert [secret for secret in ("first-secret", "second-secret") if secret in values_in(written)] == []


def test_no_value_that_was_hidden_is_in_a_plan_that_hides_it_no_more(rig: Rig) -> None:
    rig.execute(rig.plan(hidden(NAMED, "first-secret")))
    open_ = NAMED.replace("!Ref Password", "in-the-open").partition("\n")[2]
    plan = rig.plan(make_deployment(make_stack(KEYS, open_)))
    assert [prop.path for step in plan.steps for change in step.changes for prop in change.properties]
    assert "first-secret" not in values_in(write_plan(plan).decode())


def values_in(written: str) -> str:
    """All that is written but physical ids, which nobody can keep out: a queue's has its name."""
    return "\n".join(line for line in written.splitlines() if '"physical_id"' not in line)


def test_a_colleague_s_review_is_not_hidden_by_the_same_words_in_file_and_description(rig: Rig) -> None:
    rig.deploy(make_deployment(make_stack(KEYS, KEY_TEMPLATE)))
    plan = rig.plan(make_deployment(make_stack(KEYS, KEY_TEMPLATE.replace("one", "two"))))
    description = {"plan": plan.id, "by": "plan", "assembly": plan.assembly, "stack": KEYS, "template": "0" * 64}
    evil = forged(rig, plan, KEYS, Description=json.dumps(description))
    rig.clients.cloudformation(Region("us-east-1")).create_change_set(
        StackName="tap-dev-keys",
        ChangeSetName="a-colleague-s",
        TemplateBody=KEY_TEMPLATE.replace("one", "three"),
        Description=json.dumps({**description, "plan": "a-colleague-s"}),
    )
    rig.world.settle()
    executed = rig.operations("ExecuteChangeSet")
    steps = tuple(replace(step, template_sha256="0" * 64) for step in evil.steps)
    with pytest.raises(Stopped, match="another template than the assembly's"):
        rig.execute(replace(evil, steps=steps))
    assert rig.operations("ExecuteChangeSet") == executed


BUCKET = """\
Resources:
  Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, UpdateReplacePolicy: Retain, Properties: {BucketName: NAME}}
"""


def test_a_change_set_that_takes_in_what_somebody_else_has_named_is_not_executed(rig: Rig) -> None:
    client = rig.clients.cloudformation(Region("us-east-1"))
    made = client.create_change_set(
        StackName="payroll",
        ChangeSetName="x",
        ChangeSetType="CREATE",
        TemplateBody=BUCKET.replace("NAME", "payroll-archive"),
    )
    rig.world.settle()
    client.execute_change_set(ChangeSetName=made["Id"])
    rig.world.settle()
    client.delete_stack(StackName="payroll")
    rig.world.settle()
    rig.world.calls.clear()
    # Beside an import AWS takes no tags, so it is one of a stack that stands; and no other name than a written one.
    ours = BUCKET.replace("NAME", "!Sub ours")
    topic = "  Topic: {Type: AWS::SNS::Topic}\n"
    rig.deploy(make_deployment(make_stack(KEYS, f"Resources:\n{topic}")))
    plan = rig.plan(make_deployment(make_stack(KEYS, f"{ours}{topic}")))
    archive = {"BucketName": "payroll-archive"}
    taking = {"ResourceType": "AWS::S3::Bucket", "LogicalResourceId": "Bucket", "ResourceIdentifier": archive}
    executed = rig.operations("ExecuteChangeSet")
    evil = forged(rig, plan, KEYS, ChangeSetType="IMPORT", ResourcesToImport=[taking])
    with pytest.raises(Stopped, match="it takes in payroll-archive as Bucket"):
        rig.execute(evil)
    assert rig.operations("ExecuteChangeSet") == executed


SMUGGLED: dict[str, tuple[dict[str, Any], PlanOptions, str]] = {
    "mode": (
        {"DeploymentConfig": {"Mode": "EXPRESS"}},
        PlanOptions(deployment_mode="EXPRESS"),
        "the deployment mode is EXPRESS in the plan, and here it is STANDARD",
    ),
    "imports": ({"ImportExistingResources": True}, PlanOptions(import_existing=True), "the plan takes in resources"),
}
"""What somebody asks for, and writes into the file as having been asked for."""


@pytest.mark.parametrize("kind", SMUGGLED)
def test_options_that_only_the_file_says_and_a_change_set_made_with_them_are_a_wrong_input(rig: Rig, kind: str) -> None:
    fields, options, message = SMUGGLED[kind]
    plan = rig.plan(make_deployment(make_stack(KEYS, KEY_TEMPLATE)))
    trusted = rig.trusted(plan)
    evil = replace(forged(rig, plan, KEYS, **fields), options=options)
    with pytest.raises(BadInput, match=message):
        rig.watched(lambda emit: execute_plan(evil, trusted, rig.clients, emit))
    with_options = replace(trusted, options=options)
    assert all(
        isinstance(outcome, Done)
        for outcome in rig.watched(lambda emit: execute_plan(evil, with_options, rig.clients, emit))
    )


def test_a_bucket_that_only_the_file_names_is_handed_no_template(chain: Rig) -> None:
    plan = chain.plan()
    trusted = chain.trusted(plan)
    evil = replace(plan, options=PlanOptions(artifacts_bucket="somebody-else-s"))
    with pytest.raises(BadInput, match="to the bucket somebody-else-s in the plan, and here to none"):
        chain.watched(lambda emit: execute_plan(evil, trusted, chain.clients, emit))
