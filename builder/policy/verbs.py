"""The verbs that a policy can be asked for."""

from enum import StrEnum


class Verb(StrEnum):
    """A command that somebody runs with the policy."""

    PLAN = "plan"
    EXECUTE = "execute"
    DRILL = "drill"
    DESTROY = "destroy"
