from builder.deploy import PlanRequest
from builder.deploy.change_sets.change_set import is_under_review_by, observe_change_sets, reviews_of_others
from builder.deploy.observe.stacks import observe_stack
from builder.deploy.records import PlanOptions
from builder.terms import Arn, Region, Site, StackId
from deploy.chained import TOPIC_TEMPLATE
from deploy.rig import Rig, edited

SERVICE = StackId("us-east-1/service")


def test_every_page_of_a_stack_s_change_sets_is_read(deployed: Rig) -> None:
    for memory in (512, 1024, 2048):
        deployed.plan(edited(deployed.deployment, SERVICE, "MemorySize: 256", f"MemorySize: {memory}"))
    listed = deployed.run(
        lambda: observe_change_sets(deployed.clients, SERVICE, Site(None, Region("us-east-1")), Arn("tap-dev-service"))
    )
    assert {summary["ChangeSetName"] for summary in listed if summary["ExecutionStatus"] == "AVAILABLE"} == {
        "tap-dev-plan-2",
        "tap-dev-plan-3",
        "tap-dev-plan-4",
    }


def test_a_stack_that_is_not_there_has_none(rig: Rig) -> None:
    assert (
        rig.run(lambda: observe_change_sets(rig.clients, SERVICE, Site(None, Region("us-east-1")), Arn("nobody"))) == []
    )


def test_only_others_reviews_of_something_else_count(deployed: Rig) -> None:
    smaller = edited(deployed.deployment, SERVICE, "MemorySize: 256", "MemorySize: 128")
    larger = edited(deployed.deployment, SERVICE, "MemorySize: 256", "MemorySize: 512")
    theirs = deployed.plan(smaller).steps[0]
    deployed.plan(larger)
    deployed.plan(smaller, PlanRequest(options=PlanOptions(by="deploy")))
    plan = deployed.plan(larger)
    (step,) = plan.steps
    listed = deployed.run(lambda: observe_change_sets(deployed.clients, SERVICE, step.site, step.stack_arn))
    (review,) = reviews_of_others(step, plan.assembly, listed)
    assert (review.change_set, review.allow) == (theirs.change_set, f"{SERVICE}/tap-dev-plan-2")


def test_a_new_stack_is_under_review_by_the_deployment_whose_change_sets_are_all_that_wait(rig: Rig) -> None:
    step = rig.plan().steps[0]

    async def under_review() -> tuple[bool, bool]:
        stack = await observe_stack(rig.clients, step.site, step.stack_arn)
        assert stack is not None
        return (
            await is_under_review_by("tap-dev", rig.clients, stack),
            await is_under_review_by("tap-dev-plan", rig.clients, stack),
        )

    assert rig.run(under_review) == (True, False)
    rig.clients.cloudformation(step.region).create_change_set(
        StackName=step.name,
        ChangeSetName="theirs",
        ChangeSetType="CREATE",
        TemplateBody=TOPIC_TEMPLATE,
        Parameters=[{"ParameterKey": "KeyArn", "ParameterValue": "k"}],
    )
    assert rig.run(under_review) == (False, False)
