from builder.state.observe import observe_function
from state.standing import EAST, Standing


def test_a_function_is_seen_with_its_urls(standing: Standing) -> None:
    endpoint = standing.clients.s3(EAST).meta.endpoint_url
    seen = standing.run(observe_function(standing.look(EAST, endpoint=endpoint), "tap-dev-primary"))
    assert (seen.state, seen.last_update, seen.runtime) == ("Active", "Successful", "python3.14")
    assert [(url.auth, url.answer) for url in seen.urls] == [("NONE", 200)]
