import pytest

from builder.local.adapter.handlers import AlreadyExists, HandlerError, check_reply


def test_a_good_reply_is_accepted() -> None:
    check_reply((204, {}, b""), service="S3")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(b'{"__type": "X", "message": "said so"}', "said so", id="json"),
        pytest.param(b'{"Message": "said so"}', "said so", id="json-with-a-capital"),
        pytest.param("{}", "{}", id="json-without-a-message"),
        pytest.param(b"<Error><Message>said so</Message></Error>", "said so", id="xml"),
        pytest.param(b"said so", "said so", id="neither"),
    ],
)
def test_an_error_is_refused_in_the_services_own_words(body: bytes, message: str) -> None:
    with pytest.raises(HandlerError) as raised:
        check_reply((400, {}, body), service="S3")
    assert str(raised.value).startswith(f'Resource handler returned message: "{message} (Service: S3, Status Code: 400')


def test_a_taken_name_says_so_in_the_handlers_code() -> None:
    assert "Status Code: 409" in str(AlreadyExists("taken", service="Lambda"))
    assert str(AlreadyExists("taken", service="Lambda")).endswith("HandlerErrorCode: AlreadyExists)")
