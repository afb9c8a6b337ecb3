"""Fleets by hand: an assembly of StackSets in the shape that rendering gives it, with records of them."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from builder.assembly import read_assembly
from builder.deploy.desired import TAG_DEPLOYMENT, TAG_STACK, Deployment, DesiredStack
from builder.fleet.records import Holding, SetPlan, StackInstance, StackSet, TargetedSite
from builder.terms import AccountId, LogicalId, Region, Site, StackId, StackName

ROOT = Path(__file__).parent.parent.parent
ADMIN = "111122223333"
FLEET, EAST, WEST = StackId("us-west-2/fleet"), Region("us-east-1"), Region("us-west-2")
ACCOUNTS = ("444455556666", "555566667777", "666677778888")
HOLDING = Holding(FLEET, Site(None, WEST))
SELF_MANAGED = {
    "PermissionModel": "SELF_MANAGED",
    "AdministrationRoleARN": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/tap-${EnvironmentSuffix}-administration"},
    "ExecutionRoleName": {"Fn::Sub": "tap-${EnvironmentSuffix}-execution"},
}
SERVICE_MANAGED = {
    "PermissionModel": "SERVICE_MANAGED",
    "CallAs": "SELF",
    "AutoDeployment": {"Enabled": False, "RetainStacksOnAccountRemoval": False},
}


def accounts(*named: str) -> dict[str, Any]:
    return {"Accounts": list(named or ACCOUNTS)}


def shipped_bodies() -> dict[str, str]:
    """The shipped templates by the stack that they are of."""
    assembly = read_assembly(ROOT / "templates")
    return {entry.id: assembly.templates[entry.template].decode() for entry in assembly.manifest.stacks}


def logical_id(stack: str) -> str:
    return "".join(part.title() for part in stack.replace("/", "-").split("-"))


def fleet_template(
    bodies: Mapping[str, str] | None = None,
    targets: Mapping[str, Any] | None = None,
    model: Mapping[str, Any] = SELF_MANAGED,
    preferences: Mapping[str, Any] | None = None,
    *,
    managed: bool = True,
) -> str:
    """One StackSet for each of the bodies; without any for each stack of the shipped system, with its needs."""
    manifest = read_assembly(ROOT / "templates").manifest
    entries = {entry.id: entry for entry in manifest.stacks}
    resources = {}
    for stack, body in (bodies if bodies is not None else shipped_bodies()).items():
        entry = entries.get(StackId(stack))
        parameters = {**entry.parameters, "EnvironmentSuffix": {"Ref": "EnvironmentSuffix"}} if entry else {}
        resources[logical_id(stack)] = {
            "Type": "AWS::CloudFormation::StackSet",
            "DependsOn": [logical_id(need) for need in entry.needs] if entry else [],
            "Properties": {
                "StackSetName": {"Fn::Sub": f"tap-${{EnvironmentSuffix}}-{stack.replace('/', '-')}"},
                **model,
                "TemplateBody": body,
                "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
                "Capabilities": ["CAPABILITY_IAM"],
                "OperationPreferences": dict(preferences or {"MaxConcurrentPercentage": 100}),
                "ManagedExecution": {"Active": managed},
                "StackInstancesGroup": [
                    {"DeploymentTargets": dict(targets or accounts()), "Regions": [stack.partition("/")[0]]}
                ],
                "Tags": [
                    {"Key": "builder:fleet", "Value": {"Fn::Sub": "tap-${EnvironmentSuffix}"}},
                    {"Key": TAG_STACK, "Value": stack},
                ],
            },
        }
    template = {"Parameters": {"EnvironmentSuffix": {"Type": "String"}}, "Resources": resources}
    return json.dumps(template, indent=1) if bodies == {} else yaml.safe_dump(template, sort_keys=False)


def fleet_deployment(template: str | None = None) -> Deployment:
    """A deployment that is nothing but the stack which holds the sets."""
    template = template or fleet_template()
    digest = hashlib.sha256(template.encode()).hexdigest()
    stack = DesiredStack(
        id=FLEET,
        region=WEST,
        name=StackName("tap-dev-fleet"),
        template=template,
        sha256=digest,
        parameters={"EnvironmentSuffix": "dev"},
        capabilities=(),
        needs=(),
        tags={TAG_DEPLOYMENT: "tap-fleet-dev", TAG_STACK: FLEET},
    )
    return Deployment(name="tap-fleet-dev", digest=digest, stacks=(stack,))


def sites(region: str, *named: str) -> tuple[Site, ...]:
    return tuple(Site(AccountId(account), Region(region)) for account in named)


def places(region: str, *named: str, unit: str = "") -> tuple[TargetedSite, ...]:
    return tuple(TargetedSite(unit, site) for site in sites(region, *named))


def stack_set(stack: str = "us-west-2/storage", **fields: Any) -> StackSet:
    values = {"id": StackId(stack), "name": f"tap-dev-{stack.replace('/', '-')}", "held_by": HOLDING, **fields}
    return StackSet(logical_id=LogicalId(logical_id(stack)), **values)


def instance(account: str, region: str = "us-west-2", status: str = "CURRENT", **fields: Any) -> StackInstance:
    return StackInstance(site=Site(AccountId(account), Region(region)), status=status, **fields)


def instances(named: Iterable[str] = ACCOUNTS, region: str = "us-west-2") -> tuple[StackInstance, ...]:
    return tuple(instance(account, region) for account in named)


def set_plan(stack: str = "us-west-2/storage", does: str = "update", **fields: Any) -> SetPlan:
    values: dict[str, Any] = {"stack_set": stack_set(stack), "does": does, **fields}
    return SetPlan(**values)
