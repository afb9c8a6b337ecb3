import json

import pytest

from builder.assembly import UsePreviousValue
from builder.deploy import Done, read_plan, write_plan
from builder.terms import StackId
from deploy.rig import Rig, changed, edited

TABLE = StackId("us-east-1/table")


@pytest.mark.slow
def test_a_parameter_keeps_its_previous_value_through_an_update(standing: Rig) -> None:
    stays = changed(standing.deployment, TABLE, parameters={"EnvironmentSuffix": UsePreviousValue()})
    wanted = edited(stays, TABLE, "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false")

    plan = standing.plan(wanted)

    [step] = plan.steps
    assert step.stack == TABLE
    asked = next(call for call in standing.world.calls if call.operation == "CreateChangeSet")
    assert asked.params["Parameters"] == [{"ParameterKey": "EnvironmentSuffix", "UsePreviousValue": True}]
    reread = read_plan(write_plan(plan), "plan.json")
    assert reread == plan
    assert "previous" not in json.dumps(dict(reread.steps[0].parameters))
    assert all(isinstance(outcome, Done) for outcome in standing.execute(reread))
    assert standing.world.stack("tap-dev-table").record.deployed.parameters == {"EnvironmentSuffix": "dev"}
    assert standing.plan(wanted).is_empty
