from builder.state.observe import observe_function
from state.rig import EAST, StateRig


def test_a_function_is_seen_with_its_urls(deployed: StateRig) -> None:
    endpoint = deployed.clients.s3(EAST).meta.endpoint_url
    seen = deployed.run(observe_function(deployed.context(EAST, endpoint=endpoint), "tap-dev-primary"))
    assert (seen.state, seen.last_update, seen.runtime) == ("Active", "Successful", "python3.14")
    assert [(url.auth, url.answer) for url in seen.urls] == [("NONE", 200)]
