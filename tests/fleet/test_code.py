"""A fleet whose stacks take code and a nested template: from buckets of the account that administers it."""

from pathlib import Path

import pytest

from builder.assembly import read_assembly, write_assembly
from builder.assembly.build import build
from builder.assembly.render import make_assembly
from builder.assembly.store import FLEET_FOLDER
from builder.config import load_config
from builder.deploy import Deployment, make_deployment
from builder.errors import Several
from builder.fleet import read_fleet_plan, write_fleet_plan
from builder.fleet.progress import SetDone
from fleet.rig import FleetRig
from fleet.stack_sets import ACCOUNTS, ADMIN, EAST, WEST

DR = f"""\
project: tap
environment: dev
regions: {{primary: us-east-1, secondaries: [us-west-2]}}
stacks: {{worker: {{template: worker.yaml}}}}
fleet:
  permission_model: self-managed
  accounts: {list(ACCOUNTS)}
  operations: {{failure_tolerance: 2, max_concurrent: 3}}
"""
WORKER = """\
Resources:
  Worker:
    Type: AWS::Lambda::Function
    Properties: {Code: src, Runtime: python3.13, Handler: app.handler, Role: !GetAtt Role.Arn, FunctionName: worker}
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}}
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub
        - 'told-${AWS::AccountId}-${Owner}-${AWS::Region}'
        - {Owner: !Select [4, !Split ["-", !Ref ArtifactsBucket]]}
"""
NESTED = "  Network: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: network.yaml}}\n"


def bucket(region: str) -> str:
    return f"tap-fleet-dev-artifacts-{ADMIN}-{region}-an"


def render(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: str = "x = 1\n", more: str = "", *, nested: bool = False
) -> Deployment:
    monkeypatch.chdir(folder)
    (folder / "src").mkdir(exist_ok=True)
    (folder / "src" / "app.py").write_text(code)
    (folder / "network.yaml").write_text("Resources: {Topic: {Type: AWS::SNS::Topic}}\n")
    (folder / "worker.yaml").write_text(WORKER + (NESTED if nested else ""))
    (folder / "dr.yaml").write_text(DR + more)
    write_assembly(folder / "templates", make_assembly(load_config(Path("dr.yaml"))))
    assembly = read_assembly(folder / "templates" / FLEET_FOLDER)
    assets = build(assembly.assets, folder, folder / "build")
    return make_deployment(assembly.manifest, assembly.templates, "dev", assets=assets)


@pytest.mark.slow
def test_what_the_sets_take_is_uploaded_to_the_administering_account_before_them(
    rig: FleetRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = rig.plan(render(tmp_path, monkeypatch))
    assert read_fleet_plan(write_fleet_plan(plan), "plan.json").ordinary.artifacts == plan.ordinary.artifacts
    rig.world.calls.clear()
    end = rig.execute(plan).sets
    assert [outcome for outcome in end if not isinstance(outcome, SetDone)] == []
    calls = [call.operation for call in rig.world.calls]
    puts = [place for place, operation in enumerate(calls) if operation == "PutObject"]
    assert len(puts) == 2
    # The last change set is that of the stack which holds the sets.
    assert max(puts) < max(place for place, operation in enumerate(calls) if operation == "ExecuteChangeSet")
    assert [len(rig.world.buckets[bucket(region)].versions) for region in (EAST, WEST)] == [1, 1]
    bucket_names = {name for name in rig.world.buckets if name.startswith("told-")}
    assert bucket_names == {f"told-{account}-{ADMIN}-{region}" for account in ACCOUNTS for region in (EAST, WEST)}

    assert rig.plan().ordinary.is_empty
    changed = rig.plan(render(tmp_path, monkeypatch, "x = 2\n"))
    assert {(upload.region, upload.source) for upload in changed.ordinary.uploads} == {(EAST, "src"), (WEST, "src")}
    assert [planned.does for planned in changed.sets] == ["update", "update"]

    assert all(isinstance(outcome, SetDone) for outcome in rig.destroy(role="cleaner").sets)
    assert rig.world.buckets == {}


def test_a_template_that_a_set_nests_is_uploaded_as_code_is(
    rig: FleetRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary = rig.plan(render(tmp_path, monkeypatch, nested=True)).ordinary
    fleet = next(step for step in ordinary.steps if step.stack == "us-west-2/fleet")
    assert {(upload.region, upload.bucket, upload.source, upload.needs) for upload in ordinary.uploads} == {
        (region, bucket(region), source, (f"{region}/artifacts",))
        for region in (EAST, WEST)
        for source in ("network.yaml", "src")
    }
    assert {upload.stack for upload in ordinary.uploads} < set(fleet.needs)


def test_a_bucket_of_one_s_own_has_to_be_the_administering_account_s(
    rig: FleetRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = render(tmp_path, monkeypatch, more="artifacts_bucket: 'own-${AWS::AccountId}-{region}'\n")
    assert deployment.asset_buckets == tuple(f"own-${{AWS::AccountId}}-{region}" for region in (EAST, WEST))
    assert not any(stack.id.endswith("/artifacts") for stack in deployment.stacks)
    with pytest.raises(Several, match="own-111122223333-us-east-1: the bucket is not there"):
        rig.plan(deployment)
