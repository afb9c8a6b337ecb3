import pytest

from builder.errors import Failed
from builder.local import EmbeddedAws
from builder.rehearsal.use import Visitor

URL = "https://abc.lambda-url.us-east-1.on.aws/"


def test_an_address_where_nobody_listens_is_a_failure() -> None:
    with pytest.raises(Failed, match="no answer to GET"):
        Visitor("http://127.0.0.1:9", "123456789012", signs=False).call("GET", URL)


def test_an_answer_that_is_not_json_is_a_failure(embedded: EmbeddedAws) -> None:
    with pytest.raises(Failed, match="no JSON answer"):
        Visitor(embedded.endpoint, "123456789012", signs=True).call(
            "GET", "https://nobucket.s3.us-east-1.amazonaws.com/x"
        )
