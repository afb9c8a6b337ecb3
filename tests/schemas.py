"""AWS's schemas of resource types, as cfn-lint has them.

Importing it takes a third of a second: not when tests are collected, but when one asks.
"""

from typing import Any


def schema_of(type_name: str) -> dict[str, Any]:
    """Return the schema of a resource type as it is in us-east-1."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415 - see above

    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", type_name).schema


def all_types() -> set[str]:
    """Return the name of every resource type that there is in any region."""
    from cfnlint.helpers import REGIONS  # noqa: PLC0415 - see above
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415 - see above

    return {name for region in REGIONS for name in PROVIDER_SCHEMA_MANAGER.get_resource_types(region)}
