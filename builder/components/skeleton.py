"""What every template has: description, the environment suffix, and an explicit word on deletion."""

import json

from troposphere import AWSObject, Parameter, Sub, Template


def make_skeleton(description: str, *parameters: Parameter) -> Template:
    """Return a template without resources that takes EnvironmentSuffix and the given parameters."""
    template = Template(Description=description)
    template.set_version("2010-09-09")
    template.add_parameter(
        Parameter(
            "EnvironmentSuffix",
            Type="String",
            Description="Part of every name, so that several environments can share an account",
            AllowedPattern="[a-z0-9]([a-z0-9-]*[a-z0-9])?",
            MaxLength=37,
        )
    )
    for parameter in parameters:
        template.add_parameter(parameter)
    return template


def add(template: Template, *resources: AWSObject) -> None:
    """Add resources in the order in which they should be read, each with an explicit word on its deletion."""
    for resource in resources:
        # `destroy` leaves nothing behind, and the deployer, not a policy, guards what holds data.
        resource.DeletionPolicy = resource.UpdateReplacePolicy = "Delete"
        template.add_resource(resource)


def leave_unlinted(template: Template, rule: str) -> None:
    """Keep one of cfn-lint's rules from the template; the caller's comment says why."""
    template.set_metadata({"cfn-lint": {"config": {"ignore_checks": [rule]}}})


def drop_unused_suffix(template: Template) -> None:
    """Take the environment suffix out of a finished template in which nothing is named by it."""
    if "EnvironmentSuffix" not in json.dumps(template.to_dict()["Resources"]):
        del template.parameters["EnvironmentSuffix"]


def written(name: str) -> str | Sub:
    """Return a physical name as a template has it: completed by Fn::Sub where anything of it is to be filled in."""
    return Sub(name) if "${" in name else name
