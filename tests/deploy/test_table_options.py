"""Each option of a table, switched on and off again where the table is at work: it stays the one that it was."""

from typing import Any

import pytest

from builder.assembly.render import make_assembly
from builder.deploy import Deployment, Done, make_deployment
from builder.errors import Stopped
from deploy.rig import ACCOUNT, Rig
from fake_aws.dynamodb.records import Table
from loaded_config import ABSENT, make_loaded_config

BARE = dict.fromkeys(("table", "bucket", "function"), ABSENT)
INDEX = {"by_status": {"key": {"status": "S"}}}
OTHER = {"by_day": {"key": {"day": "N"}, "projection": "keys_only"}}


def orders(suffix: str = "dev", environments: dict[str, Any] | None = None, **options: Any) -> Deployment:
    assembly = make_assembly(make_loaded_config(**BARE, tables={"orders": options}, environments=environments or {}))
    return make_deployment(assembly.manifest, assembly.templates, suffix)


def table(rig: Rig, suffix: str = "dev") -> Table:
    return rig.world.tables[ACCOUNT, f"tap-{suffix}-orders"]


def bring(rig: Rig, deployment: Deployment) -> int:
    """Deploy what loses nothing, and return how many updates it took; the table stays the one that it was."""
    made = table(rig).created
    plan = rig.plan(deployment)
    assert [change.action for step in plan.change_sets for change in step.changes if change.is_replaced] == []
    assert plan.guards == ()
    assert [type(outcome) for outcome in rig.execute(plan)] == [Done]
    assert table(rig).created == made
    assert rig.plan(deployment).is_empty
    return len(plan.change_sets)


@pytest.fixture
def at_work(rig: Rig) -> Rig:
    rig.world.backfill_s, rig.world.expiry_change_s = 5.0, 60.0
    rig.deploy(orders())
    return rig


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "on", "off"),
    [
        ({"indexes": {**INDEX, **OTHER}}, 2, 2),
        ({"ttl": "expires_at", "point_in_time_recovery": {"days": 7}}, 1, 2),
        ({"indexes": INDEX, "ttl": "expires_at", "deletion_protection": True}, 2, 3),
    ],
)
def test_options_come_and_go(at_work: Rig, options: dict[str, Any], on: int, off: int) -> None:
    assert bring(at_work, orders(**options)) == on
    shown = table(at_work)
    assert shown.indexes.keys() == options.get("indexes", {}).keys()
    assert (shown.expiry.enabled, shown.replicas["us-west-2"].deletion_protection) == (
        "ttl" in options,
        options.get("deletion_protection", False),
    )
    assert bring(at_work, orders()) == off
    shown = table(at_work)
    assert (shown.indexes, shown.expiry.enabled, shown.replicas["us-west-2"].deletion_protection) == ({}, False, False)


@pytest.mark.slow
def test_one_index_takes_another_s_place_and_one_attribute_another_s(at_work: Rig) -> None:
    bring(at_work, orders(indexes=INDEX, ttl="expires_at"))
    assert bring(at_work, orders(indexes=OTHER, ttl="gone_at")) == 4
    assert (*table(at_work).indexes, table(at_work).expiry.attribute) == ("by_day", "gone_at")


def test_a_productive_environment_is_protected_by_the_same_templates(rig: Rig) -> None:
    environments = {"prod": {"production": True}}
    rig.deploy(orders("prod", environments))
    rig.deploy(orders("dev", environments))
    assert [table(rig, suffix).replicas["us-west-2"].deletion_protection for suffix in ("prod", "dev")] == [True, False]


def test_what_is_fixed_is_refused_before_anything_runs(at_work: Rig) -> None:
    with pytest.raises(Stopped, match="its stream shows NEW_AND_OLD_IMAGES and cannot become KEYS_ONLY"):
        at_work.plan(orders(stream="KEYS_ONLY"))
    plan = at_work.plan(orders(key={"customer": "S"}))
    assert [hit.allow for hit in plan.guards] == ["us-east-1/orders/Table"]
