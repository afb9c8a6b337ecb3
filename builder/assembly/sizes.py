"""How large templates may be, and what is told before AWS would say so.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from collections.abc import Mapping

from builder.errors import BadInput

REQUEST_BYTES = 51_200
"""Of a template that is sent in a request, or embedded in a StackSet."""
OBJECT_BYTES = 1_048_576
"""Of a template that CloudFormation reads from a bucket."""


def check_body(path: str, body: bytes) -> None:
    """Raise BadInput for a template that no StackSet takes into its own."""
    if len(body) > REQUEST_BYTES:
        raise BadInput(
            where=path,
            what=f"has {len(body):,} bytes, and a StackSet holds a template of {REQUEST_BYTES:,} at most",
            next_step="make the function's code smaller: it is most of a template",
        )


def check_fleet(path: str, template: bytes) -> None:
    """Raise BadInput for a template of StackSets that CloudFormation takes from nowhere."""
    if len(template) > OBJECT_BYTES:
        raise BadInput(
            where=f"fleet/{path}",
            what=f"has {len(template):,} bytes, and CloudFormation takes {OBJECT_BYTES:,} at most",
            next_step="fewer regions, or less code in the function: each region's templates are in it",
        )


def size_notes(files: Mapping[str, bytes], region: str) -> tuple[str, ...]:
    """Return a line for each file that CloudFormation takes only from a bucket, which has to be in the region."""
    return tuple(
        f"{path} has {len(data):,} bytes, and a request takes {REQUEST_BYTES:,}: "
        f"plan it with --artifacts-bucket, a bucket in {region}"
        for path, data in files.items()
        if len(data) > REQUEST_BYTES
    )
