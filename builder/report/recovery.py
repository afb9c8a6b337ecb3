"""What a recovery would do, for people to read before they say yes; pure."""

from collections.abc import Sequence

from builder.deploy.recovery import FailedResource, Recovery
from builder.deploy.resources import holds_data


def recoveries(found: Sequence[Recovery]) -> str:
    """Return a block for each stack: what is done, what failed, what may be skipped and what that means."""
    return "\n\n".join(_recovery(one) for one in found) + "\n"


def _recovery(one: Recovery) -> str:
    paused = one.found.status == "UPDATE_FAILED"
    done = "is rolled back" if paused else "goes on with its rollback"
    reason = f": {one.found.status_reason}" if one.found.status_reason else ""
    lines = [f"  {one.stack}  {done}  ({one.found.name}, {one.found.status}{reason})"]
    for failed in one.failed:
        lines.append(f"    ! {failed.logical_id}  {failed.type}: {failed.reason or 'no reason given'}")
        if not paused:
            lines.append(f"        {_skipping(failed)}")
    lines += [
        f"    - {gone.logical_id}  {gone.type}: the failed update made it, the rollback deletes it{_data(gone.type)}"
        for gone in one.deletes
    ]
    return "\n".join(lines)


def _skipping(failed: FailedResource) -> str:
    if not failed.may_be_skipped:
        return "is not skipped"
    stays = "stays as it is, with all data in it" if holds_data(failed.type) else "stays as it is"
    return (
        f"if it fails again it is skipped: it {stays}, CloudFormation takes it for rolled back, and later updates go"
        " wrong where it differs from the template"
    )


def _data(type_name: str) -> str:
    return ", with all data in it" if holds_data(type_name) else ""
