"""What dr.yaml may say under `drill:`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, StringConstraints, Tag

from builder.components.options import SELDOM, Section, check_once
from builder.errors import did_you_mean

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
_ALARM = r"^([!-~]|[!-~][ -~]*[!-~])$"
# Path and query as they are sent: RFC 3986 without a fragment; braces stand for nothing but the probe's id.
_PATH = r"[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*"
_WRITE = rf"^(PUT|POST) /{_PATH}\{{id\}}{_PATH}$"
_READ = rf"^GET /{_PATH}\{{id\}}{_PATH}$"
_DELETE = rf"^DELETE /{_PATH}\{{id\}}{_PATH}$"
_HEALTH = rf"^GET /{_PATH}$"
DRILL_PATTERNS = {
    _ALARM: "the name of a CloudWatch alarm in the primary region, no ARN",
    _WRITE: "method and path, with {id} where the probe's id stands, like PUT /items/{id}",
    _READ: "GET and a path, with {id} where the probe's id stands, like GET /items/{id}",
    _DELETE: "DELETE and a path, with {id} where the probe's id stands, like DELETE /items/{id}",
    _HEALTH: "GET and a path, like GET /health",
}
"""What each pattern asks for, in words."""
MOST_STOP_ALARMS = 5
"""Stop conditions of an experiment's template.

Source: https://docs.aws.amazon.com/fis/latest/userguide/fis-quotas.html
"""
DRILL_TAGS = frozenset({"[name]", "[paths]"})
"""What pydantic puts into a place for the kind of probe that it read; no key of the file is called so."""


def _quote(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else "nothing" if value is None else str(value)


def _check_alarm(name: str) -> str:
    if name.startswith("arn:"):
        raise ValueError(f"'{name}': {DRILL_PATTERNS[_ALARM]}")
    return name


def _drill(value: object) -> object:
    """Return keys with values: `fis` is short for one of them."""
    if value is None:
        return {}
    if value == "fis":
        return {"fis": True}
    if isinstance(value, dict | Section):
        return value
    raise ValueError(f"{_quote(value)} is neither fis nor keys with values{did_you_mean(value, ['fis'])}")


def _fis(value: object) -> object:
    """Return the experiment's section, or None for none."""
    if value is None or value is False:
        return None
    if value is True:
        return {}
    if isinstance(value, dict | Section):
        return value
    raise ValueError(f"{_quote(value)} is neither true, nor false, nor keys with values")


def _probe(value: object) -> object:
    if value in ("handler", "table") or isinstance(value, dict | Section):
        return value
    hint = did_you_mean(value, ["handler", "table"])
    raise ValueError(f"{_quote(value)} is neither handler, nor table, nor keys with values{hint}")


def _kind_of_probe(value: object) -> str:
    return "[name]" if isinstance(value, str) else "[paths]"


_AlarmName = Annotated[str, StringConstraints(pattern=_ALARM, max_length=255), AfterValidator(_check_alarm)]


class FisConfig(Section):
    """The FIS experiment that pauses replication out of the primary, in a stack of its own."""

    stop_alarms: Annotated[tuple[_AlarmName, ...], AfterValidator(check_once)] = Field(
        default=(),
        max_length=MOST_STOP_ALARMS,
        description="Names of CloudWatch alarms in the primary region that stop the experiment",
        json_schema_extra={"uniqueItems": True},
        examples=[["checkout-errors"]],
    )


class PathsConfig(Section):
    """The paths of an application by which a drill writes and reads, at each region's own URL."""

    write: Annotated[str, StringConstraints(pattern=_WRITE)] = Field(
        description="Request that writes a probe, with a JSON body. A POST is not repeated in another region",
        examples=["PUT /items/{id}"],
    )
    read: Annotated[str, StringConstraints(pattern=_READ)] = Field(
        description="Request that returns what was written, or 404", examples=["GET /items/{id}"]
    )
    health: Annotated[str, StringConstraints(pattern=_HEALTH)] = Field(
        default="GET /health", description="Request that returns 200 if the region is healthy"
    )
    delete: Annotated[str, StringConstraints(pattern=_DELETE)] | None = Field(
        default=None,
        description="Request that deletes a probe; if this key is absent, probes are not deleted",
        examples=["DELETE /items/{id}"],
    )


_Fis = Annotated[FisConfig, SELDOM]
_Paths = Annotated[PathsConfig, SELDOM]
ProbeConfig = Annotated[
    Annotated[Literal["handler", "table"], Tag("[name]")] | Annotated[_Paths, Tag("[paths]")],
    Discriminator(_kind_of_probe),
]


class DrillConfig(Section):
    """The settings of drills."""

    components: Annotated[tuple[str, ...], AfterValidator(check_once)] = Field(
        default=(),
        description="Names of the table, function and bucket that drills use if there are several of a kind; "
        "default: those named table, function and bucket",
        json_schema_extra={"uniqueItems": True},
        examples=[["api", "orders", "uploads"]],
    )
    fis: Annotated[_Fis | None, BeforeValidator(_fis, json_schema_input_type=bool | _Fis | None)] = Field(
        default=None,
        description="true: adds a stack by which `drill failover --fis` can pause replication",
        examples=[True, {"stop_alarms": ["checkout-errors"]}],
    )
    probe: Annotated[
        ProbeConfig, BeforeValidator(_probe, json_schema_input_type=Literal["handler", "table"] | _Paths)
    ] = Field(
        default="handler",
        description="handler: PUT /items/<id>; table: items by DynamoDB's API, with GET /health for service; or your "
        "own paths",
        examples=["table", {"write": "PUT /items/{id}", "read": "GET /items/{id}", "health": "GET /health"}],
    )


ShortOrDrill = Annotated[
    DrillConfig, BeforeValidator(_drill, json_schema_input_type=Literal["fis"] | DrillConfig | None)
]
"""`fis` alone, or the section."""
