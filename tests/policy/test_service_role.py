"""The service role's policy against the schemas' own lists, and against AWS's authorization reference."""

from fnmatch import fnmatchcase
from typing import Any

import pytest

from builder.assembly.bound import Bound
from builder.policy.document import Rights, Verb, make_document, too_large
from builder.policy.resource import each_resource
from builder.policy.rights import extras, service_role_rights, why_unneeded
from policy.reference import NEWER, actions, arn_formats, condition_keys
from policy.system import BOUNDED, CONTEXT, SHIPPED, stack
from schemas import schema_of

HANDLERS = {
    Verb.PLAN: ("read", "list"),
    Verb.EXECUTE: ("create", "read", "update", "delete", "list"),
    Verb.DESTROY: ("read", "delete"),
    Verb.ADOPT: (),
    Verb.PRUNE: (),
    Verb.STATUS: (),
    Verb.DRIFT: ("read",),
    Verb.DRILL: (),
    Verb.FAILBACK: (),
    Verb.BACKFILL: (),
    Verb.PROMOTE: ("create", "read", "update", "delete", "list"),
    Verb.FLEET_PLAN: ("read", "list"),
    Verb.FLEET_EXECUTE: ("create", "read", "update", "delete", "list"),
    Verb.FLEET_STATUS: (),
    Verb.FLEET_DRIFT: (),
    Verb.FLEET_DESTROY: ("read", "delete"),
}
VERBS = [Verb.PLAN, Verb.EXECUTE, Verb.DESTROY]


def types(bounds: tuple[Bound, ...]) -> set[str]:
    return {str(body["Type"]) for bound in bounds for _, body in bound.resources()}


def listed(bounds: tuple[Bound, ...], verb: Verb) -> set[str]:
    """What the schemas list, read without the code under test."""
    actions: set[str] = set()
    for kind in types(bounds):
        schema = schema_of(kind)
        for handler in HANDLERS[verb]:
            actions.update(schema["handlers"].get(handler, {}).get("permissions", []))
        if verb in {Verb.EXECUTE, Verb.PROMOTE, Verb.FLEET_EXECUTE}:
            actions.update(schema.get("tagging", {}).get("permissions", []))
    return actions


def lacking(bounds: tuple[Bound, ...], verb: Verb, *, whole: bool = False) -> set[str]:
    return {
        action
        for resource in each_resource(bounds)
        for action in extras(verb, resource.type)
        if whole or why_unneeded(action, resource) is None
    }


def granted(rights: Rights) -> set[str]:
    return {grant.action for grant in rights.granted}


def statements(rights: Rights) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = make_document(rights)["Statement"]
    return made


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.parametrize("bounds", [SHIPPED, BOUNDED], ids=["shipped", "bounded"])
@pytest.mark.parametrize("verb", list(Verb))
def test_all_that_the_handlers_list_is_granted_or_left_out_with_a_reason_and_nothing_else_is(
    bounds: tuple[Bound, ...], verb: Verb
) -> None:
    rights = service_role_rights(bounds, CONTEXT, verb)
    left_out = {omission.action for omission in rights.left_out} - granted(rights)
    assert granted(rights) | left_out == listed(bounds, verb) | lacking(bounds, verb)
    assert all(omission.because for omission in rights.left_out)
    assert rights.warnings == ()


@pytest.mark.parametrize("verb", list(Verb))
def test_as_a_whole_it_is_what_the_handlers_list_and_the_named_extras(verb: Verb) -> None:
    rights = service_role_rights(SHIPPED, CONTEXT, verb, whole=True)
    assert granted(rights) == listed(SHIPPED, verb) | lacking(SHIPPED, verb, whole=True)


@pytest.mark.parametrize("verb", VERBS)
def test_every_action_is_one_that_iam_knows(verb: Verb) -> None:
    for action in granted(service_role_rights(SHIPPED, CONTEXT, verb)):
        assert action in NEWER or actions(action), action


