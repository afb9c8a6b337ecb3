"""A deployment as it is deployed, in all its regions and in those it has left: its stacks and its outputs; reads only.

`observe_deployment` is what planning begins with; `observe_other_regions` finds what the assembly no longer names.
Then the public outputs, as the stacks that have them show them.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from builder.assembly.components import OutputOf, one_of_each
from builder.aws import Clients, observe_account, together
from builder.deploy.desired import Deployment
from builder.deploy.observe.operation import observe_token
from builder.deploy.observe.stacks import (
    ObservedStack,
    SiteView,
    observe_policy,
    observe_stack,
    observe_template,
    of_deployment,
)
from builder.deploy.progress import Emit, Waiting
from builder.deploy.resources import regions_of
from builder.errors import AwsError, BadInput, Failed, Stopped, gathered
from builder.graph import closure
from builder.resource_types import NESTED
from builder.template import Template, read_deployed, read_template
from builder.terms import AccountId, Endpoint, Operation, Region, Site, StackId, StackName, System


@dataclass(frozen=True, slots=True)
class ObservedDeployment:
    """What is deployed of a deployment, in all its regions."""

    account: AccountId
    stacks: Mapping[StackId, ObservedStack]
    templates: Mapping[StackId, object]
    """As `observe_template` returns them; only of stacks that hold resources."""
    orphans: tuple[ObservedStack, ...]
    """The deployment's stacks that the assembly no longer has, the newest first."""
    policies: Mapping[StackId, str | None] = field(default_factory=dict)
    """The policies of the deployed stacks that are to have one; None where none was ever set."""


async def observe_deployment(
    deployment: Deployment, clients: Clients, emit: Emit, *, is_moved: bool = False
) -> ObservedDeployment:
    """Return what is deployed, once no operation runs on any of the deployment's stacks.

    Orphans are waited for too where they may release data: where the primary `is_moved`, or a stack imports existing
    data. With `is_moved` no other regions are read: the place of the data is known. Raises BadInput where the
    credentials are of an account other than the one dr.yaml pins.
    """
    by_site = await together(SiteView(clients, site).every_stack() for site in deployment.sites)
    seen = tuple(stack for stacks in by_site for stack in stacks)
    account = await _account(deployment, seen, clients)
    ids = {(stack.site, stack.name): stack.id for stack in deployment.stacks}
    known = ids | {(stack.site, stack.name): stack.id for stack in deployment.left_out}
    stacks = await together(
        until_settled(clients, stack, ids[stack.site, stack.name], emit)
        for stack in seen
        if (stack.site, stack.name) in ids
    )
    stacks_by_id = {ids[stack.site, stack.name]: stack for stack in stacks if stack is not None}
    deployed = {stack_id: stack for stack_id, stack in stacks_by_id.items() if stack.facts.exists}
    templates = dict(
        zip(deployed, await together(observe_template(clients, stack) for stack in deployed.values()), strict=True)
    )
    named = [stack.id for stack in deployment.stacks if stack.stack_policy is not None and stack.id in deployed]
    policies = dict(
        zip(named, await together(observe_policy(clients, deployed[stack_id]) for stack_id in named), strict=True)
    )
    nested = await _nested(seen, deployed, clients)
    seen += await observe_other_regions(deployment, seen, templates, clients, nested, everywhere=not is_moved)
    orphans = _orphans(of_deployment(seen, deployment.name), known)
    if is_moved or any(stack.existing for stack in deployment.stacks):
        settled = await together(
            until_settled(clients, stack, StackId(f"{stack.region}/{stack.name}"), emit) for stack in orphans
        )
        orphans = tuple(stack for stack in settled if stack is not None and stack.status != "DELETE_COMPLETE")
    return ObservedDeployment(
        account=account,
        stacks=stacks_by_id,
        templates=templates,
        orphans=orphans,
        policies=policies,
    )


async def _nested(
    seen: tuple[ObservedStack, ...], deployed: Mapping[StackId, ObservedStack], clients: Clients
) -> list[object]:
    """Return the templates of the stacks nested in the deployed ones: they too name regions with data."""
    nested = [stack for stack in inside(deployed.values(), seen) if stack.facts.exists]
    return await together(observe_template(clients, stack) for stack in nested)


