import asyncio
import json

from builder.local.asgi import Message, read_body, send_json


def test_a_body_in_pieces_is_read_to_its_end() -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": b"one ", "more_body": True},
        {"type": "http.request", "body": b"two"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    assert asyncio.run(read_body(receive)) == b"one two"


def test_a_body_ends_where_its_client_went_away() -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": b"one ", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    assert asyncio.run(read_body(receive)) == b"one "


def test_json_is_sent_with_its_length_and_other_headers() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(send_json(send, 404, {"message": "no"}, x_amzn_errortype="NotFound"))
    start, body = sent
    assert start["status"] == 404
    assert dict(start["headers"]) == {
        b"content-type": b"application/json",
        b"content-length": str(len(body["body"])).encode(),
        b"x-amzn-errortype": b"NotFound",
    }
    assert json.loads(body["body"]) == {"message": "no"}
