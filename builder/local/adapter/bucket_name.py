"""Which bucket names S3 takes, the account-regional namespace included.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

import re
from collections.abc import Mapping
from typing import Any

from builder.local.adapter.refusals import Refused

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9]|[.-](?![.])){1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_NAMESPACE = "account-regional"


def physical_name(props: Mapping[str, Any], *, account: str, region: str) -> str | None:
    """Return the name a bucket's properties ask for, or None to have one made up; raises Refused as S3 does."""
    name, prefix = props.get("BucketName"), props.get("BucketNamePrefix")
    suffix = f"-{account}-{region}-an"
    if name and prefix:
        raise _invalid("BucketName and BucketNamePrefix can't be specified together")
    if prefix:
        name = f"{prefix}{suffix}"
    if name is None:
        return None
    if not _is_valid(name):
        raise _invalid(f"The specified bucket is not valid: {name}")
    regional = props.get("BucketNamespace") == _NAMESPACE
    if regional and not (name.endswith(suffix) and len(name) > len(suffix)):
        raise _invalid(f"A bucket in the {_NAMESPACE} namespace must be named <prefix>{suffix}, not {name}")
    if not regional and name.endswith("-an"):
        raise _invalid(f"The suffix -an is reserved for buckets with BucketNamespace {_NAMESPACE}: {name}")
    return str(name)


def _is_valid(name: str) -> bool:
    return (
        _NAME.fullmatch(name) is not None
        and _ADDRESS.fullmatch(name) is None
        and not name.startswith(_PREFIXES)
        and not name.endswith(_SUFFIXES)
    )


def _invalid(message: str) -> Refused:
    return Refused(message, service="S3")
