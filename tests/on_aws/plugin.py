"""`pytest --aws ACCOUNT`: the tests of this folder on AWS, in that account alone, by the caller's own credentials.

Without the option they run on the embedded AWS. With it nothing else is collected, the account is asked for before
anything is made, and what a run that died has left is taken away first. *Never run on AWS.*
"""

import os
import re
import secrets
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from on_aws.mark import RUN, Mark, this_run
from on_aws.sweep import sweep

HERE = Path(__file__).parent
# What is in it tries this plugin and its sweep, on the embedded AWS.
HARNESS = HERE / "harness"
REGIONS = ("us-east-1", "us-west-2")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--aws",
        dest="aws_account",
        metavar="ACCOUNT",
        help="run tests/on_aws, and nothing else, in this AWS account, by your own credentials; it costs some cents",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Raise UsageError unless the credentials are of the account that is named."""
    typed = config.getoption("aws_account")
    if typed is None:
        return
    check_account(typed, boto3.Session())
    # Whatever is left out of a short run is meant here.
    config.option.markexpr = ""
    os.environ.setdefault(RUN, str(this_run()))  # workers inherit it


def pytest_sessionstart(session: pytest.Session) -> None:
    """Take away what runs that died have left."""
    config = session.config
    if config.getoption("aws_account") is None or config.option.collectonly or hasattr(config, "workerinput"):
        return
    swept = sweep(boto3.Session(), REGIONS, Mark.is_dead, every_s=5.0)
    for name in swept.gone:
        print(f"left by a run that died, and taken away: {name}")
    for name in swept.stays:
        print(f"left by a run that died, and to be taken away by hand: {name}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect nothing but the tests of this folder where they run on AWS."""
    if config.getoption("aws_account") is None or HERE.is_relative_to(collection_path):
        return None
    return not collection_path.is_relative_to(HERE) or collection_path == HARNESS or None


def check_account(typed: str, session: boto3.Session) -> None:
    """Raise UsageError unless `typed` is an account's number, and the one that the session's credentials are of."""
    if not re.fullmatch("[0-9]{12}", typed):
        raise pytest.UsageError(f"--aws {typed}: an account has twelve digits")
    try:
        account = session.client("sts", region_name=REGIONS[0]).get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise pytest.UsageError(f"--aws {typed}: nobody says whose the credentials are: {error}") from error
    if account != typed:
        raise pytest.UsageError(f"--aws {typed}: the credentials are of account {account}; nothing was made")


def fresh_suffix() -> str:
    """Return an environment's suffix that no other test has."""
    return f"t{secrets.token_hex(4)}"
