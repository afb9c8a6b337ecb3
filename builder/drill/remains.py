"""What of a drill is still there when it could not be taken away: said so, with what takes it away."""

from collections.abc import Iterator
from contextlib import contextmanager

from builder.errors import BuilderError, Failed

RESTORE = "python -m builder drill restore"


@contextmanager
def remaining(where: str, what: str, next_step: str = f"{RESTORE}    takes it away") -> Iterator[None]:
    """Raise Failed, saying what remains and why, where it cannot be taken away inside."""
    try:
        yield
    except BuilderError as error:
        raise Failed(where=where, what=f"{what}: {error}", next_step=next_step) from error
