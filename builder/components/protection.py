"""How stacks and the data in them are protected, in each environment and for the system as a whole; pure.

    protect: true
    environments:
      prod: {production: true}
      test: {termination_protection: true, replacement_protection: true}

What CloudFormation keeps with a stack differs between environments: termination protection and the stack policy. What
its template says is the same in all of them: whether data stays when its stack goes.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from builder.assembly.manifest import ByEnvironment, FlagByEnvironment
from builder.config import Config
from builder.resource_types import KEPT
from builder.template import OPEN_POLICY, Template, canonical_policy


def termination_protection(config: Config, *, own: bool | None = None) -> bool | FlagByEnvironment | None:
    """Return whether a stack is protected from deletion; `own` is what dr.yaml has for this stack alone.

    Where an environment is productive it always is.
    """
    base = config.termination_protection if own is None else own
    here = {
        suffix: True if environment.production else environment.termination_protection
        for suffix, environment in config.environments.items()
        if environment.production or (own is None and environment.termination_protection is not None)
    }
    differ = {suffix: value for suffix, value in here.items() if value is not None and value is not base}
    if not differ:
        return base
    return FlagByEnvironment({**({"default": base} if base is not None else {}), **differ})


def stack_policy(config: Config, template: Template, own: str | None = None) -> str | ByEnvironment | None:
    """Return the policy of a stack: its own, else where it holds data what an environment says.

    Updates may change what holds data, and neither replace nor remove it.
    """
    here = {
        suffix: environment.production or environment.replacement_protection
        for suffix, environment in config.environments.items()
        if environment.production or environment.replacement_protection is not None
    }
    if own is not None or not here:
        return own
    types = sorted({str(body.get("Type")) for body in template.resources().values() if _holds_data(body)})
    if not types:
        return None
    return ByEnvironment({suffix: _policy(types) if denies else OPEN_POLICY for suffix, denies in here.items()})


def _holds_data(body: Mapping[str, Any]) -> bool:
    # Who protects nothing does not read what is known of all resource types.
    from builder.resource_types.facts import holds_data  # noqa: PLC0415

    return holds_data(str(body.get("Type")))


def _policy(types: list[str]) -> str:
    return canonical_policy(
        json.dumps(
            {
                "Statement": [
                    {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
                    {
                        "Effect": "Deny",
                        "Action": ["Update:Replace", "Update:Delete"],
                        "Principal": "*",
                        "Resource": "*",
                        "Condition": {"StringEquals": {"ResourceType": types}},
                    },
                ]
            }
        )
    )


def keep_data(template: Mapping[str, Any], only: Collection[str] | None = None) -> dict[str, Any]:
    """Return a template in which all that holds data stays when its stack goes, and when it is replaced.

    What a creation made that is rolled back goes all the same: nobody has put anything into it yet. `only` are the
    resources that this is about, where it is not all.
    """
    resources = template["Resources"]
    kept = {name for name, body in resources.items() if _holds_data(body)} if only is None else {*only}
    return {**template, "Resources": {name: _kept(body) if name in kept else body for name, body in resources.items()}}


def _kept(body: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = {**body.get("Metadata", {}), KEPT: True}
    policies = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    return {**body, **policies, "Metadata": metadata}
