"""What a fleet's assembly has for code and templates that its stacks take from buckets."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from builder.assembly import Assembly
from builder.assembly.render import make_assembly, make_fleet_assembly
from builder.config import load_config
from builder.errors import BuilderError
from builder.template import read_template

BARE = "project: shop\nenvironment: dev\nregions: {primary: us-east-1, secondaries: [us-west-2]}\n"
STACKS = "stacks: {worker: {template: worker.yaml, regions: primary}}\n"
SELF = 'fleet: {permission_model: self-managed, accounts: ["444455556666"]}\n'
SERVICE = "fleet: {permission_model: service-managed, organizational_units: [ou-ab12-11112222]}\n"
OF_ORGANIZATION = SERVICE.replace("}", ", organization: o-a1b2c3d4e5}")
CODE = "Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: src}}}\n"
NESTING = "Resources: {N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: nested.yaml}}}\n"
NESTED = "Resources: {T: {Type: AWS::SNS::Topic, Properties: {TopicName: orders}}}\n"
BUCKET = "shop-fleet-${EnvironmentSuffix}-artifacts-${AWS::AccountId}-us-east-1-an"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("x = 1\n")
    (tmp_path / "nested.yaml").write_text(NESTED)
    return tmp_path


def assembly_of(folder: Path, fleet: str = SELF, stacks: str = STACKS, template: str = CODE) -> Assembly:
    (folder / "worker.yaml").write_text(template)
    (folder / "dr.yaml").write_text(BARE + stacks + fleet)
    made = make_fleet_assembly(load_config(Path("dr.yaml")))
    assert made
    return made


def reading(assembly: Assembly) -> dict[str, Any]:
    policy = read_template(assembly.templates["artifacts.yaml"], "artifacts.yaml").resources()["BucketPolicy"]
    tls_only, statement = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (tls_only["Sid"], tls_only["Effect"], statement["Effect"]) == ("TlsOnly", "Deny", "Allow")
    assert statement["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]
    return dict(statement)


def given(assembly: Assembly) -> list[object]:
    (made,) = read_template(assembly.templates["fleet.yaml"], "fleet.yaml").resources().values()
    return [parameter["ParameterValue"] for parameter in made["Properties"]["Parameters"]]


def test_the_buckets_are_of_the_fleet_and_no_set_makes_one(folder: Path) -> None:
    made = assembly_of(folder)
    entries = {entry.id: entry for entry in made.manifest.stacks}
    assert list(entries) == ["us-east-1/artifacts", "us-west-2/administration", "us-west-2/fleet"]
    assert "us-east-1/artifacts" in entries[made.manifest.stacks[-1].id].needs
    assert made.manifest.artifacts_bucket == BUCKET.replace("us-east-1", "{region}")
    assert [(asset.source, asset.regions, asset.in_sets) for asset in made.assets] == [("src", ("us-east-1",), True)]
    assert given(made) == [{"Fn::Sub": BUCKET}]
    assert (
        f"BucketName: !Sub {BUCKET.replace('us-east-1', '${AWS::Region}')}" in made.templates["artifacts.yaml"].decode()
    )


def test_the_accounts_that_are_listed_may_read_or_the_organization(folder: Path) -> None:
    listed = reading(assembly_of(folder))
    assert listed["Principal"] == {"AWS": [{"Fn::Sub": "arn:${AWS::Partition}:iam::444455556666:root"}]}
    assert "Condition" not in listed
    for fleet in (OF_ORGANIZATION, SELF.replace("}", ", organization: o-a1b2c3d4e5}")):
        statement = reading(assembly_of(folder, fleet))
        assert statement["Principal"] == "*"
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}


def test_the_execution_role_reads_from_them_and_may_make_what_is_nested(folder: Path) -> None:
    made = assembly_of(folder, template=NESTING)
    role = yaml.load(made.beside["execution-role.yaml"], yaml.BaseLoader)  # noqa: S506 - without short forms
    policy = role["Resources"]["ExecutionRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    on = {action: statement["Resource"] for statement in policy for action in statement["Action"]}
    (asset,) = made.assets
    bucket = BUCKET.replace("AWS::AccountId", "AdministratorAccountId")
    assert on["s3:GetObject"] == f"arn:${{AWS::Partition}}:s3:::{bucket}/{asset.key}"
    assert "sns:CreateTopic" in on


def test_buckets_of_one_s_own_take_the_place_of_all_that(folder: Path) -> None:
    own = "artifacts_bucket: 'own-${AWS::AccountId}-{region}'\n"
    made = assembly_of(folder, SERVICE + own)
    assert [entry.id for entry in made.manifest.stacks] == ["us-west-2/fleet"]
    assert given(made) == [{"Fn::Sub": "own-${AWS::AccountId}-us-east-1"}]
    assert given(assembly_of(folder, SERVICE + "artifacts_bucket: 'own-{region}'\n")) == ["own-us-east-1"]


def test_a_template_of_sets_that_no_request_takes_wants_a_bucket_in_the_admin_region(folder: Path) -> None:
    made = assembly_of(folder, stacks=STACKS.replace(", regions: primary", ""), template=CODE + "# long\n" * 4000)
    assert len(made.templates["fleet.yaml"]) > 51_200
    primary = assembly_of(folder, template=CODE + "# long\n" * 7000)
    for assembly in (made, primary):
        assert [entry.id for entry in assembly.manifest.stacks][:2] == ["us-east-1/artifacts", "us-west-2/artifacts"]


def test_nothing_of_it_is_there_where_nothing_travels(folder: Path) -> None:
    made = assembly_of(folder, template=NESTED)
    assert (made.manifest.artifacts_bucket, made.assets) == (None, ())
    assert "artifacts.yaml" not in made.templates


def test_its_list_of_assets_is_written_beside_its_manifest(folder: Path) -> None:
    assembly_of(folder)
    assert "fleet/assets.json" in make_assembly(load_config(Path("dr.yaml"))).beside


OTHER = STACKS.replace("primary", "primary, parameters: {ArtifactsBucket: mine}")
MANY = SELF.replace('"444455556666"', ", ".join(f'"{100_000_000_000 + number}"' for number in range(451)))


@pytest.mark.parametrize(
    ("fleet", "stacks", "template", "message"),
    [
        (SERVICE, STACKS, CODE, "dr.yaml:5: fleet.organization: is required where code or templates travel"),
        (SERVICE.replace("}", ", organization: o-1}"), STACKS, CODE, "an organization's id looks like o-a1b2c3d4e5"),
        (MANY, STACKS, CODE, "dr.yaml:5: fleet.accounts: are 451, and the policy of a bucket for code takes 450"),
        (OF_ORGANIZATION, STACKS, NESTING, "us-east-1/worker.yaml: N is a nested stack: AWS creates none in StackSets"),
        (SELF, OTHER, CODE, "us-east-1/worker: parameter ArtifactsBucket: is given another bucket"),
        (
            SELF,
            STACKS.replace("primary", "primary, parameters: {P: 'x-${AWS::AccountId}'}"),
            CODE.replace("Resources", "Parameters: {P: {Type: String}}\nResources", 1),
            "us-east-1/worker: parameter P: is of each account",
        ),
    ],
)
def test_what_no_fleet_can_take_is_told(folder: Path, fleet: str, stacks: str, template: str, message: str) -> None:
    with pytest.raises(BuilderError) as caught:
        assembly_of(folder, fleet, stacks, template)
    assert message in str(caught.value)
