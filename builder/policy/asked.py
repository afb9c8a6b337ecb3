"""One policy, as it is asked for: whose, for which verbs, of which assembly."""

from dataclasses import dataclass

from builder.assembly.bound import Bound
from builder.policy.caller import Caller, caller_rights
from builder.policy.records import Rights, Setting, Verb
from builder.policy.service_role import service_role_rights


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for; several verbs make one policy."""

    verbs: tuple[Verb, ...]
    caller: Caller
    of_service_role: bool = False
    """CloudFormation's policy instead of the caller's."""
    whole: bool = False
    """Nothing is left out of what the resource types' schemas list."""


def make_rights(bounds: tuple[Bound, ...], setting: Setting, asked: Asked) -> Rights:
    """Return what is needed, verb after verb."""
    rights = Rights()
    for verb in asked.verbs:
        if asked.of_service_role:
            rights += service_role_rights(bounds, setting, verb, whole=asked.whole)
        else:
            rights += caller_rights(bounds, setting, verb, asked.caller, whole=asked.whole)
    return rights
