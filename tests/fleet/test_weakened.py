"""What an update of a set loses without any resource going: a fleet guards it as the plan of a single stack does."""

import itertools
from dataclasses import replace

import pytest

from builder.deploy.draft.expected import expect_changes
from builder.deploy.records import ResourceChange
from builder.errors import Stopped
from builder.fleet.difference import find_changes, merge_changes, resolve_template
from builder.fleet.guards import fleet_guard_hits
from builder.fleet.reach import plan_set
from builder.fleet.records import StackImport, write_fleet_plan
from builder.report.fleet_plan import fleet_plan_text, make_pages
from builder.report.html import plan_page
from builder.report.markdown import plan_markdown
from builder.resource_types.fate import POLICY_ATTRIBUTES
from builder.template import read_template
from builder.terms import Region
from fleet.rig import BODY, STORAGE, FleetRig, two_sets
from fleet.stack_sets import instances, set_plan
from fleet.test_guards import HERE
from fleet.test_reach import DEFINITION, DEPLOYED, UPDATE

POLICIES = ("", "Delete", "Snapshot", "RetainExceptOnCreate", "Retain")
KEEPS = {"Delete": 0, "": 0, "Snapshot": 1, "RetainExceptOnCreate": 2, "Retain": 2}


def changes(before: str, after: str) -> tuple[ResourceChange, ...]:
    ends = (resolve_template(body, {"EnvironmentSuffix": "dev"}, Region("us-west-2")) for body in (before, after))
    return find_changes(*ends)


def guards(before: str, after: str) -> dict[str, list[str]]:
    """The guards of a set whose template changes, by what `--allow` has to name."""
    planned = set_plan(instances=instances(), updating=HERE, changes=changes(before, after))
    by_name: dict[str, list[str]] = {}
    for hit in fleet_guard_hits([planned]):
        by_name.setdefault(hit.allow, []).append(hit.why)
    return by_name


def data(name: str = "", policy: str = "", type_name: str = "AWS::S3::Bucket") -> str:
    attribute = f", {name}: {policy}" if policy else ""
    return f"Resources:\n  Data: {{Type: {type_name}{attribute}}}\n"


@pytest.mark.parametrize("name", POLICY_ATTRIBUTES)
@pytest.mark.parametrize(("before", "after"), [*itertools.product(POLICIES, POLICIES)])
def test_a_policy_that_keeps_less_than_before_has_to_be_allowed_by_set_and_resource(
    name: str, before: str, after: str
) -> None:
    hits = guards(data(name, before), data(name, after))
    if KEEPS[before] > KEEPS[after]:
        (why,) = hits[f"{STORAGE}/Data"]
        assert f"its {name} {before}, which becomes {after or 'Delete'}" in why
    else:
        assert hits == {}


def test_a_type_s_own_default_is_what_an_absent_policy_counts_as() -> None:
    cluster = "AWS::RDS::DBCluster"
    assert guards(data(), data("DeletionPolicy", "Delete")) == {}
    assert guards(data(type_name=cluster), data("DeletionPolicy", "Delete", cluster)).keys() == {f"{STORAGE}/Data"}


def test_a_policy_of_what_holds_nothing_is_nobody_s_loss() -> None:
    topic = "AWS::SNS::Topic"
    assert guards(data("DeletionPolicy", "Retain", topic), data(type_name=topic)) == {}


def test_a_policy_that_a_parameter_decides_is_read_with_its_value() -> None:
    body = (
        "Parameters: {Fate: {Type: String, Default: %s}}\n"
        "Resources:\n  Data: {Type: AWS::S3::Bucket, DeletionPolicy: !Ref Fate}\n"
    )
    assert guards(body % "Retain", body % "Retain") == {}
    assert guards(body % "Retain", body % "Delete").keys() == {f"{STORAGE}/Data"}


KEPT = BODY.replace("Policy: Delete", "Policy: Retain")


