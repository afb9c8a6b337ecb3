from dataclasses import replace

import pytest

from builder.deploy.observe.stacks import SiteView, observe_stack, observe_template, of_deployment
from builder.errors import AwsError
from builder.terms import Region, Site, StackName
from deploy.rig import Rig
from fake_aws import Fault

US_EAST_1 = Region("us-east-1")


def test_every_page_of_a_region_s_stacks_is_read(rig: Rig) -> None:
    for number in range(5):
        rig.world.stack(f"stack-{number}").deploy()
    assert len(rig.run(lambda: SiteView(rig.clients, Site(None, US_EAST_1)).every_stack())) == 5


def test_a_stack_that_is_not_there_is_none(rig: Rig) -> None:
    assert rig.run(lambda: observe_stack(rig.clients, Site(None, US_EAST_1), "nowhere")) is None


@pytest.mark.slow
def test_another_error_is_not_absence(rig: Rig) -> None:
    rig.world.faults.add(Fault.THROTTLE)
    with pytest.raises(AwsError, match="Throttling"):
        rig.run(lambda: observe_stack(rig.clients, Site(None, US_EAST_1), "nowhere"))


def test_what_was_sent_is_what_is_read(deployed: Rig) -> None:
    table = deployed.stack("us-east-1/table")
    stack = deployed.run(lambda: observe_stack(deployed.clients, table.site, table.name))
    assert stack is not None
    assert stack.tags == table.tags
    assert stack.parameters == table.parameters
    assert stack.outputs["TableName"] == "tap-dev-global"
    assert deployed.run(lambda: observe_template(deployed.clients, stack)) == table.template


def test_a_nested_stack_is_its_parent_s_and_an_instance_of_a_set_the_set_s(deployed: Rig) -> None:
    seen = deployed.run(lambda: SiteView(deployed.clients, Site(None, US_EAST_1)).every_stack())
    ours, *others = of_deployment(seen, "tap-dev")
    nested = replace(ours, parent=others[0].arn)
    instance = replace(ours, tags={**ours.tags, "builder:fleet": "tap-dev"})
    assert of_deployment((nested, ours, instance), "tap-dev") == (ours,)


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("StackSet-by-hand-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", False),
        ("StackSet-x-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", False),
        ("StackSet-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", True),  # of no set
        ("StackSet-by-hand", True),
        ("tap-StackSet-by-hand-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", True),
        ("StackSet-by-hand-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0-more", True),
    ],
)
def test_an_instance_of_a_set_without_a_tag_of_ours_is_told_by_its_name(
    deployed: Rig, name: str, *, is_ours: bool
) -> None:
    seen = deployed.run(lambda: SiteView(deployed.clients, Site(None, US_EAST_1)).every_stack())
    ours, *_ = of_deployment(seen, "tap-dev")
    instance = replace(ours, name=StackName(name))
    assert of_deployment((ours, instance), "tap-dev") == ((ours, instance) if is_ours else (ours,))
