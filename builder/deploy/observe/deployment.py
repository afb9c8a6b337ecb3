"""What stands of a deployment before anything is planned, in all its regions and in those it has left; reads only."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from builder.aws import Clients, observe_account, together
from builder.deploy.desired import Deployment
from builder.deploy.observe.events import observe_token
from builder.deploy.observe.nested import inside, may_nest
from builder.deploy.observe.stacks import ObservedStack, SiteView, observe_stack, observe_template, of_deployment
from builder.deploy.progress import Emit, Waiting
from builder.deploy.resources import regions_of
from builder.errors import AwsError, BadInput
from builder.template import Template, read_deployed, read_template
from builder.terms import AccountId, Operation, Region, Site, StackId, StackName


@dataclass(frozen=True, slots=True)
class ObservedDeployment:
    """What was seen of a deployment in all its regions."""

    account: AccountId
    stacks: Mapping[StackId, ObservedStack]
    templates: Mapping[StackId, object]
    """As `observe_template` returns them; only of stacks that hold resources."""
    orphans: tuple[ObservedStack, ...]
    """Stacks of this deployment that the assembly no longer has, the one created last first."""


async def observe_deployment(deployment: Deployment, clients: Clients, emit: Emit) -> ObservedDeployment:
    """Return what stands, once no operation runs on any of the deployment's stacks.

    Raises BadInput where the credentials are of another account than dr.yaml pins.
    """
    by_site = await together(SiteView(clients, site).every_stack() for site in deployment.sites)
    seen = tuple(stack for stacks in by_site for stack in stacks)
    account = await _account(deployment, seen, clients)
    wanted = {(stack.site, stack.name): stack.id for stack in deployment.stacks}
    stacks = await together(
        until_settled(clients, stack, wanted[stack.site, stack.name], emit)
        for stack in seen
        if (stack.site, stack.name) in wanted
    )
    standing = {wanted[stack.site, stack.name]: stack for stack in stacks if stack is not None}
    deployed = {stack_id: stack for stack_id, stack in standing.items() if stack.facts.exists}
    templates = dict(
        zip(deployed, await together(observe_template(clients, stack) for stack in deployed.values()), strict=True)
    )
    nested = await _nested(seen, deployed, clients)
    seen += await observe_other_regions(deployment, seen, templates, clients, nested)
    return ObservedDeployment(
        account=account,
        stacks=standing,
        templates=templates,
        orphans=_orphans(of_deployment(seen, deployment.name), wanted),
    )


async def _nested(
    seen: tuple[ObservedStack, ...], deployed: Mapping[StackId, ObservedStack], clients: Clients
) -> list[object]:
    """Return the templates of the stacks that are nested in the deployed ones: they tell where data is, too."""
    nested = [stack for stack in inside(deployed.values(), seen) if stack.facts.exists]
    return await together(observe_template(clients, stack) for stack in nested)


def _orphans(
    ours: Iterable[ObservedStack], wanted: Mapping[tuple[Site, StackName], StackId]
) -> tuple[ObservedStack, ...]:
    strays = [stack for stack in ours if (stack.site, stack.name) not in wanted]
    return tuple(sorted(strays, key=lambda stack: stack.created, reverse=True))


async def _account(deployment: Deployment, seen: tuple[ObservedStack, ...], clients: Clients) -> AccountId:
    """Return the account of the credentials: a stack's ARN tells it too, without a call."""
    own = next((stack.account for stack in seen if stack.site.account is None), None)
    account = own or await observe_account(clients, deployment.regions[0])
    check_account(deployment.name, deployment.account, account)
    check_reach(deployment.name, deployment.sites, account, clients)
    return account


async def check_credentials(deployment: str, pinned: AccountId | None, sites: Iterable[Site], clients: Clients) -> None:
    """Return if the credentials are those that the deployment wants, before anything is said about it. Raises BadInput.

    It takes no call where nothing is pinned and no site is of a named account. Whichever region answers tells it; where
    none does, nothing of the deployment will be seen either.
    """
    sites = tuple(sites)
    if pinned is None and all(site.account is None for site in sites):
        return
    regions = dict.fromkeys(site.region for site in sites)
    found = await asyncio.gather(*(observe_account(clients, region) for region in regions), return_exceptions=True)
    account = next((one for one in found if isinstance(one, str)), None)
    if account is not None:
        check_account(deployment, pinned, account)
        check_reach(deployment, sites, account, clients)
        return
    refused = (one for one in found if isinstance(one, BaseException))
    for error in refused:
        if not isinstance(error, AwsError) or error.answered:
            raise error


def check_reach(deployment: str, sites: Iterable[Site], account: AccountId, clients: Clients) -> None:
    """Return if there is a role for every account but that of the credentials. Raises BadInput."""
    named = dict.fromkeys(site.account for site in sites)
    lacking = [one for one in named if one is not None and one != account and not clients.reaches(one)]
    if lacking:
        raise BadInput(
            where=deployment,
            what=f"has stacks in account {', '.join(lacking)}, and the credentials are of account {account}",
            next_step=" ".join(f"--account-role {one}=arn:aws:iam::{one}:role/NAME" for one in lacking),
        )


def check_account(deployment: str, pinned: AccountId | None, account: AccountId) -> None:
    """Return if the credentials are of the account that is pinned, or none is. Raises BadInput."""
    if pinned not in {None, account}:
        raise BadInput(
            where=deployment,
            what=f"belongs in account {pinned}, and the credentials are of account {account}",
            next_step="python -m builder --profile NAME ...    takes other credentials",
        )


async def until_settled(clients: Clients, stack: ObservedStack, stack_id: StackId, emit: Emit) -> ObservedStack | None:
    """Wait for another's operation to end; return the stack after it, None if it was deleted meanwhile."""
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


# What a region answers that the account has not opted in to.
NOT_OPEN = frozenset({"UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", "OptInRequired"})


async def observe_other_regions(
    deployment: Deployment,
    seen: tuple[ObservedStack, ...],
    templates: Mapping[StackId, object],
    clients: Clients,
    nested: Iterable[object] = (),
) -> tuple[ObservedStack, ...]:
    """Return the deployment's stacks in regions that the assembly does not name; mostly it takes no call to know.

    `seen` are the stacks of the regions that it names, `templates` those deployed, and `nested` those of the stacks
    nested in them: they name every region that their data is in. Where a stack whose data is in several regions is
    missing beside others that stand, as after a change of the primary region or after a first deployment that broke
    off, every region is asked.
    """
    deployed = [read_deployed(template, stack_id) for stack_id, template in templates.items()]
    deployed += [read_deployed(template, deployment.name) for template in nested]
    named = {region for template in deployed for region in _regions_of_data(template)}
    stands = any(stack.facts.exists for stack in of_deployment(seen, deployment.name))
    # What a template that is not deployed yet nests, nobody has read.
    missing = [
        stack
        for stack in deployment.stacks
        if stack.id not in templates
        and (may_nest(stack.template) or _regions_of_data(read_template(stack.template, stack.id)))
    ]
    moved = stands and missing
    regions = {*named, *(clients.regions() if moved else ())} - {*deployment.regions, *deployment.skipped}
    return await observe_tagged(deployment.name, tuple(sorted(regions)), clients)


async def observe_tagged(deployment: str, regions: tuple[Region, ...], clients: Clients) -> tuple[ObservedStack, ...]:
    """Return every stack that carries the deployment's tag in these regions; one that is not open to us has none."""
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
