"""CloudWatch metrics of requests to function URLs; the emulator has those of Lambda's own API only.

Equal values of a second are one point, so that a load does not fill the memory.
Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html
"""

import time

from builder.local.adapter.emulator import AccountRegion, acting_in, touch

_CLOUDWATCH = "ministack.services.cloudwatch"
_TOO_MANY = 429
_FUNCTION_FAILED = 502


def record_request(url: tuple[str, str, str], status: int, duration_s: float) -> None:
    """Record an answer of a function's URL; `url` is its account, its region and its function's name."""
    account, region, function = url
    values = {
        "UrlRequestCount": 1,
        "Url4xxCount": int(400 <= status < 500),
        "Url5xxCount": int(status >= 500),
        "UrlRequestLatency": round(duration_s * 1000),
    }
    with acting_in(AccountRegion(account, region)):
        for name, value in values.items():
            _record(function, name, value)


def record_invocation(url: tuple[str, str, str], status: int, duration_s: float) -> None:
    """Record that a function ran for a request to its URL; of one that was throttled the emulator tells itself."""
    account, region, function = url
    if status == _TOO_MANY:
        return
    failed = int(status == _FUNCTION_FAILED)
    with acting_in(AccountRegion(account, region)):
        for name, value in (("Invocations", 1), ("Errors", failed), ("Throttles", 0)):
            _record(function, name, value)
        _record(function, "Duration", round(duration_s * 1000))


def _record(function: str, name: str, value: int) -> None:
    dimensions = {"FunctionName": function}
    key = ("AWS/Lambda", name, touch(f"{_CLOUDWATCH}:_dims_key")(dimensions))
    points = touch(f"{_CLOUDWATCH}:_metric_bucket")(key)
    now = time.time()
    last = points[-1] if points else None
    if last is not None and last["Value"] == value and now - last["Timestamp"] < 1:
        last["Count"] = last.get("Count", 1) + 1
        return
    unit = "Milliseconds" if name in {"UrlRequestLatency", "Duration"} else "Count"
    points.append({"Timestamp": now, "Value": float(value), "Unit": unit, "Dimensions": dimensions})
