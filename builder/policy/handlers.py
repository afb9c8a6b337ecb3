"""What CloudFormation needs to handle a resource type: the permissions in the type's schema, as cfn-lint ships it.

Source: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from collections.abc import Iterator

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError

from builder.policy.records import Verb

_TAGGING = "tagging"

HANDLERS: dict[Verb, tuple[str, ...]] = {
    # Early validation looks whether a name is taken, and a drift-aware change set at what is there.
    Verb.PLAN: ("read", "list"),
    # Whatever a change set does, its rollback undoes.
    Verb.EXECUTE: ("create", "read", "update", "delete", "list", _TAGGING),
    Verb.DESTROY: ("read", "delete"),
    Verb.STATUS: (),
    # What detecting drift looks at.
    Verb.DRIFT: ("read",),
    Verb.DRILL: (),
    Verb.FLEET_PLAN: ("read", "list"),
    Verb.FLEET_EXECUTE: ("create", "read", "update", "delete", "list", _TAGGING),
    Verb.FLEET_STATUS: (),
    Verb.FLEET_DESTROY: ("read", "delete"),
}
"""The handlers that run for each verb; stack tags reach every resource that can have any."""


def permissions(type_name: str, region: str, verb: Verb) -> dict[str, tuple[str, ...]] | None:
    """Return each action that CloudFormation may call for a resource type, with the handlers that do.

    None where AWS says nothing of the type: a custom resource, or a type whose schema lists no handlers.
    """
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, type_name).schema
    except ResourceNotFoundError:
        return None
    lists = {**schema.get("handlers", {}), _TAGGING: schema.get(_TAGGING, {})}
    if len(lists) == 1:
        return None
    found: dict[str, list[str]] = {}
    for handler in HANDLERS[verb]:
        for action in _listed(lists.get(handler)):
            found.setdefault(action, []).append(handler)
    return {action: tuple(handlers) for action, handlers in found.items()}


def _listed(handler: object) -> Iterator[str]:
    listed = handler.get("permissions", []) if isinstance(handler, dict) else []
    yield from dict.fromkeys(str(action) for action in listed)
