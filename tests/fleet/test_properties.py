"""Every property that a template can give a set: what its change is planned to do, and what it does on the fake AWS.

A stack in an account that the plan does not name is not updated, deleted or operated on; a resource that it does not
name stays as it was.
"""

from typing import Any

import pytest
import yaml

from builder.deploy import Deployment
from builder.fleet.progress import SetDone
from builder.fleet.reach import EFFECTS
from builder.resource_types import STACK_SET
from builder.terms import Site
from fake_aws import Organization
from fleet.rig import STORAGE, FleetRig
from fleet.stack_sets import ACCOUNTS, ADMIN, SERVICE_MANAGED, WEST, accounts, fleet_deployment, fleet_template, sites
from schemas import schema_of

A, B, C = ACCOUNTS
HERE = sites(WEST, *ACCOUNTS)
BODY = """\
Parameters: {EnvironmentSuffix: {Type: String}, Text: {Type: String, Default: one}}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Text}}
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub 'tap-${AWS::AccountId}-${Text}'}}
  Queue: {Type: AWS::SQS::Queue}
"""
NO_BUCKET = BODY.replace("-${Text}'", "-one'")
Properties = dict[str, Any]


def own(values: dict[str, str], *named: str) -> Properties:
    overrides = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
    return {"DeploymentTargets": accounts(*named), "Regions": [WEST], "ParameterOverrides": overrides}


def deployment(body: str = NO_BUCKET, **properties: object) -> Deployment:
    """A fleet of one set, with these properties beside those that every set has, or in their place."""
    template = yaml.safe_load(fleet_template({STORAGE: body}))
    set_ = template["Resources"]["UsWest2Storage"]["Properties"]
    set_ |= {"OperationPreferences": {"MaxConcurrentCount": 10, "FailureToleranceCount": 9}}
    set_ |= {"Parameters": parameters(Text="one"), **properties}
    for name in [name for name, value in set_.items() if value is None]:
        del set_[name]
    return fleet_deployment(yaml.safe_dump(template, sort_keys=False))


def parameters(**values: str) -> list[Properties]:
    by_name = {"EnvironmentSuffix": "dev", **values}
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in by_name.items()]


def observe(rig: FleetRig) -> dict[Site, tuple[object, ...]]:
    """What each stack of the set is, with when it was last updated and by which operation."""
    by_site: dict[Site, tuple[object, ...]] = {}
    for instance in rig.instances():
        stack = rig.world.region(str(instance.site.account), instance.site.region).cloudformation.stacks[instance.stack]
        resources = {name: (each.physical_id, dict(each.properties)) for name, each in stack.resources.items()}
        by_site[instance.site] = (
            instance.stack,
            instance.operation,
            stack.operation_id,
            stack.deployed.tags,
            resources,
        )
    return by_site


def changed_resources(before: tuple[Any, ...], after: tuple[Any, ...]) -> set[str]:
    return {name for name in {*before[-1], *after[-1]} if before[-1].get(name) != after[-1].get(name)}


TAGS = [{"Key": "builder:fleet", "Value": "tap-dev"}, {"Key": "builder:stack", "Value": STORAGE}]
CHANGES: dict[str, tuple[Properties, tuple[Site, ...], set[str]]] = {
    "TemplateBody": ({"TemplateBody": BODY.replace("!Ref Text", "two").replace("-${Text}'", "-one'")}, HERE, {"Topic"}),
    "Parameters": ({"Parameters": parameters(Text="two")}, HERE, {"Topic"}),
    "Tags": ({"Tags": [*TAGS, {"Key": "owner", "Value": "me"}]}, HERE, set()),
    "AdministrationRoleARN": ({"AdministrationRoleARN": f"arn:aws:iam::{ADMIN}:role/other"}, HERE, set()),
    "ExecutionRoleName": ({"ExecutionRoleName": "other"}, HERE, set()),
    "Description": ({"Description": "another"}, HERE, set()),
    "ManagedExecution": ({"ManagedExecution": {"Active": False}}, HERE, set()),
    "StackInstancesGroup": ({"StackInstancesGroup": [own({}, A, B), own({"Text": "two"}, C)]}, HERE[2:], {"Topic"}),
    "OperationPreferences": ({"OperationPreferences": {"MaxConcurrentCount": 9}}, (), set()),
    "Capabilities": ({"Capabilities": ["CAPABILITY_NAMED_IAM"]}, (), set()),
    "CallAs": ({"CallAs": "SELF"}, (), set()),
}
BY_ITSELF = {
    "AutoDeployment": "of service-managed sets only",
    "TemplateURL": "its template has to lie in a bucket",
    "StackSetName": "another set",
    "PermissionModel": "another set",
}


