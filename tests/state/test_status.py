from builder.policy import Verb
from builder.policy.rights import CALLS
from builder.state import ObserveOptions, observe_sites
from state.rig import EAST, NOW, WEST, StateRig


def test_every_region_is_seen_with_exactly_the_calls_that_its_policy_names(deployed: StateRig) -> None:
    endpoint = deployed.clients.s3(EAST).meta.endpoint_url
    seen = deployed.run(
        observe_sites(deployed.deployment, ObserveOptions(clients=deployed.clients, now=NOW, endpoint=endpoint))
    )
    assert {site.region for site in seen.sites} == {EAST, WEST}
    assert all(site.silent == () for site in seen.sites)
    listed = {(call.service, call.operation) for call in CALLS[Verb.STATUS]} - {("lambda", "InvokeFunctionUrl")}
    listed -= {("cloudformation", "GetStackPolicy")}  # of stacks that have one to be compared with
    listed -= {("ssm", "GetParameter")}  # whether a promotion is under way, which the command asks beside this
    listed -= {("cloudwatch", "DescribeAlarms"), ("sns", "ListSubscriptionsByTopic")}  # of what `alarms:` makes
    assert deployed.called | {("sts", "AssumeRole")} == listed
