"""Whose credentials they are."""

from builder.aws.call import call
from builder.aws.session import Clients
from builder.terms import AccountId, Region


async def observe_account(clients: Clients, region: Region) -> AccountId:
    """Return the account of the credentials, asked of the region's own STS."""
    answer = await call(f"{region}: credentials", clients.sts(region).get_caller_identity)
    return AccountId(answer["Account"])
