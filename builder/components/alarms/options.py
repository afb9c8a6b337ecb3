"""What dr.yaml may say under `alarms:`."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from builder.components.options import Section, check_once

RESOURCE_TYPES = (
    "AWS::CloudWatch::Alarm",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
)
"""What its templates are made of."""
_ADDRESS = r"^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+$"
ALARMS_PATTERNS = {_ADDRESS: "an address of mail looks like ops@example.com"}
"""What each pattern asks for, in words."""
_Address = Annotated[str, StringConstraints(pattern=_ADDRESS, max_length=254)]
_Many = Annotated[int, Field(strict=True, ge=0)]
_Percent = Annotated[int, Field(strict=True, ge=1, le=100)]


class AlarmsVarying(Section):
    """Options that may differ between environments: thresholds, and whether alarms notify anybody."""

    notify: bool = Field(
        default=True, strict=True, description="Whether alarms notify the topic; they change their states either way"
    )
    table_latency_ms: Annotated[int, Field(strict=True, ge=1)] = Field(
        default=5000,
        description="Milliseconds that items may take to reach another region's replica, averaged over a minute",
    )
    objects_pending: _Many = Field(
        default=1000, description="Objects and deletions that may wait for replication, for 15 minutes"
    )
    objects_latency_s: Annotated[int, Field(strict=True, ge=1)] = Field(
        default=900, description="Seconds that a bucket may be behind the bucket that replicates to it"
    )
    objects_failed: _Many = Field(
        default=0, description="Objects and deletions whose replication may fail in 5 minutes"
    )
    errors_percent: _Percent = Field(
        default=5,
        description="Percentage of requests to a function's URL that may be answered 5xx; without a URL, of calls "
        "that may fail",
    )
    errors_floor: Annotated[int, Field(strict=True, ge=1)] = Field(
        default=20, description="Requests per minute below which errors are not counted"
    )
    throttles: _Many = Field(default=10, description="Calls of a function that may be throttled in 5 minutes")
    duration_percent: _Percent = Field(
        default=80, description="Percentage of a function's timeout below which 99 of 100 calls must stay"
    )


class AlarmsConfig(AlarmsVarying):
    """Alarms on all built-in components, and a topic in each region that they notify."""

    email: Annotated[tuple[_Address, ...], AfterValidator(check_once)] = Field(
        default=(),
        max_length=50,
        description="Addresses that each region's topic notifies by mail, once they have confirmed their "
        "subscription there",
        json_schema_extra={"uniqueItems": True},
        examples=[["ops@example.com"]],
    )
