"""The sets: who gets which stack and what waits for what, in a template, and in the stacks that stand."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from builder.aws import Clients, together
from builder.deploy import StackContents
from builder.deploy.desired import TAG_DEPLOYMENT, TAG_STACK
from builder.deploy.observe.stacks import ObservedStack, observe_resources, observe_stack, observe_template
from builder.fleet.observe import describe_set, observe_instances, observe_operations
from builder.fleet.records import Definition, Holding, StackSet, Targets
from builder.resource_types import STACK_SET
from builder.template import properties_of, read_deployed, read_template
from builder.terms import AccountId, LogicalId, Region, StackId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackSetTypeDef


def read_definitions(template: object, values: Mapping[str, str | None], holding: Holding) -> tuple[Definition, ...]:
    """Return every StackSet of a template, in its order; `values` are those of its parameters and pseudo-parameters.

    `template` is as GetTemplate answers, or a text.
    """
    read = read_template(template, holding.stack)
    resources, binding = read.resources(STACK_SET), read.bind(values)
    properties = {name: binding.value(properties_of(one)) for name, one in resources.items()}
    ids = {name: _id(name, said) for name, said in properties.items()}
    return tuple(
        _definition(LogicalId(name), properties[name], ids, _named(one.get("DependsOn")), holding)
        for name, one in resources.items()
    )


def has_sets(template: object, where: str = "template") -> bool:
    """Return whether a template has any StackSet."""
    return bool(read_template(template, where).resources(STACK_SET))


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
            overrides={one["ParameterKey"]: str(one["ParameterValue"]) for one in group.get("ParameterOverrides", [])},
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


def pseudo_parameters(account: AccountId, region: Region, stack_name: str) -> dict[str, str]:
    """Return what CloudFormation puts in for its own parameters, as far as a template of sets may need them."""
    return {"AWS::AccountId": account, "AWS::Region": region, "AWS::StackName": stack_name}


async def look_again(standing: Iterable[StackContents], clients: Clients) -> tuple[StackContents, ...]:
    """Return the stacks, those deleted since included, as they are by now; what they hold is not looked at again."""
    standing = tuple(standing)
    found = await together(observe_stack(clients, one.stack.site, one.stack.arn) for one in standing)
    return tuple(replace(one, stack=stack) for one, stack in zip(standing, found, strict=True) if stack is not None)


async def observe_sets(standing: Iterable[StackContents], clients: Clients) -> tuple[StackSet, ...]:
    """Return the sets that the stacks hold: those of their templates, in their order, then those dropped from them.

    A stack whose update failed, or still goes on, holds what its template has no more, and takes it along when it goes.
    """
    found = await together(_held(one, clients) for one in standing if one.stack.facts.exists)
    return _told_apart([stack_set for sets in found for stack_set in sets])


async def without_instances(
    standing: Sequence[StackContents], sets: Sequence[StackSet], clients: Clients
) -> tuple[StackContents, ...]:
    """Return the stacks that are no instances of these sets: one that was imported into a set has kept its own name."""
    holders = {one.held_by for one in sets}
    others = {one.stack.account for one in standing if Holding(one.id, one.stack.site) not in holders}
    listed = await together(observe_instances(clients, one, account) for one in sets for account in others)
    instances = {one.stack for found in listed for one in found}
    return tuple(one for one in standing if one.stack.arn not in instances)


def _told_apart(sets: Sequence[StackSet]) -> tuple[StackSet, ...]:
    """Return the sets under ids that are unique, also where two stacks hold the same ones: the fleet has moved."""
    counts = Counter(one.id for one in sets)

    def unique(one: StackSet, name: StackId) -> StackId:
        return StackId(f"{name} of {one.held_by.stack}") if counts[name] > 1 else name

    return tuple(
        replace(one, id=unique(one, one.id), needs=tuple(unique(one, need) for need in one.needs)) for one in sets
    )


async def observe_definitions(holder: StackContents, clients: Clients) -> tuple[Definition, ...]:
    """Return every StackSet of the template that a stack is deployed with."""
    stack = holder.stack
    template = read_deployed(await observe_template(clients, stack), holder.id)
    values = {**stack.parameters, **pseudo_parameters(stack.account, stack.region, stack.name)}
    return read_definitions(template.data, values, Holding(holder.id, stack.site))


async def _held(one: StackContents, clients: Clients) -> tuple[StackSet, ...]:
    names = await _observe_names(one.stack, clients)
    is_unsure = one.stack.facts.settled and not one.stack.facts.good
    if not names and not is_unsure:
        return ()
    defined = [each.stack_set for each in await observe_definitions(one, clients)]
    if is_unsure:
        names |= await _unlisted(one.stack, [each for each in defined if each.logical_id not in names], clients)
    held = tuple(replace(each, name=names.pop(each.logical_id)) for each in defined if each.logical_id in names)
    # A fleet says once for all of its sets how they are worked on; what was dropped says nothing of that any more.
    said: dict[str, Any] = {"call_as": defined[0].call_as, "preferences": defined[0].preferences} if defined else {}
    unknown = [
        StackSet(
            id=StackId(logical_id), name=name, logical_id=logical_id, held_by=Holding(one.id, one.stack.site), **said
        )
        for logical_id, name in names.items()
    ]
    return (*held, *await _dropped(unknown, held, clients))


async def _observe_names(stack: ObservedStack, clients: Clients) -> dict[LogicalId, str]:
    """Return the names of the sets among the stack's resources, which are what their ids begin with.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSet.html
    """
    resources = await observe_resources(clients, stack)
    return {
        one.logical_id: one.physical_id.partition(":")[0]
        for one in resources
        if one.type == STACK_SET and one.physical_id
    }


async def _unlisted(stack: ObservedStack, defined: Sequence[StackSet], clients: Clients) -> dict[LogicalId, str]:
    """Return the names of sets that only the template shows: what failed to be created may be no resource, and stand.

    Somebody else's, for whose name the creation failed, is told by its tags.
    """
    described = await together(describe_set(clients, one) for one in defined)
    return {
        one.logical_id: one.name
        for one, said in zip(defined, described, strict=True)
        if said is not None and _tags(said).items() >= {(TAG_STACK, one.id), *_deployment_tag(stack)}
    }


def _deployment_tag(stack: ObservedStack) -> set[tuple[str, str]]:
    return {(TAG_DEPLOYMENT, stack.tags.get(TAG_DEPLOYMENT, ""))}


def _tags(said: "StackSetTypeDef") -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in said.get("Tags", [])}


async def _dropped(unknown: Sequence[StackSet], held: tuple[StackSet, ...], clients: Clients) -> tuple[StackSet, ...]:
    """Return the sets that the template has no more, each needing all of the template's and those older than itself.

    Nothing that is left in a template can need what was taken out of it; and what needs another is made after it.
    """
    described = await together(describe_set(clients, one) for one in unknown)
    # Their order is asked for where there is any: the oldest operation is on the last page.
    operations = await together(observe_operations(clients, one) for one in unknown if len(unknown) > 1)
    ages = [past[-1].created if past else "" for past in operations] or [""] * len(unknown)
    dropped: list[StackSet] = []
    for _, one, said in sorted(zip(ages, unknown, described, strict=True), key=lambda each: each[0]):
        if said is not None:
            needs = tuple(other.id for other in (*held, *dropped))
            dropped.append(_as_described(one, said, needs))
    return tuple(dropped)


def _as_described(one: StackSet, said: "StackSetTypeDef", needs: tuple[StackId, ...]) -> StackSet:
    own = StackId(_tags(said).get(TAG_STACK, one.id))
    return replace(
        one,
        id=one.id if own in needs else own,  # under another logical id the template has it anew
        needs=needs,
        is_service_managed=said.get("PermissionModel") == "SERVICE_MANAGED",
        execution_role=said.get("ExecutionRoleName", ""),
    )
