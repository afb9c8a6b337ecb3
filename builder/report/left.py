"""What a destroyed deployment has left, for people; pure."""

from collections.abc import Iterable

from builder.deploy import Standing, Survey


def left(deployment: str, before: Iterable[Standing], after: Survey) -> str:
    """Return a text of what still stands, what was left behind as its template wanted, and where nobody could look."""
    there = {one.stack.arn for one in after.standing}
    lines = [f"{one.id}  {one.stack.name}  {one.stack.status}" for one in after.standing]
    lines += [
        f"{one.stack.region}  {name}  {kind}, left behind by {one.id} as its template says"
        for one in before
        if one.stack.arn not in there
        for kind, name in one.retained
    ]
    told = [f"left of {deployment}: {'nothing' if not lines else ''}".rstrip(), *(f"  {line}" for line in lines)]
    told += [f"not looked at: {where.site.region}: {where.because}" for where in after.unseen]
    return "\n".join(told)
