"""What of keys, and of what they encrypt, is not changed unasked, or at all, by what the fake shows of an update."""

from dataclasses import replace

import pytest

from builder.deploy import Done, Plan, StackFailed
from builder.deploy.plan.guards import guard_hits
from builder.deploy.records import PropertyChange, ResourceChange
from builder.errors import Stopped
from builder.terms import LogicalId, StackId
from deploy.chained import make_deployment, make_stack
from deploy.plan.test_guards import GLOBAL_TABLE, STACK, guarded, holding
from deploy.rig import Rig

KEY = "  Data: {Type: AWS::KMS::Key, Properties: {Description: one}}\n"

WHY = "the change set shows it as harmless, and the update would fail and be rolled back"
FIXED = {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY", "MultiRegion": "true", "Origin": "EXTERNAL"}


@pytest.mark.parametrize(("name", "value"), FIXED.items())
def test_what_a_key_keeps_for_good_is_not_changed_though_its_change_set_calls_that_harmless(
    rig: Rig, name: str, value: str
) -> None:
    rig.deploy(holding(KEY))
    plan = rig.plan(holding(KEY.replace("Description: one", f"Description: one, {name}: {value}")))
    (change,) = plan.steps[0].changes
    assert (change.action, change.replacement) == ("Modify", "False")
    assert [(hit.allow, hit.why) for hit in plan.guards] == [
        (f"{STACK}/Data", f"AWS::KMS::Key keeps its {name} for good: {WHY}")
    ]
    with pytest.raises(Stopped, match="Nothing was executed"):
        rig.execute(plan)
    # Who allows it learns that it is so.
    (failed,) = rig.execute(plan, {f"{STACK}/Data"})
    assert isinstance(failed, StackFailed)
    assert f"You cannot change the {name} of a KMS key" in failed.reason
    assert rig.world.stack("tap-dev-data").status == "UPDATE_ROLLBACK_COMPLETE"


@pytest.fixture(scope="module")
def planned() -> Plan:
    return Rig().plan()


@pytest.mark.parametrize(
    ("before", "after", "is_guarded"),
    [
        (None, "SYMMETRIC_DEFAULT", False),
        ("SYMMETRIC_DEFAULT", None, False),
        ("symmetric_default", '"SYMMETRIC_DEFAULT"', False),
        (None, "RSA_2048", True),
        ("RSA_2048", None, True),
        (None, None, True),
        ("RSA_2048", "{{changeSet:KNOWN_AFTER_APPLY}}", True),
    ],
)
@pytest.mark.parametrize("path", ["/Properties/KeySpec", "Properties.KeySpec"])
def test_what_is_said_of_a_property_or_meant_by_nothing_decides(
    planned: Plan, path: str, before: str | None, after: str | None, *, is_guarded: bool
) -> None:
    touched = PropertyChange(path=path, before=before, after=after)
    change = ResourceChange(action="Modify", logical_id=LogicalId("Key"), type="AWS::KMS::Key", properties=(touched,))
    assert bool(guard_hits([replace(planned.steps[0], changes=(change,))])) is is_guarded


KEYED = GLOBAL_TABLE.replace("{Region: us-east-1}", "{Region: us-east-1, SSESpecification: {KMSMasterKeyId: alias/a}}")
KEYED = KEYED.replace("{Region: us-west-2}", "{Region: us-west-2, SSESpecification: {KMSMasterKeyId: alias/b}}")
KEYED = KEYED.replace("      Replicas:", "      SSESpecification: {SSEEnabled: true, SSEType: KMS}\n      Replicas:")


ONE_KEY = "  Key: {Type: AWS::KMS::Key}\n"
ALIASES = [
    f"  {name.upper()}: {{Type: AWS::KMS::Alias, Properties: {{AliasName: alias/{name}, TargetKeyId: !Ref Key}}}}\n"
    for name in "abc"
]


@pytest.fixture
def with_keys(rig: Rig) -> Rig:
    """A rig whose account has a key of several names in both regions."""
    for region in ("us-east-1", "us-west-2"):
        rig.deploy(make_deployment(make_stack(StackId(f"{region}/own"), f"Resources:\n{ONE_KEY}{''.join(ALIASES)}")))
    return rig


def test_a_table_takes_keys_for_all_its_replicas_and_loses_them_unguarded(with_keys: Rig) -> None:
    with_keys.deploy(holding(GLOBAL_TABLE))
    for template, warning in ((KEYED, "by your keys"), (GLOBAL_TABLE, "by a key of DynamoDB's own")):
        plan = with_keys.plan(holding(template))
        assert plan.guards == ()
        assert warning in " ".join(plan.steps[0].changes[0].warnings)
        assert all(isinstance(outcome, Done) for outcome in with_keys.execute(plan))


@pytest.mark.parametrize("other", ["alias/c", "alias/a"])
def test_another_key_of_a_replica_stops_before_anything_runs(with_keys: Rig, other: str) -> None:
    with_keys.deploy(holding(KEYED))
    plan = with_keys.plan(holding(KEYED.replace("alias/b", other)))
    assert [hit.allow for hit in plan.guards] == [f"{STACK}/Data"]
    assert "loses its key in us-west-2, which a replica keeps for good" in plan.guards[0].why
    with pytest.raises(Stopped, match="Nothing was executed"):
        with_keys.execute(plan)


def test_an_alias_is_not_renamed_unasked(rig: Rig) -> None:
    alias = ONE_KEY + ALIASES[0].replace("A:", "Data:")
    rig.deploy(holding(alias))
    why = guarded(rig, holding(alias.replace("alias/a", "alias/b")), f"{STACK}/Data")
    assert "the name by which buckets and clients find the key" in why
