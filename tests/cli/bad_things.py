"""What should never be there, and is: endpoints that are not AWS, and files that are not what they are called.

Each is thrown at every verb by test_bad_things.py.
"""

import hashlib
import http.server
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PLAN, FLEET_PLAN = "plan.json", "fleet-plan.json"
NEEDS_AWS = {
    "plan": "plan",
    "plan --recover": "plan --recover --yes",
    "execute": f"execute {PLAN} --yes",
    "discard": f"discard {PLAN}",
    "discard --all": "discard --all",
    "deploy": "deploy --yes",
    "outputs": "outputs",
    "outputs NAME": "outputs primaryLambdaUrl",
    "call": "call GET /health",
    "destroy": "destroy --yes --region us-east-1",
    "status": "status",
    "drift": "drift",
    "drill replication": "drill replication --yes-in-production",
    "drill failover": "drill failover --yes-in-production",
    "drill restore": "drill restore",
    "policy": "policy drift",
    "fleet plan": "fleet plan",
    "fleet execute": f"fleet execute {FLEET_PLAN}",
    "fleet deploy": "fleet deploy --yes",
    "fleet status": "fleet status",
    "fleet outputs": "fleet outputs",
    "fleet destroy": "fleet destroy --yes",
    "fleet stop": "fleet stop",
    "fleet drop": "fleet drop 444455556666 --yes",
}
NEEDS_NO_AWS = {
    "render": "render",
    "render --check": "render --check",
    "lint": "lint",
    "graph": "graph",
    "policy --account": "policy drift --account 111122223333",
    "show": f"show {PLAN}",
    "fleet show": f"fleet show {FLEET_PLAN}",
}
VERBS = {**NEEDS_AWS, **NEEDS_NO_AWS}
READS_PLAN = ("show", "execute", "discard")
READS_FLEET_PLAN = ("fleet show", "fleet execute")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server sends, whatever it is asked."""

    status: int
    body: bytes
    kind: str = "text/xml"


PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in to Free Airport WiFi</title></head><body>secret</body></html>"
XHTML = b'<?xml version="1.0" encoding="UTF-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><body>secret</body></html>'
REPLIES = {
    "HTML, 200": Reply(200, PAGE, "text/html"),
    "HTML, 403": Reply(403, PAGE, "text/html"),
    "XHTML, 200": Reply(200, XHTML, "text/html"),
    "a redirection": Reply(302, b"", "text/html"),
    "text, 404": Reply(404, b"404 page not found: secret\n", "text/plain"),
    "nothing, 200": Reply(200, b""),
    "nothing, 403": Reply(403, b""),
    "JSON of another API, 200": Reply(200, b'{"secret": []}', "application/json"),
    "a list, 200": Reply(200, b'["secret"]', "application/json"),
    "a list, 400": Reply(400, b'["secret"]', "application/json"),
    "a number, 200": Reply(200, b"7", "application/json"),
    "XML of another API, 200": Reply(200, b"<secret><a/></secret>"),
    "XML cut short, 200": Reply(200, b"<ListStacksResponse><secret"),
    "bytes, 200": Reply(200, bytes(range(256)), "application/octet-stream"),
}


@contextmanager
def answering(reply: Callable[[bytes], Reply]) -> Iterator[str]:
    """A server on this machine; yields its URL. The reply is made from the body that was sent."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            answer = reply(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            if answer.status == 302:
                self.send_header("Location", "http://127.0.0.1:1/sign-in")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _answer  # noqa: N815 - the names that the module calls

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


Spoil = Callable[[Path], object]
"""Makes of a file what it should not be."""


def _writes(data: bytes) -> Spoil:
    return lambda path: path.write_bytes(data)


def _changes(change: Callable[[bytes], bytes]) -> Spoil:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def _below_a_file(path: Path) -> None:
    folder = path.parent
    if folder == Path.cwd():
        path.unlink()
        return
    shutil.rmtree(folder)
    folder.write_text("no folder")


DIGITS = b"9" * 6000
FILES: dict[str, Spoil] = {
    "is not there": lambda path: path.unlink(),
    "is empty": _writes(b""),
    "is a folder": _folder,
    "is a link to nowhere": lambda path: _link(path, "nowhere"),
    "is a link to itself": lambda path: _link(path, path.name),
    "is below a file": _below_a_file,
    "is Latin-1": _changes(lambda data: data + b"\n# caf\xe9\n"),
    "is UTF-16": _changes(lambda data: data.decode().encode("utf-16")),
    "has a byte order mark": _changes(lambda data: b"\xef\xbb\xbf" + data),
    "has a NUL": _changes(lambda data: data + b"\0"),
    "is a list": _writes(b"[1, 2]"),
    "is a number": _writes(b"7"),
    "is null": _writes(b"null"),
    "is a number of 6,000 digits": _writes(DIGITS),
    "has a number of 6,000 digits": _writes(b'{"version": ' + DIGITS + b', "project": ' + DIGITS + b"}"),
    "is 100,000 lists deep": _writes(b"[" * 100_000),
    "is 900 mappings deep": _writes(b'{"a": ' * 900 + b"1" + b"}" * 900),
    "has half a surrogate pair": _writes(b'{"version": 1, "project": "\\ud800", "stacks": "\\udfff"}'),
    "has NaN": _writes(b'{"version": NaN, "project": Infinity, "stacks": -Infinity}'),
    "is cut short": _changes(lambda data: data[: len(data) // 2]),
    "has other kinds of values": _writes(b'{"version": 1, "project": [], "stacks": {"a": 1}, "regions": 3}'),
}


def spoil_template(spoil: Spoil, templates: Path) -> None:
    """Spoil a template, and have the manifest tell of it as it is now."""
    path = templates / "us-east-1" / "table.yaml"
    spoil(path)
    if path.is_file():
        manifest = json.loads((templates / "manifest.json").read_bytes())
        for entry in manifest["stacks"]:
            if entry["template"] == "us-east-1/table.yaml":
                entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        (templates / "manifest.json").write_text(json.dumps(manifest))
