"""What answers in AWS's place, asked by every service's protocol."""

import asyncio
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from builder.aws import Clients, call
from builder.errors import AwsError, BadInput
from builder.terms import Region
from cli.bad_things import REPLIES, Reply, answering
from samples import sampled

HERE = Region("us-east-1")
Ask = Callable[[Clients], tuple[Callable[..., Any], dict[str, Any], str]]
OPERATIONS: dict[str, Ask] = {
    "query": lambda of: (of.cloudformation(HERE).describe_stacks, {}, "Stacks"),
    "query of sts": lambda of: (of.sts(HERE).get_caller_identity, {}, "Account"),
    "json": lambda of: (of.dynamodb(HERE).describe_table, {"TableName": "table"}, "Table"),
    "json of organizations": lambda of: (of.organizations(HERE).list_accounts, {}, "Accounts"),
    "rest-json": lambda of: (of.functions(HERE).get_function, {"FunctionName": "function"}, "Configuration"),
    "rest-json of fis": lambda of: (of.fis(HERE).list_experiment_templates, {}, "experimentTemplates"),
    "rest-xml": lambda of: (of.s3(HERE).get_bucket_replication, {"Bucket": "bucket"}, "ReplicationConfiguration"),
    "cloudwatch": lambda of: (of.cloudwatch(HERE).describe_alarms, {}, "MetricAlarms"),
}


def ask(url: str, what: str) -> object:
    session = boto3.Session("AKIDEXAMPLE", "secret", region_name=HERE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", url)
        operation, arguments, key = OPERATIONS[what](Clients(session))

    async def read() -> object:
        return (await call("us-east-1/table", operation, **arguments))[key]

    return asyncio.run(read())


# S3 itself answers 200 to what failed under way, which botocore knows and asks again.
OF_S3 = ("HTML, 200", "HTML, 403", "a redirection", "text, 404")
CASES = [(name, what) for what in OPERATIONS for name in (OF_S3 if what == "rest-xml" else REPLIES)]


@pytest.mark.parametrize(("name", "what"), sampled(CASES, every=3))
def test_what_is_no_answer_is_told_in_words_and_quoted_nowhere(name: str, what: str) -> None:
    with answering(lambda _: REPLIES[name]) as url, pytest.raises(AwsError) as caught:
        ask(url, what)
    assert caught.value.where == "us-east-1/table"
    assert "secret" not in str(caught.value)
    assert caught.value.answered


@pytest.mark.parametrize("what", ["query", "json", "rest-xml"])
def test_nobody_at_all_on_this_machine_is_told_at_once(what: str) -> None:
    with pytest.raises(AwsError, match=r"nothing listens at http://127.0.0.1:1: is `python -m builder local` running"):
        ask("http://127.0.0.1:1", what)


def test_an_answer_of_the_api_that_lacks_what_it_should_have_names_that() -> None:
    empty = Reply(
        200, b"<GetCallerIdentityResponse><GetCallerIdentityResult/><ResponseMetadata/></GetCallerIdentityResponse>"
    )
    with answering(lambda _: empty) as url, pytest.raises(AwsError, match="is not AWS: it answered without 'Account'"):
        ask(url, "query of sts")


@pytest.mark.parametrize("url", ["localhost:1", "nonsense", "http://", "http://127.0.0.1:99999", "//x", "ftp://x"])
def test_an_endpoint_that_is_no_url_is_a_wrong_input(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(BadInput, match=r"AWS_ENDPOINT_URL: '.*' is not a URL of an endpoint"):
        Clients.of_profile(None)


def test_one_that_a_profile_names_is_a_wrong_input_too() -> None:
    with pytest.raises(BadInput, match="us-east-1: cloudformation: Invalid endpoint: localhost:1"):
        ask("localhost:1", "query")
