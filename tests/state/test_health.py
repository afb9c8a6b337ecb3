import socket
from dataclasses import replace
from urllib.parse import urlsplit

from builder.state.observe import observe_url
from client.servers import serving
from state.rig import EAST, StateRig


def url_of(deployed: StateRig) -> str:
    config = deployed.clients.functions(EAST).get_function_url_config(FunctionName="tap-dev-primary")
    return config["FunctionUrl"]


def test_health_is_asked_for_real_and_timed(deployed: StateRig) -> None:
    endpoint = deployed.clients.s3(EAST).meta.endpoint_url
    seen = deployed.run(observe_url(deployed.context(EAST, endpoint=endpoint), url_of(deployed), "NONE"))
    assert (seen.answer, seen.problem) == (200, "")
    assert 0 < seen.latency_ms < 4000


def test_a_url_that_wants_iam_gets_a_signed_request(deployed: StateRig) -> None:
    with serving("here") as server:
        seen = deployed.run(observe_url(deployed.context(EAST), server.region.url, "AWS_IAM"))
    assert seen.answer == 200
    ((method, path, headers, _),) = server.seen
    assert (method, path) == ("GET", "/health")
    assert f"Credential={deployed.account}/" in headers["authorization"]
    assert "/us-east-1/lambda/aws4_request" in headers["authorization"]


def test_the_path_that_its_component_names_is_asked(deployed: StateRig) -> None:
    with serving("here") as server:
        host = urlsplit(server.region.url).netloc
        context = replace(deployed.context(EAST), health={host: "/up", "another.test": "/down"})
        seen = deployed.run(observe_url(context, server.region.url, "NONE"))
    assert (seen.answer, seen.path) == (200, "/up")
    ((method, path, _, _),) = server.seen
    assert (method, path) == ("GET", "/up")


def test_a_url_that_nobody_answers_says_so(deployed: StateRig) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{bound.getsockname()[1]}"
        seen = deployed.run(observe_url(deployed.context(EAST), nowhere, "NONE"))
    assert seen.answer is None
    assert seen.problem == "no connection"
