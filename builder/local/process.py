"""The embedded AWS as a child process of its caller."""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from builder.errors import Failed
from builder.local.server import FUNCTION_PROCESSES, WHERE, check_installed

_START_S = 30.0
_END_S = 5.0


class EmbeddedAws:
    """An embedded AWS that lives as long as the `with` block, and no longer than its caller.

    `endpoint` is `http://127.0.0.1:PORT`; any 12-digit access key id is the account it works in; its own paths
    (`/_builder/…`, `/_ministack/…`) want `token`. With `state` what is stored survives, and `port` 0 takes a free one.
    With `enforce_iam` users and roles may do what their policies say; the account's own key may do anything. Requests
    to a function wait while `function_processes` of its processes work. Raises Failed when it can't start.
    """

    def __init__(
        self,
        state: Path | None = None,
        port: int = 0,
        *,
        enforce_iam: bool = False,
        function_processes: int = FUNCTION_PROCESSES,
    ) -> None:
        self._state = state
        self._port = port
        self._enforce_iam = enforce_iam
        self._function_processes = function_processes
        self._child: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self.endpoint = ""
        self.token = ""

    @property
    def pid(self) -> int:
        """The process id of the server; -1 outside the `with` block."""
        return self._child.pid if self._child else -1

    def __enter__(self) -> Self:
        check_installed()
        # A file and not a pipe: nobody reads along, and a full pipe would block the server.
        self._stderr = tempfile.TemporaryFile()
        self._child = subprocess.Popen(  # noqa: S603  this interpreter and our own module
            [sys.executable, "-m", "builder.local", *self._arguments()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            # A session of its own: Ctrl-C in the terminal is the caller's to handle, who may still want to clean up.
            start_new_session=True,
        )
        try:
            self.endpoint, self.token = self._read_ready(self._child)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _arguments(self) -> list[str]:
        state = [] if self._state is None else ["--state", str(self._state.resolve())]
        limits = ["--function-processes", str(self._function_processes)]
        return ["--port", str(self._port), *state, *limits, *(["--enforce-iam"] if self._enforce_iam else [])]

    def _read_ready(self, child: subprocess.Popen[bytes]) -> tuple[str, str]:
        """Return endpoint and token from the child's line; raises Failed with its reason, last words or the wait."""
        line = _read_line(child, deadline_s=_START_S)
        if line is None:
            raise Failed(where=WHERE, what=f"it was not ready after {_START_S:.0f} s")
        if not line:
            raise Failed(where=WHERE, what=f"it ended while starting: {self._last_words(child)}")
        document: dict[str, str] = json.loads(line)
        if "endpoint" not in document:
            raise Failed(where=document["where"], what=document["what"], next_step=document["next"])
        return document["endpoint"], document["token"]

    def _last_words(self, child: subprocess.Popen[bytes]) -> str:
        code = child.wait(_END_S)
        assert self._stderr is not None  # noqa: S101  opened before the child
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {code}"

    def _end(self) -> None:
        """End the child: asked first, then its whole process group, Lambda workers included, by force."""
        child, self._child = self._child, None
        self.endpoint = self.token = ""
        assert child is not None  # noqa: S101  started by __enter__, which calls this at most once
        child.terminate()
        try:
            child.wait(_END_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        for stream in (child.stdin, child.stdout, self._stderr):
            if stream is not None:
                stream.close()


def _read_line(child: subprocess.Popen[bytes], *, deadline_s: float) -> bytes | None:
    """Return the child's first line, b"" if it ended without one, or None if neither happened within the deadline."""
    assert child.stdout is not None  # noqa: S101  opened as a pipe
    until = time.monotonic() + deadline_s
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(0.0, until - time.monotonic())):
                return None
            part = os.read(child.stdout.fileno(), 65536)
            if not part:
                return b""
            line += part
    return line
