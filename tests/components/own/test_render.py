import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from builder.assembly.components import OutputOf, Roles
from builder.assembly.manifest import ByEnvironment, UsePreviousValue, bind_value, read_manifest, write_manifest
from builder.assembly.render import check_again, make_assembly
from builder.config import load_config
from builder.deploy import make_deployment
from builder.errors import BadInput
from builder.terms import Region, StackId
from components.own.project import GOOD, HERE, OwnProject

BARE = "project: shop\nenvironment: dev\nregions: {primary: us-east-1, secondaries: [us-west-2]}\n"
PYTHON = f"{BARE}stacks: {{made: {{template: cfn/made.py, options: {{size: 3}}}}}}\n"


@pytest.fixture
def project(tmp_path: Path) -> OwnProject:
    return OwnProject.made(tmp_path)


def test_a_file_is_copied_byte_for_byte_to_each_of_its_regions_under_its_own_ending(project: OwnProject) -> None:
    templates = project.assembly().templates

    for path, file in {
        "us-east-1/network.yaml": "network.yaml",
        "eu-west-1/network.yaml": "network.yaml",
        "us-west-2/queue.json": "queue.json",
        "us-east-1/peering.template": "peering.template",
    }.items():
        assert templates[path] == (HERE / "cfn" / file).read_bytes()
    assert "eu-west-1/queue.json" not in templates


def test_each_form_of_a_value_comes_to_what_it_says(project: OwnProject) -> None:
    manifest = project.assembly().manifest

    assert manifest.entry(StackId("us-west-2/network")).parameters == {"Cidr": "10.2.0.0/16", "Zones": "a,b"}
    assert manifest.entry(StackId("us-west-2/queue")).parameters == {
        "EnvironmentSuffix": "${EnvironmentSuffix}",
        "Depth": ByEnvironment({"prod": "1000", "default": "010"}),
        "Net": OutputOf((StackId("us-west-2/network"), "Topic")),
        "Table": OutputOf((StackId("us-east-1/table"), "TableName")),
    }
    assert manifest.entry(StackId("us-east-1/peering")).parameters == {
        "Peer": OutputOf((StackId("us-west-2/network"), "Topic")),
        "Parent": "shop-${EnvironmentSuffix}-network",
        "Role": "one",
        "Secret": UsePreviousValue(),
    }


def test_a_stack_policy_is_in_the_manifest_in_the_one_form_whatever_that_of_its_file(project: OwnProject) -> None:
    text = GOOD.replace(
        "    regions: [us-east-1, us-west-2]\n", "    regions: all\n    stack_policy: cfn/policy.json\n"
    )
    assembly = project.assembly(text)
    policies = {entry.id: entry.stack_policy for entry in assembly.manifest.stacks}
    assert {stack for stack, policy in policies.items() if policy} == {
        "us-east-1/queue",
        "us-west-2/queue",
        "eu-west-1/queue",
    }
    file = project.folder / "cfn" / "policy.json"
    assert policies[StackId("us-east-1/queue")] == json.dumps(
        json.loads(file.read_text()), separators=(",", ":"), sort_keys=True
    )
    file.write_text(json.dumps(json.loads(file.read_text()), indent=7))
    assert project.assembly(text) == assembly
    bound = make_deployment(assembly.manifest, assembly.templates, "dev")
    assert bound.stack(StackId("us-east-1/queue")).stack_policy == policies[StackId("us-east-1/queue")]
    assert b"stack_policy" not in write_manifest(project.assembly().manifest)


def test_what_a_stack_is_given_and_is_called_is_what_it_needs(project: OwnProject) -> None:
    entry = project.assembly().manifest.entry

    assert entry(StackId("us-west-2/queue")).needs == ("us-west-2/network", "us-east-1/table")
    assert entry(StackId("us-east-1/peering")).needs == ("us-east-1/queue", "us-west-2/network", "us-east-1/network")
    assert entry(StackId("us-east-1/peering")).name == "net-${EnvironmentSuffix}-peer"
    assert entry(StackId("us-east-1/peering")).tags == {"team": "net"}


def test_an_export_is_a_need_that_nobody_types(project: OwnProject) -> None:
    (project.folder / "cfn" / "network.yaml").write_text(
        "Resources: {Topic: {Type: AWS::SNS::Topic}}\n"
        "Outputs: {Topic: {Value: !Ref Topic, Export: {Name: shared-topic}}}\n"
    )
    (project.folder / "cfn" / "reader.yaml").write_text(
        "Resources:\n  Name:\n    Type: AWS::SSM::Parameter\n"
        "    Properties: {Type: String, Value: !ImportValue shared-topic}\n"
    )
    stacks = "stacks: {reader: {template: cfn/reader.yaml}, network: {template: cfn/network.yaml}}\n"

    manifest = project.assembly(BARE + stacks).manifest

    assert manifest.entry(StackId("us-west-2/reader")).needs == ("us-west-2/network",)


