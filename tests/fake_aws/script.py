"""What a test has written down beforehand: how long things take, what fails and why, what validation finds.

    world.script.takes(600, resource="Table")
    world.script.fails("CREATE", "Bucket", reason="Access Denied", region="us-west-2")
    world.script.finds(Finding(...), stack="tap-dev-storage")

The actions are CREATE, UPDATE, DELETE and IMPORT of a resource, UPDATE_ROLLBACK and IMPORT_ROLLBACK (the ways back),
and for how long things take also CREATE_CHANGE_SET, DELETE_CHANGE_SET (of nested stacks), DETECT_DRIFT, STACK (the
moment before a stack's first resource and after its last) and STACK_INSTANCE (the moment before StackSets touches an
instance's stack; `stack` is its set).
"""

from dataclasses import dataclass, field

from fake_aws.cloudformation.records import Finding
from fake_aws.refusals import Unsupported

DEFAULT_S = {
    "CREATE_CHANGE_SET": 2.0,
    "DELETE_CHANGE_SET": 2.0,
    "DETECT_DRIFT": 3.0,
    "STACK": 1.0,
    "STACK_INSTANCE": 2.0,
    "CREATE": 5.0,
    "UPDATE": 5.0,
    "UPDATE_ROLLBACK": 5.0,
    "DELETE": 5.0,
    "IMPORT": 1.0,
    "IMPORT_ROLLBACK": 1.0,
}
"""Every action, and the seconds it takes where the test says nothing."""
_OF_STACKS = frozenset({"CREATE_CHANGE_SET", "DELETE_CHANGE_SET", "DETECT_DRIFT", "STACK", "STACK_INSTANCE"})


@dataclass(frozen=True, slots=True)
class Where:
    """Which stacks a line of the script is about; None is any."""

    account: str | None = None
    region: str | None = None
    stack: str | None = None

    def covers(self, account: str, region: str, stack: str) -> bool:
        """Return whether it is about this stack."""
        pairs = zip((self.account, self.region, self.stack), (account, region, stack), strict=True)
        return all(want in {None, have} for want, have in pairs)


@dataclass(frozen=True, slots=True)
class Duration:
    """How long something takes."""

    where: Where
    action: str | None
    resource: str | None
    seconds: float


@dataclass(slots=True)
class Failure:
    """An action on a resource that fails; `times` counts down, None is always."""

    where: Where
    action: str
    resource: str
    reason: str
    times: int | None
    struck: int = 0


@dataclass(frozen=True, slots=True)
class PrimedFinding:
    """Something early validation will say about a stack's next change sets."""

    where: Where
    finding: Finding


@dataclass(slots=True)
class Script:
    """The lines of a world's script; later lines win over earlier ones."""

    durations: list[Duration] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    findings: list[PrimedFinding] = field(default_factory=list)
    change_set_failures: list[tuple[Where, str]] = field(default_factory=list)
    change_set_deletion_failures: list[tuple[Where, str]] = field(default_factory=list)
    dropped_with_values: list[tuple[Where, str]] = field(default_factory=list)

    def takes(
        self,
        seconds: float,
        *,
        action: str | None = None,
        resource: str | None = None,
        stack: str | None = None,
        account: str | None = None,
        region: str | None = None,
    ) -> None:
        """Let an action (a key of DEFAULT_S) on a resource take so long; without `resource`, on every resource."""
        self.durations.append(Duration(Where(account, region, stack), action, resource, seconds))

    def fails(
        self,
        action: str,
        resource: str,
        *,
        reason: str,
        stack: str | None = None,
        account: str | None = None,
        region: str | None = None,
        times: int | None = 1,
    ) -> Failure:
        """Let an action on a resource fail, `times` times (None: always); what it returns counts."""
        if action not in DEFAULT_S.keys() - _OF_STACKS:
            raise Unsupported(f"no resource action {action}")
        self.failures.append(Failure(Where(account, region, stack), action, resource, reason, times))
        return self.failures[-1]

    def fails_instance(
        self,
        reason: str,
        *,
        stack_set: str | None = None,
        account: str | None = None,
        region: str | None = None,
        times: int | None = 1,
    ) -> Failure:
        """Let a StackSet's operation fail in an instance before it touches the stack; what it returns counts."""
        self.failures.append(Failure(Where(account, region, stack_set), "STACK_INSTANCE", "", reason, times))
        return self.failures[-1]

    def finds(
        self, finding: Finding, *, stack: str | None = None, account: str | None = None, region: str | None = None
    ) -> None:
        """Let early validation of a stack's change sets find this."""
        self.findings.append(PrimedFinding(Where(account, region, stack), finding))

    def fails_change_set(
        self, reason: str, *, stack: str | None = None, account: str | None = None, region: str | None = None
    ) -> None:
        """Let the next change set of the stack end FAILED for a reason of AWS's own."""
        self.change_set_failures.append((Where(account, region, stack), reason))

    def fails_change_set_deletion(
        self, reason: str, *, stack: str | None = None, account: str | None = None, region: str | None = None
    ) -> None:
        """Let the next deletion of a root's change set, on this stack, end DELETE_FAILED."""
        self.change_set_deletion_failures.append((Where(account, region, stack), reason))

    def drops_with_values(
        self, resource: str, *, stack: str | None = None, account: str | None = None, region: str | None = None
    ) -> None:
        """Let IncludePropertyValues leave this resource out, with only a [WARN] in the reason to tell."""
        self.dropped_with_values.append((Where(account, region, stack), resource))

    def seconds(self, action: str, resource: str | None, at: tuple[str, str, str]) -> float:
        """Return how long an action takes at (account, region, stack)."""
        for line in reversed(self.durations):
            meant = line.action == action or (line.action is None and action not in _OF_STACKS)
            if meant and line.resource in {None, resource} and line.where.covers(*at):
                return line.seconds
        return DEFAULT_S[action]

    def failure(self, action: str, resource: str, at: tuple[str, str, str]) -> str | None:
        """Return why an action fails now, having counted it; None if it does not."""
        for line in self.failures:
            if line.action == action and line.resource == resource and line.where.covers(*at):
                if line.times is not None and line.struck >= line.times:
                    continue
                line.struck += 1
                return line.reason
        return None

    def change_set_failure(self, at: tuple[str, str, str]) -> str | None:
        """Return why the change set being made fails, having used the line up."""
        return _used_up(self.change_set_failures, at)

    def change_set_deletion_failure(self, at: tuple[str, str, str]) -> str | None:
        """Return why the change set being deleted cannot be, having used the line up."""
        return _used_up(self.change_set_deletion_failures, at)


def _used_up(lines: list[tuple[Where, str]], at: tuple[str, str, str]) -> str | None:
    for line in lines:
        if line[0].covers(*at):
            lines.remove(line)
            return line[1]
    return None