def test_the_table_has_every_property_that_a_template_can_give_a_set() -> None:
    schema = schema_of(STACK_SET)
    assert EFFECTS.keys() == schema["properties"].keys() - {"StackSetId"}
    assert EFFECTS.keys() == CHANGES.keys() | BY_ITSELF.keys()
    new_set = {name for name, effect in EFFECTS.items() if effect == "set"}
    assert {f"/properties/{name}" for name in new_set} == set(schema["createOnlyProperties"])


@pytest.fixture(scope="module")
def deployed() -> FleetRig:
    rig = FleetRig()
    rig.deploy(deployment())
    return rig


@pytest.fixture
def rig(deployed: FleetRig) -> FleetRig:
    """The deployed fleet, in a world of its own."""
    return copied(deployed)


def copied(deployed: FleetRig) -> FleetRig:
    rig = FleetRig(world=deployed.world.copied(), runs=deployed.runs)
    rig.world.calls.clear()
    return rig


def hold(rig: FleetRig, desired: Deployment) -> tuple[tuple[Site, ...], set[str]]:
    """Hold that no stack and no resource changes but what the plan names; return what it names."""
    before, plan = observe(rig), rig.plan(desired)
    (planned,) = plan.sets
    end = rig.execute(plan, [hit.allow for hit in plan.ordinary.guards])
    assert all(isinstance(outcome, SetDone) for outcome in end.sets), end
    after = observe(rig)
    named = {change.logical_id for change in planned.changes}
    assert {site for site in before if before[site] != after.get(site)} == set(planned.changed) & before.keys()
    for site in before.keys() & after.keys():
        assert changed_resources(before[site], after[site]) <= named, site
    assert rig.plan().is_empty
    return planned.updating, set(named)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(CHANGES))
def test_a_change_of_a_property_reaches_the_stacks_that_the_plan_names(rig: FleetRig, name: str) -> None:
    properties, touched, resources = CHANGES[name]
    assert hold(rig, deployment(**properties)) == (touched, resources)


@pytest.mark.slow
def test_a_change_of_auto_deployment_goes_through_every_stack() -> None:
    rig = FleetRig()
    rig.world.organization = organization = Organization(ADMIN)
    unit = organization.unit("unit", *ACCOUNTS)

    def of_unit(*, enabled: bool) -> Deployment:
        model = {**SERVICE_MANAGED, "AutoDeployment": {"Enabled": enabled, "RetainStacksOnAccountRemoval": False}}
        roles = {"AdministrationRoleARN": None, "ExecutionRoleName": None}
        group = {"DeploymentTargets": {"OrganizationalUnitIds": [unit]}, "Regions": [WEST]}
        return deployment(**model, **roles, StackInstancesGroup=[group])  # type: ignore[arg-type]  # by their names

    rig.deploy(of_unit(enabled=False))
    assert hold(rig, of_unit(enabled=True)) == (HERE, set())


def test_a_template_in_a_bucket_has_an_operation_by_any_change() -> None:
    rig = FleetRig()
    s3 = rig.world.session(ADMIN).client("s3", region_name=WEST)
    s3.create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="templates", Key="t.yaml", Body=NO_BUCKET.encode())
    url: Properties = {"TemplateURL": f"https://templates.s3.{WEST}.amazonaws.com/t.yaml", "TemplateBody": None}
    rig.deploy(deployment(**url))
    assert hold(rig, deployment(**url, Capabilities=["CAPABILITY_NAMED_IAM"])) == (HERE, {"UsWest2Storage"})


def test_tags_are_told_and_so_is_an_operation_that_changes_nothing(rig: FleetRig) -> None:
    tagged = rig.plan(deployment(**CHANGES["Tags"][0])).sets[0].remarks
    assert tagged == ("the tags of its stacks change, and of everything in them that takes tags",)
    described = rig.plan(deployment(Description="another")).sets[0].remarks
    assert described == ("an operation for Description goes through all of its stacks, none of which differs by it",)


