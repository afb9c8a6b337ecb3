"""A CDK app's cdk.out, deployed as it is."""

import json
import shutil
from pathlib import Path

import pytest

from answer import ROOT
from builder.terms import AccountId
from cli.on_fake import ACCOUNT, OnWorld
from fake_aws import World
from fleet.rig import make_clients

APPS = ROOT / "tests" / "assembly" / "cdk"
RECORDED_ACCOUNT = "123456789012"
VERSION = "/cdk-bootstrap/hnb659fds/version"
LINE = ("--assembly", "cdk.out", "--project", "shop", "--env", "dev")
CODE = "d1c65f2075d201a49d6e77fddfa201c036d3d7aa550a20457a804dfae53d91a0.zip"
REGIONS = ("us-east-1", "us-west-2")


def bucket(region: str, account: str = ACCOUNT) -> str:
    return f"cdk-hnb659fds-assets-{account}-{region}"


def take(app: str) -> None:
    """Put a recorded cdk.out into the working directory, of the fake's account instead of the recorded one."""
    folder = Path(shutil.copytree(APPS / app, "cdk.out"))
    for path in folder.rglob("*.json"):
        path.write_text(path.read_text().replace(RECORDED_ACCOUNT, ACCOUNT))


def bootstrap(world: World, *regions: str, version: str = "25", account: str = ACCOUNT) -> None:
    """Have in the regions what `cdk bootstrap` makes there, as far as it is asked for."""
    for region in regions:
        world.ssm_values[account, region, VERSION] = version
        world.by_hand("AWS::S3::Bucket", {"BucketName": bucket(region, account)}, account=account, region=region)


@pytest.fixture
def cdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> OnWorld:
    """The command line on the fake AWS, where neither dr.yaml nor an assembly of ours is."""
    monkeypatch.chdir(tmp_path)
    return OnWorld(capsys, before=LINE)


@pytest.mark.slow  # five verbs of one life, each looking at what the one before it left
def test_a_cdk_app_lives_a_whole_life_in_two_regions(cdk: OnWorld) -> None:
    take("two_regions")
    bootstrap(cdk.world, *REGIONS)
    planned = cdk("plan")
    assert planned.code == 0
    assert "3 to create, 0 to update, 2 to upload" in planned.out
    assert cdk("execute", "plan.json").code == 0
    assert cdk.stacks() == dict.fromkeys(
        ("us-east-1/ShopTable", "us-east-1/shop-service", "us-west-2/shop-service"), "CREATE_COMPLETE"
    )
    for region in REGIONS:
        assert cdk.client("s3", region).head_object(Bucket=bucket(region), Key=CODE)
    outputs = json.loads(cdk("outputs", "--json").out)
    assert outputs["us-east-1/ShopTable.TableName"] == "shop-orders"
    again = cdk("plan")
    assert (again.code, "No changes" in again.out) == (0, True)
    gone = cdk("destroy", "--yes")
    assert (gone.code, "3 done, 0 failed" in gone.out) == (0, True)
    assert cdk.stacks() == {}


def test_code_that_cdk_uploaded_is_taken_as_it_is(cdk: OnWorld) -> None:
    take("two_regions")
    bootstrap(cdk.world, *REGIONS)
    cdk.client("s3").put_object(Bucket=bucket("us-east-1"), Key=CODE, Body=b"zipped by another tool")
    planned = cdk("plan")
    assert (planned.code, "1 to upload" in planned.out) == (0, True)
    assert cdk("execute", "plan.json").code == 0
    assert cdk.client("s3").get_object(Bucket=bucket("us-east-1"), Key=CODE)["Body"].read() == b"zipped by another tool"


@pytest.mark.parametrize(
    ("bootstrapped", "version", "what"),
    [((), "25", "is not there"), (("us-east-1",), "25", "is not there"), (REGIONS, "5", "is of version 5")],
)
def test_without_cdk_s_bootstrap_nothing_is_planned(
    cdk: OnWorld, bootstrapped: tuple[str, ...], version: str, what: str
) -> None:
    take("two_regions")
    bootstrap(cdk.world, *bootstrapped, version=version)
    answer = cdk("plan")
    assert answer.code == 2
    assert what in answer.err
    missing = "us-west-2" if bootstrapped == ("us-east-1",) else "us-east-1"
    assert f"next:  cdk bootstrap aws://{ACCOUNT}/{missing}" in answer.err
    assert not cdk.called("CreateChangeSet", "PutObject")


