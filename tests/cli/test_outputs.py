import hashlib
import json
from pathlib import Path

import pytest
import urllib3

from answer import Command
from builder.assembly import Assembly, Manifest, StackEntry, write_assembly
from builder.assembly.manifest import VERSION
from builder.local import EmbeddedAws
from builder.terms import Region, StackId
from cli.on_fake import OnWorld


def test_outputs_are_the_five_names_and_one_line_of_json(on_deployed: OnWorld) -> None:
    answer = on_deployed("outputs", "--json")
    assert list(json.loads(answer.out)) == [
        "primaryLambdaUrl",
        "secondaryLambdaUrl",
        "globalTableName",
        "primaryBucketName",
        "secondaryBucketName",
    ]
    assert answer.out.count("\n") == 1


def test_an_output_by_name_is_its_bare_value_and_its_url_answers(
    shared: Command, embedded: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", "synthmfm20")
    url = shared("outputs", "primaryLambdaUrl").out.rstrip("\n")
    host = url.removeprefix("https://").rstrip("/")
    answer = urllib3.request("GET", embedded.endpoint, headers={"host": host})
    assert (answer.status, answer.json()["role"]) == (200, "primary")


def test_an_unknown_output_is_a_wrong_input_that_names_the_right_ones(on_deployed: OnWorld) -> None:
    answer = on_deployed("outputs", "primaryUrl")
    assert answer.code == 2
    assert "primaryLambdaUrl" in answer.err


CONDITIONAL = b"""\
Parameters: {Stage: {Type: String}}
Conditions: {IsProd: !Equals [!Ref Stage, prod]}
Resources: {Topic: {Type: AWS::SNS::Topic}}
Outputs:
  First: {Value: one}
  Prod: {Value: two, Condition: IsProd}
  Last: {Value: three}
"""


def written(folder: Path, *outputs: str) -> str:
    """Write an assembly of one stack, with these outputs as the deployment's."""
    stack = StackEntry(
        id=StackId("us-east-1/topics"),
        region=Region("us-east-1"),
        name="conditional-${EnvironmentSuffix}",
        template="topics.yaml",
        sha256=hashlib.sha256(CONDITIONAL).hexdigest(),
        parameters={"Stage": "dev"},
    )
    by_name = {name.lower(): (stack.id, name) for name in outputs}
    made = Manifest(version=VERSION, project="conditional", stacks=(stack,), outputs=by_name)
    write_assembly(folder, Assembly(manifest=made, templates={stack.template: CONDITIONAL}))
    return str(folder)


def test_an_output_under_a_false_condition_is_told_and_hides_no_other(tmp_path: Path, command: OnWorld) -> None:
    command.environment = {"ENVIRONMENT_SUFFIX": "qa"}
    assembly = written(tmp_path / "all", "First", "Prod", "Last")
    why = "is the output Prod of us-east-1/topics, whose condition IsProd is false there"
    printed = f"first = one\nlast = three\nprod: absent, {why}\n"
    answer = command("--assembly", assembly, "deploy", "--yes")
    assert (answer.code, answer.out.endswith(printed)) == (0, True), answer
    answer = command("--assembly", assembly, "outputs")
    assert (answer.code, answer.out) == (0, printed)
    answer = command("--assembly", assembly, "outputs", "--json")
    assert (answer.code, json.loads(answer.out)) == (0, {"first": "one", "last": "three", "prod": None})
    assert command("--assembly", assembly, "outputs", "last").out == "three\n"
    answer = command("--assembly", assembly, "outputs", "prod")
    assert (answer.code, answer.out) == (1, "")
    assert why in answer.err
    # One that no condition explains is a failure; the others are there all the same.
    missing = written(tmp_path / "missing", "First", "Never", "Last")
    answer = command("--assembly", missing, "outputs")
    assert (answer.code, answer.out) == (1, "first = one\nlast = three\n")
    assert "never: is the output Never of us-east-1/topics, which is deployed without it" in answer.err


def test_what_stands_is_told_though_dr_yaml_has_an_edit_that_was_not_rendered(shared: Command, project: Path) -> None:
    file = project / "dr.yaml"
    file.write_text(file.read_text().replace("memory_mb: 256", "memory_mb: 512"))
    says = "note: templates is stale against dr.yaml (3 files): python -m builder render\n"
    for verb in ("outputs", "status"):
        answer = shared(verb, "--json", "--env", "synthmfm20")
        assert answer.code == 0
        assert answer.err.startswith(says)
        assert "tap-synthmfm20-global" in answer.out
    linted = shared("lint")
    assert (linted.code, linted.out) == (0, "no findings\n")
    assert linted.err.startswith(says)