@pytest.mark.parametrize("bounds", [SHIPPED, BOUNDED], ids=["shipped", "bounded"])
@pytest.mark.parametrize("verb", VERBS)
def test_anything_is_allowed_only_where_aws_knows_no_resource(bounds: tuple[Bound, ...], verb: Verb) -> None:
    for statement in statements(service_role_rights(bounds, CONTEXT, verb)):
        if "*" in as_list(statement["Resource"]):
            for pattern in statement["Action"]:
                assert all(arn_formats(action) == [] for action in actions(pattern)), pattern
                assert "Condition" not in statement


@pytest.mark.parametrize("verb", VERBS)
def test_each_action_is_allowed_on_arns_of_a_kind_that_aws_checks_it_on(verb: Verb) -> None:
    for statement in statements(service_role_rights(SHIPPED, CONTEXT, verb)):
        # A wildcard stands for actions on anything too, which its ARNs then do not allow.
        exact = [action for action in statement["Action"] if "*" not in action and action not in NEWER]
        for arn in as_list(statement["Resource"]):
            for action in exact if arn != "*" else []:
                assert any(fnmatchcase(arn, pattern) for pattern in arn_formats(action)), (action, arn)


@pytest.mark.parametrize("verb", VERBS)
def test_each_condition_is_one_that_aws_checks_for_all_its_actions(verb: Verb) -> None:
    conditional = [
        statement for statement in statements(service_role_rights(BOUNDED, CONTEXT, verb)) if "Condition" in statement
    ]
    for statement in conditional:
        for key in (key for keys in statement["Condition"].values() for key in keys):
            assert all(key in condition_keys(action) for action in statement["Action"]), statement
    assert bool(conditional) == (verb in {Verb.EXECUTE, Verb.DESTROY})


def test_a_bounded_role_s_boundary_can_neither_be_lifted_nor_left_out() -> None:
    rights = service_role_rights(BOUNDED, CONTEXT, Verb.EXECUTE, whole=True)
    assert "iam:DeleteRolePermissionsBoundary" not in granted(rights)
    creating = [grant.place for grant in rights.granted if grant.action == "iam:CreateRole"]
    boundary = "arn:aws:iam::111122223333:policy/team/dev-boundary"
    assert {place.conditions for place in creating} == {(("StringEquals", "iam:PermissionsBoundary", (boundary,)),)}


def test_the_role_of_the_shipped_system_fits_in_one_managed_policy() -> None:
    assert not too_large(service_role_rights(SHIPPED, CONTEXT, Verb.EXECUTE))


def test_a_type_of_which_nobody_says_anything_is_named() -> None:
    bound = stack(Thing={"Type": "Custom::Thing"})
    (warning,) = service_role_rights((bound,), CONTEXT, Verb.EXECUTE).warnings
    assert warning.startswith("us-east-1/own: Thing (Custom::Thing): its schema lists no permissions")


def test_a_user_s_own_type_is_allowed_on_anything_with_a_warning() -> None:
    rights = service_role_rights((stack(Queue={"Type": "AWS::SQS::Queue"}),), CONTEXT, Verb.EXECUTE)
    assert "sqs:CreateQueue" in granted(rights)
    assert {grant.place.arns for grant in rights.granted} == {("*",)}
    assert rights.warnings == ("AWS::SQS::Queue: its actions are allowed on anything",)


def test_a_property_brings_back_what_is_needed_for_it() -> None:
    function = {"Type": "AWS::Lambda::Function", "Properties": {"VpcConfig": {"SubnetIds": ["subnet-1"]}}}
    rights = service_role_rights((stack(Function=function),), CONTEXT, Verb.EXECUTE)
    assert "ec2:DescribeSubnets" in granted(rights)
    assert "ec2:DescribeSubnets" not in granted(service_role_rights(SHIPPED, CONTEXT, Verb.EXECUTE))
