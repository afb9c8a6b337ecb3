import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def enforcing(processes: None) -> Iterator[str]:
    """The endpoint of one that enforces IAM."""
    with subprocess.Popen(
        [sys.executable, "-m", "builder", "local", "--port", "0", "--enforce-iam"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            endpoint = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert endpoint
            yield endpoint[0]
        finally:
            process.terminate()


def test_with_iam_enforced_a_user_may_do_what_a_policy_says(enforcing: str) -> None:
    def session(key: str, secret: str) -> boto3.Session:
        return boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")

    iam = session("210987654321", "any").client("iam", endpoint_url=enforcing)
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = session(key["AccessKeyId"], key["SecretAccessKey"]).client("cloudformation", endpoint_url=enforcing)
    with pytest.raises(ClientError, match="not authorized to perform: cloudformation:DescribeStacks"):
        ann.describe_stacks()


@pytest.mark.alone
def test_the_embedded_aws_serves_until_sigterm_and_says_how_to_reach_it() -> None:
    started, token = time.monotonic(), "a-token-that-is-kept"
    with subprocess.Popen(
        [sys.executable, "-m", "builder", "local", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "BUILDER_LOCAL_TOKEN": token},
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert time.monotonic() - started < 5
            endpoint = re.search(r"http://127\.0\.0\.1:\d+", first)
            assert endpoint
            sts = boto3.client(
                "sts",
                "us-west-2",
                endpoint_url=endpoint[0],
                aws_access_key_id="210987654321",
                aws_secret_access_key="any",
            )
            assert sts.get_caller_identity()["Account"] == "210987654321"
            process.send_signal(signal.SIGTERM)
            rest = process.stdout.read()
            assert process.wait(5) == 0
        finally:
            process.kill()
    assert f"export AWS_ENDPOINT_URL={endpoint[0]}" in rest
    assert f"export BUILDER_LOCAL_TOKEN={token}" in rest
