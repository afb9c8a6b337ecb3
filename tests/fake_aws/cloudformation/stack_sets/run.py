"""Operations as they run through time: which instances are taken up, how many at once, when it is enough of failures.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html (operation options) and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ManagedExecution.html
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fake_aws.cloudformation.stack_sets.member import Member, Outcome
from fake_aws.cloudformation.stack_sets.preferences import Pace, pace, region_order
from fake_aws.cloudformation.stack_sets.records import OVER, Instance, Key, SetOperation, StackSet
from fake_aws.cloudformation.stack_sets.seat import Seat
from fake_aws.refusals import AwsRefusal

TOO_MANY = "Cancelled since failure tolerance has exceeded"
STOPPED = "Cancelled since the operation was stopped"


def check_free(stack_set: StackSet, operation_id: str | None) -> None:
    """Refuse an operation whose id was used before, or that would have to wait where nothing is queued."""
    if operation_id in stack_set.operations:
        raise AwsRefusal("OperationIdAlreadyExistsException", f"Operation id {operation_id} already exists", status=409)
    if stack_set.under_way() and not stack_set.managed:
        raise in_progress(stack_set)


def in_progress(stack_set: StackSet) -> AwsRefusal:
    """Return the refusal of what must wait for an operation."""
    return AwsRefusal(
        "OperationInProgressException", f"Another Operation on StackSet {stack_set.arn} is in progress", status=409
    )


def begin(seat: Seat, stack_set: StackSet, operation: SetOperation) -> None:
    """Run the operation now, or once those before it are over."""
    waits = bool(stack_set.under_way())
    stack_set.operations[operation.id] = operation
    for key in operation.results:
        instance = stack_set.instances[key]
        if operation.action != "DETECT_DRIFT":  # which changes nothing
            instance.status, instance.detailed, instance.reason = "OUTDATED", "PENDING", None
            instance.last_operation, instance.drift = operation.id, None
    if not waits:
        _Run(seat, stack_set, operation).go()


@dataclass(slots=True)
class _Run:
    seat: Seat
    stack_set: StackSet
    operation: SetOperation
    waiting: dict[str, deque[Key]] = field(default_factory=dict)
    paces: dict[str, Pace] = field(default_factory=dict)
    running: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def go(self) -> None:
        """Take up the first instances; later ones follow as these end."""
        self.operation.status = "RUNNING"
        for key, result in self.operation.results.items():
            if self.operation.action == "CREATE":  # one that was queued may come after a deletion
                self.stack_set.instances.setdefault(key, Instance(*key, result.ou))
            if key not in self.stack_set.instances or self._skips(key):
                result.status = "SUCCEEDED"
                continue
            self.waiting.setdefault(key[1], deque()).append(key)
        preferences = self.operation.preferences
        self.paces = {region: pace(preferences, len(keys)) for region, keys in self.waiting.items()}
        self._later(self._fill)

    def _skips(self, key: Key) -> bool:
        """Pass over an account that its organization has suspended, or that is closed."""
        organization = self.seat.world.organization
        if organization is None or self.operation.retain:
            return False
        if organization.state(key[0]) not in {"SUSPENDED", "CLOSED"}:
            return False
        if self.operation.action != "DETECT_DRIFT":
            self.stack_set.instances[key].detailed = "SKIPPED_SUSPENDED_ACCOUNT"
        return True

    def _later(self, step: Callable[[], None]) -> None:
        def process() -> Iterator[float]:
            yield 0.0
            step()

        self.seat.world.start(process, (self.seat.account, self.seat.region))

    def _fill(self) -> None:
        if self.operation.status == "STOPPING":
            self._cancel(STOPPED)
        for region in self._open():
            while self.waiting[region] and self.running[region] < self.paces[region].room(self.failed[region]):
                self._take_up(self.waiting[region].popleft())
        if not self._open():
            self._end()

    def _open(self) -> list[str]:
        """Return the regions that are at work, or may be."""
        for group in region_order(self.operation.preferences, list(self.waiting)):
            if busy := [region for region in group if self.waiting[region] or self.running[region]]:
                return busy
        return []

    def _take_up(self, key: Key) -> None:
        member = Member(self.seat, self.stack_set, self.stack_set.instances[key])
        self.running[key[1]] += 1
        self.operation.results[key].status = "RUNNING"
        if self.operation.action != "DETECT_DRIFT":
            member.instance.detailed = "RUNNING"

        def process() -> Iterator[float]:
            yield self.seat.world.script.seconds("STACK_INSTANCE", None, member.at)
            reason = yield from self._work(member)
            self._later(lambda: self._conclude(member, key, reason))

        self.seat.world.start(process, key)

    def _work(self, member: Member) -> Outcome:
        deletes = self.operation.action == "DELETE"
        if deletes and (self.operation.retain or member.instance.stack_id is None):
            return None  # nothing in the account is touched
        if (reason := member.refused()) is not None:
            return reason
        if member.key in self.operation.imports:
            return member.take_in()
        if self.operation.action == "DETECT_DRIFT":
            return (yield from member.compare())
        return (yield from member.remove() if deletes else member.bring())

    def _conclude(self, member: Member, key: Key, reason: str | None) -> None:
        region, instance, result = key[1], member.instance, self.operation.results[key]
        self.running[region] -= 1
        result.status, result.reason = ("SUCCEEDED", None) if reason is None else ("FAILED", reason)
        if self.operation.action != "DETECT_DRIFT":
            instance.reason = reason
        if self.operation.action == "DETECT_DRIFT":
            pass
        elif reason is None and self.operation.action == "DELETE":
            del self.stack_set.instances[key]
        elif reason is not None and key in self.operation.imports:
            instance.status, instance.detailed = "INOPERABLE", "FAILED_IMPORT"
        elif reason is None:
            instance.status, instance.detailed = "CURRENT", "SUCCEEDED"
        elif self.operation.action == "DELETE":
            instance.status = instance.detailed = "INOPERABLE"
        else:
            instance.status, instance.detailed = "OUTDATED", "FAILED"
        if reason is not None:
            self.failed[region] += 1
            if self.paces[region].exceeded(self.failed[region]):
                self._cancel(TOO_MANY)
        self._fill()

    def _cancel(self, why: str) -> None:
        for keys in self.waiting.values():
            while keys:
                key = keys.popleft()
                instance, result = self.stack_set.instances[key], self.operation.results[key]
                result.status, result.reason = "CANCELLED", why
                if self.operation.action != "DETECT_DRIFT":
                    instance.detailed, instance.reason = "CANCELLED", why

    def _end(self) -> None:
        operation = self.operation
        beyond = any(self.paces[region].exceeded(count) for region, count in self.failed.items())
        stopped = operation.status == "STOPPING"
        end_operation(self.seat, operation, "STOPPED" if stopped else "FAILED" if beyond else "SUCCEEDED")
        queued = [each for each in self.stack_set.under_way() if each.status == "QUEUED"]
        if queued:
            _Run(self.seat, self.stack_set, queued[0]).go()


def end_operation(seat: Seat, operation: SetOperation, status: str) -> None:
    """Let an operation be over."""
    operation.status, operation.ended = status, seat.world.datetime()


def stop(seat: Seat, stack_set: StackSet, operation: SetOperation) -> None:
    """Let an operation take up no more instances; what runs is finished first."""
    if operation.status not in {"RUNNING", "QUEUED"}:
        raise AwsRefusal(
            "InvalidOperationException",
            f"Operation {operation.id} is in {operation.status} state and cannot be stopped",
        )
    if operation.status == "RUNNING":
        operation.status = "STOPPING"
        return
    for key, result in operation.results.items():
        result.status, result.reason = "CANCELLED", STOPPED
        if key in stack_set.instances:
            stack_set.instances[key].detailed, stack_set.instances[key].reason = "CANCELLED", STOPPED
    end_operation(seat, operation, "STOPPED")


def wait_for(operation: SetOperation) -> Iterator[float]:
    """Wait until the operation is over, looking now and then."""
    while operation.status not in OVER:
        yield 2.0
