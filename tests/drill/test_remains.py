import pytest

from builder.drill.note import remaining
from builder.errors import AwsError, Failed


def test_what_remains_is_said_with_the_cause_and_the_command_that_takes_it_away() -> None:
    with (
        pytest.raises(Failed, match="tap-dev: probes remain: us-west-2: AWS does not answer") as caught,
        remaining("tap-dev", "probes remain"),
    ):
        raise AwsError(where="us-west-2", code="ReadTimeout", what="AWS does not answer", next_step="another")
    assert caught.value.next_step.startswith("python -m builder drill restore")
