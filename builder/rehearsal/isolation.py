"""The caller's AWS settings put away, and the embedded AWS in their place."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})


def is_hostile(name: str) -> bool:
    """Return whether an environment variable could lead boto3 to a real endpoint, profile or proxy."""
    return name.upper().startswith("AWS_") or name.upper() in _PROXIES or name == "BOTO_CONFIG"


@contextmanager
def isolated(endpoint: str, account: str, region: str) -> Iterator[None]:
    """Let boto3 reach the embedded AWS and nothing else while the block runs; the environment comes back after it."""
    before = dict(os.environ)
    for name in before:
        if is_hostile(name):
            del os.environ[name]
    os.environ.update(
        AWS_ENDPOINT_URL=endpoint,
        # The embedded AWS takes any 12 digits for an access key, and for the account.
        AWS_ACCESS_KEY_ID=account,
        AWS_SECRET_ACCESS_KEY="rehearsal",  # noqa: S106 - there is nobody to keep it from
        AWS_DEFAULT_REGION=region,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
