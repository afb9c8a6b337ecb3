import json

import pytest

from builder.deploy import read_plan, write_plan
from builder.errors import BadInput
from deploy.rig import Rig


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is not JSON"),
        (b"plan", "it is not JSON"),
        (b'{"version": 2', "it is not JSON"),
        (b"\xff\xfe\x00", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b'{"version": 1' + b"0" * 5000 + b"}", "it is not JSON"),
        (b"[2]", "it is not a JSON object"),
        (b"2", "it is not a JSON object"),
        (b"{}", "it says no version"),
        (b'{"version": null}', "its version is not an integer"),
        (b'{"version": "2"}', "its version is not an integer"),
        (b'{"version": 2.0}', "its version is not an integer"),
        (b'{"version": true}', "its version is not an integer"),
        (b'{"version": 1e999}', "its version is not an integer"),
        (b'{"version": 1, "unknown": []}', "plan version 1 is of an older builder, and this one reads version 2: plan"),
        (b'{"version": 3}', "plan version 3 is of a newer builder, and this one reads version 2: plan again"),
        (b'{"version": 2}', "is not a plan: id: Field required"),
    ],
)
def test_the_version_is_read_before_anything_else(data: bytes, message: str) -> None:
    with pytest.raises(BadInput, match=rf"^plan\.json: .*{message}") as caught:
        read_plan(data, "plan.json")
    assert caught.value.exit_code == 2
    assert caught.value.next_step == "python -m builder plan -o plan.json"


def test_a_key_that_nobody_knows_is_refused(rig: Rig) -> None:
    written = json.loads(write_plan(rig.plan()))
    with pytest.raises(BadInput, match="extra"):
        read_plan(json.dumps({**written, "extra": 1}).encode(), "plan.json")


def test_a_console_link_is_computed_and_never_read(rig: Rig) -> None:
    plan = rig.plan()
    written = json.loads(write_plan(plan))
    for step in written["steps"]:
        step["console"] = "https://evil.example/"
    assert read_plan(json.dumps(written).encode(), "plan.json") == plan
    written["steps"][0]["region"] = "evil.example/#"
    assert read_plan(json.dumps(written).encode(), "plan.json").steps[0].console == ""
