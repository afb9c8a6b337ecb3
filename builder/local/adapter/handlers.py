"""What the handlers of actions and of resources take, return and raise, in AWS's words.

A handler of a resource raises HandlerError, whose text CloudFormation shows; an action of an API raises ApiError.
"""

import json
import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from uuid import uuid4

Properties = Mapping[str, Any]
"""Of a resource, by the names that a template has."""
PhysicalResource = tuple[str, Mapping[str, str]]
"""What creating or updating a resource returns: its physical id and its attributes."""
Reply = tuple[int, Mapping[str, str], bytes | str]
"""What every action of the emulator answers: HTTP status, headers, body."""

CHECK_IMPORT = "check_import"
"""Beside the emulator's own keys of a type's handlers: checks logical id and properties of an import, by raising."""
ADD_TAGS = "add_tags"
"""Likewise: puts a stack's tags on what is imported. What is of a type without it gets none."""


class HandlerError(ValueError):
    """A resource that can't be created, updated or deleted; its text becomes the event's ResourceStatusReason."""

    def __init__(self, message: str, *, service: str, status: int = 400, code: str = "InvalidRequest") -> None:
        request = f"Service: {service}, Status Code: {status}, Request ID: {uuid4()}"
        super().__init__(
            f'Resource handler returned message: "{message} ({request}) (SDK Attempt Count: 1)" '
            f"(RequestToken: {uuid4()}, HandlerErrorCode: {code})"
        )


class AlreadyExists(HandlerError):
    """A physical name that something outside the stack holds already."""

    def __init__(self, message: str, *, service: str) -> None:
        super().__init__(message, service=service, status=409, code="AlreadyExists")


def check_reply(reply: Reply, *, service: str) -> None:
    """Raise HandlerError with the service's own message if `reply` is an error."""
    status, _, body = reply
    if status >= 400:
        raise HandlerError(message_of(body), service=service, status=status)


def text_of(body: bytes | str) -> str:
    """Return the text of a reply's body."""
    return body.decode() if isinstance(body, bytes) else body


def message_of(body: bytes | str) -> str:
    """Return the message of an error in either of the wire formats, JSON or XML."""
    text = text_of(body)
    if text.startswith("{"):
        document: dict[str, str] = json.loads(text)
        return document.get("message") or document.get("Message") or text
    match = re.search("<Message>(.*?)</Message>", text, re.DOTALL)
    return unescape(match[1]) if match else text


class ApiError(Exception):
    """An error of CloudFormation's API, by the code that clients see."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def is_true(value: object) -> bool:
    """Return what a boolean property says; a parameter's value arrives as text."""
    return str(value).lower() == "true"
