"""The project's own rendered templates live and die in the fake."""

import json
from pathlib import Path

from fake_aws import World

_ROOT = Path(__file__).parents[2] / "templates"


def test_the_default_system_is_deployed_and_taken_down() -> None:
    world = World()
    manifest = json.loads((_ROOT / "manifest.json").read_text())
    left = {entry["id"]: entry for entry in manifest["stacks"]}
    done: list[str] = []
    while left:
        for each in [entry for entry in left.values() if set(entry["needs"]) <= set(done)]:
            client = world.session().client("cloudformation", region_name=each["region"])
            name = each["name"].replace("${EnvironmentSuffix}", "dev")
            values = {key: value.replace("${EnvironmentSuffix}", "dev") for key, value in each["parameters"].items()}
            made = client.create_change_set(
                StackName=name,
                ChangeSetName="first",
                ChangeSetType="CREATE",
                TemplateBody=(_ROOT / each["template"]).read_text(),
                Capabilities=each["capabilities"],
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
            )
            world.settle()
            seen = client.describe_change_set(ChangeSetName=made["Id"])
            assert seen["Status"] == "CREATE_COMPLETE", seen.get("StatusReason")
            client.execute_change_set(ChangeSetName=made["Id"])
            world.settle()
            assert world.stack(name, region=each["region"]).status == "CREATE_COMPLETE"
            done.append(each["id"])
            del left[each["id"]]
    for stack in reversed(done):
        region, _, short = stack.partition("/")
        world.session().client("cloudformation", region_name=region).delete_stack(StackName=f"tap-dev-{short}")
        world.settle()
        assert world.stack(f"tap-dev-{short}", region=region).status == "DELETE_COMPLETE"
    assert (world.buckets, world.tables, world.names) == ({}, {}, set())
