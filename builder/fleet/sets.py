"""The StackSets of a template, and those of the deployed stacks: their targets, their stacks, and their needs."""

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

    `template` is GetTemplate's answer, or a text.
    """
    read = read_template(template, holding.stack)
    resources, binding = read.resources(STACK_SET), read.bind(values)
    properties = {name: binding.value(properties_of(resource)) for name, resource in resources.items()}
    ids = {name: _id(name, own) for name, own in properties.items()}
    return tuple(
        _definition(LogicalId(name), properties[name], ids, _named(resource.get("DependsOn")), holding)
        for name, resource in resources.items()
    )


def has_sets(template: object, where: str = "template") -> bool:
    """Return whether a template has any StackSet."""
    return bool(read_template(template, where).resources(STACK_SET))


def _definition(
    name: LogicalId, properties: Mapping[str, Any], ids: Mapping[str, StackId], needs: list[Any], holding: Holding
) -> Definition:
    return Definition(
        stack_set=StackSet(
            id=ids[name],
            name=str(properties.get("StackSetName")),
            logical_id=name,
            held_by=holding,
            needs=tuple(ids[need] for need in needs if need in ids),
            is_service_managed=properties.get("PermissionModel") == "SERVICE_MANAGED",
            call_as="DELEGATED_ADMIN" if properties.get("CallAs") == "DELEGATED_ADMIN" else "SELF",
            execution_role=str(properties.get("ExecutionRoleName", "")),
            preferences=properties.get("OperationPreferences", {}),
        ),
        body=properties["TemplateBody"] if isinstance(properties.get("TemplateBody"), str) else None,
        parameters={
            parameter["ParameterKey"]: str(parameter["ParameterValue"])
            for parameter in properties.get("Parameters", [])
        },
        targets=tuple(_targets(properties)),
    )


def _named(depends_on: object) -> list[Any]:
    return [depends_on] if isinstance(depends_on, str) else depends_on if isinstance(depends_on, list) else []


def _targets(properties: Mapping[str, Any]) -> Iterator[Targets]:
    for group in properties.get("StackInstancesGroup", []):
        targets = group.get("DeploymentTargets", {})
        yield Targets(
            accounts=tuple(AccountId(account) for account in _texts(targets.get("Accounts"))),
            units=_texts(targets.get("OrganizationalUnitIds")),
            filter=targets.get("AccountFilterType", "NONE"),
            regions=tuple(Region(region) for region in _texts(group.get("Regions"))),
            overrides={
                parameter["ParameterKey"]: str(parameter["ParameterValue"])
                for parameter in group.get("ParameterOverrides", [])
            },
        )


def _texts(value: object) -> tuple[str, ...]:
    """Return a list's texts; a parameter of type CommaDelimitedList is one text."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(str(part) for part in value) if isinstance(value, list) else ()


def _id(name: str, properties: Mapping[str, Any]) -> StackId:
    """Return the id in the set's tag; for a set that somebody added by hand, its logical id."""
    tags = {tag.get("Key"): tag.get("Value") for tag in properties.get("Tags", [])}
    return StackId(tags.get(TAG_STACK) or name)


def pseudo_parameters(account: AccountId, region: Region, stack_name: str) -> dict[str, str]:
    """Return the values of CloudFormation's pseudo parameters, as far as a template of sets may need them."""
    return {"AWS::AccountId": account, "AWS::Region": region, "AWS::StackName": stack_name}


async def observe_again(holders: Iterable[StackContents], clients: Clients) -> tuple[StackContents, ...]:
    """Read the stacks again and return them, deleted ones included; their contents are not read again."""
    holders = tuple(holders)
    observed = await together(observe_stack(clients, holder.stack.site, holder.stack.arn) for holder in holders)
    return tuple(
        replace(holder, stack=stack) for holder, stack in zip(holders, observed, strict=True) if stack is not None
    )


async def observe_sets(holders: Iterable[StackContents], clients: Clients) -> tuple[StackSet, ...]:
    """Return the sets that the stacks hold: those of their templates, in their order, then those dropped from them.

    A stack whose update failed, or still runs, holds sets that its template no longer has, and deletes them with
    itself.
    """
    held = await together(_held(holder, clients) for holder in holders if holder.stack.facts.exists)
    return _with_unique_ids([stack_set for sets in held for stack_set in sets])


async def without_instances(
    stacks: Sequence[StackContents], sets: Sequence[StackSet], clients: Clients
) -> tuple[StackContents, ...]:
    """Return the stacks that are not instances of these sets: a stack that was imported into a set keeps its name."""
    holders = {stack_set.held_by for stack_set in sets}
    others = {contents.stack.account for contents in stacks if Holding(contents.id, contents.stack.site) not in holders}
    listed = await together(observe_instances(clients, stack_set, account) for stack_set in sets for account in others)
    arns = {instance.stack for instances in listed for instance in instances}
    return tuple(contents for contents in stacks if contents.stack.arn not in arns)


