import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
import yaml

from builder.assembly import Assembly
from builder.assembly.fleet import make_fleet
from builder.assembly.manifest import read_manifest
from builder.assembly.render import make_assembly
from builder.errors import BadInput
from builder.template import OPEN_POLICY, read_template
from components.fleet_config import SELF_MANAGED, SERVICE_MANAGED
from loaded_config import HANDLER, make_loaded_config

# Short lines, which grow most by being moved to the right within another template.
LONG = "def handler(event, context):\n    return {}\n" + "# no\n" * 3000


def fleet(options: dict[str, Any], handler: str = HANDLER, **sections: Any) -> tuple[Assembly, Assembly]:
    """Return the system's assembly, and its fleet's."""
    loaded = make_loaded_config(handler, fleet=options, **sections)
    assembly = make_assembly(make_loaded_config(handler, **sections))
    assert loaded.config.fleet
    return assembly, make_fleet(loaded.config, loaded.config.fleet, assembly)


class TestManifest:
    def test_of_a_self_managed_fleet_has_the_role_first_in_the_first_secondary(self) -> None:
        _, made = fleet(SELF_MANAGED, tags={"team": "core"})
        role, sets = made.manifest.stacks

        assert made.manifest.project == "tap-fleet"
        assert (role.id, role.name) == ("us-west-2/administration", "tap-${EnvironmentSuffix}-fleet-administration")
        assert (sets.id, sets.name) == ("us-west-2/fleet", "tap-${EnvironmentSuffix}-fleet")
        assert (role.capabilities, sets.capabilities) == (("CAPABILITY_NAMED_IAM",), ())
        assert (role.needs, sets.needs) == ((), (role.id,))
        for entry in made.manifest.stacks:
            assert entry.region == "us-west-2"
            assert entry.parameters == {"EnvironmentSuffix": "${EnvironmentSuffix}"}
            assert entry.tags == {"team": "core"}
            assert entry.sha256 == hashlib.sha256(made.templates[entry.template]).hexdigest()

    def test_of_a_service_managed_fleet_has_the_sets_alone(self) -> None:
        _, made = fleet({**SERVICE_MANAGED, "admin_region": "eu-west-1"})

        assert [(entry.id, entry.needs) for entry in made.manifest.stacks] == [("eu-west-1/fleet", ())]
        assert made.templates.keys() == {"fleet.yaml"}
        assert made.beside == {}


