"""Networks that treat a client badly, on the loopback alone."""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def swallowing(addresses: Sequence[str]) -> Iterator[int]:
    """Yield a port on which none of the addresses answers a SYN: their listeners have full queues, never emptied."""
    with contextlib.ExitStack() as stack:
        port = 0
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            listener = stack.enter_context(socket.socket(family))
            listener.bind((address, port))
            listener.listen(0)
            port = listener.getsockname()[1]
        for address in addresses:
            _fill(address, port, stack)
        yield port


def _fill(address: str, port: int, stack: contextlib.ExitStack) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for _ in range(16):
        connection = stack.enter_context(socket.socket(family))
        connection.settimeout(0.05)
        try:
            connection.connect((address, port))
        except TimeoutError:
            return
    raise AssertionError(f"{address}: takes every connection")
