"""Who may come in: programs on this machine, and no web page that somebody looks at on it.

An AWS that asks nobody who they are may be reached by any page that a browser on the same machine opens, and would run
what it is told to. So a request has to name the server by a name of its own (a page whose name was turned to 127.0.0.1
keeps its own name), must not come from another origin (a page on another port is one), and is told nothing that lets
other origins read; what is no AWS API, but governs the server, wants a token.

SDKs, the AWS CLI and curl send neither Origin nor Sec-Fetch-Site, so nothing changes for them.
Sources: https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/,
https://www.rfc-editor.org/rfc/rfc9110#name-host-and-authority
"""

import hmac
import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from builder.local.asgi import App, Message, Receive, Scope, Send

TOKEN_VARIABLE = "BUILDER_LOCAL_TOKEN"  # noqa: S105  a name, not a token

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_AUTHORITY = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::(?P<port>[0-9]{1,5}))?")
_AWS = re.compile(r"(?:[a-z0-9_-]+\.)+(?:amazonaws\.com|amazonaws\.com\.cn|on\.aws|api\.aws|cloudfront\.net|localhost)")
"""Names that clients of an endpoint of their own send on purpose; `localhost` with what an SDK puts before it."""
_APIS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_OWN_SITES = frozenset({"none", "same-origin"})
_CONTROL = ("_builder", "_ministack", "_localstack")
_OPEN = re.compile(
    # Addresses that the emulator hands out in the place of presigned URLs, and callbacks with a secret of their own.
    r"GET /_ministack/lambda-(?:code|layers)/.+|PUT /_ministack/cfn-(?:response|signal)/.+"
)
_WRONG_TARGET = "This server answers requests for a path, not for a URL or for another host."
_WRONG_HOST = "This server answers under its own names only: 127.0.0.1, localhost, [::1] and those of AWS."
_WRONG_ORIGIN = "This server answers no web page of another origin."
_NO_TOKEN = f"This path wants the header 'Authorization: Bearer TOKEN', with the token that {TOKEN_VARIABLE} has."


@dataclass(frozen=True, slots=True)
class _Authority:
    name: str
    port: str

    def origin(self, scope: Scope) -> str:
        """Return the origin of a page that this request loads."""
        scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"]) or scope["scheme"]
        return f"{scheme}://{self.name}" + (f":{self.port}" if self.port else "")


def keep_pages_out(app: App, is_served: Callable[[str, str], bool]) -> App:
    """Return `app`, which answers only who names it by a name of its own and is no page of another origin.

    `is_served` is asked about other names, with the path: the emulator may have been told to serve one.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await app(scope, receive, send)
            return
        refusal = _find_refusal(scope, is_served)
        if refusal is not None:
            await _refuse(scope, receive, send, refusal)
            return

        async def without_cors(message: Message) -> None:
            if message.get("headers"):
                headers = [
                    header for header in message["headers"] if not header[0].lower().startswith(b"access-control-")
                ]
                message = {**message, "headers": headers}
            await send(message)

        await app(scope, receive, without_cors)

    return guarded


def ask_for_token(app: App, token: str) -> App:
    """Return `app`, which wants the token on the paths that govern the server."""

    async def asking(scope: Scope, receive: Receive, send: Send) -> None:
        controls = scope["type"] in {"http", "websocket"} and _is_control(scope.get("method", "GET"), scope["path"])
        if controls and not _has_token(_values(scope, b"authorization"), token):
            await _refuse(scope, receive, send, _NO_TOKEN)
            return
        await app(scope, receive, send)

    return asking


def _find_refusal(scope: Scope, is_served: Callable[[str, str], bool]) -> str | None:
    """Return why a request is not answered, or None if it is."""
    if not scope["path"].startswith("/") and scope["path"] not in {"", "*"}:
        return _WRONG_TARGET
    hosts = _values(scope, b"host")
    authority = _read_authority(hosts[0]) if len(hosts) == 1 else None
    if authority is None:
        return _WRONG_HOST
    origins, sites = _values(scope, b"origin"), _values(scope, b"sec-fetch-site")
    if authority.name in _LOOPBACK:
        if any(origin != authority.origin(scope) for origin in origins) or any(
            site not in _OWN_SITES for site in sites
        ):
            return _WRONG_ORIGIN
    elif _AWS.fullmatch(authority.name) or is_served(authority.name, scope["path"]):
        # No page is at such a name but one whose name was turned to this machine.
        if origins or any(site != "none" for site in sites) or _is_browser_at_an_api(scope, authority.name):
            return _WRONG_ORIGIN
    else:
        return _WRONG_HOST
    return None


def _is_browser_at_an_api(scope: Scope, name: str) -> bool:
    """Return whether a browser asks under the name of an AWS API.

    Where a network's DNS turns such a name to this machine, a page's GET over plain HTTP has neither Origin nor
    Sec-Fetch-Site, and a GET can create a stack; but every browser says which languages it likes, and no SDK does.
    """
    mozilla = any(agent.startswith("Mozilla/") for agent in _values(scope, b"user-agent"))
    return name.endswith(_APIS) and bool(mozilla or _values(scope, b"accept-language"))


def _read_authority(host: str) -> _Authority | None:
    match = _AUTHORITY.fullmatch(host.lower())
    return _Authority(match["name"], match["port"] or "") if match else None


def _is_control(method: str, path: str) -> bool:
    """Return whether a path governs the server, however it is written."""
    plain = posixpath.normpath("/" + path.lstrip("/"))
    return plain.split("/")[1].lower() in _CONTROL and not _OPEN.fullmatch(f"{method} {plain}")


def _has_token(values: Iterable[str], token: str) -> bool:
    expected = f"Bearer {token}".encode()
    return any(hmac.compare_digest(value.encode(), expected) for value in values)


def _values(scope: Scope, header: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for name, value in scope["headers"] if name.lower() == header]


async def _refuse(scope: Scope, receive: Receive, send: Send, why: str) -> None:
    """Answer 403 with one sentence; a WebSocket is not opened."""
    body = f"{why}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()
        kind = "websocket.http.response"
    await send({"type": f"{kind}.start", "status": 403, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