def test_capabilities_are_computed(project: OwnProject) -> None:
    (project.folder / "cfn" / "role.yaml").write_text(
        "Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties: {RoleName: x, AssumeRolePolicyDocument: {}}\n"
    )
    manifest = project.assembly(f"{BARE}stacks: {{role: {{template: cfn/role.yaml}}}}\n").manifest

    assert manifest.entry(StackId("us-east-1/role")).capabilities == ("CAPABILITY_NAMED_IAM",)


def test_what_an_environment_is_not_given_is_told_before_anything_is_planned(project: OwnProject) -> None:
    assembly = project.assembly(GOOD.replace('{prod: "1000", default: 010}', '{prod: "1000"}'))

    with pytest.raises(BadInput, match=r"us-east-1/queue: parameter Depth: has no value for the environment 'dev'"):
        make_deployment(assembly.manifest, assembly.templates, "dev")
    assert (
        make_deployment(assembly.manifest, assembly.templates, "prod").stack(StackId("us-east-1/queue")).values["Depth"]
        == "1000"
    )
    assert bind_value(ByEnvironment({"default": "x-${EnvironmentSuffix}"}), "dev", "") == "x-dev"


@pytest.mark.parametrize(
    ("written", "text"),
    [("010", "010"), ("1.10", "1.10"), ("yes", "yes"), ("true", "true"), ("1e3", "1e3"), ('""', "")],
)
def test_a_value_is_the_text_that_was_written(project: OwnProject, written: str, text: str) -> None:
    manifest = project.assembly(GOOD.replace("primary: one", f"primary: {written}")).manifest

    assert manifest.entry(StackId("us-east-1/peering")).parameters["Role"] == text


@pytest.mark.parametrize(
    ("edit", "read"),
    [
        ("{environments: {previous: 010}}", {"environments": {"previous": "010"}}),
        ("{roles: {primary: {environments: {previous: 010}}, secondaries: 1}}", {"environments": {"previous": "010"}}),
    ],
)
def test_an_environment_that_is_called_as_a_source_has_its_text_too(
    project: OwnProject, edit: str, read: dict[str, dict[str, str]]
) -> None:
    manifest = project.assembly(GOOD.replace("{roles: {primary: one, secondaries: two}}", edit)).manifest

    assert manifest.entry(StackId("us-east-1/peering")).parameters["Role"] == ByEnvironment(**read)


def test_a_parameter_that_is_called_as_a_source_has_the_text_that_was_written(project: OwnProject) -> None:
    text = "Parameters: {previous: {Type: String}}\nResources: {T: {Type: AWS::SNS::Topic}}\n"
    (project.folder / "cfn" / "named.yaml").write_text(text)
    stacks = "stacks: {named: {template: cfn/named.yaml, parameters: {previous: 010}}}\n"

    manifest = project.assembly(BARE + stacks).manifest

    assert manifest.entry(StackId("us-east-1/named")).parameters == {"previous": "010"}


def test_a_table_s_name_is_the_text_that_was_written(project: OwnProject) -> None:
    manifest = project.assembly(GOOD.replace('"shop-${EnvironmentSuffix}-orders"', "0123")).manifest

    table = manifest.components["orders"].table
    assert table
    assert table.name == "0123"


@pytest.mark.parametrize("key", ["table", "bucket", "function"])
def test_what_is_not_written_is_not_rendered(tmp_path: Path, key: str) -> None:
    project = OwnProject.made(tmp_path)
    (tmp_path / "lambda" / "python").mkdir(parents=True)
    (tmp_path / "lambda" / "python" / "index.py").write_text("def handler(event, context): ...\n")

    manifest = project.assembly(f"{BARE}{key}:\n").manifest

    assert list(manifest.components) == [key]
    assert {entry.id.partition("/")[2] for entry in manifest.stacks} == {
        {"table": "table", "bucket": "storage", "function": "service"}[key]
    }


@pytest.mark.parametrize(
    ("regions", "roles"),
    [
        ("all", Roles(primary=Region("us-east-1"), secondaries=(Region("us-west-2"),))),
        ("primary", Roles(primary=Region("us-east-1"))),
        ("secondaries", None),
        ("[sa-east-1]", None),
    ],
)
def test_a_region_without_a_stack_has_no_role(project: OwnProject, regions: str, roles: Roles | None) -> None:
    stacks = (
        f"stacks: {{network: {{template: cfn/network.yaml, regions: {regions}, parameters: {{Cidr: a, Zones: b}}}}}}\n"
    )

    manifest = project.assembly(BARE + stacks).manifest

    assert manifest.roles == roles
    assert {*manifest.regions, *manifest.empty_regions} >= {"us-east-1", "us-west-2"}
    assert not {*manifest.regions} & {*manifest.empty_regions}
    assert read_manifest(write_manifest(manifest), "manifest.json") == manifest


