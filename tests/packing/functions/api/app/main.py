import json

from app.lib import models, clock
from app.store import items, files
from .routes import table


def handler(event, context):
    method = event["requestContext"]["http"]["method"]
    path = event["rawPath"]
    status, body = table.call(method, path, event)
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
