from builder.deploy.observe.stacks import SiteView, of_deployment
from builder.state.differences import observe_drift
from builder.state.records import DriftedStack, PropertyDrift
from builder.terms import Site
from deploy.rig import Rig
from fake_aws import Fault, World
from state.rig import EAST


def detect(rig: Rig) -> dict[str, DriftedStack]:
    async def all_of_it() -> tuple[DriftedStack, ...]:
        stacks = await SiteView(rig.clients, Site(None, EAST)).every_stack()
        return await observe_drift(rig.clients, of_deployment(stacks, rig.deployment.name))

    return {stack.name: stack for stack in rig.run(all_of_it)}


def test_every_page_of_what_drifted_is_read_with_property_values() -> None:
    rig = Rig(World(page_size=1))
    rig.deploy()
    control = rig.world.stack("tap-dev-service")
    control.drifts("Function", MemorySize=1024)
    control.drifts("LogGroup", RetentionInDays=1)
    stacks = detect(rig)
    resources = {resource.logical_id: resource for resource in stacks["tap-dev-service"].resources}
    assert resources.keys() == {"Function", "LogGroup"}
    (change,) = resources["Function"].properties
    assert change == PropertyDrift(path="/MemorySize", kind="NOT_EQUAL", expected="256", actual="1024")
    assert stacks["tap-dev-table"].status == "IN_SYNC"


def test_a_resource_that_is_gone_is_drift() -> None:
    rig = Rig()
    rig.have_deployed()
    rig.world.stack("tap-dev-service").loses("LogGroup")
    (lost,) = detect(rig)["tap-dev-service"].resources
    assert (lost.logical_id, lost.status, lost.properties) == ("LogGroup", "DELETED", ())


def test_a_status_that_allows_no_detection_says_so_and_stops_no_other() -> None:
    rig = Rig()
    rig.have_deployed()
    rig.world.stack("tap-dev-service").put("UPDATE_FAILED")
    stacks = detect(rig)
    assert stacks["tap-dev-service"].problem == "UPDATE_FAILED does not allow drift detection"
    assert stacks["tap-dev-table"].status == "IN_SYNC"


def test_what_a_detection_found_before_it_failed_is_told_with_why_it_failed() -> None:
    rig = Rig()
    rig.have_deployed()
    control = rig.world.stack("tap-dev-service")
    control.drifts("Function", MemorySize=1024)
    control.hides("LogGroup")
    stack = detect(rig)["tap-dev-service"]
    assert ([resource.logical_id for resource in stack.resources], stack.status) == (["Function"], "DRIFTED")
    assert "LogGroup" in stack.problem


def test_a_detection_that_failed_and_found_nothing_is_unknown() -> None:
    rig = Rig()
    rig.have_deployed()
    rig.world.stack("tap-dev-service").hides("LogGroup")
    stack = detect(rig)["tap-dev-service"]
    assert (stack.status, stack.resources) == ("UNKNOWN", ())
    assert "LogGroup" in stack.problem


def test_a_refusal_is_a_problem_of_that_stack() -> None:
    rig = Rig()
    rig.have_deployed()
    rig.world.faults.add(Fault.DENIED, operation="DetectStackDrift", nth=1)
    problems = [stack.problem for stack in detect(rig).values() if stack.problem]
    assert len(problems) == 1
    assert "not allowed to call DetectStackDrift" in problems[0]
