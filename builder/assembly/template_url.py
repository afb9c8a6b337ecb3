"""Where a TemplateURL leads: a bucket, a key and perhaps a version; pure."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

_VIRTUAL = re.compile(r"(?P<bucket>.+)\.s3[.-](?:dualstack\.)?(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?$")
_PATH_STYLE = re.compile(r"s3[.-](?:dualstack\.)?(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?$")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a template lies in S3."""

    bucket: str
    key: str
    version: str | None = None


def find_object(url: str, endpoint: str = "") -> Address | None:
    """Return where in S3 a TemplateURL leads; None for anything else.

    `endpoint` is where our own client finds S3, which is none of AWS's host names for an embedded AWS.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    _, netloc, rest, said, _ = urlsplit(url)
    host, path = netloc.partition(":")[0], unquote(rest.lstrip("/"))
    version = parse_qs(said).get("versionId", [None])[0]
    is_own = bool(endpoint) and netloc == urlsplit(endpoint).netloc
    if is_own or _PATH_STYLE.match(host):
        bucket, _, key = path.partition("/")
        return Address(bucket, key, version) if bucket and key else None
    if (found := _VIRTUAL.match(host)) and path:
        return Address(found["bucket"], path, version)
    return None
