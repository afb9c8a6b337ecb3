"""AWS::DynamoDB::Table: a table in one region, deleted with its items."""

from builder.deploy.resources.global_table import INDEXES, expiry_warnings, is_on, weakened_recovery
from builder.deploy.resources.holder import Holder, Seen


def _warnings(seen: Seen) -> tuple[str, ...]:
    if seen.before is None or seen.after is None:
        return ()
    told = list(expiry_warnings(seen.before, seen.after))
    if weakened_recovery(seen.before, seen.after):
        told.append("point-in-time recovery is switched off")
    if is_on(seen.before.get("DeletionProtectionEnabled")) and not is_on(seen.after.get("DeletionProtectionEnabled")):
        told.append("deletion protection is switched off")
    return tuple(told)


HOLDER = Holder(warnings=_warnings, singly=(INDEXES,))