def _with_unique_ids(sets: Sequence[StackSet]) -> tuple[StackSet, ...]:
    """Return the sets with unique ids; two stacks hold sets of the same ids after the fleet has moved."""
    counts = Counter(stack_set.id for stack_set in sets)

    def unique(stack_set: StackSet, name: StackId) -> StackId:
        return StackId(f"{name} of {stack_set.held_by.stack}") if counts[name] > 1 else name

    return tuple(
        replace(
            stack_set,
            id=unique(stack_set, stack_set.id),
            needs=tuple(unique(stack_set, need) for need in stack_set.needs),
        )
        for stack_set in sets
    )


async def observe_definitions(holder: StackContents, clients: Clients) -> tuple[Definition, ...]:
    """Return every StackSet of a stack's deployed template."""
    stack = holder.stack
    template = read_deployed(await observe_template(clients, stack), holder.id)
    values = {**stack.parameters, **pseudo_parameters(stack.account, stack.region, stack.name)}
    return read_definitions(template.data, values, Holding(holder.id, stack.site))


async def _held(holder: StackContents, clients: Clients) -> tuple[StackSet, ...]:
    names = await _observe_names(holder.stack, clients)
    is_unsure = holder.stack.facts.settled and not holder.stack.facts.good
    if not names and not is_unsure:
        return ()
    defined = [definition.stack_set for definition in await observe_definitions(holder, clients)]
    if is_unsure:
        names |= await _unlisted(
            holder.stack, [stack_set for stack_set in defined if stack_set.logical_id not in names], clients
        )
    held = tuple(
        replace(stack_set, name=names.pop(stack_set.logical_id))
        for stack_set in defined
        if stack_set.logical_id in names
    )
    # Preferences are the same for all sets of a fleet; no template has a dropped set's own.
    shared: dict[str, Any] = {"call_as": defined[0].call_as, "preferences": defined[0].preferences} if defined else {}
    unknown = [
        StackSet(
            id=StackId(logical_id),
            name=name,
            logical_id=logical_id,
            held_by=Holding(holder.id, holder.stack.site),
            **shared,
        )
        for logical_id, name in names.items()
    ]
    return (*held, *await _dropped(unknown, held, clients))


async def _observe_names(stack: ObservedStack, clients: Clients) -> dict[LogicalId, str]:
    """Return the names of the sets among the stack's resources; a set's id begins with its name.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSet.html
    """
    resources = await observe_resources(clients, stack)
    return {
        resource.logical_id: resource.physical_id.partition(":")[0]
        for resource in resources
        if resource.type == STACK_SET and resource.physical_id
    }


async def _unlisted(stack: ObservedStack, defined: Sequence[StackSet], clients: Clients) -> dict[LogicalId, str]:
    """Return the names of sets that only the template shows: a set whose creation failed may exist and be no resource.

    Somebody else's set, whose name made the creation fail, is recognized by its tags.
    """
    described = await together(describe_set(clients, stack_set) for stack_set in defined)
    return {
        stack_set.logical_id: stack_set.name
        for stack_set, answer in zip(defined, described, strict=True)
        if answer is not None and _tags(answer).items() >= {(TAG_STACK, stack_set.id), *_deployment_tag(stack)}
    }


def _deployment_tag(stack: ObservedStack) -> set[tuple[str, str]]:
    return {(TAG_DEPLOYMENT, stack.tags.get(TAG_DEPLOYMENT, ""))}


def _tags(answer: "StackSetTypeDef") -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])}


async def _dropped(unknown: Sequence[StackSet], held: tuple[StackSet, ...], clients: Clients) -> tuple[StackSet, ...]:
    """Return the sets that the template no longer has, each needing all of the template's and all older dropped ones.

    No set of the template can need a dropped one; and a set is created after those that it needs.
    """
    described = await together(describe_set(clients, stack_set) for stack_set in unknown)
    # Their order needs all pages, as the oldest operation is on the last one: it is read only if there are several.
    operations = await together(observe_operations(clients, stack_set) for stack_set in unknown if len(unknown) > 1)
    ages = [past[-1].created if past else "" for past in operations] or [""] * len(unknown)
    dropped: list[StackSet] = []
    for _, stack_set, answer in sorted(zip(ages, unknown, described, strict=True), key=lambda each: each[0]):
        if answer is not None:
            needs = tuple(other.id for other in (*held, *dropped))
            dropped.append(_as_described(stack_set, answer, needs))
    return tuple(dropped)


def _as_described(stack_set: StackSet, answer: "StackSetTypeDef", needs: tuple[StackId, ...]) -> StackSet:
    own = StackId(_tags(answer).get(TAG_STACK, stack_set.id))
    return replace(
        stack_set,
        id=stack_set.id if own in needs else own,  # the template has it again under another logical id
        needs=needs,
        is_service_managed=answer.get("PermissionModel") == "SERVICE_MANAGED",
        execution_role=answer.get("ExecutionRoleName", ""),
    )
