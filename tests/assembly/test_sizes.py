import pytest

from builder.assembly.store import OBJECT_BYTES, REQUEST_BYTES, check_body, check_fleet, size_notes
from builder.errors import BadInput, ExitCode


def test_a_template_that_a_set_holds_is_refused_past_what_a_request_takes() -> None:
    check_body("us-east-1/service.yaml", b"x" * REQUEST_BYTES)

    with pytest.raises(BadInput) as caught:
        check_body("us-east-1/service.yaml", b"x" * (REQUEST_BYTES + 1))

    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert str(caught.value) == (
        "us-east-1/service.yaml: has 51,201 bytes, and a StackSet holds a template of 51,200 at most"
    )
    assert "function's code" in caught.value.next_step


def test_the_sets_together_are_refused_past_what_a_bucket_s_object_may_have() -> None:
    check_fleet("fleet.yaml", b"x" * OBJECT_BYTES)

    with pytest.raises(BadInput, match=r"^fleet/fleet.yaml: has 1,048,577 bytes, and CloudFormation takes 1,048,576"):
        check_fleet("fleet.yaml", b"x" * (OBJECT_BYTES + 1))


def test_what_needs_a_bucket_is_noted_with_the_bucket_s_region() -> None:
    assert size_notes({"a.yaml": b"x" * REQUEST_BYTES}, "us-west-2") == ()
    assert size_notes({"fleet/fleet.yaml": b"x" * (REQUEST_BYTES + 1)}, "us-west-2") == (
        (
            "fleet/fleet.yaml has 51,201 bytes, and a request takes 51,200:"
            " plan it with --artifacts-bucket, a bucket in us-west-2"
        ),
    )
