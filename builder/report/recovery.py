"""What a recovery would do, for people to read before they say yes; pure."""

from collections.abc import Iterator, Sequence

from builder.deploy.recovery import FailedResource, Recovery
from builder.resource_types.by_hand import holds_data


def recoveries(found: Sequence[Recovery]) -> str:
    """Return a block for each stack: what is done, what failed, what may be skipped and what that means."""
    return "\n\n".join("\n".join(_recovery(one)) for one in found) + "\n"


def _recovery(one: Recovery) -> Iterator[str]:
    is_paused = one.found.status == "UPDATE_FAILED"
    does = "is rolled back" if is_paused else "goes on with its rollback"
    reason = f": {one.found.status_reason}" if one.found.status_reason else ""
    yield f"  {one.stack}  {does}  ({one.found.name}, {one.found.status}{reason})"
    for failed in one.failed:
        yield f"    ! {failed.logical_id}  {failed.type}: {failed.reason or 'no reason given'}"
        if not is_paused:
            yield f"        {_skipping(failed)}"
    for gone in one.deletes:
        yield f"    - {gone.logical_id}  {gone.type}: made by the failed update, deleted{_data(gone.type)}"


def _skipping(failed: FailedResource) -> str:
    if not failed.may_be_skipped:
        return "not skipped"
    return (
        f"skipped if it fails again: it stays as it is{_data(failed.type)}, though CloudFormation takes it for rolled"
        " back from then on"
    )


def _data(type_name: str) -> str:
    return " with all its data" if holds_data(type_name) else ""
