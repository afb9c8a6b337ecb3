"""Sessions of other accounts: by a role there, whose credentials are renewed as long as the work takes."""

import functools
from collections.abc import Callable

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

from builder.terms import Region

Core = Callable[[], botocore.session.Session]
_SESSION_NAME = "two-region-dr"


def assume(source: boto3.Session, role_arn: str, region: Region, make_core: Core, config: Config) -> boto3.Session:
    """Return a session of the role, assumed at the first call by STS of that region, and again before it expires.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    core = make_core()
    # Read once for all accounts: the models and endpoints of a few services take megabytes, and a tenth of a second.
    core.register_component("data_loader", source._session.get_component("data_loader"))  # noqa: SLF001 - boto3 shows it nowhere else
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=functools.partial(source.client, region_name=region, config=config),
        source_credentials=source.get_credentials(),
        role_arn=role_arn,
        extra_args={"RoleSessionName": _SESSION_NAME},
    )
    # botocore takes refreshable credentials from its own resolvers only; this is where they put them.
    core._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]  # noqa: SLF001
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    return boto3.Session(botocore_session=core)
