"""Exports in use: importers give them up first, or nothing is executed."""

import pytest

from builder.deploy import Deployment, Done
from builder.deploy.plan.exports import missing_exports
from builder.errors import BuilderError, ExitCode, Stopped
from builder.terms import StackId
from deploy.chained import assembled
from deploy.rig import Rig

APP, BASE = StackId("us-east-1/app"), StackId("us-east-1/base")
EXPORTS = """\
Parameters: {Suffix: {Type: String}}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: first}}
Outputs:
  Topic: {Value: !Ref Topic, Export: {Name: !Sub "tap-${Suffix}-topic"}}
  Two: {Value: two, Export: {Name: !Sub "tap-${Suffix}-two"}}
"""
IMPORTS = """\
Parameters: {Suffix: {Type: String}}
Resources:
  User: {Type: AWS::SNS::Topic, Properties: {DisplayName: {"Fn::ImportValue": !Sub "tap-${Suffix}-topic"}}}
"""
IMPORTS_NONE = IMPORTS.replace('{"Fn::ImportValue": !Sub "tap-${Suffix}-topic"}', "none")
IMPORTS_NEW = IMPORTS.replace("-topic", "-new")
WITHOUT = EXPORTS.replace('  Topic: {Value: !Ref Topic, Export: {Name: !Sub "tap-${Suffix}-topic"}}\n', "")
OTHER_NAME = EXPORTS.replace("-topic", "-new")
REPLACED = EXPORTS.replace("first", "second")
OTHER_VALUE = EXPORTS.replace("Value: !Ref Topic", "Value: another")
SAME_OTHERWISE = EXPORTS.replace("Value: !Ref Topic", "Value: !GetAtt Topic.TopicArn")
NAME = "tap-dev-topic"


def both(exports: str = EXPORTS, imports: str = IMPORTS) -> Deployment:
    given = {"Suffix": "${EnvironmentSuffix}"}
    return assembled({APP: imports, BASE: exports}, parameters={APP: given, BASE: given})


@pytest.fixture
def deployed(rig: Rig) -> Rig:
    rig.deploy(both())
    return rig


@pytest.mark.parametrize("exports", [WITHOUT, REPLACED, OTHER_VALUE], ids=["removed", "replaced", "another value"])
def test_an_importer_that_gives_it_up_is_updated_first(deployed: Rig, exports: str) -> None:
    plan = deployed.plan(both(exports, IMPORTS_NONE))
    assert {step.stack: step.needs for step in plan.steps} == {APP: (), BASE: (APP,)}
    assert {type(outcome) for outcome in deployed.execute(plan)} == {Done}
    for name in ("tap-dev-base", "tap-dev-app"):
        assert deployed.world.stack(name).status == "UPDATE_COMPLETE"


@pytest.mark.parametrize(
    ("exports", "verb"), [(WITHOUT, "removes"), (REPLACED, "changes"), (OTHER_VALUE, "changes")], ids=str
)
def test_one_that_goes_on_importing_stops_it(deployed: Rig, exports: str, verb: str) -> None:
    with pytest.raises(Stopped, match=f"{verb} the export {NAME}, which tap-dev-app imports and goes on importing"):
        deployed.plan(both(exports))
    # All that this plan made is gone again.
    assert all(len(deployed.world.stack(name).record.change_sets) == 1 for name in ("tap-dev-app", "tap-dev-base"))


def test_an_importer_that_takes_the_new_name_at_once_takes_two_plans(deployed: Rig) -> None:
    with pytest.raises(Stopped, match="removes the export tap-dev-topic, which tap-dev-app imports until it takes"):
        deployed.plan(both(OTHER_NAME, IMPORTS_NEW))
    two = '  New: {Value: !Ref Topic, Export: {Name: !Sub "tap-${Suffix}-new"}}\n'
    assert {type(outcome) for outcome in deployed.deploy(both(EXPORTS + two, IMPORTS_NEW))} == {Done}
    assert {type(outcome) for outcome in deployed.deploy(both(WITHOUT + two, IMPORTS_NEW))} == {Done}


def test_a_stranger_s_stack_that_imports_it_stops_it(deployed: Rig) -> None:
    client = deployed.clients.cloudformation(deployed.plan(both(OTHER_VALUE, IMPORTS_NONE)).steps[0].region)
    for name in ("one", "two", "three"):
        body = IMPORTS.replace('!Sub "tap-${Suffix}-topic"', NAME).partition("\n")[2]
        made = client.create_change_set(StackName=name, ChangeSetName="x", ChangeSetType="CREATE", TemplateBody=body)
        deployed.world.settle()
        client.execute_change_set(ChangeSetName=made["Id"])
        deployed.world.settle()
    with pytest.raises(BuilderError) as caught:
        deployed.plan(both(OTHER_VALUE, IMPORTS_NONE))
    assert caught.value.exit_code is ExitCode.STOPPED
    for name in ("one", "two", "three"):
        assert f"changes the export {NAME}, which {name} imports; that stack is not this plan's" in str(caught.value)


def test_what_may_come_out_the_same_is_told_and_tried(deployed: Rig) -> None:
    plan = deployed.plan(both(SAME_OTHERWISE))
    assert plan.steps[0].findings == (
        f"WARN export {NAME} may change, which tap-dev-app imports: CloudFormation would refuse that",
    )
    assert {type(outcome) for outcome in deployed.execute(plan)} == {Done}


def test_who_imports_is_asked_only_where_an_export_changes(deployed: Rig) -> None:
    deployed.plan(both(EXPORTS.replace("Value: two", "Value: three")))
    deployed.plan(both(EXPORTS.replace("TopicName: first", "TopicName: first, DisplayName: x")))
    calls = [call for call in deployed.world.calls if call.operation == "ListImports"]
    assert [call.params["ExportName"] for call in calls] == ["tap-dev-two"]


def test_a_warning_of_a_missing_export_is_told_from_one_of_rows_left_out() -> None:
    head = "[WARN] --include-property-values option can return incomplete ChangeSet data because: "
    assert missing_exports(f"{head}ChangeSet creation failed for resource [A] because: No export named net-Vpc") == (
        "net-Vpc",
    )
    assert missing_exports(f"{head}Logical Id: DataSource, failed property validation") == ()