def grouped(*groups: Properties, body: str = BODY, **properties: object) -> Deployment:
    return deployment(body, StackInstancesGroup=list(groups), **properties)


@pytest.fixture(scope="module")
def deployed_with_own() -> FleetRig:
    rig = FleetRig()
    rig.deploy(grouped(own({}, A, B), own({"Text": "mine"}, C)))
    return rig


@pytest.fixture
def own_text(deployed_with_own: FleetRig) -> FleetRig:
    """A fleet whose third stack has a parameter of its own, in a world of its own."""
    return copied(deployed_with_own)


OVERRIDES: dict[str, tuple[tuple[Properties, ...], tuple[Site, ...]]] = {
    "another value": ((own({}, A, B), own({"Text": "other"}, C)), HERE[2:]),
    "given up": ((own({}, A, B, C),), HERE[2:]),
    "in another account": ((own({}, A), own({"Text": "mine"}, B, C)), HERE[1:2]),
    "in all accounts": ((own({"Text": "mine"}, A, B, C),), HERE[:2]),
    "as before, in another order": ((own({"Text": "mine"}, C), own({}, A, B)), ()),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(OVERRIDES))
def test_parameters_of_their_own_update_just_the_stacks_that_the_plan_names(own_text: FleetRig, name: str) -> None:
    groups, touched = OVERRIDES[name]
    assert hold(own_text, grouped(*groups)) == (touched, {"Topic", "Bucket"} if touched else set())


def test_a_name_that_changes_by_an_override_is_a_replacement_that_stops_it(own_text: FleetRig) -> None:
    plan = own_text.plan(grouped(own({}, A, B), own({"Text": "other"}, C)))
    assert [hit.allow for hit in plan.ordinary.guards] == [f"{STORAGE}/Bucket"]
    assert plan.sets[0].reset == HERE[2:]


def test_overrides_that_nobody_read_are_those_of_the_deployed_template(
    own_text: FleetRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builder.fleet.observe.OVERRIDES_READ", 2)
    own_text.world.calls.clear()
    assert hold(own_text, grouped(own({}, A, B), own({"Text": "other"}, C))) == (HERE[2:], {"Topic", "Bucket"})
    assert own_text.operations("DescribeStackInstance") == 0


def test_another_template_passes_through_the_old_parameters_first(own_text: FleetRig) -> None:
    """UpdateStackSet leaves an instance its own parameters, so a name comes and goes on the way."""
    body = BODY.replace("Text: {Type: String, Default: one}", "Text: {Type: String, Default: one}, New: {Type: String}")
    body = body.replace("-${Text}'", "-${New}'")
    values = parameters(Text="one", New="one")
    groups = (own({}, A, B), own({"Text": "mine", "New": "mine"}, C))
    assert hold(own_text, grouped(*groups, body=body, Parameters=values)) == (HERE, {"Bucket"})


@pytest.mark.slow
def test_who_joins_or_lacks_its_stack_gets_it_with_its_own_parameters(own_text: FleetRig) -> None:
    own_text.clients.cloudformation(WEST).delete_stack_instances(
        StackSetName="tap-dev-us-west-2-storage", Accounts=[C], Regions=[WEST], RetainStacks=False
    )
    own_text.world.settle()
    groups = (own({}, A, B), own({"Text": "mine"}, C, "777788889999"))
    plan = own_text.plan(grouped(*groups))
    assert (plan.sets[0].joining, [place.site for place in plan.sets[0].missing]) == (
        sites(WEST, "777788889999"),
        [*HERE[2:]],
    )
    assert all(isinstance(outcome, SetDone) for outcome in own_text.execute(plan).sets)
    client = own_text.clients.cloudformation(WEST)
    for account in (C, "777788889999"):
        answer = client.describe_stack_instance(
            StackSetName="tap-dev-us-west-2-storage", StackInstanceAccount=account, StackInstanceRegion=WEST
        )
        assert answer["StackInstance"]["ParameterOverrides"] == [{"ParameterKey": "Text", "ParameterValue": "mine"}]
