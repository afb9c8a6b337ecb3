"""The embedded AWS in the foreground of this process, on 127.0.0.1 only."""

import asyncio
import importlib
import importlib.util
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.errors import BadInput, Failed
from builder.local.asgi import App, Message, Receive, Scope, Send
from builder.local.environment import VERSION, make_environment
from builder.local.gate import TOKEN_VARIABLE

WHERE = "embedded AWS"
FUNCTION_PROCESSES = 4
"""At most, of one function: what comes while all work waits. A process takes 30 MB, and 0.4 s of a core to start."""

_HOST = "127.0.0.1"
_GRACE_S = 0.5
_TOKEN_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve. Port 0 takes a free one; with `state` what is stored survives."""

    port: int = 0
    state: Path | None = None
    enforce_iam: bool = False
    function_processes: int = FUNCTION_PROCESSES
    log_level: str = "CRITICAL"


def serve(options: ServeOptions, ready: Callable[[str, str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then return with every Lambda worker ended and, with `state`, all written.

    `ready` is told the endpoint and the token of its own paths once, when requests are answered. The token is
    BUILDER_LOCAL_TOKEN's, else a new one. Replaces this process's environment and takes over both signals, so it has
    to be the main thread of a process made for it. Raises BadInput where the token is too
    short, Failed when the port is taken, the emulator is missing or is not the version the adapter was written for.
    """
    token = _choose_token(os.environ)
    check_installed()
    if "ministack.app" in sys.modules:
        raise Failed(
            where=WHERE,
            what="the emulator was imported before its environment was set",
            next_step="start it with builder.local.EmbeddedAws, which gives it a process of its own",
        )
    listener = _listen(options.port)
    port = listener.getsockname()[1]
    environment = make_environment(
        os.environ, port=port, state=options.state, log_level=options.log_level, enforce_iam=options.enforce_iam
    )
    os.environ.clear()
    os.environ.update(environment)
    with listener:
        app, close = _load_app(token, options.function_processes)
        asyncio.run(_serve(_call_when_ready(app, lambda: ready(f"http://{_HOST}:{port}", token)), listener, close))


def check_installed() -> None:
    """Raise Failed, with the command that installs it, unless the emulator is installed: it comes with an extra."""
    if importlib.util.find_spec("ministack") is None:
        # By its own name: nobody has published the builder, so its name with an extra could be anybody's.
        raise Failed(where=WHERE, what="the emulator is not installed", next_step=f"pip install 'ministack=={VERSION}'")


def _listen(port: int) -> socket.socket:
    """Return a socket that listens already: a client that knows the port early waits instead of being refused."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((_HOST, port))
    except OSError as error:
        listener.close()
        raise Failed(
            where=f"{_HOST}:{port}",
            what=f"the embedded AWS cannot listen here ({error.strerror})",
            next_step="choose another port, or 0 for a free one",
        ) from error
    listener.listen(128)
    return listener


def _choose_token(caller: Mapping[str, str]) -> str:
    """Return the token that the caller has already, so that a server started again keeps it, or a new one."""
    token = caller.get(TOKEN_VARIABLE, "")
    if token and (len(token) < _TOKEN_CHARACTERS or not token.isascii() or not token.isprintable()):
        raise BadInput(
            where=TOKEN_VARIABLE,
            what=f"a token of fewer than {_TOKEN_CHARACTERS} characters, or of others than ASCII's, keeps nobody out",
            next_step=f"unset {TOKEN_VARIABLE}: a new one is made",
        )
    return token or secrets.token_urlsafe(32)


def _load_app(token: str, function_processes: int) -> tuple[App, Callable[[], None]]:
    """Return the emulator's application with the adapter in place, and what keeps it from starting processes.

    Imported here and not at the top: the emulator reads its environment while it is imported, and sets up logging,
    which has to happen before its services are imported for the adapter.
    """
    emulator = importlib.import_module("ministack.app")
    app: App
    close: Callable[[], None]
    app, close = importlib.import_module("builder.local.adapter").install(emulator.app, token, function_processes)
    return app, close


async def _serve(app: App, listener: socket.socket, close: Callable[[], None]) -> None:
    from hypercorn.asyncio import serve as hypercorn_serve  # noqa: PLC0415  absent without the `local` extra
    from hypercorn.config import Config  # noqa: PLC0415

    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    config = Config()
    # Hypercorn closes what it is given.
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = _GRACE_S
    config.keep_alive_timeout = 75
    config.errorlog = None
    config.accesslog = None

    async def stopped() -> None:
        await stop.wait()
        # Before the requests are waited for: one that waits for its function would hold everything up.
        close()
        _end_workers()

    await hypercorn_serve(app, config, shutdown_trigger=stopped)
    _end_workers()


def _call_when_ready(app: App, ready: Callable[[], None]) -> App:
    """Return `app`, which calls `ready` when it has started."""

    async def calling(scope: Scope, receive: Receive, send: Send) -> None:
        async def watching(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                ready()

        await app(scope, receive, watching if scope["type"] == "lifespan" else send)

    return calling


def _end_workers() -> None:
    """End the Lambda workers, warm and busy, and with them every request that waits for one."""
    importlib.import_module("ministack.core.lambda_runtime").reset()
