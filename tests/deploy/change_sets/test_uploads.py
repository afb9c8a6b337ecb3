"""Code and templates that travel through buckets: planned, uploaded once, resumed, and never put over anything."""

from dataclasses import replace
from pathlib import Path

import pytest

from builder.assembly.build import NotBuilt
from builder.deploy import Cancelled, Deployment, Done, Plan, StackFailed, check_claim, narrow, read_plan, write_plan
from builder.deploy.progress import Finished, Started, TemplateUploaded
from builder.errors import BadInput, Failed, Stopped
from builder.terms import Region, StackId
from deploy.packaged import EAST, NESTING, NETWORK, WEST, WORKER, bucket, packaged, sources
from deploy.rig import ACCOUNT, Rig

APP = {"app": WORKER}
BOTH = (EAST, WEST)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return sources(tmp_path)


def keys(rig: Rig, region: Region = EAST) -> list[str]:
    artifacts = rig.world.buckets.get(bucket(region))
    return [version.key for version in artifacts.versions] if artifacts else []


def upload(plan: Plan, region: Region = EAST) -> StackId:
    return next(artifact.stack for artifact in plan.artifacts if artifact.region == region)


class TestPlanned:
    def test_an_upload_is_a_step_after_its_bucket_and_before_its_stacks(self, rig: Rig, root: Path) -> None:
        plan = rig.plan(packaged(root, APP, regions=BOTH))
        east, west = plan.artifacts
        app = next(step for step in plan.steps if step.stack == "us-east-1/app")
        assert (east.needs, east.source, east.bucket, east.there) == (("us-east-1/artifacts",), "src", bucket(), False)
        assert (west.region, west.needs) == (WEST, ("us-west-2/artifacts",))
        assert app.needs == ("us-east-1/artifacts", east.stack)
        assert app.parameters["ArtifactsBucket"] == bucket()
        assert read_plan(write_plan(plan), "plan.json") == plan
        assert keys(rig) == []

    def test_what_is_there_already_is_no_step_and_is_recorded(self, rig: Rig, root: Path) -> None:
        rig.deploy(packaged(root, APP))
        plan = rig.plan(packaged(root, {"app": WORKER.replace(b"app.handler", b"app.other")}))
        assert [(artifact.there, artifact.needs) for artifact in plan.artifacts] == [(True, ())]
        assert plan.uploads == ()
        assert {step.stack: step.needs for step in plan.steps}[StackId("us-east-1/app")] == ("us-east-1/artifacts",)

    def test_nothing_is_looked_for_where_nothing_changes(self, rig: Rig, root: Path) -> None:
        rig.deploy(packaged(root, APP))
        rig.world.calls.clear()
        plan = rig.plan(packaged(root, APP))
        assert plan.is_empty
        assert rig.operations("HeadObject") == 0

    def test_a_bucket_that_nobody_makes_is_told_before_anything_is_made(self, rig: Rig, root: Path) -> None:
        with pytest.raises(BadInput, match="the bucket is not there, and no stack of the assembly makes it"):
            rig.plan(packaged(root, APP, own_bucket="mine-{region}"))
        assert rig.operations("ExecuteChangeSet") == 0

    def test_a_bucket_of_another_account_is_not_looked_into(self, rig: Rig, root: Path) -> None:
        rig.world.by_hand("AWS::S3::Bucket", {"BucketName": "mine-us-east-1"}, account="999988887777", region=EAST)
        with pytest.raises(Failed, match="the bucket is not of account 111122223333"):
            rig.plan(packaged(root, APP, own_bucket="mine-{region}"))

    def test_a_bucket_whose_name_is_too_long_is_told_before_anything_is_asked(self, rig: Rig, root: Path) -> None:
        with pytest.raises(BadInput, match="characters of 63"):
            rig.plan(packaged(root, APP, own_bucket=f"{'long-' * 11}{{region}}"))

    def test_code_that_can_t_be_made_is_fine_where_it_is_in_the_bucket(self, rig: Rig, root: Path) -> None:
        rig.deploy(packaged(root, APP))
        (built,) = {path.name for path in (root / "build").iterdir()}
        other = {"app": WORKER.replace(b"app.handler", b"app.other")}
        deployment = packaged(root, other)
        without = replace(deployment, assets=tuple(unbuilt(deployment, "src is not there")))
        assert rig.plan(without).uploads == ()
        rig.world.buckets[bucket()].versions.clear()
        with pytest.raises(BadInput, match="neither there nor can it be made here: src is not there") as caught:
            rig.plan(without)
        assert built in caught.value.where

    def test_an_object_of_other_bytes_is_never_overwritten(self, rig: Rig, root: Path) -> None:
        rig.deploy(packaged(root, APP))
        (key,) = keys(rig)
        rig.clients.s3(EAST).put_object(Bucket=bucket(), Key=key, Body=b"evil")
        with pytest.raises(Stopped, match=r"no SHA-256 that S3 shows.*not overwritten"):
            rig.plan(packaged(root, {"app": WORKER.replace(b"app.handler", b"app.other")}))


