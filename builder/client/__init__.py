"""The failover client: it sends a request to the first region that can answer it.

    from builder.client import FailoverClient, Region

    client = FailoverClient((Region("us-east-1", primary_url), Region("us-west-2", secondary_url)))
    answer = client.request("PUT", "/orders/7", body=b"{}")

Applications depend on this package. It imports the standard library and botocore, and nothing else of builder.
`failover.mjs` beside it is the same client for Node.js. docs/client.md says how it chooses a region.
"""

from builder.client.failover import FailoverClient, Unavailable
from builder.client.hold import Hold, NotKnown, ReplicatedHold
from builder.client.records import Answer, Attempt, Circuit, Closed, HalfOpen, Limits, Open, RegionUrl, Request, Trouble

__all__ = [
    "Answer",
    "Attempt",
    "Circuit",
    "Closed",
    "FailoverClient",
    "HalfOpen",
    "Hold",
    "Limits",
    "NotKnown",
    "Open",
    "RegionUrl",
    "ReplicatedHold",
    "Request",
    "Trouble",
    "Unavailable",
]
