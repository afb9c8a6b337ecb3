"""The child process of `EmbeddedAws`: `python -m builder.local` and its options.

Writes one JSON line to stdout, `{"endpoint": …, "token": …}` when it is ready or `{"where": …, "what": …, "next": …}`
when it can't start, and ends on SIGTERM, on SIGINT, and when its stdin is closed, which is how it learns that its
parent is gone.
"""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from builder.errors import BuilderError
from builder.local.server import FUNCTION_PROCESSES, ServeOptions, serve


def main() -> int:
    """Return the exit code after the server has ended."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        serve(_options(), lambda endpoint, token: _say({"endpoint": endpoint, "token": token}))
    except BuilderError as error:
        _say({"where": error.where, "what": error.what, "next": error.next_step})
        return error.exit_code
    return 0


def _options() -> ServeOptions:
    parser = argparse.ArgumentParser(prog="python -m builder.local")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state", type=Path, default=None)
    parser.add_argument("--log-level", default="CRITICAL")
    parser.add_argument("--enforce-iam", action="store_true")
    parser.add_argument("--function-processes", type=int, default=FUNCTION_PROCESSES)
    return ServeOptions(**vars(parser.parse_args()))


def _say(line: Mapping[str, str]) -> None:
    """Write the one line, then point stdout at stderr: nobody reads the pipe any more, and a full one would block."""
    os.write(1, json.dumps(line).encode() + b"\n")
    os.dup2(2, 1)


def _end_with_parent() -> None:
    # os.read, not sys.stdin: a thread blocked in a buffered reader makes the interpreter abort when it shuts down.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
