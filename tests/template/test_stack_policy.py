"""What a stack policy says: its form, whether two are the same, and what one denies."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.template import OPEN_POLICY, UpdateAction, canonical_policy, denial, is_open, open_for, same_policy

ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
DENY: dict[str, Any] = {**ALLOW, "Effect": "Deny", "Resource": "LogicalResourceId/Key"}
OF_TYPE = {"Condition": {"StringLike": {"ResourceType": ["AWS::KMS::*"]}}}


def policy(*statements: object, **more: object) -> str:
    return json.dumps({"Statement": list(statements), **more})


WRONG: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "is not JSON: line 1"),
    "a number that JSON does not have": ('{"Statement": [NaN]}', "is not JSON"),
    "too deep": ("[" * 100_000, "is not JSON"),
    "a list": ("[]", "is no stack policy: that is an object with a list Statement, which is not empty"),
    "without statements": ("{}", "is no stack policy"),
    "with none": (policy(), "is no stack policy"),
    "one statement alone": (json.dumps({"Statement": ALLOW}), "is no stack policy"),
    "a statement that is none": (policy("Allow"), "statement 1 is no object"),
    "an effect in small letters": (policy(ALLOW, {**ALLOW, "Effect": "deny"}), "statement 2 has no Effect of Allow or"),
    "two effects": (policy({**ALLOW, "Effect": ["Allow", "Deny"]}), "statement 1 has no Effect of Allow or Deny"),
    "an effect that is an object": (policy({**ALLOW, "Effect": {}}), "statement 1 has no Effect of Allow or Deny"),
    "for somebody": (policy({**ALLOW, "Principal": {"AWS": "*"}}), 'statement 1 is not for the Principal "*"'),
    "an action of a service": (policy({**ALLOW, "Action": ["s3:*"]}), "has the action 's3:*', and there are Update:Mo"),
    "an action that is a number": (policy({**ALLOW, "Action": [1]}), "has an Action that is neither a text nor a list"),
    "no action": (policy({key: ALLOW[key] for key in ALLOW if key != "Action"}), "has not one of Action and NotAction"),
    "two resources": (policy({**ALLOW, "NotResource": "*"}), "has not one of Resource and NotResource"),
    "too long": (
        policy(*[{**ALLOW, "Sid": "x" * 200}] * 80),
        "characters without its spaces, and CloudFormation takes",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_policy_is_told(kind: str) -> None:
    text, message = WRONG[kind]
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared
        canonical_policy(text)
    assert message in str(caught.value)


def test_the_longest_that_is_taken_has_16384_characters() -> None:
    empty = len(canonical_policy(policy({**ALLOW, "Sid": ""})))
    fits = policy({**ALLOW, "Sid": "x" * (16_384 - empty)})
    assert len(canonical_policy(json.dumps(json.loads(fits), indent=8))) == 16_384
    with pytest.raises(ValueError, match="has 16,385 characters"):
        canonical_policy(fits.replace("xx", "xxx", 1))


def test_one_policy_has_one_form() -> None:
    spaced = json.dumps({"Statement": [dict(reversed(ALLOW.items()))]}, indent=4)
    assert canonical_policy(spaced) == canonical_policy(policy(ALLOW).encode()) == OPEN_POLICY
    assert same_policy(spaced, OPEN_POLICY)
    assert not same_policy(policy(ALLOW, DENY), policy(DENY, ALLOW))
    assert (same_policy(None, None), same_policy(None, OPEN_POLICY), same_policy("no JSON", "no JSON")) == (
        True,
        False,
        True,
    )


MODIFY: UpdateAction = "Update:Modify"
REPLACE: UpdateAction = "Update:Replace"
DELETE: UpdateAction = "Update:Delete"
EXCEPT = {name: value for name, value in DENY.items() if name != "Resource"}
JUDGED: dict[str, tuple[str, UpdateAction, str]] = {
    "all is allowed": (OPEN_POLICY, REPLACE, ""),
    "it is denied": (policy(ALLOW, DENY), MODIFY, "statement 2 denies it"),
    "whatever the order": (policy(DENY, ALLOW), MODIFY, "statement 1 denies it"),
    "another is denied": (policy(ALLOW, {**DENY, "Resource": "LogicalResourceId/Keys"}), MODIFY, ""),
    "by a wildcard": (policy(ALLOW, {**DENY, "Resource": "LogicalResourceId/K*"}), MODIFY, "statement 2 denies it"),
    "another action is denied": (policy(ALLOW, {**DENY, "Action": [REPLACE, DELETE]}), MODIFY, ""),
    "this action is denied": (policy(ALLOW, {**DENY, "Action": [REPLACE, DELETE]}), DELETE, "statement 2 denies it"),
    "nothing allows it": (policy({**ALLOW, "Action": MODIFY}), REPLACE, "no statement allows it"),
    "only others are allowed": (policy({**ALLOW, "Resource": "LogicalResourceId/Topic"}), MODIFY, "no statement allow"),
    "its type is denied": (policy(ALLOW, {**DENY, "Resource": "*", **OF_TYPE}), MODIFY, "statement 2 denies it"),
    "another type is denied": (
        policy(ALLOW, {**DENY, "Condition": {"StringEquals": {"ResourceType": "AWS::KMS::*"}}}),
        MODIFY,
        "",
    ),
    "a condition that nobody knows": (policy(ALLOW, {**DENY, "Condition": {"Bool": {"x": "y"}}}), MODIFY, ""),
    "what is not said": (policy({**ALLOW, "NotResource": "*"}), MODIFY, ""),
    "what denies all but": (policy(ALLOW, {**DENY, "NotAction": MODIFY, "Action": REPLACE}), REPLACE, ""),
    "all but it is denied": (policy(ALLOW, {**EXCEPT, "NotResource": "LogicalResourceId/K*"}), MODIFY, ""),
    "all but another is denied": (
        policy(ALLOW, {**EXCEPT, "NotResource": ["LogicalResourceId/Topic"]}),
        MODIFY,
        "statement 2 denies it",
    ),
    "what is no policy": ("[]", MODIFY, ""),
    "what is no JSON": ("{", MODIFY, ""),
}


@pytest.mark.parametrize("kind", JUDGED)
def test_what_is_denied_is_told_and_nothing_that_is_not_certain(kind: str) -> None:
    text, action, message = JUDGED[kind]
    reason = denial(text, action, "Key", "AWS::KMS::Key")
    assert reason.startswith(message)
    assert bool(reason) is bool(message)


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        (OPEN_POLICY, True),
        (policy(ALLOW, {**ALLOW, "Sid": "twice"}), True),
        (policy(ALLOW, DENY), False),
        (policy({**ALLOW, "Action": MODIFY}), False),
        (policy({**ALLOW, **OF_TYPE}), False),
        (policy({**ALLOW, "Resource": "LogicalResourceId/*"}), False),
        ("{", False),
    ],
)
def test_what_denies_nothing_is_open(text: str, *, opened: bool) -> None:
    assert is_open(text) is opened


_IDS = ("Table", "Tables", "Topic", "Queue")
_PLACES = st.sampled_from(
    ["*", "LogicalResourceId/*", "LogicalResourceId/T*", *(f"LogicalResourceId/{logical_id}" for logical_id in _IDS)]
)
_STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.sampled_from(["Update:*", MODIFY, REPLACE, DELETE, [REPLACE, DELETE]]),
        "Principal": st.just("*"),
    },
    optional={"Condition": st.just(OF_TYPE["Condition"])},
).flatmap(
    lambda statement: st.one_of(
        st.builds(lambda places: statement | {"Resource": places}, st.lists(_PLACES, min_size=1, max_size=2)),
        st.builds(lambda places: statement | {"NotResource": places}, st.lists(_PLACES, min_size=1, max_size=2)),
    )
)


@given(st.lists(_STATEMENTS, min_size=1, max_size=4))
def test_what_leaves_a_stack_is_let_go_and_all_else_is_denied_as_before(statements: list[dict[str, object]]) -> None:
    text, kind = json.dumps({"Statement": statements}), "AWS::KMS::Key"
    opened = open_for(text, {"Table": kind}, _IDS)
    assert denial(opened, DELETE, "Table", kind) == ""
    for action in (MODIFY, REPLACE, DELETE):
        for name in _IDS[1:]:
            assert bool(denial(opened, action, name, kind)) is bool(denial(text, action, name, kind))