def _orphans(
    ours: Iterable[ObservedStack], known: Mapping[tuple[Site, StackName], StackId]
) -> tuple[ObservedStack, ...]:
    orphans = [stack for stack in ours if (stack.site, stack.name) not in known]
    return tuple(sorted(orphans, key=lambda stack: stack.created, reverse=True))


async def _account(deployment: Deployment, seen: tuple[ObservedStack, ...], clients: Clients) -> AccountId:
    """Return the account of the credentials; a stack's ARN shows it without a call."""
    own = next((stack.account for stack in seen if stack.site.account is None), None)
    account = own or await observe_account(clients, deployment.regions[0])
    check_account(deployment.name, deployment.account, account)
    check_reach(deployment.name, deployment.sites, account, clients)
    return account


async def check_credentials(deployment: str, pinned: AccountId | None, sites: Iterable[Site], clients: Clients) -> None:
    """Raise BadInput unless the credentials are those of the deployment, before anything else is shown.

    No call is made where no account is pinned and no site names one. The first region that answers decides; where none
    answers, nothing of the deployment can be read either.
    """
    sites = tuple(sites)
    if pinned is None and all(site.account is None for site in sites):
        return
    regions = dict.fromkeys(site.region for site in sites)
    answers = await asyncio.gather(*(observe_account(clients, region) for region in regions), return_exceptions=True)
    account = next((answer for answer in answers if isinstance(answer, str)), None)
    if account is not None:
        check_account(deployment, pinned, account)
        check_reach(deployment, sites, account, clients)
        return
    refused = (answer for answer in answers if isinstance(answer, BaseException))
    for error in refused:
        if not isinstance(error, AwsError) or error.answered:
            raise error


def check_reach(deployment: str, sites: Iterable[Site], account: AccountId, clients: Clients) -> None:
    """Raise BadInput unless there is a role for every account but that of the credentials."""
    named = dict.fromkeys(site.account for site in sites)
    lacking = [other for other in named if other is not None and other != account and not clients.reaches(other)]
    if lacking:
        raise BadInput(
            where=deployment,
            what=f"has stacks in account {', '.join(lacking)}, and the credentials are of account {account}",
            next_step=" ".join(f"--account-role {other}=arn:aws:iam::{other}:role/NAME" for other in lacking),
        )


def check_account(deployment: str, pinned: AccountId | None, account: AccountId) -> None:
    """Raise BadInput unless the credentials are of the pinned account, if one is pinned."""
    if pinned not in {None, account}:
        raise BadInput(
            where=deployment,
            what=f"belongs in account {pinned}, and the credentials are of account {account}",
            next_step="python -m builder --profile NAME ...    takes other credentials",
        )


async def until_settled(clients: Clients, stack: ObservedStack, stack_id: StackId, emit: Emit) -> ObservedStack | None:
    """Wait for the end of another's operation; return the stack then, None if it was deleted."""
    if stack.facts.operation is not Operation.WAIT:
        return stack
    token = await observe_token(clients, stack)
    loop = asyncio.get_running_loop()
    started = loop.time()
    now: ObservedStack | None = stack
    while now is not None and now.facts.operation is Operation.WAIT:
        emit(Waiting(stack=stack_id, status=now.status, token=token))
        await asyncio.sleep(clients.tempo.stacks.wait_s(loop.time() - started))
        now = await observe_stack(clients, stack.site, stack.name)
    return now


# The error codes that a region answers with unless the account has opted in to it.
NOT_OPEN = frozenset({"UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", "OptInRequired"})


