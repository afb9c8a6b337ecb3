"""Grants to a policy document: one statement for all actions that are allowed on the same things."""

import json
from collections import defaultdict
from typing import Any

from builder.policy.records import GrantTarget, Rights, Test

# Characters without white space. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MANAGED_POLICY_CHARACTERS = 6_144
ROLE_INLINE_CHARACTERS = 10_240
_Key = tuple[str, tuple[Test, ...]]


def make_document(rights: Rights) -> dict[str, Any]:
    """Return the policy as IAM takes it, the same for the same grants in any order."""
    actions: dict[tuple[_Key, str], set[str]] = defaultdict(set)
    for grant in rights.granted:
        actions[(grant.place.name, grant.place.conditions), grant.action].update(grant.place.arns)
    together: dict[GrantTarget, set[str]] = defaultdict(set)
    for ((name, tests), action), arns in actions.items():
        together[GrantTarget(name, tuple(sorted(arns)), tests)].add(action)
    places = sorted(together, key=lambda place: (place.name, place.arns, place.conditions))
    names = [place.name for place in places]
    return {
        "Version": "2012-10-17",
        "Statement": [
            _statement(_sid(place.name, names[:index]), place, sorted(together[place]))
            for index, place in enumerate(places)
        ],
    }


def characters(document: dict[str, Any]) -> int:
    """Return how many characters IAM counts of a document."""
    return len(json.dumps(document, separators=(",", ":")))


def _sid(name: str, taken: list[str]) -> str:
    return f"{name}{taken.count(name) + 1}" if name in taken else name


def _statement(sid: str, place: GrantTarget, actions: list[str]) -> dict[str, Any]:
    condition: dict[str, dict[str, Any]] = defaultdict(dict)
    for operator, key, values in place.conditions:
        condition[operator][key] = _one_or_list(values)
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": actions,
        "Resource": _one_or_list(place.arns),
        **({"Condition": dict(condition)} if condition else {}),
    }


def _one_or_list(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def explain(rights: Rights) -> str:
    """Return the text, a line for each action; the names of places are the statements' ids."""
    granted: dict[str, dict[str, None]] = defaultdict(dict)
    places: dict[str, dict[str, None]] = defaultdict(dict)
    for grant in rights.granted:
        granted[grant.action][grant.because] = None
        places[grant.action][grant.place.name] = None
    left_out: dict[str, dict[str, None]] = defaultdict(dict)
    for left in rights.left_out:
        if left.action not in granted:
            left_out[left.action][left.because] = None
    lines = [f"{action}  on {', '.join(places[action])}: {'; '.join(granted[action])}" for action in sorted(granted)]
    if left_out:
        lines += ["", "left out, though the resource types' schemas list it:"]
        lines += [f"{action}: {'; '.join(left_out[action])}" for action in sorted(left_out)]
    return "\n".join([*lines, "", size(rights)]) + "\n"


def size(rights: Rights) -> str:
    """Return how much room the policy takes of what IAM gives it."""
    taken = characters(make_document(rights))
    if taken <= MANAGED_POLICY_CHARACTERS:
        return f"{taken:,} of the {MANAGED_POLICY_CHARACTERS:,} characters of a managed policy"
    return (
        f"{taken:,} characters: more than the {MANAGED_POLICY_CHARACTERS:,} of a managed policy; "
        f"a role's inline policies have {ROLE_INLINE_CHARACTERS:,} together"
    )


def too_large(rights: Rights) -> bool:
    """Return whether the policy fits in no managed policy."""
    return characters(make_document(rights)) > MANAGED_POLICY_CHARACTERS
