import json

import pytest
import urllib3

from builder.local import EmbeddedAws
from conftest import Command


def test_outputs_are_the_five_names_and_one_line_of_json(deployed: Command) -> None:
    answer = deployed("outputs", "--json", "--env", "synthmfm20")
    assert list(json.loads(answer.out)) == [
        "primaryLambdaUrl",
        "secondaryLambdaUrl",
        "globalTableName",
        "primaryBucketName",
        "secondaryBucketName",
    ]
    assert answer.out.count("\n") == 1


def test_an_output_by_name_is_its_bare_value_and_its_url_answers(
    deployed: Command, embedded: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", "synthmfm20")
    url = deployed("outputs", "primaryLambdaUrl").out.rstrip("\n")
    host = url.removeprefix("https://").rstrip("/")
    answer = urllib3.request("GET", embedded.endpoint, headers={"host": host})
    assert (answer.status, answer.json()["role"]) == (200, "primary")


def test_an_unknown_output_is_a_wrong_input_that_names_the_right_ones(deployed: Command) -> None:
    answer = deployed("outputs", "primaryUrl", "--env", "synthmfm20")
    assert answer.code == 2
    assert "primaryLambdaUrl" in answer.err