def own_queue(regions: str, entry: str = "") -> str:
    given = "parameters: {Net: a, Table: b, Depth: 1}"
    return f"stacks: {{queue: {{template: cfn/queue.json, regions: {regions}, {given}{entry}}}}}\n"


_ORDERS = "components: {orders: {table: {name: orders}}}\n"


@pytest.mark.parametrize(
    "text",
    ["table:\n", f"table:\n{own_queue('primary')}", own_queue("primary") + _ORDERS, own_queue("secondaries") + _ORDERS],
)
def test_a_replica_gives_its_region_a_role_where_no_stack_is(project: OwnProject, text: str) -> None:
    manifest = project.assembly(BARE + text).manifest

    assert manifest.roles == Roles(primary=Region("us-east-1"), secondaries=(Region("us-west-2"),))
    assert read_manifest(write_manifest(manifest), "manifest.json") == manifest


def test_what_no_reader_of_the_manifest_takes_is_not_rendered(project: OwnProject) -> None:
    value = "x" * 230 + "${EnvironmentSuffix}"

    with pytest.raises(BadInput, match=r"dr.yaml: stacks.0.tags.long: 'x+\$\{EnvironmentSuffix\}' cannot be the value"):
        project.assembly(BARE + own_queue("primary", f", tags: {{long: '{value}'}}"))


def test_tags_are_counted_with_those_of_every_stack(project: OwnProject) -> None:
    common, own = (", ".join(f"{letter}{number}: x" for number in range(30)) for letter in "ab")

    with pytest.raises(BadInput, match=r"dr.yaml:5: stacks.queue.tags: 60 tags with those of every stack"):
        project.assembly(f"{BARE}tags: {{{common}}}\n{own_queue('primary', f', tags: {{{own}}}')}")


def test_nothing_at_all_is_a_fault(project: OwnProject) -> None:
    with pytest.raises(BadInput, match=r"dr.yaml:1: asks for no stack: write `table:`"):
        project.assembly(BARE)


def test_functions_keep_the_names_that_they_were_born_with(tmp_path: Path) -> None:
    project = OwnProject.made(tmp_path)
    (tmp_path / "lambda" / "python").mkdir(parents=True)
    (tmp_path / "lambda" / "python" / "index.py").write_text("def handler(event, context): ...\n")
    promoted = "regions: {primary: us-west-2, secondaries: [us-east-1], born: us-east-1}\nfunction:\n"

    manifest = project.assembly(f"project: shop\nenvironment: dev\n{promoted}").manifest

    roles = {entry.region: (entry.parameters["Role"], entry.parameters["BornAs"]) for entry in manifest.stacks}
    assert roles == {"us-west-2": ("primary", "secondary"), "us-east-1": ("secondary", "primary")}
    assert manifest.outputs["primaryLambdaUrl"] == ("us-west-2/service", "FunctionUrl")


def python_project(folder: Path, body: str) -> OwnProject:
    project = OwnProject.made(folder)
    (folder / "cfn" / "made.py").write_text(body)
    (folder / "dr.yaml").write_text(PYTHON)
    return project


MADE = """from shared import NAMES


def template(context):
    names = sorted(NAMES)
    return {"Description": f"{context.project} {context.component} {context.role} {context.options['size']}",
            "Resources": {name: {"Type": "AWS::SNS::Topic"} for name in names}}
"""


@pytest.mark.processes
def test_python_makes_the_same_bytes_in_any_folder_under_any_hash_seed(tmp_path: Path) -> None:
    templates = []
    for seed in ("0", "4242"):
        folder = tmp_path / seed
        folder.mkdir()
        python_project(folder, MADE)
        (folder / "cfn" / "shared.py").write_text("NAMES = {'First', 'Second', 'Third'}\n")
        for arguments in (["render"], ["render", "--check"]) if seed == "0" else (["render"],):
            environment = {**os.environ, "PYTHONHASHSEED": seed}
            done = subprocess.run(
                [sys.executable, "-m", "builder", *arguments], cwd=folder, env=environment, check=False
            )
            assert done.returncode == 0
        templates.append((folder / "templates" / "us-west-2" / "made.yaml").read_bytes())

    assert templates[0] == templates[1]
    assert templates[0].startswith(b"Description: shop made secondary 3\n")


