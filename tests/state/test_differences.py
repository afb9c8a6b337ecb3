from builder.policy import Verb
from builder.policy.calls import CALLS
from builder.state import find_differences
from state.standing import Standing


def test_a_fresh_deployment_has_none_and_takes_exactly_the_calls_that_its_policy_names(standing: Standing) -> None:
    drifted, disparities = standing.run(find_differences(standing.deployment, standing.clients))
    assert ({one.status for one in drifted}, len(drifted), disparities) == ({"IN_SYNC"}, 5, ())
    listed = {(call.service, call.operation) for call in CALLS[Verb.DRIFT]}
    assert standing.called | {("sts", "AssumeRole")} == listed
