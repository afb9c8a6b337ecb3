"""How the fake says no: as AWS does, as a dead process, or loudly because it does not know.

AwsRefusal      becomes an error reply on the wire; the caller sees botocore's ClientError
Loud            fails the test, whatever the product catches (it is not an Exception)
├── Unsupported     the fake does not know this operation, parameter, property or reply
├── BlockedLoop     a blocking AWS call was made on the event loop itself
├── Deadlock        every task waits and no timer is set
├── OutOfTime       virtual time went past the test's limit
└── Killed          the process died here, as with kill -9
"""


class AwsRefusal(Exception):
    """An error AWS itself would answer with; `code` is the one on the wire."""

    def __init__(self, code: str, message: str, *, status: int = 400, headers: dict[str, str] | None = None) -> None:
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers or {}
        super().__init__(f"{code}: {message}")


class Loud(BaseException):
    """Not an Exception, so that no broad `except` between here and the test can swallow it."""


class Unsupported(Loud):
    """The fake was asked for something it does not know; teach it (and SPEC.md) or change the test."""


class BlockedLoop(Loud):
    """A blocking call ran on the event loop, which would have stopped every other task."""


class Deadlock(Loud):
    """Nothing can ever happen again: tasks wait, but no timer and no call is under way."""


class OutOfTime(Loud):
    """The test's virtual time limit passed: something polls for ever."""


class Killed(Loud):
    """The process died at this call; every later call raises it too until `world.faults.revive()`."""


def validation_error(message: str) -> AwsRefusal:
    """Return CloudFormation's refusal of a request, whose wire code is in no error shape of the model."""
    return AwsRefusal("ValidationError", message)
