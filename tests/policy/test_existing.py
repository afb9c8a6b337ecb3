"""What whoever plans may read of tables and buckets that stand already, and of nothing else."""

from typing import Any

from builder.assembly.bound import bind_entries
from builder.assembly.render import make_assembly
from builder.policy import PolicyCaller, PolicyContext, Verb
from builder.policy.rights import caller_rights
from loaded_config import make_loaded_config

CONTEXT = PolicyContext(partition="aws", account="111122223333", suffix="dev")
CALLER = PolicyCaller(deployment="tap-dev", tag="builder:deployment", role_arn="arn:aws:iam::111122223333:role/cfn")


def granted(**sections: Any) -> dict[str, set[str]]:
    """Return each action of a plan's policy with the ARNs that it is allowed on."""
    assembly = make_assembly(make_loaded_config(**sections))
    bounds = bind_entries(assembly.manifest, assembly.templates)
    arns: dict[str, set[str]] = {}
    for grant in caller_rights(bounds, CONTEXT, Verb.PLAN, CALLER).granted:
        arns.setdefault(grant.action, set()).update(grant.place.arns)
    return arns


def test_without_any_nothing_of_buckets_and_keys_is_read() -> None:
    actions = granted()
    assert not {action for action in actions if action.startswith("kms:")}
    assert {action for action in actions if action.startswith("s3:Get")} == set()


def test_of_a_bucket_each_setting_is_read_on_that_bucket_alone() -> None:
    actions = granted(bucket={"existing": "acme-files"})
    read = {action: arns for action, arns in actions.items() if action.startswith("s3:Get")}

    assert len(read) == 20
    assert set.union(*read.values()) == {"arn:aws:s3:::acme-files"}


def test_a_table_is_read_in_every_region_that_it_may_have_a_replica_in() -> None:
    actions = granted(table={"existing": "acme-items"})
    anywhere = "arn:aws:dynamodb:*:111122223333:table/acme-items"

    assert anywhere in actions["dynamodb:DescribeTable"]
    assert {anywhere, f"{anywhere}/stream/*"} <= actions["dynamodb:GetResourcePolicy"]
    assert actions["dynamodb:DescribeGlobalTable"] == {"arn:aws:dynamodb::111122223333:global-table/acme-items"}
    assert actions["kms:DescribeKey"] == {"arn:aws:kms:*:111122223333:key/*"}
    assert actions["kms:ListAliases"] == {"*"}
    assert {arn for action, arns in actions.items() if action.startswith("dynamodb:Put") for arn in arns} == set()
