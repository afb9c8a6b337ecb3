"""The part of an HTTP answer that a protocol decides."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Payload:
    """Body and headers of an answer."""

    content: bytes
    headers: dict[str, str] = field(default_factory=dict)


def text_of(body: object) -> str:
    """Return a request's body as text."""
    if isinstance(body, bytes | bytearray):
        return body.decode()
    return "" if body is None else str(body)
