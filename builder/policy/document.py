"""The parts of a policy, grants with their places and reasons, and the document of them; pure.

One statement has all actions that are allowed on the same resources.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from builder.template import fill

ANY = "*"
Test = tuple[str, str, tuple[str, ...]]
"""An operator, a condition key, and the values, one of which has to match."""


class Verb(StrEnum):
    """A command for which the policy is made."""

    PLAN = "plan"
    EXECUTE = "execute"
    ADOPT = "adopt"
    STATUS = "status"
    DRIFT = "drift"
    DRILL = "drill"
    FAILBACK = "failback"
    BACKFILL = "backfill"
    PROMOTE = "promote"
    DESTROY = "destroy"
    PRUNE = "artifacts-prune"
    FLEET_PLAN = "fleet-plan"
    FLEET_EXECUTE = "fleet-execute"
    FLEET_STATUS = "fleet-status"
    FLEET_DRIFT = "fleet-drift"
    FLEET_DESTROY = "fleet-destroy"

    @property
    def is_of_fleet(self) -> bool:
        """Whether it uses a fleet's assembly."""
        return self.startswith("fleet-")


@dataclass(frozen=True, slots=True)
class PolicyContext:
    """The partition, account and environment of a policy; by default CloudFormation's pseudo parameters."""

    partition: str = "${AWS::Partition}"
    account: str = "${AWS::AccountId}"
    suffix: str = "${EnvironmentSuffix}"

    def fill(self, text: str) -> str:
        """Return a computed name with these values in place of CloudFormation's pseudo parameters."""
        words = {"AWS::Partition": self.partition, "AWS::AccountId": self.account, "EnvironmentSuffix": self.suffix}
        return fill(text, words)

    def arn(self, service: str, region: str, resource: str) -> str:
        """Return an ARN; S3's have neither region nor account, IAM's no region."""
        account = "" if service == "s3" else self.account
        where = "" if service in {"s3", "iam"} else region
        return f"arn:{self.partition}:{service}:{where}:{account}:{self.fill(resource)}"


@dataclass(frozen=True, slots=True)
class GrantTarget:
    """The resources on which an action is allowed, with conditions."""

    name: str
    """A name for people: `Tables`."""
    arns: tuple[str, ...]
    conditions: tuple[Test, ...] = ()


NOWHERE_IN_PARTICULAR = GrantTarget("Anything", (ANY,))


@dataclass(frozen=True, slots=True)
class Grant:
    """One action that is needed on some resources."""

    action: str
    place: GrantTarget
    because: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One action in a resource type's schema that these templates do not need."""

    action: str
    because: str


@dataclass(frozen=True, slots=True)
class Rights:
    """What is needed, what is left out although AWS lists it, and what a person has to check."""

    granted: tuple[Grant, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()
    """What is broader than it should be, or missing, a line each."""

    def __add__(self, other: "Rights") -> "Rights":
        return Rights(
            self.granted + other.granted,
            self.left_out + other.left_out,
            tuple(dict.fromkeys((*self.warnings, *other.warnings))),
        )


# Characters, white space not counted. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MANAGED_POLICY_CHARACTERS = 6_144
ROLE_INLINE_CHARACTERS = 10_240
_Key = tuple[str, tuple[Test, ...]]


def make_document(rights: Rights) -> dict[str, Any]:
    """Return the policy as IAM takes it; its order does not depend on that of the grants."""
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
    """Return the number of a document's characters, as IAM counts them."""
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
    """Return how much of IAM's limits the policy takes."""
    taken = characters(make_document(rights))
    if taken <= MANAGED_POLICY_CHARACTERS:
        return f"{taken:,} of the {MANAGED_POLICY_CHARACTERS:,} characters of a managed policy"
    return (
        f"{taken:,} characters: more than the {MANAGED_POLICY_CHARACTERS:,} of a managed policy; "
        f"a role's inline policies have {ROLE_INLINE_CHARACTERS:,} together"
    )


def too_large(rights: Rights) -> bool:
    """Return whether the policy is too large for a managed policy."""
    return characters(make_document(rights)) > MANAGED_POLICY_CHARACTERS
