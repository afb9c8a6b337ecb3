"""What is pruned of the buckets for code and templates: that which nothing names, in whatever way it could be named."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from builder.aws import Clients
from builder.deploy.delete.prune import YOUNG, Leftover, Pruning, find_leftovers, prune
from builder.deploy.desired import Deployment
from builder.errors import BadInput, Failed, Stopped
from builder.terms import AccountId
from deploy.packaged import EAST, NESTING, WORKER, bucket, packaged, sources
from deploy.rig import ACCOUNT, Rig
from fake_aws import World

pytestmark = pytest.mark.slow  # deployments, and updates of them
APP = {"app": WORKER, "nested": NESTING}
OTHER_CODE = "def handler(event, context): return {}\n"
KEYS = [f"{digit * 64}.zip" for digit in "abc"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sources(tmp_path_factory.mktemp("pruned"))


@pytest.fixture(scope="module")
def updated(root: Path) -> tuple[World, Deployment]:
    """A world with the deployment after an update of its code."""
    rig = Rig()
    rig.deploy(packaged(root, APP))
    sources(root, OTHER_CODE)
    deployment = packaged(root, APP)
    rig.deploy(deployment)
    return rig.world, deployment


@pytest.fixture
def old(rig: Rig, updated: tuple[World, Deployment]) -> Deployment:
    """The deployment, and its world in the rig: what it had before the update lies in the bucket, unnamed."""
    world, deployment = updated
    rig.world, rig.plans = world.copied(), 10
    rig.clients = Clients(rig.world.session(ACCOUNT))
    return deployment


def pruning_of(rig: Rig, deployment: Deployment, later: timedelta = YOUNG * 2) -> Pruning:
    now = rig.world.datetime() + later
    return rig.run(lambda: find_leftovers(deployment, AccountId(ACCOUNT), (), rig.clients, now))


def sources_of(pruning: Pruning) -> list[str]:
    return [leftover.place.key for leftover in pruning.leftovers]


def put(rig: Rig, key: str, body: bytes = b"x") -> None:
    rig.clients.s3(EAST).put_object(Bucket=bucket(), Key=key, Body=body)


def test_only_what_nothing_names_is_found_and_goes_with_every_version(rig: Rig, root: Path, old: Deployment) -> None:
    keys = {version.key for version in rig.world.buckets[bucket()].versions}
    in_use = {built.asset.key for built in old.assets}
    pruning = pruning_of(rig, old)
    assert set(sources_of(pruning)) == keys - in_use
    assert (len(pruning.leftovers), pruning.named, pruning.young) == (1, 2, 0)
    assert rig.run(lambda: prune(pruning.leftovers, rig.clients)) == 1
    assert {version.key for version in rig.world.buckets[bucket()].versions} == in_use
    assert pruning_of(rig, old).leftovers == ()
    assert rig.plan(old).is_empty


def test_what_was_uploaded_today_may_be_about_to_be_named(rig: Rig, old: Deployment) -> None:
    pruning = pruning_of(rig, old, YOUNG / 2)
    assert (pruning.leftovers, pruning.young) == ((), 1)


def test_nothing_but_our_own_keys_is_looked_at(rig: Rig, old: Deployment) -> None:
    put(rig, "somebody's.zip")
    assert all("somebody" not in key for key in sources_of(pruning_of(rig, old)))


def test_another_stack_s_template_names_it(rig: Rig, old: Deployment) -> None:
    put(rig, KEYS[0])
    assert KEYS[0] in sources_of(pruning_of(rig, old))
    template = f'{{"Resources": {{"T": {{"Type": "AWS::SNS::Topic", "Properties": {{"DisplayName": "{KEYS[0]}"}}}}}}}}'
    rig.world.stack("somebody-else-s").deploy(template)
    assert KEYS[0] not in sources_of(pruning_of(rig, old))


def test_a_change_set_that_is_under_review_names_it(rig: Rig, root: Path, old: Deployment) -> None:
    sources(root, "def handler(event, context): return 3\n")
    plan = rig.plan(packaged(root, APP))
    (upload,) = plan.uploads
    put(rig, upload.key)
    assert upload.key not in sources_of(pruning_of(rig, old))


def test_a_template_in_the_bucket_that_is_named_names_it(rig: Rig, old: Deployment) -> None:
    nested = next(built.asset for built in old.assets if built.asset.kind == "template")
    put(rig, KEYS[1])
    put(rig, nested.key, f"Resources: {{A: {KEYS[1]}}}".encode())
    assert KEYS[1] not in sources_of(pruning_of(rig, old))


def test_a_stack_set_names_it(rig: Rig, old: Deployment) -> None:
    put(rig, KEYS[2])
    template = f'{{"Resources": {{"T": {{"Type": "AWS::SNS::Topic", "Properties": {{"DisplayName": "{KEYS[2]}"}}}}}}}}'
    rig.clients.cloudformation(EAST).create_stack_set(StackSetName="shop-set", TemplateBody=template)
    assert KEYS[2] not in sources_of(pruning_of(rig, old))


@pytest.mark.parametrize("status", ["UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED", "UPDATE_IN_PROGRESS"])
def test_where_a_rollback_may_want_what_nobody_sees_nothing_is_pruned(rig: Rig, old: Deployment, status: str) -> None:
    rig.world.stack("shop-dev-app").put(status)
    with pytest.raises(Stopped, match="what it may be rolled back to is shown to nobody"):
        pruning_of(rig, old)


def test_without_a_bucket_there_is_nothing_to_prune(rig: Rig, old: Deployment) -> None:
    with pytest.raises(BadInput, match="so there is none to prune"):
        pruning_of(rig, replace(old, artifacts_bucket=None))
    assert pruning_of(rig, replace(old, artifacts_bucket="nobody-s-{region}")).leftovers == ()


def test_what_s3_keeps_is_told(rig: Rig, old: Deployment) -> None:
    (leftover,) = pruning_of(rig, old).leftovers
    assert isinstance(leftover, Leftover)
    rig.world.undeletable_objects.add((leftover.place.bucket, leftover.place.key))
    with pytest.raises(Failed, match="1 version could not be deleted"):
        rig.run(lambda: prune([leftover], rig.clients))
