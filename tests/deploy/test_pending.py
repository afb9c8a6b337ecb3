from builder.deploy import Wish
from builder.deploy.pending import observe_change_sets, reviews_of_others
from builder.deploy.records import Options
from builder.terms import Arn, Region, Site, StackId
from deploy.rig import Rig, edited

SERVICE = StackId("us-east-1/service")


def test_every_page_of_a_stack_s_change_sets_is_read(standing: Rig) -> None:
    for memory in (512, 1024, 2048):
        standing.plan(edited(standing.deployment, SERVICE, "MemorySize: 256", f"MemorySize: {memory}"))
    listed = standing.run(
        lambda: observe_change_sets(standing.clients, SERVICE, Site(None, Region("us-east-1")), Arn("tap-dev-service"))
    )
    assert {one["ChangeSetName"] for one in listed if one["ExecutionStatus"] == "AVAILABLE"} == {
        "tap-dev-plan-2",
        "tap-dev-plan-3",
        "tap-dev-plan-4",
    }


def test_a_stack_that_is_not_there_has_none(rig: Rig) -> None:
    assert (
        rig.run(lambda: observe_change_sets(rig.clients, SERVICE, Site(None, Region("us-east-1")), Arn("nobody"))) == []
    )


def test_only_others_reviews_of_something_else_count(standing: Rig) -> None:
    smaller = edited(standing.deployment, SERVICE, "MemorySize: 256", "MemorySize: 128")
    larger = edited(standing.deployment, SERVICE, "MemorySize: 256", "MemorySize: 512")
    theirs = standing.plan(smaller).steps[0]
    standing.plan(larger)
    standing.plan(smaller, Wish(options=Options(by="deploy")))
    plan = standing.plan(larger)
    (step,) = plan.steps
    listed = standing.run(lambda: observe_change_sets(standing.clients, SERVICE, step.site, step.stack_arn))
    (review,) = reviews_of_others(step, plan.assembly, listed)
    assert (review.change_set, review.allow) == (theirs.change_set, f"{SERVICE}/tap-dev-plan-2")
