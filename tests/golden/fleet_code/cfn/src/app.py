"""What the worker does."""


def handler(event: object, context: object) -> dict[str, object]:
    """Answer whoever calls."""
    return {"statusCode": 200, "body": "one"}
