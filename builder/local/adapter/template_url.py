"""Templates named by the URL of an object in the emulator's own S3, as CloudFormation reads them.

The emulator takes the first part of the path for the bucket, whatever the host says; AWS's usual URLs name it in the
host.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from builder.local.adapter import iam
from builder.local.adapter.change_set import invalid, parameter
from builder.local.adapter.emulator import replace, touch
from builder.local.adapter.refusals import Reply

_CFN = "ministack.services.cloudformation"
_S3 = "ministack.services.s3"
_LIMIT = 1_000_000
_HOST = re.compile(
    r"(?:(?P<bucket>[a-z0-9][a-z0-9.-]+)\.)?"  # in the path where it is not here
    r"s3(?:\.dualstack)?(?:[.-][a-z]{2}(?:-[a-z]+)+-\d)?\.amazonaws\.com"
)
_READ_MORE = "\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
# Reads a document of a request, given in it or by URL: the names of both parameters, and what it is called.
Resolver = Callable[[Mapping[str, Any], str, str, str], tuple[str | None, Reply | None]]


class Unreadable(ValueError):
    """A template that is not there, or that nobody may read, in CloudFormation's words."""


@dataclass(frozen=True, slots=True)
class _Object:
    bucket: str
    key: str
    version: str | None


def install() -> None:
    """Let every action read what it is given by URL in this way."""
    replace(f"{_CFN}.helpers:_resolve_document", _make_resolve)


def read(url: str) -> str:
    """Return the text of the template at `url`; raises Unreadable."""
    place = _find_object(url)
    owner = touch(f"{_S3}:_bucket_owner_account")(place.bucket)
    if owner is None:
        raise Unreadable(f"S3 error: The specified bucket does not exist{_READ_MORE}")
    if owner != touch("ministack.core.responses:get_account_id")() or not _may_read(place):
        raise Unreadable(f"S3 error: Access Denied{_READ_MORE}")
    content = touch(f"{_S3}:_get_object_data")(place.bucket, place.key, place.version)
    if content is None:
        raise Unreadable(f"S3 error: The specified key does not exist.{_READ_MORE}")
    if len(content) > _LIMIT:
        raise Unreadable(f"Template may not exceed {_LIMIT} bytes in size.")
    return str(content, "utf-8")


def _find_object(url: str) -> _Object:
    parts = urlsplit(url)
    host = _HOST.fullmatch(parts.netloc)
    if parts.scheme == "https" and host is not None:
        path, name = unquote(parts.path.lstrip("/")), host["bucket"]
    elif parts.scheme in {"http", "https"} and parts.hostname in {"127.0.0.1", "localhost"}:
        # The emulator's own address, which tools that upload a template with an endpoint of their own make of it.
        path, name = unquote(parts.path.lstrip("/")), None
    else:
        raise Unreadable("TemplateURL must be a supported URL.")
    if name is None:
        name, _, path = path.partition("/")
    return _Object(name, path, dict(parse_qsl(parts.query)).get("versionId"))


def _may_read(place: _Object) -> bool:
    """Return whether whoever CloudFormation acts for may read the object themselves."""
    action = "s3:GetObjectVersion" if place.version else "s3:GetObject"
    return not iam.is_enforced() or iam.is_allowed(action, f"arn:aws:s3:::{place.bucket}/{place.key}")


def _make_resolve(resolve: Resolver) -> Resolver:
    def resolve_document(
        params: Mapping[str, Any], body_key: str, url_key: str, label: str
    ) -> tuple[str | None, Reply | None]:
        url = parameter(params, url_key)
        if parameter(params, body_key) or not url:
            return resolve(params, body_key, url_key, label)
        try:
            return read(url), None
        except (Unreadable, UnicodeDecodeError) as error:
            return None, invalid(str(error))

    return resolve_document
