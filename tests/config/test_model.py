from typing import Any

import pytest
from pydantic import ValidationError

from builder.components.drill.options import FisConfig, PathsConfig
from builder.config import Config
from loaded_config import make_loaded_config

PATHS = {"write": "PUT /items/{id}", "read": "GET /items/{id}"}


def test_what_is_not_said_has_a_meaning() -> None:
    config = make_loaded_config().config

    assert config.table
    assert config.bucket
    assert config.function
    assert config.table.point_in_time_recovery is True
    assert config.bucket.expire_noncurrent_days == 30
    assert config.function.model_dump() == {
        "runtime": "python3.14",
        "architecture": "x86_64",
        "source": "lambda/python",
        "handler": "index.handler",
        "memory_mb": 256,
        "timeout_s": 10,
        "reserved_concurrency": None,
        "url_auth": "AWS_IAM",
        "url": {"auth": "AWS_IAM"},
        "health": "/health",
        "uses": {},
        "policy": (),
        "environment": {},
        "log_retention_days": 30,
    }
    assert not config.tags
    assert not config.environments


@pytest.mark.parametrize(
    ("options", "folder"),
    [
        ({}, "lambda/python"),
        ({"runtime": "python3.13"}, "lambda/python"),
        ({"runtime": "nodejs22.x"}, "lambda/nodejs"),
        ({"runtime": "nodejs24.x", "source": "app"}, "app"),
    ],
)
def test_the_folder_follows_from_the_runtime(options: dict[str, Any], folder: str) -> None:
    config = make_loaded_config(function=options).config

    assert config.function
    assert config.function.source == folder


def test_the_primary_comes_first() -> None:
    regions = {"primary": "us-west-2", "secondaries": ["us-east-1", "eu-west-1"]}

    assert make_loaded_config(regions=regions).config.regions.all == ("us-west-2", "us-east-1", "eu-west-1")


def test_a_config_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        make_loaded_config().config.project = "top"


@pytest.mark.parametrize("name", ["a", "tap", "tap-2", "a" * 32])
def test_a_project_can_be_called(name: str) -> None:
    assert make_loaded_config(project=name).config.project == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a.b", "ä", "a\n", "a" * 33, "xn--a", "amzn-s3-demo-a"])
def test_a_project_cannot_be_called(name: str) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(make_loaded_config().config.model_dump() | {"project": name})


@pytest.mark.parametrize(
    ("typed", "fis", "probe"),
    [
        (None, None, "handler"),
        ("fis", FisConfig(), "handler"),
        ({}, None, "handler"),
        ({"fis": True, "probe": "table"}, FisConfig(), "table"),
        ({"fis": False}, None, "handler"),
        ({"fis": None}, None, "handler"),
        ({"fis": {"stop_alarms": ["a b", "c"]}}, FisConfig(stop_alarms=("a b", "c")), "handler"),
        ({"probe": PATHS}, None, PathsConfig(**PATHS, health="GET /health", delete=None)),
        (
            {"probe": {**PATHS, "health": "GET /", "delete": "DELETE /v1?key={id}"}},
            None,
            PathsConfig(**PATHS, health="GET /", delete="DELETE /v1?key={id}"),
        ),
    ],
)
def test_a_drill_is_said_short_or_in_full(typed: object, fis: FisConfig | None, probe: object) -> None:
    drill = make_loaded_config(drill=typed).config.drill
    assert (drill.fis, drill.probe) == (fis, probe)