def test_a_bucket_that_is_gone_is_made_by_cdk_s_bootstrap_too(cdk: OnWorld) -> None:
    take("two_regions")
    for region in REGIONS:
        cdk.world.ssm_values[ACCOUNT, region, VERSION] = "25"
    answer = cdk("plan")
    assert answer.code == 2
    assert "next:  cdk bootstrap aws://" in answer.err


@pytest.mark.parametrize("verb", ["plan", "lint", "graph", "status", "drift", "outputs", "destroy", "discard --all"])
def test_a_cdk_app_s_deployment_has_to_be_named(cdk: OnWorld, verb: str) -> None:
    take("two_regions")
    cdk.before = ("--assembly", "cdk.out", "--env", "dev")
    answer = cdk(*verb.split())
    assert (answer.code, "--project NAME" in answer.err) == (2, True)
    assert not cdk.world.calls


@pytest.mark.parametrize("line", [LINE, ("--project", "shop", "--env", "dev")])
def test_what_names_its_project_itself_is_given_no_other(cdk: OnWorld, line: tuple[str, ...]) -> None:
    shutil.copytree(ROOT / "templates", "cdk.out")
    shutil.copy(ROOT / "dr.yaml", ".")
    shutil.copytree(ROOT / "lambda", "lambda", ignore=shutil.ignore_patterns("node_modules"))
    cdk.before = line
    for verb in ("plan", "status", "lint", "graph", "render"):
        answer = cdk(verb)
        if line == LINE and verb == "render":
            continue  # renders dr.yaml, whatever the assembly
        assert (answer.code, "error: --project" in answer.err) == (2, True), verb


def test_images_are_refused_before_anything_is_asked(cdk: OnWorld) -> None:
    take("image")
    answer = cdk("plan")
    assert (answer.code, "cdk.out/Image.assets.json: dockerImages." in answer.err) == (2, True)
    assert not cdk.world.calls


def test_buckets_that_all_cdk_apps_share_are_not_pruned(cdk: OnWorld) -> None:
    take("two_regions")
    answer = cdk("artifacts", "prune", "--yes")
    assert (answer.code, "next:  cdk gc" in answer.err) == (2, True)
    assert not cdk.world.calls


def test_a_lost_region_s_bootstrap_is_not_asked_for(cdk: OnWorld) -> None:
    take("two_regions")
    bootstrap(cdk.world, "us-west-2")
    answer = cdk("--skip-region", "us-east-1", "plan")
    assert "cdk bootstrap" not in answer.err


@pytest.mark.linter
def test_what_cdk_takes_for_granted_is_no_finding(cdk: OnWorld) -> None:
    take("two_regions")
    answer = cdk("lint")
    assert {line.split()[1] for line in answer.out.splitlines() if ".json:" in line} == {"I1022", "W3005", "W9522"}


def test_a_topology_is_drawn_of_it(cdk: OnWorld) -> None:
    take("stage")
    answer = cdk("graph")
    assert (answer.code, "Prod-Reader" in answer.out) == (0, True)


def test_its_policy_names_the_buckets_and_the_bootstrap_s_version(cdk: OnWorld) -> None:
    take("nested")
    allowed = cdk("policy", "plan", "execute").out
    assert f"arn:aws:s3:::cdk-hnb659fds-assets-{ACCOUNT}-eu-west-1/*" in allowed
    assert f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/cdk-bootstrap/hnb659fds/version" in allowed


@pytest.mark.slow  # two accounts, each asked in its region, and a whole execution
def test_stacks_of_another_account_are_reached_by_its_role(cdk: OnWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    take("two_regions")
    other = AccountId("444455556666")
    manifest = Path("cdk.out/manifest.json")
    data = json.loads(manifest.read_text())
    data["artifacts"]["ShopService-us-west-2"]["environment"] = f"aws://{other}/us-west-2"
    manifest.write_text(json.dumps(data))
    for name in ("template", "assets"):
        file = Path(f"cdk.out/ShopService-us-west-2.{name}.json")
        file.write_text(file.read_text().replace(ACCOUNT, other))
    bootstrap(cdk.world, "us-east-1")
    bootstrap(cdk.world, "us-west-2", account=other)
    refused = cdk("plan")
    assert (refused.code, f"--account-role {other}=" in refused.err) == (2, True)
    clients = make_clients(cdk.world).reaching({other: f"arn:aws:iam::{other}:role/deployer"})
    monkeypatch.setattr("cli.on_fake._clients", lambda _: clients)
    assert cdk("deploy", "--yes").code == 0
    there = cdk.world.session(other).client("s3", "us-west-2")
    assert there.head_object(Bucket=bucket("us-west-2", other), Key=CODE)
