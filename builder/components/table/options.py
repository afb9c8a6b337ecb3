"""What dr.yaml may say under `table:`, and of each of `tables:`."""

from pydantic import Field

from builder.components.options import Section

RESOURCE_TYPES = ("AWS::DynamoDB::GlobalTable",)
"""What its template is made of."""


class TableVarying(Section):
    """What may differ between environments."""


class TableConfig(TableVarying):
    """The global table."""

    point_in_time_recovery: bool = Field(
        default=True, strict=True, description="Continuous backups of each replica, to any second of 35 days"
    )
