"""A page on another port, and one whose name was turned to this machine, try in a real browser all that a page can."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3

from builder.local import EmbeddedAws
from local.account import Account, authorized
from report.chromium import browse

pytestmark = pytest.mark.xdist_group("chromium")

_ANONYMOUS = "000000000000"
"""The account that an unsigned request works in."""
_ATTEMPTS = """<!doctype html><title>evil</title><body><script>
const aws = "http://%(target)s";
const tried = {};
const note = (name, attempt) => attempt.then(
  answer => { tried[name] = `${answer.type ?? "answered"} ${answer.status ?? ""}`.trim() },
  error => { tried[name] = error.name ?? "refused" });
const element = (tag, attributes) => new Promise((resolve, reject) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.onload = () => resolve({type: "loaded"});
  made.onerror = () => reject({name: "refused"});
  document.body.append(made);
});
const form = (name, method, fields) => new Promise(resolve => {
  const frame = Object.assign(document.createElement("iframe"), {name});
  const made = Object.assign(document.createElement("form"), {method, action: aws + "/?attempt=" + name, target: name});
  if (method == "post") made.enctype = "text/plain";
  for (const [key, value] of Object.entries(fields))
    made.append(Object.assign(document.createElement("input"), {type: "hidden", name: key, value}));
  frame.onload = () => resolve({type: "navigated"});
  document.body.append(frame, made);
  made.submit();
});
const socket = (path) => new Promise((resolve, reject) => {
  const made = new WebSocket(aws.replace("http", "ws") + path);
  made.onopen = () => resolve({type: "open"});
  made.onerror = () => reject({name: "refused"});
});
const text = {"Content-Type": "text/plain"};
const queue = "Action=CreateQueue&QueueName=evil";
const all = Promise.all([
  note("get", fetch(aws + "/?attempt=get&Action=CreateTopic&Name=evil-get")),
  note("get-no-cors", fetch(aws + "/?attempt=get-no-cors&Action=CreateTopic&Name=evil-no-cors", {mode: "no-cors"})),
  note("get-credentials", fetch(aws + "/?attempt=get-credentials", {mode: "no-cors", credentials: "include"})),
  note("post-text", fetch(aws + "/?attempt=post-text", {method: "POST", mode: "no-cors", headers: text, body: queue})),
  note("post-form", fetch(aws + "/?attempt=post-form",
    {method: "POST", mode: "no-cors", body: new URLSearchParams({Action: "CreateTopic", Name: "evil-form"})})),
  note("beacon", Promise.resolve({type: String(navigator.sendBeacon(aws + "/?attempt=beacon", queue))})),
  note("preflight", fetch(aws + "/evil?attempt=preflight", {method: "PUT", body: "x"})),
  note("preflight-header", fetch(aws + "/?attempt=preflight-header",
    {method: "POST", headers: {"X-Amz-Target": "DynamoDB_20120810.ListTables"}, body: "{}"})),
  note("reset", fetch(aws + "/_ministack/reset?attempt=reset", {method: "POST", mode: "no-cors", headers: text})),
  note("config", fetch(aws + "/_ministack/config?attempt=config",
    {method: "POST", mode: "no-cors", headers: text, body: '{"lambda_svc.LAMBDA_EXECUTOR": "docker"}'})),
  note("faults", fetch(aws + "/_builder/faults?attempt=faults", {mode: "no-cors"})),
  note("function", fetch(aws + "/2015-03-31/functions?attempt=function",
    {method: "POST", mode: "no-cors", headers: text,
     body: JSON.stringify({FunctionName: "evil", Runtime: "python3.13", Role: "r", Handler: "i.h", Code: {}})})),
  note("function-url", fetch(aws + "/_aws/lambda-url/abc/?attempt=function-url", {mode: "no-cors"})),
  note("image", element("img", {src: aws + "/?attempt=image&Action=CreateTopic&Name=evil-image"})),
  note("script", element("script", {src: aws + "/?attempt=script"})),
  note("style", element("link", {rel: "stylesheet", href: aws + "/?attempt=style"})),
  note("frame", element("iframe", {src: aws + "/?attempt=frame&Action=CreateTopic&Name=evil-frame"})),
  note("sandboxed", element("iframe", {sandbox: "allow-scripts allow-forms", srcdoc:
    "<script>fetch('" + aws + "/?attempt=sandboxed', {method: 'POST', mode: 'no-cors', body: 'x'})<" + "/script>"})),
  note("form-post", form("form-post", "post", {Action: "CreateTopic&Name=evil-form-post"})),
  note("form-get", form("form-get", "get", {attempt: "form-get", Action: "CreateTopic", Name: "evil-form-get"})),
  note("socket", socket("/_aws/execute-api/abcdef12/dev?attempt=socket")),
]).then(() => new Promise(resolve => setTimeout(() => resolve(tried), 500)));
</script>"""
_TRIED = {
    *("get", "get-no-cors", "get-credentials", "post-text", "post-form", "beacon", "preflight", "preflight-header"),
    *("reset", "config", "faults", "function", "function-url", "image", "script", "style", "frame", "sandboxed"),
    *("form-post", "form-get", "socket"),
}


@dataclass
class Seen:
    """What went through between a browser and the server: attempt, method, origin and answer."""

    requests: list[tuple[str, str, str, int]] = field(default_factory=list)
    exposed: list[str] = field(default_factory=list)
    """Headers of answers that would let another origin read."""

    def of(self, attempt: str) -> list[int]:
        return [status for name, _, _, status in self.requests if name == attempt]


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def _page(html: str) -> type[BaseHTTPRequestHandler]:
    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = html.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Evil


def _wire(endpoint: str, seen: Seen) -> type[BaseHTTPRequestHandler]:
    """Return what hands every request on as it is, and notes what it got."""

    class Wire(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=20)
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(self.rfile.read(length))
            answer = connection.getresponse()
            attempt = self.path.partition("attempt=")[2].partition("&")[0]
            seen.requests.append((attempt, self.command, self.headers.get("Origin", ""), answer.status))
            seen.exposed += [name for name in answer.headers if name.lower().startswith("access-control-")]
            body = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            connection.close()

        do_POST = do_PUT = do_OPTIONS = do_HEAD = do_DELETE = do_GET  # noqa: N815  the names that the server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Wire


def test_a_page_on_another_port_gets_nothing_and_changes_nothing(aws: EmbeddedAws, browser: str) -> None:
    seen, anonymous = Seen(), Account(aws.endpoint, _ANONYMOUS)
    anonymous.s3().create_bucket(Bucket="stays-whatever-a-page-does")
    with (
        _serving(_wire(aws.endpoint, seen)) as port,
        _serving(_page(_ATTEMPTS % {"target": f"127.0.0.1:{port}"})) as evil,
        browse(browser) as page,
    ):
        page.visit(f"http://127.0.0.1:{evil}/")
        outcomes = page.evaluate("all", wait=True)
    assert set(outcomes) == _TRIED
    for attempt in sorted(_TRIED):
        assert seen.of(attempt), f"{attempt} was never sent"
        assert set(seen.of(attempt)) == {403}, attempt
    assert seen.exposed == []
    assert not [name for name, outcome in outcomes.items() if outcome.startswith(("basic", "cors"))]
    assert (outcomes["image"], outcomes["script"], outcomes["socket"]) == ("refused", "refused", "refused")
    assert ("preflight", "OPTIONS", f"http://127.0.0.1:{evil}", 403) in seen.requests
    assert ("sandboxed", "POST", "null", 403) in seen.requests
    _nothing_happened(anonymous)


def test_a_page_whose_name_was_turned_to_this_machine_is_told_nothing(aws: EmbeddedAws, browser: str) -> None:
    seen, anonymous = Seen(), Account(aws.endpoint, _ANONYMOUS)
    with (
        _serving(_wire(aws.endpoint, seen)) as port,
        browse(browser, "--host-resolver-rules=MAP evil.example 127.0.0.1") as page,
    ):
        page.visit(f"http://evil.example:{port}/?attempt=navigate")
        read = page.evaluate("document.body.innerText")
        requests = {
            "get": "fetch('/?attempt=get&Action=CreateTopic&Name=evil')",
            "post": "fetch('/?attempt=post', {method: 'POST', body: 'Action=CreateTopic&Name=evil'})",
            "put": "fetch('/evil-bucket?attempt=put', {method: 'PUT', headers: {'X-Any': 'x'}})",
            "reset": "fetch('/_ministack/reset?attempt=reset', {method: 'POST'})",
        }
        answers = {
            name: page.evaluate(f"{request}.then(async one => [one.status, await one.text()])", wait=True)
            for name, request in requests.items()
        }
    assert read.startswith("This server answers under its own names only")
    assert {name: status for name, (status, _) in answers.items()} == dict.fromkeys(requests, 403)
    assert {text.strip() for _, text in answers.values()} == {read.strip()}
    assert {status for *_, status in seen.requests} == {403}
    _nothing_happened(anonymous)


def test_a_page_at_an_aws_name_that_a_network_turned_to_this_machine_is_told_nothing(
    aws: EmbeddedAws, browser: str
) -> None:
    seen, anonymous = Seen(), Account(aws.endpoint, _ANONYMOUS)
    with (
        _serving(_wire(aws.endpoint, seen)) as port,
        browse(browser, "--host-resolver-rules=MAP evil.amazonaws.com 127.0.0.1") as page,
    ):
        page.visit(f"http://evil.amazonaws.com:{port}/?attempt=navigate")
        bare = "{headers: {'Accept-Language': '', 'User-Agent': 'aws-cli'}}"
        for request in ("fetch('/?Action=CreateTopic&Name=evil')", f"fetch('/?Action=CreateTopic&Name=evil', {bare})"):
            assert page.evaluate(f"{request}.then(one => one.status)", wait=True) == 403
    assert {status for *_, status in seen.requests} == {403}
    _nothing_happened(anonymous)


def test_whoever_looks_at_it_in_a_browser_sees_it(aws: EmbeddedAws, browser: str) -> None:
    with browse(browser) as page:
        page.visit(f"{aws.endpoint}/health")
        assert "cloudformation" in page.evaluate("document.body.innerText")
        assert page.evaluate("fetch('/health').then(one => one.status)", wait=True) == 200
        assert page.evaluate("fetch('/_builder/faults').then(one => one.status)", wait=True) == 403


def _nothing_happened(anonymous: Account) -> None:
    sqs = urllib3.request("GET", f"{anonymous.endpoint}/?Action=ListQueues").data.decode()
    sns = urllib3.request("GET", f"{anonymous.endpoint}/?Action=ListTopics").data.decode()
    assert "evil" not in sqs + sns
    assert anonymous.functions().list_functions()["Functions"] == []
    assert not [bucket for bucket in anonymous.s3().list_buckets()["Buckets"] if "evil" in bucket["Name"]]
    health = urllib3.request("GET", f"{anonymous.endpoint}/_ministack/health", headers=authorized())
    assert health.status == 200
