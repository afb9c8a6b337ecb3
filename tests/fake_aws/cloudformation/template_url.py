"""Reads a template that a request names by URL from the world's own S3, as CloudFormation does.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
"""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

from fake_aws.calls import Asker
from fake_aws.refusals import AwsRefusal, Unsupported, validation_error
from fake_aws.s3 import store

TEMPLATE_LIMIT = 1_000_000
_HOST = re.compile(
    r"((?P<bucket>[a-z0-9][a-z0-9.-]+)\.)?"  # in the path where it is not here
    r"s3([.-](?P<region>[a-z]{2}(-[a-z]+)+-\d))?\.amazonaws\.com"
)
_READ_MORE = "\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"


def template_at(request: Asker, url: str) -> str:
    """Return the template's text; refuse what is no S3 object, cannot be read, or is too long."""
    if url.startswith("ssm-doc:"):
        raise Unsupported("TemplateURL: the fake knows no Systems Manager documents")
    parts = urlsplit(url)
    host = _HOST.fullmatch(parts.netloc)
    if parts.scheme != "https" or host is None:
        raise validation_error("TemplateURL must be a supported URL.")
    name, key = host["bucket"], unquote(parts.path.lstrip("/"))
    if name is None:
        name, _, key = key.partition("/")
    try:
        bucket = store.bucket(request.world, name, account=request.account, region=host["region"])
        content = store.version(bucket, key, dict(parse_qsl(parts.query)).get("versionId")).content
    except AwsRefusal as refused:
        raise validation_error(f"S3 error: {refused.message}{_READ_MORE}") from None
    if len(content) > TEMPLATE_LIMIT:
        raise validation_error(f"Template may not exceed {TEMPLATE_LIMIT} bytes in size.")
    return content.decode()
