"""The bad days: what goes wrong on the way to AWS and back, on purpose, seeded, and countable.

A rule says which calls it is for and when it strikes: always, with a probability, or at the n-th matching call.

    world.faults.add(Fault.LOSE_ANSWER, operation="ExecuteChangeSet", nth=1)
    world.faults.add(Fault.THROTTLE, probability=0.3)
    world.faults.add(Fault.HANG, region="us-east-1")
    world.faults.rate_limit(per_second=8)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from fake_aws.refusals import AwsRefusal


class Fault(Enum):
    """What can go wrong with one call."""

    THROTTLE = "throttle"
    """AWS refuses the call for its rate; nothing is applied."""
    SERVER_ERROR = "server error"
    """AWS answers 500; nothing is applied."""
    UNAVAILABLE = "unavailable"
    """AWS answers 503; nothing is applied."""
    DENIED = "denied"
    """AWS refuses the call for want of a permission."""
    EXPIRED = "expired"
    """AWS refuses the call because the credentials have expired."""
    LOSE_REQUEST = "lose request"
    """The connection breaks before AWS sees the call."""
    LOSE_ANSWER = "lose answer"
    """The call is applied, then the connection breaks."""
    READ_TIMEOUT = "read timeout"
    """The call is applied, then nothing comes until the client's read timeout."""
    HANG = "hang"
    """Nothing listens: the client's connect timeout passes, nothing is applied."""
    STALE = "stale"
    """A read answers what was true up to `max_age_s` ago; one of DynamoDB or S3 only by a rule for that service."""
    KILL_BEFORE = "kill before"
    """The process dies; the call was never sent."""
    KILL_AFTER = "kill after"
    """The process dies; the call was applied and its answer never read."""


DATA = frozenset({"dynamodb", "s3"})
"""Services whose tables' and buckets' descriptions lag only where a test says so."""


@dataclass(slots=True)
class Rule:
    """One fault, for the calls it matches."""

    fault: Fault
    service: str | None
    operation: str | None
    account: str | None
    region: str | None
    mutating: bool | None
    nth: int | None
    probability: float
    seen: int = 0
    struck: int = 0

    def strikes(self, call: "Subject", random: Random) -> bool:
        """Return whether the fault happens to this call, having counted it."""
        if not self.matches(call):
            return False
        self.seen += 1
        hit = self.seen == self.nth if self.nth is not None else random.random() < self.probability
        self.struck += hit
        return hit

    def matches(self, call: "Subject") -> bool:
        """Return whether the call is one of those that the rule is for."""
        pattern = (self.service, self.operation, self.account, self.region)
        actual = (call.service, call.operation, call.account, call.region)
        if self.fault is Fault.STALE and self.service is None and call.service in DATA:
            return False
        same = all(want in {None, have} for want, have in zip(pattern, actual, strict=True))
        return same and self.mutating in {None, call.mutating}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a fault can be about: one call on its way."""

    service: str
    operation: str
    account: str
    region: str
    mutating: bool


@dataclass(slots=True)
class Bucket:
    """A token bucket: `burst` calls at once, `per_second` in the long run."""

    per_second: float
    burst: float
    tokens: float
    filled_at: float

    def take(self, now: float) -> bool:
        """Return whether there was a token left, having taken it."""
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.per_second)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class Faults:
    """All the rules of a world."""

    random: Random
    max_age_s: float = 1.0
    """How old a stale read's answer may be."""
    dead: bool = False
    rules: list[Rule] = field(default_factory=list)
    _limit: tuple[str, float, float] | None = None
    _buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    def add(
        self,
        fault: Fault,
        *,
        service: str | None = None,
        operation: str | None = None,
        account: str | None = None,
        region: str | None = None,
        mutating: bool | None = None,
        nth: int | None = None,
        probability: float = 1.0,
    ) -> Rule:
        """Add a rule and return it; it counts the calls it saw and struck. `nth` counts matching calls from 1."""
        rule = Rule(fault, service, operation, account, region, mutating, nth, probability)
        self.rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """End one rule."""
        self.rules.remove(rule)

    def clear(self) -> None:
        """End every rule and the rate limit."""
        self.rules.clear()
        self._limit = None
        self._buckets.clear()

    def rate_limit(self, *, per_second: float, burst: float | None = None, service: str = "cloudformation") -> None:
        """Throttle each account and region to so many calls a second, as CloudFormation's unpublished limits do."""
        self._limit = (service, per_second, burst if burst is not None else per_second)
        self._buckets.clear()

    def revive(self) -> None:
        """Begin a new process after a kill."""
        self.dead = False

    def stale_reads(self) -> bool:
        """Return whether the world must keep its past."""
        return any(rule.fault is Fault.STALE for rule in self.rules)

    def stale_data(self) -> bool:
        """Return whether the world must keep the past of tables and buckets."""
        return any(rule.fault is Fault.STALE and rule.service in DATA for rule in self.rules)

    def may_strike(self, call: Subject) -> bool:
        """Return whether anything can go wrong with this call, without counting it."""
        limited = self._limit is not None and self._limit[0] == call.service
        return self.dead or limited or any(rule.matches(call) for rule in self.rules)

    def strike(self, call: Subject, now: float) -> frozenset[Fault]:
        """Return everything that goes wrong with this call."""
        return frozenset(self._strike(call, now))

    def _strike(self, call: Subject, now: float) -> Iterator[Fault]:
        for rule in list(self.rules):
            if rule.strikes(call, self.random):
                yield rule.fault
        if self._limit and self._limit[0] == call.service:
            _, per_second, burst = self._limit
            place = (call.account, call.region)
            bucket = self._buckets.setdefault(place, Bucket(per_second, burst, burst, now))
            if not bucket.take(now):
                yield Fault.THROTTLE


_THROTTLED = {
    "cloudformation": AwsRefusal("Throttling", "Rate exceeded"),
    "cloudwatch": AwsRefusal("Throttling", "Rate exceeded"),
    "sts": AwsRefusal("Throttling", "Rate exceeded"),
    "dynamodb": AwsRefusal("ThrottlingException", "Rate of requests exceeds the allowed throughput."),
    "kms": AwsRefusal("ThrottlingException", "Rate exceeded"),
    "lambda": AwsRefusal("TooManyRequestsException", "Rate Exceeded.", status=429),
    "logs": AwsRefusal("ThrottlingException", "Rate exceeded"),
    "organizations": AwsRefusal("TooManyRequestsException", "Rate exceeded"),
    "s3": AwsRefusal("SlowDown", "Please reduce your request rate.", status=503),
    "s3control": AwsRefusal("SlowDown", "Please reduce your request rate.", status=503),
    "sns": AwsRefusal("Throttling", "Rate exceeded"),
    "ssm": AwsRefusal("ThrottlingException", "Rate exceeded"),
}


def refusal(faults: frozenset[Fault], service: str, operation: str) -> AwsRefusal | None:
    """Return the error AWS answers before it looks at the call, if one of these faults is of that kind."""
    if Fault.THROTTLE in faults:
        return _THROTTLED[service]
    if Fault.DENIED in faults:
        return AwsRefusal("AccessDenied", f"User is not authorized to perform: {service}:{operation}", status=403)
    if Fault.EXPIRED in faults:
        return AwsRefusal("ExpiredToken", "The security token included in the request is expired", status=403)
    if Fault.SERVER_ERROR in faults:
        return AwsRefusal("InternalFailure", "We encountered an internal error. Please try again.", status=500)
    if Fault.UNAVAILABLE in faults:
        return AwsRefusal("ServiceUnavailable", "Service is unable to handle request.", status=503)
    return None