def test_every_form_of_the_plan_shows_it_and_only_its_name_lets_it_pass() -> None:
    rig = FleetRig()
    rig.deploy(two_sets(KEPT))
    plan = rig.plan(two_sets(BODY))
    assert {hit.allow for hit in plan.ordinary.guards} == {f"{STORAGE}/Bucket"}
    shown, accounts = make_pages(plan)
    texts = {
        "text": fleet_plan_text(plan).plain,
        "markdown": plan_markdown(shown, "fleet-plan.json", accounts),
        "page": plan_page(shown, "fleet-plan.json", accounts),
        "json": write_fleet_plan(plan).decode(),
    }
    for form, text in texts.items():
        assert f"--allow {STORAGE}/Bucket" in text or (form == "json" and f'"allow": "{STORAGE}/Bucket"' in text), form
        assert "loses its DeletionPolicy Retain" in text, form
    with pytest.raises(Stopped, match=f"{STORAGE}/Bucket: AWS::S3::Bucket loses its DeletionPolicy"):
        rig.execute(plan)
    rig.execute(plan, allow=[f"{STORAGE}/Bucket"])
    assert rig.plan().is_empty


def test_what_one_stack_loses_is_lost_whatever_the_others_keep() -> None:
    kept, gone, first = data("DeletionPolicy", "Retain"), data(), data("UpdateReplacePolicy", "Retain")
    lists = [
        changes(first, first.replace("Type", "Metadata: {A: 1}, CreationPolicy: {A: 1}, Type")),
        changes(kept, gone),
    ]
    for order in itertools.permutations(lists):
        (merged,) = merge_changes(order)
        assert [loss.split(",")[0] for loss in merged.losses] == ["its DeletionPolicy Retain"]
        assert set(merged.scope) == {"CreationPolicy", "DeletionPolicy"}


@pytest.mark.parametrize(
    ("actions", "worst"),
    [
        (("Retain", "Delete"), "Delete"),
        (("Snapshot", "Retain"), "Snapshot"),
        (("Delete", None), None),
    ],
)
def test_of_several_fates_the_one_that_loses_most_counts(actions: tuple[str | None, ...], worst: str | None) -> None:
    (row,) = changes(data(), "Resources: {}\n")
    for order in itertools.permutations(actions):
        (merged,) = merge_changes([(replace(row, policy_action=action),) for action in order])
        assert merged.policy_action == worst


def nested(url: str = "https://b.s3.amazonaws.com/one.yaml", policy: str = "") -> str:
    attribute = f", DeletionPolicy: {policy}" if policy else ""
    return f"Resources:\n  Child: {{Type: AWS::CloudFormation::Stack{attribute}, Properties: {{TemplateURL: {url}}}}}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (nested(), nested("https://b.s3.amazonaws.com/two.yaml")),
        (nested(), "Resources: {Other: {Type: AWS::SNS::Topic}}\n"),
        (nested(policy="Retain"), "Resources: {Other: {Type: AWS::SNS::Topic}}\n"),
        (nested(policy="Retain"), nested()),
    ],
)
def test_a_nested_stack_that_changes_or_goes_may_lose_what_it_holds(before: str, after: str) -> None:
    assert guards(before, after).keys() == {f"{STORAGE}/Child"}
    assert guards(before, before) == {}


CONDITION = """\
Parameters: {Account: {Type: String, Default: "%s"}}
Conditions:
  Inner: !Equals [!Ref Account, !Ref "AWS::AccountId"]
  IsThere: !Not [{Condition: Inner}]
Resources:
  Data: {Type: AWS::S3::Bucket, Condition: IsThere}
  Topic: {Type: AWS::SNS::Topic, Condition: IsThere}
"""
ALWAYS = CONDITION.replace(", Condition: IsThere", "") % "1"


@pytest.mark.parametrize(
    ("before", "after", "stops"),
    [
        (CONDITION % "1", CONDITION % "1", False),
        (CONDITION % "1", CONDITION % "2", True),
        (ALWAYS, CONDITION % "1", True),
        (CONDITION % "1", ALWAYS, False),
    ],
)
def test_what_may_go_in_some_account_by_a_condition_that_only_accounts_decide_has_to_be_allowed(
    before: str, after: str, *, stops: bool
) -> None:
    hits = guards(before, after)
    assert hits.keys() == ({f"{STORAGE}/Data"} if stops else set())
    assert all("cannot say beforehand" in why for whys in hits.values() for why in whys)


def test_a_name_that_only_accounts_decide_is_compared_with_all_that_decides_it() -> None:
    body = CONDITION.replace("Condition: IsThere}", "Properties: {BucketName: !If [IsThere, one, two]}}", 1)
    assert guards(body % "1", body % "1") == {}
    assert f"{STORAGE}/Data" in guards(body % "1", body % "2")


