from fnmatch import fnmatchcase

import pytest

from builder.policy.document import Verb
from builder.policy.rights import FOR_PROPERTIES, NO_ACTIONS, Only, permissions, why_unneeded
from policy.reference import actions
from policy.system import resource

ENTRIES = [
    pytest.param(kind, only, id=f"{kind} {only.properties[0]}")
    for kind, all_ in FOR_PROPERTIES.items()
    for only in all_
]


@pytest.mark.parametrize(("kind", "only"), ENTRIES)
def test_each_pattern_leaves_something_out_until_a_property_wants_it(kind: str, only: Only) -> None:
    listed = permissions(kind, "us-east-1", Verb.EXECUTE)
    assert listed
    for pattern in only.actions:
        concerned = [action for action in listed if fnmatchcase(action, pattern)]
        assert concerned
        for action in concerned:
            assert why_unneeded(action, resource(kind)) == f"for {' or '.join(only.properties)} of {kind}"
            for name in only.properties:
                assert why_unneeded(action, resource(kind, **{name: "said"})) is None


@pytest.mark.parametrize("action", sorted(NO_ACTIONS))
def test_what_is_no_action_is_none_in_aws_s_own_reference(action: str) -> None:
    assert actions(action) == []
    assert why_unneeded(action, resource("AWS::S3::Bucket")) == "IAM has no action of this name"


def test_what_is_on_the_resource_itself_is_never_left_out() -> None:
    assert why_unneeded("s3:PutBucketWebsite", resource("AWS::S3::Bucket")) is None
    assert why_unneeded("sqs:CreateQueue", resource("AWS::SQS::Queue")) is None