async def observe_other_regions(  # noqa: PLR0913 - what was seen by now, and what follows from it
    deployment: Deployment,
    seen: tuple[ObservedStack, ...],
    templates: Mapping[StackId, object],
    clients: Clients,
    nested: Iterable[object] = (),
    *,
    everywhere: bool = True,
) -> tuple[ObservedStack, ...]:
    """Return the deployment's stacks in regions that the assembly does not name; mostly without a call.

    `seen` are the stacks of the regions that it names, `templates` the deployed ones, and `nested` those of the stacks
    nested in them: they name every region of their data. The assembly names the system's regions without a stack. Every
    region is read, if `everywhere`, where a stack with data in several regions is missing and others are deployed:
    after a change of the primary region, or an interrupted first deployment.
    """
    deployed = [read_deployed(template, stack_id) for stack_id, template in templates.items()]
    deployed += [read_deployed(template, deployment.name) for template in nested]
    named = {region for template in deployed for region in _regions_of_data(template)}
    is_deployed = any(stack.facts.exists for stack in of_deployment(seen, deployment.name))
    # The templates nested in a missing stack have not been read.
    missing = [
        stack
        for stack in deployment.stacks
        if stack.id not in templates
        and (may_nest(stack.template) or _regions_of_data(read_template(stack.template, stack.id)))
    ]
    moved = everywhere and is_deployed and missing
    regions = {*named, *deployment.empty_regions, *(clients.regions() if moved else ())} - {
        *deployment.regions,
        *deployment.skipped,
    }
    return await observe_tagged(deployment.name, tuple(sorted(regions)), clients)


async def observe_tagged(deployment: str, regions: tuple[Region, ...], clients: Clients) -> tuple[ObservedStack, ...]:
    """Return every stack with the deployment's tag in these regions; a region that is not opted in to has none."""
    by_region = await together(_every_stack(clients, region) for region in regions)
    return of_deployment(tuple(stack for stacks in by_region for stack in stacks), deployment)


async def _every_stack(clients: Clients, region: Region) -> tuple[ObservedStack, ...]:
    try:
        return await SiteView(clients, Site(None, region)).every_stack()
    except AwsError as error:
        if error.code in NOT_OPEN:
            return ()
        raise


def _regions_of_data(template: Template) -> set[Region]:
    return {Region(region) for resource in template.resources().values() for region in regions_of(resource)}


# What in a template may create nested stacks, besides the type itself.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-serverless.html and modules.html
_MADE_FROM = (*(f'"{name}"' for name in NESTED), '::MODULE"', '"Fn::Transform"')


def may_nest(template: object) -> bool:
    """Return whether a stack of this template may have nested stacks; only a template without macros rules that out.

    Takes a template's text, or GetTemplate's answer.
    """
    try:
        read = read_template(template)
    except BadInput:
        return True  # nothing rules it out
    written = json.dumps(read.data, default=str)
    return not read.adds_no_stack or any(name in written for name in _MADE_FROM)


def inside(roots: Iterable[ObservedStack], every: Iterable[ObservedStack]) -> tuple[ObservedStack, ...]:
    """Return the stacks of `every` that are nested in the roots, at any depth, in their order."""
    every, outermost = tuple(every), {stack.arn for stack in roots}
    parents = {stack.arn: (stack.parent,) if stack.parent else () for stack in every}
    others = (stack for stack in every if stack.arn not in outermost)
    return tuple(stack for stack in others if not closure(parents, stack.arn).isdisjoint(outermost))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Every public output, in the manifest's order; each is in one of three fields."""

    values: Mapping[str, str]
    absent: Mapping[str, str] = field(default_factory=dict)
    """Why an output that need not exist does not: its condition is false."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Why an output does not exist although it should."""

    def check(self) -> None:
        """Raise Failed, or Several, unless every output exists that should."""
        if errors := [_failed(name, why) for name, why in self.missing.items()]:
            raise gathered(errors)

    def value(self, name: str) -> str:
        """Return one output. Raises Failed, with the reason, where it does not exist."""
        if name not in self.values:
            raise _failed(name, self.absent.get(name) or self.missing[name])
        return self.values[name]


async def observe_every_output(deployment: Deployment, clients: Clients) -> Outputs:
    """Return every public output, or why it does not exist. Raises Failed where nothing is deployed."""
    sites = dict.fromkeys(deployment.stack(stack_id).site for stack_id, _ in deployment.outputs.values())
    by_site = await together(SiteView(clients, site).every_stack() for site in sites)
    ours = {
        (stack.site, stack.name): stack.outputs
        for stacks in by_site
        for stack in of_deployment(stacks, deployment.name)
        if stack.facts.exists
    }
    if sites and not ours:
        raise not_deployed(deployment.name)
    return find_outputs(deployment, {stack.id: ours.get((stack.site, stack.name)) for stack in deployment.stacks})


def not_deployed(deployment: str) -> Failed:
    """Return the error of a command that needs a deployment where none is deployed."""
    what = "is not deployed: no region has a stack of it"
    return Failed(where=deployment, what=what, next_step="python -m builder deploy")


