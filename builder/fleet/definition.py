"""The StackSets of a template, as records: who gets which stack, and what waits for what; pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from builder.deploy.desired import TAG_STACK
from builder.deploy.template import properties_of, read_template, resolve, resources_of
from builder.fleet.records import Definition, Holding, StackSet, Targets
from builder.resource_types import STACK_SET
from builder.terms import AccountId, LogicalId, Region, StackId


def read_definitions(template: object, values: Mapping[str, str], holding: Holding) -> tuple[Definition, ...]:
    """Return every StackSet of a template, in its order; `values` are those of its parameters and pseudo-parameters.

    `template` is as GetTemplate answers, or a text.
    """
    listed = resources_of(read_template(template, holding.stack))
    resources = {name: one for name, one in listed.items() if one.get("Type") == STACK_SET}
    properties = {name: _known(properties_of(one), values) for name, one in resources.items()}
    ids = {name: _id(name, said) for name, said in properties.items()}
    return tuple(
        _definition(LogicalId(name), properties[name], ids, _named(one.get("DependsOn")), holding)
        for name, one in resources.items()
    )


def has_sets(template: object, where: str = "template") -> bool:
    """Return whether a template has any StackSet."""
    return any(one.get("Type") == STACK_SET for one in resources_of(read_template(template, where)).values())


def _definition(
    name: LogicalId, said: Mapping[str, Any], ids: Mapping[str, StackId], needs: list[Any], holding: Holding
) -> Definition:
    return Definition(
        stack_set=StackSet(
            id=ids[name],
            name=str(said.get("StackSetName")),
            logical_id=name,
            held_by=holding,
            needs=tuple(ids[one] for one in needs if one in ids),
            is_service_managed=said.get("PermissionModel") == "SERVICE_MANAGED",
            call_as="DELEGATED_ADMIN" if said.get("CallAs") == "DELEGATED_ADMIN" else "SELF",
            execution_role=str(said.get("ExecutionRoleName", "")),
            preferences=said.get("OperationPreferences", {}),
        ),
        body=said["TemplateBody"] if isinstance(said.get("TemplateBody"), str) else None,
        parameters={one["ParameterKey"]: str(one["ParameterValue"]) for one in said.get("Parameters", [])},
        targets=tuple(_targets(said)),
    )


def _named(depends_on: object) -> list[Any]:
    return [depends_on] if isinstance(depends_on, str) else depends_on if isinstance(depends_on, list) else []


def _targets(said: Mapping[str, Any]) -> Iterator[Targets]:
    for group in said.get("StackInstancesGroup", []):
        targets = group.get("DeploymentTargets", {})
        yield Targets(
            accounts=tuple(AccountId(one) for one in _texts(targets.get("Accounts"))),
            units=_texts(targets.get("OrganizationalUnitIds")),
            filter=targets.get("AccountFilterType", "NONE"),
            regions=tuple(Region(one) for one in _texts(group.get("Regions"))),
        )


def _texts(value: object) -> tuple[str, ...]:
    """Return a list's texts; a parameter of type CommaDelimitedList is one text."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _id(name: str, said: Mapping[str, Any]) -> StackId:
    """Return what the set's tag says it is; of a set that somebody added by hand its logical id."""
    tags = {tag.get("Key"): tag.get("Value") for tag in said.get("Tags", [])}
    return StackId(tags.get(TAG_STACK) or name)


def _known(value: object, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    """Return a value with its parameters put in, as far as it takes no more than that."""
    if (text := resolve(value, values)) is not None:
        return text
    match value:
        case Mapping():
            return {name: _known(inner, values) for name, inner in value.items()}
        case list():
            return [_known(inner, values) for inner in value]
    return value
