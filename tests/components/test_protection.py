"""What protects stacks and the data in them: by environment in the manifest, for the system in its templates."""

import json
from typing import Any

import pytest

from builder.assembly.manifest import ByEnvironment, FlagByEnvironment, bind_protection, read_manifest, write_manifest
from builder.assembly.render import make_assembly
from builder.components.protection import stack_policy
from builder.config.between import faults_between
from builder.deploy import make_deployment
from builder.template import OPEN_POLICY, Template, denial, read_template
from components.templates import properties, template
from loaded_config import make_loaded_config

TABLE, SERVICE = "us-east-1/table", "us-east-1/service"
PROD = {"prod": {"production": True}}


def entry(stack: str = TABLE, **sections: Any) -> Any:
    manifest = make_assembly(make_loaded_config(**sections)).manifest
    assert read_manifest(write_manifest(manifest), "manifest.json") == manifest
    return manifest.entry(stack)  # type: ignore[arg-type]


TERMINATION: dict[str, tuple[dict[str, Any], dict[str, bool | None]]] = {
    "nothing said": ({}, {"dev": None, "prod": None}),
    "for all": ({"termination_protection": True}, {"dev": True, "prod": True}),
    "in production": ({"environments": PROD}, {"dev": None, "prod": True}),
    "in production, whatever is said for all": (
        {"termination_protection": False, "environments": PROD},
        {"dev": False, "prod": True},
    ),
    "in one environment": ({"environments": {"test": {"termination_protection": True}}}, {"dev": None, "test": True}),
    "off in one environment": (
        {"termination_protection": True, "environments": {"test": {"termination_protection": False}}},
        {"dev": True, "test": False},
    ),
}


@pytest.mark.parametrize("case", TERMINATION)
def test_termination_protection_is_each_environment_s(case: str) -> None:
    sections, expected = TERMINATION[case]
    stack = entry(SERVICE, **sections)
    assert {suffix: bind_protection(stack, suffix)[0] for suffix in expected} == expected


def test_where_environments_agree_the_manifest_says_it_plainly() -> None:
    assert entry(termination_protection=True, environments=PROD).termination_protection is True
    assert entry(environments=PROD).termination_protection == FlagByEnvironment({"prod": True})
    assert entry().termination_protection is None


def test_a_stack_policy_is_of_stacks_that_hold_data_in_environments_that_say_so() -> None:
    environments = {**PROD, "test": {"replacement_protection": True}, "old": {"replacement_protection": False}}
    stack = entry(environments=environments)
    assert isinstance(stack.stack_policy, ByEnvironment)
    assert bind_protection(stack, "dev")[1] is None
    assert bind_protection(stack, "old")[1] == OPEN_POLICY
    policy = bind_protection(stack, "prod")[1]
    assert policy is not None
    assert policy == bind_protection(stack, "test")[1]
    kind = "AWS::DynamoDB::GlobalTable"
    for action, denied in (("Update:Modify", False), ("Update:Replace", True), ("Update:Delete", True)):
        assert bool(denial(policy, action, "Table", kind)) is denied  # type: ignore[arg-type]
        assert denial(policy, action, "Other", "AWS::SNS::Topic") == ""  # type: ignore[arg-type]


def test_a_policy_of_a_stack_s_own_stays_its_own_and_what_holds_no_data_has_none() -> None:
    config = make_loaded_config(environments=PROD).config
    holds, bare = (Template({"Resources": {"One": {"Type": kind}}}) for kind in ("AWS::S3::Bucket", "AWS::SNS::Topic"))
    assert stack_policy(config, holds, OPEN_POLICY) == OPEN_POLICY
    assert stack_policy(config, bare) is None
    assert isinstance(stack_policy(config, holds), ByEnvironment)


def test_deletion_protection_is_a_parameter_where_environments_differ_and_nothing_where_nobody_says_it() -> None:
    assert "DeletionProtectionEnabled" not in json.dumps(template(TABLE))
    for environments in (
        PROD,
        {"prod": {"deletion_protection": True}},
        {"prod": {"table": {"deletion_protection": True}}},
    ):
        stack = entry(environments=environments)
        assert stack.parameters["DeletionProtection"] == ByEnvironment({"default": "false", "prod": "true"})
        replicas = properties(template(TABLE, environments=environments), "Table")["Replicas"]
        assert [replica["DeletionProtectionEnabled"] for replica in replicas] == [{"Ref": "DeletionProtection"}] * 2


@pytest.mark.parametrize("on", [True, False])
def test_deletion_protection_that_is_said_for_all_is_a_literal(*, on: bool) -> None:
    replicas = properties(template(TABLE, table={"deletion_protection": on}), "Table")["Replicas"]
    assert [replica["DeletionProtectionEnabled"] for replica in replicas] == [on, on]


def test_protect_keeps_what_holds_data_and_nothing_else() -> None:
    assembly = make_assembly(make_loaded_config(protect=True))
    kept = set()
    for entry_ in assembly.manifest.stacks:
        for body in read_template(assembly.templates[entry_.template]).resources().values():
            policies = (
                body["DeletionPolicy"],
                body["UpdateReplacePolicy"],
                body.get("Metadata", {}).get("builder:kept"),
            )
            assert policies in {("Delete", "Delete", None), ("RetainExceptOnCreate", "Retain", True)}
            kept |= {body["Type"]} if policies[2] else set()
    assert kept == {"AWS::DynamoDB::GlobalTable", "AWS::Logs::LogGroup", "AWS::S3::Bucket"}
    plain = make_assembly(make_loaded_config())
    assert plain.manifest.stacks[0].parameters == assembly.manifest.stacks[0].parameters


def test_the_deployment_has_what_its_environment_says() -> None:
    assembly = make_assembly(make_loaded_config(environments=PROD))
    by = {suffix: make_deployment(assembly.manifest, assembly.templates, suffix) for suffix in ("dev", "prod")}
    table = {suffix: deployment.stack(TABLE) for suffix, deployment in by.items()}  # type: ignore[arg-type]
    assert [table[suffix].termination_protection for suffix in by] == [None, True]
    assert [table[suffix].parameters["DeletionProtection"] for suffix in by] == ["false", "true"]
    assert table["dev"].stack_policy is None
    assert table["prod"].stack_policy


def test_production_is_never_without() -> None:
    here = {"production": True, "termination_protection": False, "tables": {"orders": {"deletion_protection": False}}}
    always = "is always on where production is true: leave it out, or take production away first"
    sections = {"environments": {"prod": here, "dev": {**here, "production": False}}}
    faults = [(".".join(map(str, fault.place)), fault.what) for fault in faults_between(sections)]
    assert [fault for fault in faults if fault[1] == always] == [
        ("environments.prod.termination_protection", always),
        ("environments.prod.tables.orders.deletion_protection", always),
    ]
