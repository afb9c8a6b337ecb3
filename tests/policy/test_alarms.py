"""Who may do what with alarms and topics: each action on its ARN, or on anything where IAM knows no other."""

import functools

import pytest

from builder.assembly.bound import Bound
from builder.assembly.render import make_assembly
from builder.policy import PolicyRequest, Verb, bind_templates, make_rights
from loaded_config import make_loaded_config
from policy.system import ACCOUNT, CALLER, CONTEXT, SHIPPED, VIA_ROLE

TOPIC = f"arn:aws:sns:us-west-2:{ACCOUNT}:tap-dev-alarms"
ALARM = f"arn:aws:cloudwatch:us-west-2:{ACCOUNT}:alarm:tap-dev-function-errors"


@functools.cache
def watched() -> tuple[Bound, ...]:
    return bind_templates(make_assembly(make_loaded_config(alarms={"email": ["ops@example.com"]})))


def granted(verb: Verb, bounds: tuple[Bound, ...], *, via_role: bool) -> dict[str, set[str]]:
    """The ARNs of each action of CloudWatch and SNS."""
    rights = make_rights(bounds, CONTEXT, PolicyRequest(verbs=(verb,), caller=VIA_ROLE if via_role else CALLER))
    assert rights.warnings == ()
    arns: dict[str, set[str]] = {}
    for grant in rights.granted:
        if grant.action.startswith(("cloudwatch:", "sns:")):
            arns.setdefault(grant.action, set()).update(grant.place.arns)
    return arns


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("cloudwatch:PutMetricAlarm", ALARM),
        ("cloudwatch:DeleteAlarms", ALARM),
        ("sns:CreateTopic", TOPIC),
        ("sns:SetTopicAttributes", TOPIC),
        ("sns:Subscribe", TOPIC),
        ("sns:DeleteTopic", TOPIC),
    ],
)
def test_what_makes_them_is_allowed_on_them_alone(action: str, arn: str) -> None:
    arns = granted(Verb.EXECUTE, watched(), via_role=False)[action]
    assert arn in arns
    assert all(":tap-dev-" in arn for arn in arns)


def test_what_iam_knows_no_resource_for_is_allowed_on_anything() -> None:
    of_alarms = granted(Verb.EXECUTE, watched(), via_role=False)
    others = granted(Verb.EXECUTE, SHIPPED, via_role=False)
    assert {action for action, arns in of_alarms.items() if arns == {"*"}} - others.keys() == {
        "sns:GetSubscriptionAttributes",
        "sns:ListSubscriptions",
        "sns:ListTopics",
        "sns:SetSubscriptionAttributes",
        "sns:Unsubscribe",
    }


@pytest.mark.parametrize(
    ("verb", "actions"),
    [
        (Verb.STATUS, {"cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "sns:ListSubscriptionsByTopic"}),
        (Verb.DRILL, {"cloudwatch:DescribeAlarms"}),
        (Verb.PLAN, set()),
    ],
)
def test_who_looks_at_them_is_allowed_that_and_only_where_there_are_any(verb: Verb, actions: set[str]) -> None:
    with_alarms, without = (granted(verb, bounds, via_role=True) for bounds in (watched(), SHIPPED))
    assert with_alarms.keys() == actions
    assert without.keys() == actions & {"cloudwatch:GetMetricData"}
    if "cloudwatch:DescribeAlarms" in actions:
        assert with_alarms["cloudwatch:DescribeAlarms"] == {
            f"arn:aws:cloudwatch:{region}:{ACCOUNT}:alarm:*" for region in ("us-east-1", "us-west-2")
        }
