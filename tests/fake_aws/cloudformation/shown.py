"""How parameters and tags look in replies."""

import re

from fake_aws.cloudformation.deployments import Deployment
from fake_aws.cloudformation.template import read


def parameters(deployment: Deployment) -> list[dict[str, str]]:
    """Return the parameters with their values, NoEcho ones hidden."""
    if not deployment.body:
        return []
    declared = read(deployment.body).parameters
    return [
        {"ParameterKey": key, "ParameterValue": "****" if str(declared[key].get("NoEcho")).lower() == "true" else value}
        | ({"ResolvedValue": deployment.resolved[key]} if key in deployment.resolved else {})
        for key, value in deployment.parameters.items()
    ]


def masked(text: str) -> str:
    """Return a text as GetTemplate and Outputs show it: each code point above U+007F is one `?`."""
    return re.sub(r"[^\x00-\x7f]", "?", text)


def outputs(values: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return a stack's outputs as DescribeStacks shows them."""
    return [{key: masked(value) for key, value in each.items()} for each in values]


def tags(values: dict[str, str]) -> list[dict[str, str]]:
    """Return tags as AWS lists them."""
    return [{"Key": key, "Value": value} for key, value in values.items()]
