"""AWS::KMS::Key and ReplicaKey: CloudFormation schedules the key's deletion, and then all it encrypts is unreadable.

A scheduled deletion can still be cancelled for 7 to 30 days, `PendingWindowInDays`. A primary multi-region key waits
until its last replica key is gone.
Source: https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html
"""

from builder.deploy.resources.holder import Holder, Seen


def _warnings(seen: Seen) -> tuple[str, ...]:
    if seen.before is None or seen.after is None:
        return ()
    # CloudFormation may show a boolean as text.
    was, will = (str(side.get("Enabled", True)).lower() for side in (seen.before, seen.after))
    return ("the key is disabled: nothing it encrypts can be read until it is enabled again",) if was > will else ()


HOLDER = Holder(warnings=_warnings)
