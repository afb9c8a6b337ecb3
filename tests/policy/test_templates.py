from dataclasses import replace

import pytest

from builder.assembly import Assembly, Manifest
from builder.assembly.bound import Bound
from builder.errors import BadInput
from builder.policy.resource import bind_templates, of_account
from builder.terms import AccountId
from policy.system import SHIPPED

HOME, OTHER = AccountId("111122223333"), AccountId("444455556666")


def belonging(account: AccountId | None) -> Bound:
    return replace(SHIPPED[0], entry=replace(SHIPPED[0].entry, account=account))


def test_every_stack_comes_with_its_template() -> None:
    assert SHIPPED[0].entry.id == "us-west-2/storage"
    assert all(list(bound.resources()) for bound in SHIPPED)


def test_what_is_no_template_is_refused_by_name() -> None:
    entry = SHIPPED[0].entry
    assembly = Assembly(Manifest(version=2, project="tap", stacks=(entry,)), {entry.template: b"one"})
    with pytest.raises(BadInput, match=r"us-west-2/storage\.yaml: is no template"):
        bind_templates(assembly)


def test_a_stack_belongs_to_the_account_that_it_names_or_else_at_home() -> None:
    unnamed, named = belonging(None), belonging(OTHER)
    assert of_account((unnamed, named), HOME, HOME) == (unnamed,)
    assert of_account((unnamed, named), OTHER, HOME) == (named,)
    assert of_account((unnamed, named), OTHER, OTHER) == (unnamed, named)


def test_where_nobody_says_which_is_home_it_is_one_that_no_stack_names() -> None:
    unnamed, named = belonging(None), belonging(OTHER)
    assert of_account((unnamed, named), HOME, None) == (unnamed,)
    assert of_account((unnamed, named), OTHER, None) == (named,)