CLOCKS = {
    "time.time": "import time\nV = int(time.time() // 86400)\n",
    "date.today": "import datetime\nV = datetime.date.today()\n",
    "datetime.now": "from datetime import datetime\nV = datetime.now().year\n",
    "datetime.now of a zone": "from datetime import datetime, timezone\nV = datetime.now(timezone.utc).date()\n",
    "time.strftime": "import time\nV = time.strftime('%Y-%m-%d')\n",
    "random": "import random\nV = random.random()\n",
    "uuid": "import uuid\nV = uuid.uuid4()\n",
    "the order of a set": "V = ''.join({'alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'})\n",
    "an id": "V = hash('x')\n",
    "the process": "import os\nV = os.getpid()\n",
}


@pytest.mark.processes
@pytest.mark.parametrize("body", CLOCKS.values(), ids=CLOCKS)
def test_what_is_no_pure_function_of_files_is_found_out(
    tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = "def template(context):\n    return {'Resources': {'T': {'Type': 'AWS::SNS::Topic', 'Metadata': str(V)}}}\n"
    python_project(tmp_path, body + make)
    monkeypatch.chdir(tmp_path)

    loaded = load_config(Path("dr.yaml"))

    with pytest.raises(BadInput, match=r"cfn/made.py: does not make the same template twice"):
        check_again(loaded, make_assembly(loaded))


@pytest.mark.processes
def test_files_of_one_name_in_two_folders_are_two_and_each_call_begins_anew(tmp_path: Path) -> None:
    project = OwnProject.made(tmp_path)
    for folder, name in (("one", "First"), ("two", "Second")):
        (tmp_path / "cfn" / folder).mkdir()
        (tmp_path / "cfn" / folder / "shared.py").write_text(f"MADE = {{'{name}': {{'Type': 'AWS::SNS::Topic'}}}}\n")
        (tmp_path / "cfn" / folder / "made.py").write_text(
            "from __future__ import annotations\nfrom dataclasses import dataclass\nimport shared\n"
            "@dataclass\nclass Kind:\n    name: str\n"
            "def template(context):\n"
            "    shared.MADE[context.region.replace('-', '')] = {'Type': Kind('AWS::SNS::Topic').name}\n"
            "    return {'Resources': shared.MADE}\n"
        )
    stacks = "stacks: {one: {template: cfn/one/made.py}, two: {template: cfn/two/made.py}}\n"

    templates = project.assembly(BARE + stacks).templates

    made = {path: set(yaml.safe_load(text)["Resources"]) for path, text in templates.items()}
    assert made == {
        "us-east-1/one.yaml": {"First", "useast1"},
        "us-west-2/one.yaml": {"First", "uswest2"},
        "us-east-1/two.yaml": {"Second", "useast1"},
        "us-west-2/two.yaml": {"Second", "uswest2"},
    }


def returning(value: str) -> str:
    return f"def template(context):\n    return {{'Resources': {{'T': {{'Type': 'x', 'Metadata': {value}}}}}}}\n"


NO_TEMPLATES = {
    "leaves with 0": ("import os\ndef template(context):\n    os._exit(0)\n", "ends the process"),
    "half a character": ("def template(context):\n    return '\\ud800'\n", "UnicodeEncodeError: "),
    "half a character inside": (returning(r"'\ud800'"), "UnicodeEncodeError: "),
    "a date": (f"import datetime\n{returning('datetime.date(2020, 1, 1)')}", "TypeError: the template holds a date"),
    "no number": (returning("float('nan')"), "ValueError: Out of range"),
}


@pytest.mark.processes
@pytest.mark.parametrize(("body", "what"), NO_TEMPLATES.values(), ids=NO_TEMPLATES)
def test_what_is_no_template_is_told_of_its_file(tmp_path: Path, body: str, what: str) -> None:
    project = python_project(tmp_path, body)

    with pytest.raises(BadInput, match=rf"^cfn/made.py: {what}"):
        project.assembly(PYTHON)


@pytest.mark.processes
def test_a_fork_of_a_template_answers_nothing_and_what_troposphere_has_stands_in_a_dict(tmp_path: Path) -> None:
    fork = "import os\nfrom troposphere import Ref\n"
    made = returning("Ref('AWS::StackName')").replace("    return", "    os.fork()\n    return")
    project = python_project(tmp_path, fork + made)

    templates = project.assembly(PYTHON).templates

    assert yaml.safe_load(templates["us-east-1/made.yaml"].replace(b"!Ref", b""))["Resources"]["T"]["Metadata"]


def test_no_secret_that_its_parameter_does_not_take_is_told(project: OwnProject) -> None:
    peering = project.folder / "cfn" / "peering.template"
    peering.write_text(peering.read_text().replace("NoEcho: true", "NoEcho: true, MaxLength: 3"))
    with pytest.raises(
        BadInput, match=r"parameters.Secret: the value has 6 characters, which is more than 3"
    ) as caught:
        project.assembly(GOOD.replace("Secret: {previous: true}", "Secret: s3cr3t"))
    assert "s3cr3t" not in str(caught.value)
