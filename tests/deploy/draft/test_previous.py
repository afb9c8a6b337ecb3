import json

import pytest

from builder.assembly import UsePreviousValue
from builder.deploy import Done, read_plan, write_plan
from builder.terms import StackId
from deploy.rig import Rig, changed, edited

TABLE = StackId("us-east-1/table")


@pytest.mark.slow
def test_a_parameter_keeps_its_previous_value_through_an_update(deployed: Rig) -> None:
    stays = changed(deployed.deployment, TABLE, parameters={"EnvironmentSuffix": UsePreviousValue()})
    deployment = edited(stays, TABLE, "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false")

    plan = deployed.plan(deployment)

    [step] = plan.steps
    assert step.stack == TABLE
    call = next(call for call in deployed.world.calls if call.operation == "CreateChangeSet")
    assert call.params["Parameters"] == [{"ParameterKey": "EnvironmentSuffix", "UsePreviousValue": True}]
    reread = read_plan(write_plan(plan), "plan.json")
    assert reread == plan
    assert "previous" not in json.dumps(dict(reread.steps[0].parameters))
    assert all(isinstance(outcome, Done) for outcome in deployed.execute(reread))
    assert deployed.world.stack("tap-dev-table").record.deployed.parameters == {"EnvironmentSuffix": "dev"}
    assert deployed.plan(deployment).is_empty
