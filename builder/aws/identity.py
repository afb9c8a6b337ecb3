"""Whose credentials they are."""

from typing import NamedTuple

from builder.aws.call import call
from builder.aws.session import Clients
from builder.terms import AccountId, Arn, Region


class Caller(NamedTuple):
    """Who calls: the account, and the ARN of the user or of the role's session."""

    account: AccountId
    arn: Arn


async def observe_caller(clients: Clients, region: Region) -> Caller:
    """Return whose the credentials are, asked of the region's own STS."""
    answer = await call(f"{region}: credentials", clients.sts(region).get_caller_identity)
    return Caller(AccountId(answer["Account"]), Arn(answer["Arn"]))


async def observe_account(clients: Clients, region: Region) -> AccountId:
    """Return the account of the credentials, asked of the region's own STS."""
    return (await observe_caller(clients, region)).account
