"""Stacks of an assembly, their templates written down in a test."""

from textwrap import dedent
from typing import Any

from builder.assembly import Manifest, StackEntry
from builder.assembly.bound import Bound
from builder.assembly.manifest import VERSION
from builder.template import Template
from builder.terms import Region, StackId

SHA = "0" * 64


def entry(stack: str, needs: tuple[str, ...] = (), **fields: Any) -> StackEntry:
    region, kind = stack.split("/")
    return StackEntry(
        id=StackId(stack),
        region=Region(region),
        name=fields.pop("name", f"tap-${{EnvironmentSuffix}}-{kind}"),
        template=f"{stack}.yaml",
        sha256=SHA,
        needs=tuple(StackId(need) for need in needs),
        **fields,
    )


def manifest(*entries: StackEntry, **fields: Any) -> Manifest:
    return Manifest(version=fields.pop("version", VERSION), project="tap", stacks=entries, **fields)


def make_bound(stack: str, template: str = "Resources: {}", needs: tuple[str, ...] = (), **fields: Any) -> Bound:
    """Return a stack by its id, `us-east-1/app`, with its template."""
    from cfnlint.decode import decode_str  # noqa: PLC0415 - a third of a second, which manifests alone do not need

    described = entry(stack, needs, **fields)
    decoded, faults = decode_str(dedent(template))
    assert not faults, faults
    assert decoded is not None
    return Bound(described, described.template, Template(decoded))


def make_manifest(*bounds: Bound, **fields: Any) -> Manifest:
    return manifest(*(bound.entry for bound in bounds), **fields)
