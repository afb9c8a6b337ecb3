import json

import pytest

from builder.deploy import read_plan, write_plan
from builder.errors import BadInput
from deploy.rig import Rig


def test_a_file_that_is_no_plan_is_a_wrong_input_with_its_place() -> None:
    with pytest.raises(BadInput, match=r"plan\.json: is not a plan: "):
        read_plan(b'{"version": 1}', "plan.json")


def test_a_plan_of_another_version_is_refused(rig: Rig) -> None:
    said = json.loads(write_plan(rig.plan()))
    with pytest.raises(BadInput, match="plan version 2"):
        read_plan(json.dumps({**said, "version": 2}).encode(), "plan.json")


def test_a_key_that_nobody_knows_is_refused(rig: Rig) -> None:
    said = json.loads(write_plan(rig.plan()))
    with pytest.raises(BadInput, match="extra"):
        read_plan(json.dumps({**said, "extra": 1}).encode(), "plan.json")
