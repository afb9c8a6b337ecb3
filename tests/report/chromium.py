"""Headless Chromium, spoken to over a pipe by its devtools protocol: no driver, no port, no package.

https://chromedevtools.github.io/devtools-protocol/
"""

import fcntl
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_TIMEOUT_S = 30
_KEYS = {
    "Tab": {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9},
    "Enter": {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
    "Space": {"key": " ", "code": "Space", "windowsVirtualKeyCode": 32, "text": " "},
}


def find_browser() -> str | None:
    """Return where a Chromium is on this machine."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One tab. Every call waits for the browser's answer, and raises what it refuses."""

    def __init__(self, into: int, out: int) -> None:
        self._into = into
        self._out = out
        self._unread = bytearray()
        self._request_id = 0
        self._session: dict[str, str] = {}
        self.events: list[Mapping[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Network", "DOM", "Accessibility", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        self._request_id += 1
        self._write({"id": self._request_id, "method": method, "params": parameters, **self._session})
        while (answer := self._read()).get("id") != self._request_id:
            self.events.append(answer)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, page: Path) -> None:
        self.visit(page.resolve().as_uri())

    def visit(self, url: str) -> None:
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def evaluate(self, expression: str, *, wait: bool = False) -> Any:
        """Return what an expression comes to, or with `wait` what it promises."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=wait)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        self.call("Input.dispatchKeyEvent", type="keyDown", **_KEYS[key])
        self.call("Input.dispatchKeyEvent", type="keyUp", **_KEYS[key])

    def tree(self) -> list[tuple[str, str]]:
        """Return role and name of everything that a screen reader is told of, in its order."""
        nodes = {node["nodeId"]: node for node in self.call("Accessibility.getFullAXTree")["nodes"]}
        spoken = []
        waiting = [next(iter(nodes))]
        while waiting:
            node = nodes[waiting.pop()]
            waiting += reversed(node.get("childIds", ()))
            if not node["ignored"]:
                spoken.append((node["role"]["value"], node.get("name", {}).get("value", "")))
        return spoken

    def show(self, *, scheme: str = "light", width: int = 1200, media: str = "screen") -> None:
        """Look at the page as somebody does who likes this colour scheme and has a screen, or paper, of this width."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)

    def _write(self, message: Mapping[str, object]) -> None:
        data = memoryview(json.dumps(message).encode() + b"\0")
        while data:
            data = data[os.write(self._into, data) :]

    def _read(self) -> dict[str, Any]:
        """Return the next message; each ends with a NUL."""
        while b"\0" not in self._unread:
            assert select.select([self._out], [], [], _TIMEOUT_S)[0], "the browser says nothing"
            data = os.read(self._out, 1 << 16)
            assert data, "the browser has gone"
            self._unread += data
        message, _, self._unread = self._unread.partition(b"\0")
        read: dict[str, Any] = json.loads(message)
        return read


def browser_or_skip() -> str:
    """Return where a Chromium is; without one, a test is left out on a person's machine and fails in CI."""
    binary = find_browser()
    if binary is None:
        reason = f"there is no browser here, none of {', '.join(NAMES)}: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return binary


@contextmanager
def browse(binary: str, *more: str) -> Iterator[Page]:
    """Start the browser with a profile of its own, and end both with the block."""
    theirs_in, ours_in = _pipe()
    ours_out, theirs_out = _pipe()
    # The browser reads from descriptor 3 and writes to 4.
    wired = ["bash", "-c", f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}', binary]
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        options = ["--headless", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run"]
        options += ["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", *more]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # it refuses to run as root with one
        process = subprocess.Popen(
            [*wired, *options],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            yield Page(ours_in, ours_out)
        finally:
            process.terminate()
            process.wait(timeout=_TIMEOUT_S)
            os.close(ours_in)
            os.close(ours_out)


def _pipe() -> tuple[int, int]:
    """Return the ends for reading and writing of a pipe, out of the way of the numbers that the browser wants."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
