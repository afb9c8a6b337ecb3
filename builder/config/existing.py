"""What is wrong between tables and buckets that were there before the system, in the plain data of dr.yaml; pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from builder.config.document import ConfigFault, KeyPath

_Sections = Iterable[tuple[KeyPath, Mapping[str, Any]]]


def existing_faults(tables: _Sections, buckets: _Sections, *, in_fleet: bool) -> Iterator[ConfigFault]:
    """Yield each component that would be what another one is already, and each of a fleet."""
    for noun, sections in (("table", tables), ("bucket", buckets)):
        owners: dict[str, str] = {}
        for place, section in sections:
            name, where = section.get("existing"), (*place, "existing")
            if not isinstance(name, str):
                continue
            if in_fleet:
                what = "is not for a fleet, whose accounts have each a table and a bucket of their own"
                yield ConfigFault(where, what)
            owner = owners.setdefault(name, ".".join(map(str, place)))
            if owner != ".".join(map(str, place)):
                yield ConfigFault(where, f"the {noun} '{name}' is {owner} already")
