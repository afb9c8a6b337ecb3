"""What to allow who lacks a right: the actions of the calls that AWS denied, what for, and which policy has them."""

from collections.abc import Iterator

from builder.errors import AwsError, BuilderError, Several

_POLICIES = {
    "deploy": ("plan", "execute"),
    "discard": ("plan",),
    "show": ("plan",),
    "outputs": ("status",),
    "call": ("failback",),
    "artifacts prune": ("artifacts-prune",),
    "drill replication": ("drill",),
    "drill failover": ("drill",),
    "drill restore": ("drill",),
    "fleet deploy": ("fleet-plan", "fleet-execute"),
    "fleet discard": ("fleet-plan",),
    "fleet show": ("fleet-plan",),
    "fleet stop": ("fleet-execute",),
    "fleet outputs": ("fleet-status",),
    "fleet drop": ("fleet-destroy",),
}
"""The verbs that `policy` knows for what is typed, where that has another name."""


def next_step_of(error: BuilderError, typed: str) -> str:
    """Return which policy has what AWS denied, each action with its purpose; empty where it denied nothing.

    `typed` is the command, such as `fleet plan`.
    """
    operations = dict.fromkeys(_denied(error))
    if not operations:
        return ""
    from builder.policy import Verb
    from builder.policy.rights import CALLS

    known = [Verb(verb) for verb in policies_of(typed) if verb in set(Verb)]
    purposes: dict[str, dict[str, None]] = {}
    for call in (call for verb in known for call in CALLS[verb] if call.operation in operations):
        for action, _ in call.needs:
            purposes.setdefault(action, {})[call.because] = None
    lacking = ", ".join(f"{action} ({'; '.join(reasons)})" for action, reasons in purposes.items())
    words = " ".join(known) or "plan execute"
    return f"python -m builder policy {words}    has what is needed" + (f": {lacking}" if lacking else "")


def policies_of(typed: str) -> tuple[str, ...]:
    """Return the verbs whose policies have what a command needs; of one that `policy` does not know just its name."""
    return _POLICIES.get(typed, (typed.replace(" ", "-"),))


def _denied(error: BaseException | None) -> Iterator[str]:
    """Yield the operations that were denied, of an error, of those that it stands for, and of its cause."""
    from builder.aws import denied_operation

    if isinstance(error, Several):
        for each in error.errors:
            yield from _denied(each)
    elif isinstance(error, BuilderError):
        if isinstance(error, AwsError) and (operation := denied_operation(error)):
            yield operation
        yield from _denied(error.__cause__)
