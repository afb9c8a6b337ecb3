"""Alarms of a system that stands, on the fake AWS: on, with other thresholds, in another environment, and off again."""

import functools
from typing import Any

import pytest

from answer import ROOT
from builder.assembly.render import make_assembly
from builder.components.alarms.options import AlarmsConfig, AlarmsVarying
from builder.config import LoadedConfig, load_config
from builder.config.model import EnvironmentConfig
from builder.deploy import Deployment, Done, PlanRequest, make_deployment, narrow
from builder.terms import Region
from deploy.rig import ACCOUNT, Rig, shipped

STACKS = ["us-east-1/alarms", "us-west-2/alarms"]
THROTTLES = (ACCOUNT, "us-west-2", "tap-dev-function-throttles")


@functools.cache
def shipped_file() -> LoadedConfig:
    return load_config(ROOT / "dr.yaml")


def with_alarms(suffix: str = "dev", here: AlarmsVarying | None = None, **options: Any) -> Deployment:
    loaded = shipped_file()
    environments = {"prod": EnvironmentConfig(alarms=here)} if here else {}
    config = loaded.config.model_copy(
        update={"alarms": AlarmsConfig(**options), "environments": {**loaded.config.environments, **environments}}
    )
    assembly = make_assembly(type(loaded)(**{**_fields(loaded), "config": config}))
    return make_deployment(assembly.manifest, assembly.templates, suffix)


def _fields(loaded: LoadedConfig) -> dict[str, Any]:
    return {name: getattr(loaded, name) for name in loaded.__dataclass_fields__}


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.have_deployed()
    return rig


def done(rig: Rig, deployment: Deployment, request: PlanRequest | None = None) -> list[str]:
    """Deploy it, and return the stacks that were changed."""
    outcomes = rig.deploy(deployment, request)
    assert [outcome for outcome in outcomes if not isinstance(outcome, Done)] == []
    return sorted(outcome.stack for outcome in outcomes)


@pytest.mark.slow  # five deployments, one after the other
def test_they_come_and_go_beside_what_stands_and_change_in_place(rig: Rig) -> None:
    assert done(rig, with_alarms(email=("ops@example.com",))) == STACKS
    rig.world.alarms[THROTTLES].state = "OK"
    assert rig.world.alarms[THROTTLES].properties["Threshold"] == 10
    assert {subscription.endpoint: subscription.confirmed for subscription in rig.world.subscriptions.values()} == {
        "ops@example.com": False
    }

    # Another threshold replaces nothing, so that an alarm's state stays.
    plan = rig.plan(with_alarms(email=("ops@example.com", "dev@example.com"), throttles=3))
    assert {change.replacement for step in plan.steps for change in step.changes} <= {None, "False"}
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
    assert (rig.world.alarms[THROTTLES].state, rig.world.alarms[THROTTLES].properties["Threshold"]) == ("OK", 3)
    assert len(rig.world.subscriptions) == 4

    rig.deployment = with_alarms(email=("ops@example.com",), throttles=3)
    assert done(rig, rig.deployment) == STACKS
    assert len(rig.world.subscriptions) == 2

    # Off: they are orphans, and hold nothing.
    without = shipped()
    assert {orphan.stack for orphan in rig.plan(without).orphans} == {
        f"{region}/tap-dev-alarms" for region in ("us-east-1", "us-west-2")
    }
    done(rig, without, PlanRequest(remove_orphans=True))
    assert (rig.world.alarms, rig.world.subscriptions) == ({}, {})


@pytest.mark.slow  # two assemblies and a deployment
def test_environments_have_thresholds_of_their_own_by_the_same_templates(rig: Rig) -> None:
    here = AlarmsVarying(throttles=1, notify=False)
    dev, prod = (with_alarms(suffix, here) for suffix in ("dev", "prod"))
    assert dev.digest == prod.digest
    assert [stack.template for stack in dev.stacks] == [stack.template for stack in prod.stacks]
    given = {
        deployment.name: deployment.stack(stack.id).parameters
        for deployment in (dev, prod)
        for stack in deployment.stacks
        if stack.id == STACKS[1]
    }
    assert {name: dict(values) | {"EnvironmentSuffix": ""} for name, values in given.items()} == {
        "tap-dev": {"EnvironmentSuffix": "", "Notify": "true", "Throttles": "10"},
        "tap-prod": {"EnvironmentSuffix": "", "Notify": "false", "Throttles": "1"},
    }
    done(rig, dev)
    assert rig.world.alarms[THROTTLES].properties["ActionsEnabled"] == "true"


@pytest.mark.slow  # a deployment, and a plan of another
def test_alarms_are_changed_while_a_region_that_they_look_at_is_lost(rig: Rig) -> None:
    """What waits in us-east-1 is told in us-west-2: it must not take us-east-1 to be told otherwise."""
    done(rig, with_alarms())
    rig.world.region_down("us-east-1")
    plan = rig.plan(narrow(with_alarms(objects_pending=5), [Region("us-east-1")]))
    assert [step.stack for step in plan.steps] == STACKS[1:]
