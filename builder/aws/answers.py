"""Whether what answers is AWS: a page of a proxy or a sign-in, or an answer of no known form, is told and not read.

botocore's parsers take most bodies for an answer, raise whatever their reading runs into, and quote what they could not
read: here all of it becomes one error that quotes nothing.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

import botocore.session
from botocore.exceptions import BotoCoreError
from botocore.parsers import ResponseParser, ResponseParserFactory

from builder.errors import AwsError

_PAGE = re.compile(
    rb"\s*(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_IDS = {"x-amz-request-id", "x-amzn-requestid", "x-amz-bucket-region"}
_COMPONENT = "response_parser_factory"
NEXT_STEP = "AWS_ENDPOINT_URL, a proxy or a network's sign-in page may lead calls elsewhere than to AWS"


class NotAnAnswer(BotoCoreError):
    """What came back is no answer of the API that was called."""

    fmt = "what answers is not AWS: it sent {what} (HTTP {status})"


def heed_answers(session: botocore.session.Session) -> None:
    """Have every client that the session makes from now on raise NotAnAnswer for what is no answer of AWS."""
    known = session.get_component(_COMPONENT)
    if not isinstance(known, _Factory):
        session.register_component(_COMPONENT, _Factory(known))


class _Factory(ResponseParserFactory):
    def __init__(self, inner: ResponseParserFactory) -> None:
        self._inner = inner

    def set_parser_defaults(self, **defaults: Any) -> None:  # noqa: ANN401 - botocore's own
        self._inner.set_parser_defaults(**defaults)

    def create_parser(self, protocol_name: str) -> ResponseParser:
        # Of a parser botocore asks for nothing but `parse`.
        return cast("ResponseParser", _Parser(self._inner.create_parser(protocol_name), protocol_name))


class _Parser:
    def __init__(self, inner: ResponseParser, protocol: str) -> None:
        self._inner = inner
        self._wants_object = "json" in protocol

    def parse(self, response: dict[str, Any], shape: Any) -> Any:  # noqa: ANN401 - botocore's own
        """Return the data of an answer. Raises NotAnAnswer."""
        status, body = response["status_code"], response["body"]
        # A load balancer of AWS's own says with a page that it is overloaded, which botocore knows and retries.
        if status < 500 and isinstance(body, bytes) and _PAGE.match(body):
            raise NotAnAnswer(what="a web page", status=status)
        # S3 redirects, and says that it is S3; after anybody else's redirections botocore would go round and round.
        if 300 <= status < 400 and not _IDS & {name.lower() for name in response["headers"]}:
            raise NotAnAnswer(what="a redirection", status=status)
        try:
            parsed = self._inner.parse(response, shape)
        except Exception as error:  # whatever the reading of bytes that follow no model runs into
            raise NotAnAnswer(what="nothing that its API has", status=status) from error
        if not isinstance(parsed, dict) or (self._wants_object and _is_quoted(parsed, body, status)):
            raise NotAnAnswer(what="nothing that its API has", status=status)
        return parsed


def _is_quoted(parsed: Mapping[str, Any], body: object, status: int) -> bool:
    """Return whether a body that is no JSON stands as the message of an error, whole."""
    if status < 300 or not isinstance(body, bytes) or not body:
        return False
    message = parsed.get("Error", {}).get("Message", "")
    return isinstance(message, str) and message.encode(errors="replace") == body


class Answer(dict[str, Any]):
    """An answer of AWS: to take out of it what it does not have is AWS's fault, and told as that."""

    __slots__ = ("_where",)

    def __init__(self, where: str, said: Mapping[str, Any]) -> None:
        self._where = where
        super().__init__((name, heeded(where, value)) for name, value in said.items())

    def __missing__(self, name: str) -> Any:  # noqa: ANN401 - it returns nothing
        """Raise AwsError, naming what is missing."""
        raise AwsError(
            where=self._where, code="NotAnAnswer", what=f"AWS answered without '{name}'", next_step=NEXT_STEP
        )


def heeded(where: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return an answer with every mapping in it an Answer of `where`."""
    match value:
        case dict():
            return Answer(where, value)
        case list():
            return [heeded(where, one) for one in value]
    return value
