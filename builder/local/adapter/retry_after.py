"""CloudFormation's answers say that it may be asked again at once, since nothing takes time here.

The one thing added that AWS does not say: who heeds Retry-After loses no time here, and need not know where it is.
Source: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
"""

from collections.abc import MutableMapping

from builder.local.adapter.change_set import Action, Params
from builder.local.adapter.refusals import Reply


def install(actions: MutableMapping[str, Action]) -> None:
    """Wrap every action."""
    for name, handle in actions.items():
        actions[name] = _make_answer(handle)


def _make_answer(handle: Action) -> Action:
    def answer(params: Params) -> Reply:
        status, headers, body = handle(params)
        return status, {**headers, "Retry-After": "0"}, body

    return answer
