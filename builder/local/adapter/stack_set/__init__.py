"""CloudFormation StackSets, of which the emulator has nothing: the API, the resource type, what Organizations adds.

`wire` reads requests and writes replies by botocore's model. `sets`, `instances` and `operations` are the actions.
`run` carries an operation out in the background by the arithmetic of `schedule`, on `stack` after `stack` in the
accounts and regions of its `target`s, by the `role`s of the set. `resource` is the same as a resource of a stack.
"""

from collections.abc import Callable, MutableMapping
from typing import Any

from builder.local.adapter.change_set import Action, Params
from builder.local.adapter.emulator import replace, touch
from builder.local.adapter.refusals import Reply
from builder.local.adapter.stack_set import instances, operations, organization, records, resource, sets, stack, wire
from builder.local.adapter.stack_set.resource import TYPE

__all__ = ["TYPE", "install"]

_CFN = "ministack.services.cloudformation"


def install(handlers: MutableMapping[str, Any], actions: MutableMapping[str, Action]) -> None:
    """Add the actions and the resource type, forgotten when the emulator is reset."""
    for name, handle in (sets.ACTIONS | instances.ACTIONS | operations.ACTIONS).items():
        actions[name] = _make_action(name, handle)
    resource.install(handlers, actions)
    stack.install()
    replace(f"{_CFN}:reset", _forgetting)


def _make_action(name: str, handle: Callable[[dict[str, Any]], dict[str, Any]]) -> Action:
    def answer(params: Params) -> Reply:
        try:
            request = wire.read_request(name, params)
            with organization.called_as(request.get("CallAs", "SELF")):
                return wire.make_reply(name, handle(request))
        except wire.Fault as fault:
            reply: Reply = touch(f"{_CFN}.helpers:_error")(fault.code, str(fault), wire.status_of(fault.code))
            return reply

    return answer


def _forgetting(reset: Callable[[], None]) -> Callable[[], None]:
    def reset_all() -> None:
        reset()
        records.reset()
        organization.reset()

    return reset_all
