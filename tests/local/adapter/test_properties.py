"""Every property that the built-in components use is played, or kept without effect and named in docs/local.md."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from answer import ROOT
from builder.assembly.render import make_assembly
from builder.local.adapter.properties import TABLE, find_faults
from components.combinations import combinations, loaded_of
from local.account import Account, deploy, update
from local.adapter.templates import bucket, table
from schemas import schema_of

# What the components have, and what nobody would miss here: capacity and lifecycles are AWS's own business.
_KEPT = {
    ("AWS::S3::Bucket", "LifecycleConfiguration"),
    ("AWS::Lambda::Function", "Architectures"),
}
_TYPES = sorted({path.partition("/")[0] for path in TABLE})


def _rows() -> Iterator[Any]:
    """Yield the combinations in which a value occurs for the first time."""
    seen: set[tuple[str, str]] = set()
    for row in combinations():
        values = {(name, repr(value)) for name, value in row.items()}
        if values - seen:
            seen |= values
            yield row


def _used() -> dict[str, list[dict[str, Any]]]:
    """Return the properties of each resource that the built-in components have, by its type."""
    used: dict[str, list[dict[str, Any]]] = {}
    for row in _rows():
        for text in make_assembly(loaded_of(row)).templates.values():
            for resource in yaml.load(text, Loader=yaml.BaseLoader)["Resources"].values():  # noqa: S506  strings only
                used.setdefault(resource["Type"], []).append(resource.get("Properties") or {})
    return used


@pytest.mark.slow  # renders what is built in, with each value of each option
def test_no_property_of_the_built_in_components_is_taken_in_silence() -> None:
    used = _used()
    assert set(used) <= set(_TYPES), "a type whose properties nobody has classified"
    faults = {fault for kind, resources in used.items() for props in resources for fault in find_faults(kind, props)}
    assert faults == set()
    kept = {
        (kind, name) for kind, resources in used.items() for props in resources for name in props
        if name in TABLE[kind]["kept"]
    }  # fmt: skip
    assert kept <= _KEPT


@pytest.mark.parametrize("kind", _TYPES)
def test_every_property_that_a_type_has_is_classified_once(kind: str) -> None:
    schema = schema_of(kind)
    read_only = {name.removeprefix("/properties/") for name in schema.get("readOnlyProperties", [])}
    classified = [name for names in TABLE[kind].values() for name in names]
    assert sorted(classified) == sorted(set(classified)) == sorted(set(schema["properties"]) - read_only)


def test_what_is_kept_or_refused_is_said() -> None:
    page = (ROOT / "docs" / "local.md").read_text()
    rows = dict(line.strip("| ").split(" | ", 1) for line in page.splitlines() if line.startswith("| `AWS::"))
    for path, known in TABLE.items():
        for name in [*known["kept"], *known["refused"]]:
            assert f"`{name}`" in rows[f"`{path}`"], f"docs/local.md: {path} {name}"


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        (table(Owner="me"), "#: extraneous key [Owner] is not permitted"),
        (table({"Region": "us-east-1", "Tag": []}), "#/Replicas/0: extraneous key [Tag] is not permitted"),
        (table(MultiRegionConsistency="STRONG"), "does not play MultiRegionConsistency"),
        (bucket("any-bucket", ReplicationConfig={}), "#: extraneous key [ReplicationConfig] is not permitted"),
    ],
    ids=["type", "item", "unplayed", "bucket"],
)
def test_a_property_that_is_none_fails_its_resource(account: Account, resources: dict[str, Any], reason: str) -> None:
    outcome = deploy(account, "app", resources)
    assert (outcome.status, reason in outcome.reason) == ("ROLLBACK_COMPLETE", True), outcome.reason


def test_an_update_is_checked_too(account: Account) -> None:
    assert deploy(account, "app", table(MultiRegionConsistency="EVENTUAL")).status == "CREATE_COMPLETE"
    assert "extraneous key [Owner]" in update(account, "app", table(Owner="me")).reason
