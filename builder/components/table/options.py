"""What dr.yaml may say under `table:`, and of each of `tables:`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from builder.components.options import Section

RESOURCE_TYPES = ("AWS::DynamoDB::GlobalTable",)
"""What its template is made of."""


class TableVarying(Section):
    """What may differ between environments."""

    in_production: ClassVar[Mapping[str, Any]] = {"deletion_protection": True}
    deletion_protection: bool = Field(
        default=False,
        strict=True,
        description="Nobody deletes the table, in any region, while it is on; in production it always is",
    )


class TableConfig(TableVarying):
    """The global table."""

    point_in_time_recovery: bool = Field(
        default=True, strict=True, description="Continuous backups of each replica, to any second of 35 days"
    )
