"""Answer every request."""


def handler(event: object, context: object) -> dict[str, object]:
    """Return a fixed answer."""
    return {"statusCode": 200, "body": "well"}
