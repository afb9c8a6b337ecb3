"""Everything that uses boto3: clients, calls off the event loop, errors as our own, polling."""

from builder.aws.alarms import ALARM, AlarmSighting, observe_alarms
from builder.aws.call import aws_errors, call, denied_operation, pages, together
from builder.aws.clients import Clients, Memory, Pace, Rhythm, StackSighting, Tempo, observe_account, observe_caller

__all__ = [
    "ALARM",
    "AlarmSighting",
    "Clients",
    "Memory",
    "Pace",
    "Rhythm",
    "StackSighting",
    "Tempo",
    "aws_errors",
    "call",
    "denied_operation",
    "observe_account",
    "observe_alarms",
    "observe_caller",
    "pages",
    "together",
]
