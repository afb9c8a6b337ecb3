"""Answers in pages, small ones, with tokens that mean nothing to anyone else."""

from collections.abc import Sequence
from typing import TypeVar

from fake_aws.calls import Request
from fake_aws.refusals import validation_error

T = TypeVar("T")


def page(request: Request, items: Sequence[T], token: str | None) -> tuple[list[T], str | None]:
    """Return one page of the items and the token of the next, None at the end."""
    start = 0
    if token is not None:
        kind, _, number = token.partition("-")
        if kind != f"{request.call.operation}Page" or not number.isdigit():
            raise validation_error("The NextToken parameter is not valid")
        start = int(number)
    end = start + request.world.page_size
    return list(items[start:end]), f"{request.call.operation}Page-{end}" if end < len(items) else None
