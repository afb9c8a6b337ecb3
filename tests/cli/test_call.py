"""`call`: a request to a function URL, found, signed where it has to be, printed."""

import json
from pathlib import Path

import pytest

from answer import Command

ENV = ("--env", "synthmfm20")


@pytest.fixture
def call(shared: Command) -> Command:
    return lambda *arguments: shared("call", *arguments, *ENV)


def test_what_is_put_in_one_region_is_read_in_the_other(call: Command, tmp_path: Path) -> None:
    (tmp_path / "item.json").write_text('{"total": 12.50}')
    put = call("PUT", "/items/order-1", "--data", f"@{tmp_path / 'item.json'}")
    assert (put.code, put.err) == (0, "201 from us-east-1\n")
    got = call("get", "items/order-1", "--region", "us-west-2")
    assert (got.code, got.out, got.err) == (0, '{"total": 12.50}\n', "200 from us-west-2\n")


def test_a_status_that_is_no_success_is_a_failure_with_its_body(call: Command) -> None:
    answer = call("GET", "/items/nowhere")
    assert answer.code == 1
    assert answer.err == "404 from us-east-1\n"
    assert json.loads(answer.out)


def test_json_is_one_line_with_status_headers_and_body(call: Command) -> None:
    answer = json.loads(call("GET", "/", "--json").out)
    assert (answer["status"], answer["region"], json.loads(answer["body"])["role"]) == (200, "us-east-1", "primary")


def test_a_region_without_a_url_is_a_wrong_input(call: Command) -> None:
    answer = call("GET", "/", "--region", "eu-west-1")
    assert answer.code == 2
    assert "there is one in us-east-1, us-west-2" in answer.err


def test_of_several_functions_one_is_named(shared: Command, project: Path) -> None:
    path = project / "templates" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["components"] = {"api": manifest["components"]["function"], "web": manifest["components"]["function"]}
    path.write_text(json.dumps(manifest))
    taken = ("--assembly", str(path.parent), *ENV)
    assert shared("call", "GET", "/health", "--component", "web", *taken).err == "200 from us-east-1\n"
    for more, reason in (
        ((), "has 2 components that are a function, api, web, and none of them is named function"),
        (("--component", "worker"), "--component worker: is no function; there is api, web"),
        (("--component", "api", "--region", "eu-west-1"), "--region eu-west-1: has no function URL"),
    ):
        answer = shared("call", "GET", "/health", *more, *taken)
        assert answer.code == 2
        assert reason in answer.err


def test_a_url_that_wants_it_gets_a_signed_request(project: Path, credentials: None, builder: Command) -> None:
    config = (project / "dr.yaml").read_text()
    assert "url_auth: NONE" in config
    (project / "dr.yaml").write_text(config.replace("url_auth: NONE", "url_auth: AWS_IAM"))
    for verb in (("render",), ("deploy", "--yes")):
        assert builder(*verb).code == 0
    assert builder("call", "GET", "/health").err == "200 from us-east-1\n"
