"""A text that YAML cannot take over as it stands without care: `---`, "quotes", 'quotes', grüße."""


def handler(event: dict[str, object], context: object) -> dict[str, object]:
    return {"statusCode": 200, "body": "a: b # no comment\n- ${Sub} !Ref"}