async def observe_outputs(deployment: Deployment, clients: Clients) -> Mapping[str, str]:
    """Return every public output that exists. Raises Failed, or Several, for missing ones that should exist."""
    outputs = await observe_every_output(deployment, clients)
    outputs.check()
    return outputs.values


async def observe_system(deployment: Deployment, clients: Clients, *, only_primary: bool = False) -> System:
    """Return the deployed components; with `only_primary` only the primary's function, read only there.

    Raises BadInput where the manifest names no primary region or no function; Failed for an output that should exist.
    """
    roles, name = deployment.roles, deployment.name
    if roles is None:
        raise BadInput(where=name, what="has no roles: its manifest does not say which region is the primary")
    parts = one_of_each(deployment.components, name)
    if parts.function is None:
        raise BadInput(where=name, what="has no component that is a function, by which it would be called")
    output_of = {
        f"{name}: {place}": of.output
        for place, of in parts.outputs.items()
        if (not only_primary or place == f"function.url.{roles.primary}")
        and not place.startswith("bucket.batch_roles.")
    }
    values = await observe_outputs(replace(deployment, outputs=output_of), clients)
    known = {output: values[place] for place, output in output_of.items() if place in values}

    def of_regions(bindings: Mapping[Region, OutputOf]) -> dict[Region, OutputOf]:
        return {region: of for region, of in bindings.items() if of.output in known}

    urls, table = of_regions(parts.function.url), parts.table.name if parts.table else None
    buckets = of_regions(parts.bucket.names) if parts.bucket else {}
    return System(
        name=name,
        primary=roles.primary,
        secondaries=roles.secondaries,
        endpoints={region: Endpoint(known[of.output], deployment.places[of.output[0]]) for region, of in urls.items()},
        health=parts.function.health,
        table=known.get(table.output) if isinstance(table, OutputOf) else table,
        buckets={region: known[of.output] for region, of in buckets.items()},
        copies=tuple(way for way in parts.bucket.replication if buckets.keys() >= set(way)) if parts.bucket else (),
        alarms=parts.alarms.service if parts.alarms else {},
        replication_alarms=parts.alarms.replication if parts.alarms else {},
    )


def find_outputs(deployment: Deployment, shown_by_stack: Mapping[StackId, Mapping[str, str] | None]) -> Outputs:
    """Return the public outputs, given the outputs of each stack; None for a stack that is not deployed."""
    values, absent, missing = {}, {}, {}
    for name, (stack_id, output) in deployment.outputs.items():
        shown = shown_by_stack[stack_id]
        if shown is None:
            missing[name] = f"is the output {output} of {stack_id}, which is not deployed"
        elif output in shown:
            values[name] = shown[output]
        elif condition := _condition(deployment, stack_id, output):
            absent[name] = f"is the output {output} of {stack_id}, whose condition {condition} is false there"
        else:
            missing[name] = f"is the output {output} of {stack_id}, which is deployed without it"
    return Outputs(values=values, absent=absent, missing=missing)


def taken(value: str, output: OutputOf, where: StackId) -> str:
    """Return an output's value for the parameter of another stack.

    Raises Stopped where it may be masked: DescribeStacks shows each character beyond ASCII as a `?`
    (aws-cloudformation/cloudformation-coverage-roadmap#1220), and a masked text must not be sent.
    """
    if "?" in value:
        stack_id, name = output.output
        raise Stopped(
            where=where,
            what=f"takes the output {name} of {stack_id}, which shows as '{value}', where a `?` may stand for another "
            "character: it is not sent again",
            next_step=f"export it in {stack_id} and take it with Fn::ImportValue",
        )
    return value


def _condition(deployment: Deployment, stack_id: StackId, output: str) -> str | None:
    """Return the condition of an output in the template; None where it has none."""
    stack = deployment.stack(stack_id)
    values = {name: value for name, value in stack.parameters.items() if isinstance(value, str)}
    template = read_template(stack.template, stack_id)
    body = template.outputs(template.defaults | values).by_name.get(output)
    return str(body["Condition"]) if isinstance(body, Mapping) and "Condition" in body else None


def _failed(name: str, why: str) -> Failed:
    return Failed(where=name, what=why, next_step="python -m builder deploy")
