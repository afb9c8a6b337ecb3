"""How one region is looked at: by whom, as of when, and for how long."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from builder.aws import Clients
from builder.terms import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What every look at a resource of a region has."""

    clients: Clients
    region: Region
    now: datetime
    endpoint: str | None = None
    """Where function URLs are reached instead of by their own names; the Host header has those."""
    health: Mapping[str, str] = field(default_factory=dict)
    """The path that says whether the service is well, by the host of each URL that is a component's."""
    until: float | None = None
    """When, by the loop's clock, nothing on the side is waited for any longer: a URL, another region's metric."""

    def at(self, region: Region) -> "Look":
        """Return the same look at another region."""
        return replace(self, region=region)
