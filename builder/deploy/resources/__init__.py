"""The resource types that hold data: how each is taken down. One module a type, listed here and nowhere else."""

from collections.abc import Callable
from typing import Protocol

from builder.aws import Clients
from builder.deploy.resources import bucket, global_table
from builder.terms import Region


class DataHolder(Protocol):
    """What a type that holds data answers to; `physical_id` is the bucket's or table's name."""

    async def quiesce(self, clients: Clients, region: Region, physical_id: str) -> None:
        """Stop what would fill it again while it is being emptied."""

    async def empty(self, clients: Clients, region: Region, physical_id: str, emptied: Callable[[int], None]) -> None:
        """Remove what keeps it from being deleted, telling how many entries are gone so far."""

    async def release(self, clients: Clients, region: Region, physical_id: str) -> None:
        """Remove what its deletion was refused for."""


HOLDERS: dict[str, DataHolder] = {
    "AWS::S3::Bucket": bucket,
    "AWS::DynamoDB::GlobalTable": global_table,
}

__all__ = ["HOLDERS", "DataHolder"]
