"""A way to the embedded AWS on which some requests hang."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from answer import Answer, Command
from builder.local import EmbeddedAws


@contextmanager
def deaf_to(word: str, aws: EmbeddedAws) -> Iterator[None]:
    """Have commands reach the embedded AWS so that what has this in its head is read and never answered.

    `/us-east-1/` is in the signature of what is meant for that region.
    """
    host, _, port = aws.endpoint.removeprefix("http://").partition(":")
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=carry, args=(client,), daemon=True).start()

        def carry(client: socket.socket) -> None:
            held.append(client)
            head = client.recv(65536)
            if word.encode() in head:
                return
            with socket.create_connection((host, int(port))) as onward:
                onward.sendall(head.replace(b"Connection: keep-alive", b"Connection: close"))
                threading.Thread(target=pump, args=(client, onward), daemon=True).start()
                pump(onward, client)

        threading.Thread(target=serve, daemon=True).start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
            yield
        server.shutdown(socket.SHUT_RDWR)
    for connection in held:
        connection.close()


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:
        pass


def timed(command: Command, *arguments: str) -> tuple[Answer, float]:
    """Return what the command answered, and after how many seconds."""
    began = time.monotonic()
    answer = command(*arguments)
    return answer, time.monotonic() - began
