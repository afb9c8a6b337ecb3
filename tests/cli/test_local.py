import os
import re
import signal
import subprocess
import sys
import time

import boto3


def test_the_embedded_aws_serves_until_sigterm_and_says_how_to_reach_it() -> None:
    started = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "builder", "local", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    ) as process:
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
    assert f"export AWS_ENDPOINT_URL={endpoint[0]}" in rest
