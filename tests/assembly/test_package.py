"""Local paths in templates: which are taken, what they become, which bytes stay, and how the others are refused."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from builder.assembly.package import Packaged, package
from builder.errors import BadInput
from builder.template import parse_template
from builder.terms import Region

REGION = Region("us-east-1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project's folder with code, an archive and a template to nest."""
    for name, text in {
        "cfn/src/app.py": "def handler(event, context): ...\n",
        "cfn/src/lib/more.py": "X = 1\n",
        "cfn/one.py": "def handler(event, context): ...\n",
        "cfn/child.yaml": "Resources:\n  T: {Type: AWS::SNS::Topic}\n",
        "cfn/deep.yaml": "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: {Code: src}\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def packed(root: Path, text: str) -> Packaged:
    return package(text.encode(), Path("cfn/app.yaml"), root, REGION)


def data_of(packaged: Packaged) -> dict[str, Any]:
    return parse_template(packaged.data, "app.yaml")


YAML = """\
# a comment with a tab\t
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Stage: {Type: String}   # stays
Resources:
  Fn:
    Type: AWS::Lambda::Function
    Properties:
      Code: ./src   # ours
      Runtime: python3.13
      Handler: app.handler
      Role: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/x"
"""


def test_all_but_the_path_and_the_parameter_stays_byte_for_byte(root: Path) -> None:
    made = packed(root, YAML)
    key = made.assets[0].key
    assert made.data.decode() == YAML.replace(
        "Code: ./src", f'Code: {{"S3Bucket": {{"Ref": "ArtifactsBucket"}}, "S3Key": "{key}"}}'
    ).replace("  Stage:", '  ArtifactsBucket: {"Type": "String"}\n  Stage:')


FORMS = {
    "block, no parameters": "Resources:\n  Fn:\n    Type: AWS::Lambda::Function\n    Properties:\n      Code: src\n",
    "empty parameters": "Parameters:\nResources: {Fn: {Type: AWS::Lambda::Function, Properties: {Code: src}}}\n",
    "flow parameters": "Parameters: {}\nResources: {Fn: {Type: AWS::Lambda::Function, Properties: {Code: src}}}",
    "CRLF": "Resources:\r\n  Fn:\r\n    Type: AWS::Lambda::Function\r\n    Properties:\r\n      Code: 'src'\r\n",
    "folded": "Resources:\n  Fn:\n    Type: AWS::Lambda::Function\n    Properties:\n      Code: >-\n        src\n",
    "BOM, no ASCII": '\ufeffDescription: "Größe 🙂"\nResources:\n  Fn:\n    Type: AWS::Lambda::Function\n'
    "    Properties: {Code: src}\n",
    "JSON": json.dumps({"Resources": {"Fn": {"Type": "AWS::Lambda::Function", "Properties": {"Code": "src"}}}}),
    "JSON, tabs": json.dumps(
        {"Parameters": {}, "Resources": {"Fn": {"Type": "AWS::Lambda::Function", "Properties": {"Code": "src"}}}},
        indent="\t",
    ),
    "of a loop": "Resources:\n  Fn::ForEach::All:\n    - Name\n    - [a, b]\n"
    "    - Fn${Name}: {Type: AWS::Lambda::Function, Properties: {Code: src}}\n",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS.keys())
def test_every_way_to_write_a_template_is_changed_in_its_text(root: Path, text: str) -> None:
    made = packed(root, text)
    (asset,) = made.assets
    expected = json.loads(
        json.dumps(parse_template(text, "a")).replace(
            '"src"', json.dumps({"S3Bucket": {"Ref": "ArtifactsBucket"}, "S3Key": asset.key})
        )
    )
    expected["Parameters"] = {**(expected.get("Parameters") or {}), "ArtifactsBucket": {"Type": "String"}}
    assert data_of(made) == expected
    assert "\r\n" not in text or made.data.count(b"\n") == made.data.count(b"\r\n")


UNTOUCHED = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Inline: {Type: AWS::Lambda::Function, Properties: {Code: {ZipFile: "src"}}}
  There: {Type: AWS::Lambda::Function, Properties: {Code: {S3Bucket: b, S3Key: src}}}
  Image: {Type: AWS::Lambda::Function, Properties: {Code: {ImageUri: "1.dkr.ecr.us-east-1.amazonaws.com/a"}}}
  Sam: {Type: AWS::Serverless::Function, Properties: {CodeUri: "s3://b/src"}}
  Layer: {Type: AWS::Lambda::LayerVersion, Properties: {Content: {S3Bucket: b, S3Key: src}}}
  Nested: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "https://b.s3.amazonaws.com/child.yaml"}}
  Named: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: !Sub "${Base}/child.yaml"}}
  Glue: {Type: AWS::Glue::Job, Properties: {Command: {ScriptLocation: "s3://b/src"}}}
  Other: {Type: Custom::Thing, Properties: {Code: ./src, TemplateURL: child.yaml}}
