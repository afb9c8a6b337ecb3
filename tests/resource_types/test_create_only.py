from collections.abc import Mapping

import pytest

from builder.resource_types.facts import RESOURCE_TYPES, at_stake, create_only, perhaps_create_only
from schemas import schema_of


def paths(schema: Mapping[str, list[str]], key: str) -> set[str]:
    """The schema's paths; one below another says nothing more."""
    listed = {path.removeprefix("/properties/") for path in schema.get(key, [])}
    return {path for path in listed if not any(path.startswith(f"{other}/") for other in listed)}


@pytest.mark.parametrize("type_name", [name for name in RESOURCE_TYPES if at_stake(name)])
def test_every_guarded_type_is_replaced_by_what_its_schema_says(type_name: str) -> None:
    schema = schema_of(type_name)
    assert set(create_only(type_name)) == paths(schema, "createOnlyProperties")
    assert set(perhaps_create_only(type_name)) == paths(schema, "conditionalCreateOnlyProperties")
