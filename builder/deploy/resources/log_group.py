"""AWS::Logs::LogGroup: deleted with its events; a shorter retention deletes the older ones within days."""

from builder.deploy.resources.holder import Holder, Properties, Seen

_FOREVER = float("inf")


def _warnings(seen: Seen) -> tuple[str, ...]:
    if seen.before is None or seen.after is None:
        return ()
    was, will = _retention_days(seen.before), _retention_days(seen.after)
    return (f"events older than {will:.0f} days go",) if will < was else ()


def _retention_days(properties: Properties) -> float:
    try:
        return float(properties.get("RetentionInDays", _FOREVER))
    except (TypeError, ValueError):
        return _FOREVER


HOLDER = Holder(warnings=_warnings)
