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
    """What may differ between environments: thresholds, and whether anybody is told."""

    notify: bool = Field(
        default=True, strict=True, description="Whether alarms tell anybody; their states are kept either way"
    )
    table_latency_ms: Annotated[int, Field(strict=True, ge=1)] = Field(
        default=5000,
        description="Milliseconds that items of a minute may take to another region's replica, on average",
    )
    objects_pending: _Many = Field(
        default=1000, description="Objects and deletions that may wait to be replicated, for a quarter of an hour"
    )
    objects_latency_s: Annotated[int, Field(strict=True, ge=1)] = Field(
        default=900, description="Seconds that a bucket may be behind the one that replicates to it"
    )
    objects_failed: _Many = Field(
        default=0, description="Objects and deletions of five minutes that may fail to be replicated"
    )
    errors_percent: _Percent = Field(
        default=5,
        description="Requests of a hundred that a URL may answer 5xx; without one, calls that fail",
    )
    errors_floor: Annotated[int, Field(strict=True, ge=1)] = Field(
        default=20, description="Requests of a minute below which its errors are no rate, and count for nothing"
    )
    throttles: _Many = Field(default=10, description="Calls of a function that may be throttled in five minutes")
    duration_percent: _Percent = Field(
        default=80, description="Percent of a function's timeout that 99 of 100 calls have to stay below"
    )


class AlarmsConfig(AlarmsVarying):
    """Alarms on everything that is built in, and a topic in each region that they notify."""

    email: Annotated[tuple[_Address, ...], AfterValidator(check_once)] = Field(
        default=(),
        max_length=50,
        description="Whom each region's topic tells by mail, once they have confirmed it there",
        json_schema_extra={"uniqueItems": True},
        examples=[["ops@example.com"]],
    )