"""


def test_a_template_without_local_paths_is_the_very_same_bytes(root: Path) -> None:
    data = UNTOUCHED.encode()
    assert package(data, Path("cfn/app.yaml"), root, REGION) == Packaged(data)


PUBLISHED = """\
Metadata:
  AWS::ServerlessRepo::Application: {Name: app, LicenseUrl: ../LICENSE, ReadmeUrl: there-is-none.md}
"""


@pytest.mark.parametrize("resources", ["Resources: {T: {Type: AWS::SNS::Topic}}\n", YAML.partition("\n")[2]])
def test_what_only_who_publishes_an_application_reads_stays_as_it_is(root: Path, resources: str) -> None:
    """CloudFormation does not read the template's Metadata: a file of it need not be there, and is never uploaded."""
    made, alone = packed(root, PUBLISHED + resources), packed(root, resources)
    assert made.assets == alone.assets
    assert made.data.decode().startswith(PUBLISHED)
    assert data_of(made)["Resources"] == data_of(alone)["Resources"]


PLACES = [
    ("AWS::Lambda::Function", "Code", "S3Bucket", "S3Key"),
    ("AWS::Lambda::LayerVersion", "Content", "S3Bucket", "S3Key"),
    ("AWS::Serverless::Function", "CodeUri", "Bucket", "Key"),
]


@pytest.mark.parametrize(("kind", "name", "bucket", "key"), PLACES)
def test_code_is_taken_from_the_bucket(root: Path, kind: str, name: str, bucket: str, key: str) -> None:
    made = packed(root, f"Resources: {{A: {{Type: {kind}, Properties: {{{name}: src}}}}}}")
    (asset,) = made.assets
    assert data_of(made)["Resources"]["A"]["Properties"][name] == {bucket: {"Ref": "ArtifactsBucket"}, key: asset.key}
    assert (asset.kind, asset.source, asset.regions) == ("zip", "cfn/src", (REGION,))


def test_what_sam_says_for_all_functions_is_taken_too(root: Path) -> None:
    made = packed(root, "Globals: {Function: {CodeUri: src, Runtime: python3.13}}\nResources: {}\n")
    assert data_of(made)["Globals"]["Function"]["CodeUri"]["Key"] == made.assets[0].key
    assert made.assets[0].runtime == "python3.13"


def test_a_nested_template_is_packaged_itself_and_is_given_the_bucket(root: Path) -> None:
    text = "Resources:\n  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: deep.yaml}}\n"
    made = packed(root, text)
    code, nested = made.assets
    assert (nested.kind, nested.source, nested.needs, code.source) == (
        "template",
        "cfn/deep.yaml",
        (code.id,),
        "cfn/src",
    )
    properties = data_of(made)["Resources"]["N"]["Properties"]
    assert properties == {
        "TemplateURL": {
            "Fn::Sub": f"https://${{ArtifactsBucket}}.s3.${{AWS::Region}}.${{AWS::URLSuffix}}/{nested.key}"
        },
        "Parameters": {"ArtifactsBucket": {"Ref": "ArtifactsBucket"}},
    }
    plain = packed(root, text.replace("deep", "child"))
    assert "Parameters" not in data_of(plain)["Resources"]["N"]["Properties"]

    (root / "cfn/src/app.py").write_text("other\n")
    assert packed(root, text).assets[1].key != nested.key


def test_a_parameter_of_that_name_is_the_template_s_own(root: Path) -> None:
    text = "Parameters: {ArtifactsBucket: {Type: String, Default: mine}}\n" + FORMS["block, no parameters"]
    assert packed(root, text).data.startswith(text.splitlines()[0].encode())


