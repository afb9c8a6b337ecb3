"""How often to look: the delay before an end is noticed stays a small fraction of how long it took."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse


@dataclass(frozen=True, slots=True)
class Pace:
    """When to look next at something that was begun a while ago; all in seconds.

    Botocore's waiters look every 30 seconds, and count UPDATE_ROLLBACK_COMPLETE as a created stack.
    """

    first_s: float
    """Nothing is over sooner than this."""
    every_s: float
    """The shortest time between two looks."""
    fraction: float = 0.04
    """Of what has passed since the beginning: how much of it may pass until the next look."""
    longest_s: float = 15.0

    def wait_s(self, passed_s: float) -> float:
        """Return how long to wait before the next look, `passed_s` after the beginning."""
        if passed_s < self.first_s:
            return self.first_s - passed_s
        return min(self.longest_s, max(self.every_s, self.fraction * passed_s))


@dataclass(slots=True)
class Tempo:
    """How quickly an AWS does things: CloudFormation's own pace, seen from outside, until an answer tells another."""

    change_sets: Pace = Pace(first_s=2.0, every_s=0.3)
    stacks: Pace = Pace(first_s=4.0, every_s=0.45)

    def heed(self, *, http_response: "AWSResponse", **_: object) -> None:
        """Take the pace from an answer that says how soon to come back, which AWS's own do not; botocore calls this.

        Source: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
        """
        said = http_response.headers.get("Retry-After", "")
        if http_response.status_code == 200 and said.isdecimal():
            self.change_sets = self.stacks = Pace(first_s=int(said), every_s=max(int(said), 0.1))