class TestTemplates:
    def test_of_the_system_are_in_the_sets_to_the_byte(self) -> None:
        assembly, made = fleet(SELF_MANAGED)
        sets = read_template(made.templates["fleet.yaml"], "fleet.yaml").resources().values()
        embedded = {
            tag["Value"]: stack_set["Properties"]["TemplateBody"].encode()
            for stack_set in sets
            for tag in stack_set["Properties"]["Tags"]
            if tag["Key"] == "builder:stack"
        }

        assert embedded == {stack.id: assembly.templates[stack.template] for stack in assembly.manifest.stacks}

    @pytest.mark.parametrize("options", [SELF_MANAGED, SERVICE_MANAGED], ids=["self-managed", "service-managed"])
    def test_read_well_in_the_sets(self, options: dict[str, Any]) -> None:
        _, made = fleet(options)

        assert made.templates["fleet.yaml"].count(b"TemplateBody: |\n        AWSTemplateFormatVersion: ") == 5

    def test_are_the_same_bytes_for_the_same_config(self) -> None:
        assert fleet(SELF_MANAGED) == fleet(SELF_MANAGED)

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ("Transform: AWS::Serverless-2016-10-31\nResources: {}", "AWS::Serverless-2016-10-31"),
            ("Resources: {T: {Fn::Transform: {Name: Mine}}}", "Mine"),
            ("Resources: {T: {Fn::Transform: {Name: !Ref Which}}}", "one that is not named"),
        ],
    )
    def test_have_no_transform_where_permissions_are_service_managed(self, body: str, named: str) -> None:
        loaded = make_loaded_config(fleet=SERVICE_MANAGED)
        assembly = make_assembly(make_loaded_config())
        changed = replace(assembly, templates={**assembly.templates, "us-east-1/table.yaml": body.encode()})
        assert loaded.config.fleet
        with pytest.raises(BadInput, match=rf"^us-east-1/table.yaml: has a transform \({named}\): AWS takes none"):
            make_fleet(loaded.config, loaded.config.fleet, changed)

    @pytest.mark.parametrize("options", [SELF_MANAGED, SERVICE_MANAGED], ids=["self-managed", "service-managed"])
    def test_have_no_stack_policy(self, options: dict[str, Any]) -> None:
        loaded = make_loaded_config(fleet=options)
        assembly = make_assembly(make_loaded_config())
        stacks = tuple(replace(entry, stack_policy=OPEN_POLICY) for entry in assembly.manifest.stacks)
        changed = replace(assembly, manifest=replace(assembly.manifest, stacks=stacks))
        assert loaded.config.fleet
        with pytest.raises(BadInput, match=r"^stacks\.[a-z]+\.stack_policy: StackSets set no stack policies"):
            make_fleet(loaded.config, loaded.config.fleet, changed)

    def test_are_too_large_with_too_much_code(self) -> None:
        with pytest.raises(BadInput, match=r"^us-east-1/service.yaml: has [0-9,]+ bytes, and a StackSet holds"):
            fleet(SELF_MANAGED, LONG + LONG)

    @pytest.mark.slow
    def test_are_too_large_together_in_too_many_regions(self) -> None:
        secondaries = [
            *("us-west-2", "us-east-2", "us-west-1", "ca-central-1", "eu-west-1", "eu-west-2", "eu-west-3"),
            *("eu-central-1", "eu-north-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1"),
            *("ap-southeast-1", "ap-southeast-2", "sa-east-1"),
        ]

        with pytest.raises(BadInput, match=r"^fleet/fleet.yaml: has [0-9,]+ bytes"):
            fleet(SERVICE_MANAGED, LONG, regions={"primary": "us-east-1", "secondaries": secondaries})


class TestExecutionRole:
    def test_is_beside_the_templates_and_in_no_manifest(self) -> None:
        _, made = fleet({**SELF_MANAGED, "administration_account": "111122223333"})
        role = yaml.load(made.beside["execution-role.yaml"], yaml.BaseLoader)  # noqa: S506 - without short forms

        assert role["Parameters"]["AdministratorAccountId"]["Default"] == "111122223333"
        assert "execution-role.yaml" not in {entry.template for entry in made.manifest.stacks}

    @pytest.mark.slow
    def test_that_would_be_too_large_for_iam_is_refused(self) -> None:
        secondaries = ["us-west-2", "us-east-2", "us-west-1", "ca-central-1", "eu-west-1", "eu-west-2"]
        regions = {"primary": "us-east-1", "secondaries": secondaries}

        assert fleet(SELF_MANAGED, regions=regions)[1].beside
        with pytest.raises(BadInput, match=r"^fleet/execution-role.yaml: its policy would have [0-9,]+ characters"):
            fleet(SELF_MANAGED, regions=regions, environments={"x" * 37: {}})


def test_a_fleet_is_rendered_into_a_folder_beside_the_system_s_templates() -> None:
    assembly, made = fleet(SELF_MANAGED)
    with_fleet = make_assembly(make_loaded_config(fleet=SELF_MANAGED))

    assert (with_fleet.manifest, with_fleet.templates) == (assembly.manifest, assembly.templates)
    assert with_fleet.beside.keys() == {
        f"fleet/{path}" for path in ("manifest.json", "fleet.yaml", "administration-role.yaml", "execution-role.yaml")
    }
    assert read_manifest(with_fleet.beside["fleet/manifest.json"], "manifest.json") == made.manifest
    assert json.loads(with_fleet.beside["fleet/manifest.json"])["outputs"] == {}
