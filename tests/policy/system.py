"""Assemblies as policies are computed from them: the shipped one, and ones of a resource or two."""

from pathlib import Path
from typing import Any

from builder.assembly import read_assembly
from builder.assembly.bound import Bound
from builder.assembly.manifest import StackEntry
from builder.policy import PolicyCaller, PolicyContext, bind_templates
from builder.policy.resource import BoundResource
from builder.template import Template
from builder.terms import Region, StackId

ROOT = Path(__file__).parent.parent.parent
ACCOUNT = "111122223333"
CONTEXT = PolicyContext("aws", ACCOUNT, "dev")
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/cfn-exec"
CALLER = PolicyCaller(deployment="tap-dev", tag="builder:deployment")
VIA_ROLE = PolicyCaller(deployment="tap-dev", tag="builder:deployment", role_arn=ROLE_ARN)
SHIPPED = bind_templates(read_assembly(ROOT / "templates"))
BOUNDED = bind_templates(read_assembly(ROOT / "tests" / "golden" / "three_regions" / "templates"))

_GOLDEN = ROOT / "tests" / "golden"
SELF_MANAGED = bind_templates(read_assembly(_GOLDEN / "fleet_self_managed" / "templates" / "fleet"))
SERVICE_MANAGED = bind_templates(read_assembly(_GOLDEN / "fleet_service_managed" / "templates" / "fleet"))


def stack(region: str = "us-east-1", name: str = "tap-${EnvironmentSuffix}-own", **resources: dict[str, Any]) -> Bound:
    """A stack of a user's own with these resources."""
    entry = StackEntry(
        id=StackId(f"{region}/own"),
        region=Region(region),
        name=name,
        template="own.yaml",
        sha256="0" * 64,
        parameters={"EnvironmentSuffix": "${EnvironmentSuffix}"},
    )
    parameters = {"EnvironmentSuffix": {"Type": "String"}}
    return Bound(entry, "own.yaml", Template({"Parameters": parameters, "Resources": resources}))


def resource(
    kind: str, region: str = "us-east-1", name: str = "tap-${EnvironmentSuffix}-own", **properties: Any
) -> BoundResource:
    """A resource in a stack by itself."""
    body = {"Type": kind, "Properties": properties}
    return BoundResource(stack(region, name, Thing=body), "Thing", body)