def unbuilt(deployment: Deployment, why: str) -> list[NotBuilt]:
    return [NotBuilt(built.asset, why) for built in deployment.assets]


@pytest.mark.slow  # deployments, and updates of them
class TestExecuted:
    def test_code_is_in_each_region_before_its_stack_is_started(self, rig: Rig, root: Path) -> None:
        plan = rig.plan(packaged(root, APP, regions=BOTH))
        ended = rig.execute(plan)
        assert all(isinstance(outcome, Done) for outcome in ended)
        started = [event.stack for event in rig.events_of(Started)]
        assert started.index(upload(plan)) < started.index(StackId("us-east-1/app"))
        assert StackId("us-east-1/artifacts") in started
        assert {event.stack: event.status for event in rig.events_of(Finished)}[upload(plan)] == "uploaded"
        assert [len(keys(rig, region)) for region in (EAST, WEST)] == [1, 1]
        assert rig.world.functions

    def test_the_same_again_uploads_nothing_and_changed_code_only_itself(self, rig: Rig, root: Path) -> None:
        rig.deploy(packaged(root, APP))
        sources(root, "def handler(event, context): return 1\n")
        plan = rig.plan(packaged(root, APP))
        assert [artifact.there for artifact in plan.artifacts] == [False]
        rig.execute(plan)
        assert len(keys(rig)) == 2
        assert rig.plan(packaged(root, APP)).is_empty

    def test_an_execution_goes_on_from_what_is_uploaded(self, rig: Rig, root: Path) -> None:
        plan = rig.plan(packaged(root, APP))
        rig.world.script.fails("CREATE", "Worker", reason="no")
        first = rig.execute(plan)
        assert any(isinstance(outcome, StackFailed) for outcome in first)
        rig.world.calls.clear()
        with pytest.raises(Stopped):
            rig.execute(plan)
        assert rig.operations("PutObject") == 0

    def test_bytes_that_are_gone_are_told_before_anything_runs(self, rig: Rig, root: Path) -> None:
        plan = rig.plan(packaged(root, APP))
        deployment = rig.planned[plan.id]
        rig.planned[plan.id] = replace(deployment, assets=tuple(unbuilt(deployment, "")))
        rig.world.calls.clear()
        with pytest.raises(Stopped, match="nor at hand"):
            rig.execute(plan)
        assert rig.operations("ExecuteChangeSet") == 0

    def test_what_was_there_and_is_gone_is_told_before_anything_runs(self, rig: Rig, root: Path) -> None:
        rig.deploy(packaged(root, APP))
        plan = rig.plan(packaged(root, {"app": WORKER.replace(b"app.handler", b"app.other")}))
        rig.world.buckets[bucket()].versions.clear()
        with pytest.raises(Stopped, match="is gone"):
            rig.execute(plan)

    def test_a_failed_upload_leaves_its_stacks_unstarted(self, rig: Rig, root: Path) -> None:
        plan = rig.plan(packaged(root, APP))
        for path in (root / "build").iterdir():
            path.write_bytes(b"other")
        ended = {outcome.stack: outcome for outcome in rig.execute(plan)}
        assert isinstance(ended[upload(plan)], StackFailed)
        assert isinstance(ended[StackId("us-east-1/app")], Cancelled)

    def test_a_lost_region_costs_no_other_region_its_code(self, rig: Rig, root: Path) -> None:
        rig.deploy(packaged(root, APP, regions=BOTH))
        sources(root, "def handler(event, context): return 1\n")
        rig.world.region_down(EAST)
        assert all(
            isinstance(outcome, Done) for outcome in rig.deploy(narrow(packaged(root, APP, regions=BOTH), [EAST]))
        )
        assert (len(keys(rig, EAST)), len(keys(rig, WEST))) == (1, 2)


