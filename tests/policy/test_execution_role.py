"""The role of a fleet's accounts against the handlers' permissions, the named extras, and AWS's reference."""

from fnmatch import fnmatchcase

import pytest

from builder.assembly.bound import Bound
from builder.policy import PolicyContext, Verb, execution_role_rights, make_document
from builder.policy.document import ROLE_INLINE_CHARACTERS, Rights, characters
from builder.policy.rights import ON_ANYTHING, ON_INSTANCES
from policy.reference import actions, arn_formats
from policy.system import BOUNDED, CONTEXT, SHIPPED
from policy.test_service_role import as_list, granted, lacking, listed, statements

FLEET = "tap-${EnvironmentSuffix}-"


def rights(context: PolicyContext = CONTEXT) -> Rights:
    return execution_role_rights(SHIPPED, context, FLEET)


def test_its_actions_are_the_handlers_of_the_used_types_and_the_named_extras_and_no_others() -> None:
    made = rights()
    handlers = {action for verb in (Verb.EXECUTE, Verb.DESTROY) for action in listed(SHIPPED, verb)}
    named = {action for verb in (Verb.EXECUTE, Verb.DESTROY) for action in lacking(SHIPPED, verb)}
    left_out = {omission.action for omission in made.left_out} - granted(made)

    assert granted(made) == (handlers - left_out) | named | ON_INSTANCES.keys() | ON_ANYTHING.keys()
    assert left_out <= handlers
    assert made.warnings == ()


def test_every_action_that_is_granted_or_left_out_has_its_reason() -> None:
    made = rights()

    assert all(grant.because for grant in made.granted)
    assert all(omission.because for omission in made.left_out)
    assert all({**ON_INSTANCES, **ON_ANYTHING}.values())


@pytest.mark.parametrize("action", [*ON_INSTANCES, *ON_ANYTHING])
def test_each_extra_is_an_action_that_iam_knows_on_what_it_is_granted_on(action: str) -> None:
    assert actions(action)
    on_stacks = any(fnmatchcase("arn:aws:cloudformation:r:1:stack/n/i", pattern) for pattern in arn_formats(action))
    assert on_stacks or action in ON_ANYTHING


def test_stacks_are_only_those_that_the_fleet_s_sets_make() -> None:
    resources = [
        statement["Resource"]
        for statement in statements(rights())
        if "cloudformation:CreateStack" in statement["Action"]
    ]

    assert resources == ["arn:aws:cloudformation:*:111122223333:stack/StackSet-tap-dev-*/*"]


def test_roles_are_only_those_that_the_fleet_s_stacks_make_so_never_itself() -> None:
    arns = {
        arn
        for statement in statements(rights(PolicyContext()))
        for action in statement["Action"]
        if action.startswith("iam:") and "ServiceLinked" not in action
        for arn in as_list(statement["Resource"])
    } - {"*"}

    assert arns == {"arn:${AWS::Partition}:iam::${AWS::AccountId}:role/StackSet-tap-*"}
    assert not fnmatchcase("tap-dev-stackset-execution", "StackSet-tap-*")


@pytest.mark.parametrize("bounds", [SHIPPED, BOUNDED], ids=["two regions", "three regions"])
def test_it_fits_in_one_role(bounds: tuple[Bound, ...]) -> None:
    longest = PolicyContext("aws-us-gov", "111122223333", "x" * 20)

    assert characters(make_document(execution_role_rights(bounds, longest, FLEET))) < ROLE_INLINE_CHARACTERS
