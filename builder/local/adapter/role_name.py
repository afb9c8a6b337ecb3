"""A role that its template leaves unnamed gets a name that no stack of another region gives: roles have no region.

The emulator makes the name of stack and logical id, so that stacks of one name in two regions would share a role.
"""

import hashlib
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import touch

TYPE = "AWS::IAM::Role"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_LONGEST = 64


def install(handlers: Mapping[str, MutableMapping[str, Any]]) -> None:
    """Wrap the creation of roles."""
    handlers[TYPE]["create"] = _make_create(handlers[TYPE]["create"])


def _make_create(create: Callable[..., Any]) -> Callable[..., Any]:
    def create_under_own_name(logical_id: str, props: Mapping[str, Any], stack_name: str) -> object:
        if props.get("RoleName"):
            return create(logical_id, props, stack_name)
        region = touch("ministack.core.responses:get_region")()
        place = hashlib.sha256(region.encode()).hexdigest()[:6].upper()
        make_name = touch("ministack.services.cloudformation.provisioners:_physical_name")
        name = make_name(stack_name, logical_id, max_len=_LONGEST - len(place))
        return create(logical_id, {**props, "RoleName": f"{name}{place}"}, stack_name)

    return create_under_own_name