class TestClaimed:
    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"bucket": "evil"}, "is not us-east-1: s3://shop-dev-artifacts"),
            ({"key": f"{'0' * 64}.zip"}, "is not us-east-1: s3://"),
            ({"stack": StackId("us-east-1/asset-0")}, "is taken by no stack that changes"),
            ({"account": "999988887777"}, "is not us-east-1: s3://"),
        ],
    )
    def test_an_upload_that_the_assembly_does_not_say_is_refused(
        self, rig: Rig, root: Path, fields: dict[str, str], message: str
    ) -> None:
        plan = rig.plan(packaged(root, APP))
        first, *others = plan.artifacts
        evil = replace(plan, artifacts=(replace(first, **fields), *others))  # type: ignore[arg-type]
        with pytest.raises(BadInput, match=message):
            check_claim(evil, rig.trusted(plan))

    def test_an_upload_that_is_left_out_is_missed(self, rig: Rig, root: Path) -> None:
        plan = rig.plan(packaged(root, APP))
        bare = replace(plan, steps=tuple(replace(step, needs=()) for step in plan.steps), artifacts=plan.artifacts[1:])
        with pytest.raises(BadInput, match="the plan does not say whether it is there"):
            check_claim(bare, rig.trusted(plan))

    def test_needs_that_the_file_leaves_out_come_back(self, rig: Rig, root: Path) -> None:
        plan = rig.plan(packaged(root, APP))
        bare = replace(plan, artifacts=tuple(replace(artifact, needs=()) for artifact in plan.artifacts))
        assert check_claim(bare, rig.trusted(plan)) == check_claim(plan, rig.trusted(plan))


@pytest.mark.slow  # deployments, and updates of them
class TestTemplates:
    def test_a_nested_template_waits_for_the_bucket_that_is_made(self, rig: Rig, root: Path) -> None:
        plan = rig.plan(packaged(root, {"app": NESTING}))
        assert [step.stack for step in plan.deferred] == ["us-east-1/app"]
        assert plan.artifacts == ()
        assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
        assert len(rig.events_of(TemplateUploaded)) == 1

    def test_plan_uploads_it_where_the_bucket_stands_and_says_so(self, rig: Rig, root: Path) -> None:
        rig.deploy(packaged(root, {"app": NESTING}))
        (root / "network.yaml").write_bytes(NETWORK.replace(b"one", b"two"))
        rig.events.clear()
        plan = rig.plan(packaged(root, {"app": NESTING}))
        assert plan.deferred == ()
        assert [(event.stack, event.source, event.bucket) for event in rig.events_of(TemplateUploaded)] == [
            ("us-east-1/app", "network.yaml", bucket()),
        ]
        assert any("Network/Topic" in change.logical_id for step in plan.steps for change in step.changes)
        rig.events.clear()
        rig.plan(packaged(root, {"app": NESTING}))
        assert rig.events_of(TemplateUploaded) == []

    def test_a_large_template_goes_to_the_assembly_s_own_bucket(self, rig: Rig, root: Path) -> None:
        large = {"app": NETWORK + b"# long\n" * 8000}
        plan = rig.plan(packaged(root, large))
        assert [step.stack for step in plan.deferred] == ["us-east-1/app"]
        assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
        assert keys(rig)
        assert rig.plan(packaged(root, large)).is_empty


def test_the_account_of_a_stack_is_in_its_bucket_s_name(rig: Rig, root: Path) -> None:
    deployment = packaged(root, APP)
    assert "${AWS::AccountId}" in str(deployment.stack(StackId("us-east-1/app")).parameters["ArtifactsBucket"])
    assert ACCOUNT in rig.plan(deployment).artifacts[0].bucket