def test_a_template_that_nobody_looked_at_may_lose_all_that_its_stacks_hold() -> None:
    in_bucket = plan_set(replace(UPDATE, definition=replace(DEFINITION, body=None)))
    macro = f"Transform: Own\n{DEFINITION.body}"
    by_macro = replace(UPDATE, definition=replace(DEFINITION, body=macro))
    for planned, because in ((in_bucket, "lies in a bucket"), (plan_set(by_macro), "has a transform")):
        (hit,) = fleet_guard_hits([planned])
        assert hit.allow == f"{STORAGE}/UsWest2Storage"
        assert because in hit.why
    same = replace(by_macro, observed=replace(DEPLOYED, body=macro))
    assert fleet_guard_hits([plan_set(same)]) == ()


def test_what_a_set_imports_is_updated_with_it() -> None:
    lost = changes(data("DeletionPolicy", "Retain"), data())
    back = StackImport(site=HERE[0], stack="arn")
    alone = set_plan(instances=instances(), imports=(back,), changes=lost)
    assert [hit.allow for hit in fleet_guard_hits([alone])] == [f"{STORAGE}/Data"]
    assert fleet_guard_hits([replace(alone, does="nothing")]) == ()


def test_what_newly_opens_to_the_world_is_said() -> None:
    url = "Resources:\n  Url: {Type: AWS::Lambda::Url, Properties: {AuthType: %s, TargetFunctionArn: f}}\n"
    for before in (url % "AWS_IAM", "Resources: {}\n"):
        (row,) = changes(before, url % "NONE")
        assert row.opens == ("anyone on the internet may call this URL: its AuthType is NONE",)
    (closed,) = changes(url % "NONE", url % "AWS_IAM")
    assert closed.opens == ()
    (other,) = merge_changes([changes(url % "AWS_IAM", url % "NONE"), changes(url % "NONE", url % "AWS_IAM")])
    assert len(other.opens) == 1


TABLE = (
    "AWS::DynamoDB::GlobalTable, Properties: {TimeToLiveSpecification: {AttributeName: a, Enabled: %s}, Replicas: [%s]}"
)
RECOVERED = "{Region: us-west-2, PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}}"
BUCKET = "AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: %s}}"
BLOCKED = "AWS::S3::Bucket, Properties: {PublicAccessBlockConfiguration: {BlockPublicAcls: '%s'}}"
KEY = "AWS::KMS::Key, Properties: {EnableKeyRotation: '%s', Enabled: '%s'}"
PORT = "AWS::EC2::SecurityGroup, Properties: {GroupDescription: a%s}"
WEAKENED = {
    "time to live": (TABLE % ("false", RECOVERED), TABLE % ("true", RECOVERED)),
    "recovery": (TABLE % ("true", RECOVERED), TABLE % ("true", "{Region: us-west-2}")),
    "a replica": (TABLE % ("true", f"{RECOVERED}, {{Region: us-east-1}}"), TABLE % ("true", RECOVERED)),
    "versioning": (BUCKET % "Enabled", BUCKET % "Suspended"),
    "public access": (BLOCKED % "true", BLOCKED % "false"),
    "a key": (KEY % ("true", "true"), KEY % ("false", "false")),
    "policies": ("AWS::Logs::LogGroup, DeletionPolicy: Retain", "AWS::Logs::LogGroup"),
    "a port": (PORT % "", PORT % ", SecurityGroupIngress: [{CidrIp: 0.0.0.0/0}]"),
}


@pytest.mark.parametrize("name", list(WEAKENED))
def test_a_fleet_says_of_a_change_what_the_plan_of_a_single_stack_says(name: str) -> None:
    bodies = [f"Resources:\n  Data: {{Type: {body}}}\n" for body in WEAKENED[name]]
    deployed, desired = (read_template(body, "body") for body in bodies)
    (single,) = expect_changes(deployed, desired)
    (row,) = changes(*bodies)
    assert (row.losses, row.warnings, row.opens) == (single.losses, single.warnings, single.opens)
    assert row.losses or row.warnings or row.opens


def test_what_aws_refuses_to_change_stops_a_fleet_too() -> None:
    key = "Resources:\n  Data: {Type: AWS::KMS::Key, Properties: {KeySpec: %s}}\n"
    (why,) = guards(key % "SYMMETRIC_DEFAULT", key % "RSA_2048")[f"{STORAGE}/Data"]
    assert "keeps its KeySpec for good" in why
