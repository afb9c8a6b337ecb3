"""The environment the embedded AWS runs in: what it keeps of its caller's, and what is set for it."""

import os
from collections.abc import Mapping
from pathlib import Path

VERSION = "1.5.33"
"""Of the emulator: the one that the adapter is written for."""
_KEPT = frozenset(
    {"HOME", "LANG", "LANGUAGE", "LOGNAME", "NODE_PATH", "PATH", "PYTHONPATH", "SHELL", "TEMP", "TMP", "TMPDIR", "TZ"}
    | {"USER", "VIRTUAL_ENV"}
)
_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})
_NO_DOCKER = "unix:///nonexistent/docker.sock"


def is_hostile(name: str) -> bool:
    """Return whether an environment variable could lead boto3 to a real endpoint, profile or proxy."""
    return name.upper().startswith("AWS_") or name.upper() in _PROXIES or name == "BOTO_CONFIG"


def make_environment(
    caller: Mapping[str, str], *, port: int, state: Path | None, log_level: str, enforce_iam: bool = False
) -> dict[str, str]:
    """Return the whole environment of a server on `port`: nothing of the caller's gets in unless it is named here.

    A list of what is kept, not of what is removed, because the emulator reads more than a hundred variables of its
    own (ports it would open, images it would run) besides the AWS_*, profile and proxy variables with which a
    Lambda worker, or an SDK inside one, would reach a real endpoint.
    """
    variables = {name: value for name, value in caller.items() if name in _KEPT or name.startswith("LC_")}
    options = {"LOG_LEVEL": log_level, "AUTH": str(enforce_iam).lower()}
    return variables | _addresses(port) | _isolation() | _persistence(state) | options


def _addresses(port: int) -> dict[str, str]:
    return {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "NO_PROXY": "*",
    }


def _isolation() -> dict[str, str]:
    """Return what keeps workers off real endpoints and the emulator off other ports and other people's containers."""
    return {
        # Workers inherit these: without them an SDK reads ~/.aws, where a profile may name endpoints and credentials.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # Both would listen on all interfaces.
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        # Requests that wait for one of a function's processes are no concurrency that an account has too much of.
        "LAMBDA_ACCOUNT_CONCURRENCY": "0",
        # At start the emulator removes every container that carries its label, another instance's included.
        "DOCKER_HOST": _NO_DOCKER,
    }


def _persistence(state: Path | None) -> dict[str, str]:
    if state is None:
        return {"PERSIST_STATE": "0", "S3_PERSIST": "0"}
    return {
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "objects"),
    }
