"""A policy for people: each action, where it is allowed, and why; then what was left out, and why."""

from collections import defaultdict

from builder.policy.document import MANAGED_POLICY_CHARACTERS, ROLE_INLINE_CHARACTERS, characters, make_document
from builder.policy.records import Rights


def explain(rights: Rights) -> str:
    """Return the text, a line for each action; the names of places are the statements' ids."""
    granted: dict[str, dict[str, None]] = defaultdict(dict)
    places: dict[str, dict[str, None]] = defaultdict(dict)
    for grant in rights.granted:
        granted[grant.action][grant.because] = None
        places[grant.action][grant.place.name] = None
    left_out: dict[str, dict[str, None]] = defaultdict(dict)
    for one in rights.left_out:
        if one.action not in granted:
            left_out[one.action][one.because] = None
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
