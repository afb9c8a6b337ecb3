"""Answers in pages, small ones, with tokens that mean nothing to anyone else."""

from collections.abc import Sequence
from typing import TypeVar

from fake_aws.calls import Request
from fake_aws.refusals import validation_error

T = TypeVar("T")


def page(request: Request, items: Sequence[T], token: str | None) -> tuple[list[T], str | None]:
    """Return one page of the items and the token of the next, None at the end."""
    start = _number(request, token) if token is not None else 0
    end = start + request.world.page_size
    return list(items[start:end]), _token(request, end) if end < len(items) else None


def numbered_page(request: Request, items: Sequence[tuple[int, T]], token: str | None) -> tuple[list[T], str | None]:
    """Return one page of items that come by falling number; it keeps its place though items come and go."""
    if token is not None:
        last = _number(request, token)
        items = [item for item in items if item[0] < last]
    shown = items[: request.world.page_size]
    more = len(items) > len(shown)
    return [item for _, item in shown], _token(request, shown[-1][0]) if more else None


def _token(request: Request, number: int) -> str:
    return f"{request.call.operation}Page-{number}"


def _number(request: Request, token: str) -> int:
    kind, _, number = token.partition("-")
    if kind != f"{request.call.operation}Page" or not number.isdigit():
        raise validation_error("The NextToken parameter is not valid")
    return int(number)