BAD = {
    "Code: nothing": "Fn: Code 'nothing' leads to nothing: there is no cfn/nothing",
    "Code: srv": "Fn: Code 'srv' leads to nothing: there is no cfn/srv (did you mean src?)",
    "Code: ../..": "Fn: Code '../..' leads out of the folder of dr.yaml",
    "Code: ..": "Fn: Code '..' is the folder of dr.yaml itself",
    "Code: /etc": "Fn: Code '/etc' is no path relative to the template",
    "Code: C:/x": "Fn: Code 'C:/x' is no path relative to the template",
    "Code: a\\b": "Fn: Code 'a\\b' has a backslash",
    "Code: link": "Fn: Code 'link' leads through cfn/link, which is a symbolic link",
    "Code: link/lib": "Fn: Code 'link/lib' leads through cfn/link, which is a symbolic link",
    "Code: linked": "Fn: Code 'linked' has a symbolic link in it: inner",
    "Code: empty": "Fn: Code 'empty' has no file in it",
    "Code: pipes": "Fn: Code 'pipes' has something in it that is no ordinary file: p",
    "Code: 'x${A}'": "Fn: Code 'x${A}' has a variable in it",
}


@pytest.mark.parametrize(("line", "message"), BAD.items())
def test_what_can_t_be_packaged_is_told_with_file_and_line(root: Path, line: str, message: str) -> None:
    for name in ("empty", "linked", "pipes"):
        (root / "cfn" / name).mkdir()
    (root / "cfn/link").symlink_to("src")
    (root / "cfn/linked/inner").symlink_to("../src")
    os.mkfifo(root / "cfn/pipes/p")
    with pytest.raises(BadInput) as caught:
        packed(root, f"Resources:\n  Fn:\n    Type: AWS::Lambda::Function\n    Properties:\n      {line}\n")
    assert caught.value.where == "cfn/app.yaml:5"
    assert caught.value.what.startswith(message)


def test_all_faults_of_a_template_are_told_at_once(root: Path) -> None:
    fn = "{Type: AWS::Lambda::Function, Properties: {Code: nope}}"
    with pytest.raises(BadInput) as caught:
        packed(root, f"Resources:\n  A: {fn}\n  B: {fn}\n")
    assert (caught.value.where, caught.value.what.splitlines()[1]) == (
        "cfn/app.yaml:2",
        "  cfn/app.yaml:3: B: Code 'nope' leads to nothing: there is no cfn/nope",
    )


REFUSED = [
    ("AWS::Glue::Job", "{Command: {ScriptLocation: src/app.py}}"),
    ("AWS::ApiGateway::RestApi", "{BodyS3Location: api.yaml}"),
    ("AWS::Serverless::Api", "{DefinitionUri: api.yaml}"),
    ("AWS::Serverless::LayerVersion", "{ContentUri: src}"),
    ("AWS::StepFunctions::StateMachine", "{DefinitionS3Location: flow.json}"),
    ("AWS::CloudFormation::StackSet", "{TemplateURL: child.yaml}"),
    ("AWS::Include", "{X: {'Fn::Transform': {Name: 'AWS::Include', Parameters: {Location: inc.yaml}}}}"),
]


@pytest.mark.parametrize(("kind", "properties"), REFUSED)
def test_other_local_paths_are_refused_by_name(root: Path, kind: str, properties: str) -> None:
    with pytest.raises(BadInput, match=f"is a local path, and those of {kind} are not packaged"):
        packed(root, f"Resources:\n  A: {{Type: {kind}, Properties: {properties}}}\n")


def test_templates_in_a_circle_are_refused(root: Path) -> None:
    nested = "Resources: {{N: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {}}}}}}}"
    (root / "cfn/child.yaml").write_text(nested.format("app.yaml"))
    (root / "cfn/app.yaml").write_text(nested.format("child.yaml"))
    with pytest.raises(BadInput, match=r"nests templates in a circle: cfn/app.yaml -> cfn/child.yaml -> cfn/app.yaml"):
        packed(root, nested.format("child.yaml"))


def test_aliases_are_refused_since_their_text_is_elsewhere(root: Path) -> None:
    text = FORMS["block, no parameters"].replace("src", "&c src") + "      Handler: *c\n"
    with pytest.raises(BadInput, match="cannot be replaced in its text"):
        packed(root, text)
