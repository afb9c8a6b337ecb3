"""`--allow` arguments that permit nothing any more: a run that broke off has done what they name, or it never existed.

The same command is typed again after a crash, with all its `--allow`. What is done already is only noted: it permits
nothing. An unknown name is refused; so is, in a run that nobody confirms, a name that no run with this assembly can
have used: a pipeline that keeps it would permit a later change that nobody has seen.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from builder.aws import Clients, call, pages, together
from builder.deploy.change_sets.change_set import assembly_of
from builder.deploy.desired import TAG_DEPLOYMENT, Deployment, DesiredStack
from builder.deploy.observe.stacks import ObservedStack, SiteView, is_absence, observe_stack
from builder.deploy.plan.both_ways import BOTH_WAYS
from builder.deploy.plan.guards import STACK_POLICY, TERMINATION_PROTECTION, fits
from builder.deploy.records import Deletion, Orphan, Plan
from builder.errors import AwsError, BadInput
from builder.resource_types import NESTED_STACK
from builder.template import read_template
from builder.terms import Arn, Region, Site, StackId

WORDS = (TERMINATION_PROTECTION, STACK_POLICY, BOTH_WAYS, "LeftOut")
"""The words in `--allow` for a stack, besides its resources and parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackNames:
    """The names in one stack of the deployment, or in one StackSet of a fleet."""

    stack: StackId
    names: frozenset[str]
    """Logical ids, parameters and words."""
    nested: frozenset[str] = frozenset()
    """Logical ids of nested stacks: any name below them is known."""
    is_done: bool = False
    """Whether this assembly was executed on it: then a review that waited on it is deleted without a trace."""
    is_forgotten: bool = False
    """Whether AWS does not show its history, as for a StackSet: then any name may be its own, except a typing error."""

    @property
    def all(self) -> frozenset[str]:
        """The stack's id, and every name in it with the id before it."""
        return frozenset({self.stack, *(f"{self.stack}/{name}" for name in self.names)})

    def has(self, name: str) -> bool:
        """Return whether a full name is the stack's or in it; pure."""
        stack, rest = split_name(name, (self.stack,))
        if stack is None:
            return False
        first = rest.partition("/")[0]
        # No logical id has a hyphen, and every name of our change sets has one.
        is_gone = self.is_done and "/" not in rest and ("-" in rest or self._may_have_had(rest))
        return not rest or rest in self.names or ("/" in rest and first in self.nested) or is_gone

    def _may_have_had(self, name: str) -> bool:
        is_account = re.fullmatch(r"\d{12}", name) is not None
        return self.is_forgotten and (is_account or not get_close_matches(name, self.names, n=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNames:
    """All names in a deployment, whether or not any has to be allowed now."""

    stacks: tuple[StackNames, ...] = ()
    gone: frozenset[str] = frozenset()
    """Names of deleted stacks: `region/name`, with everything below it."""
    is_begun: bool = True
    """Whether this assembly was executed on any stack."""
    plain: frozenset[str] = frozenset()
    """Names outside of stacks, such as components."""

    def has(self, allow: str) -> bool:
        """Return whether a name is known, or a pattern fits a known one; pure."""
        if allow in self.plain or split_name(allow, self.gone)[0] is not None:
            return True
        if any(stack.has(allow) for stack in self.stacks):
            return True
        return any(fits(allow, name) for name in self.whole)

    @property
    def whole(self) -> tuple[str, ...]:
        """Every name that is known in full."""
        return (*sorted(self.plain), *(name for stack in self.stacks for name in sorted(stack.all)))


def split_name(name: str, stacks: Iterable[str]) -> tuple[str | None, str]:
    """Return the stack that a name begins with, and the rest of the name; None where there is none; pure."""
    for stack in stacks:
        if name == stack or name.startswith(f"{stack}/"):
            return stack, name[len(stack) + 1 :]
    return None, name


def names_of_hits(plan: Plan) -> tuple[str, ...]:
    """Return the names that can be allowed in a plan; pure."""
    return tuple(dict.fromkeys((*(hit.allow for hit in plan.guards), *(review.allow for review in plan.pending))))


def named_in_vain(hits: Collection[str], allow: Collection[str]) -> tuple[str, ...]:
    """Return the arguments of `allow` that fit no hit; pure."""
    return tuple(typed for typed in dict.fromkeys(allow) if not any(fits(typed, name) for name in hits))


def check_known(in_vain: Iterable[str], known: KnownNames, hits: Collection[str], *, is_asked: bool) -> None:
    """Raise BadInput unless every name is known; pure.

    Unless a person `is_asked`, the assembly must also have been executed on some stack, or the name be a deleted
    stack's.
    """
    for typed in in_vain:
        if not known.has(typed):
            raise BadInput(where=f"--allow {typed}", what=_of_nothing(typed, known, hits))
        if not (is_asked or known.is_begun or split_name(typed, known.gone)[0]):
            raise BadInput(
                where=f"--allow {typed}",
                what="names nothing in the plan, and nothing of this assembly was executed before: it is left from an "
                "earlier change, and would let the next one of the same name pass, whatever that is",
                next_step=f"the same without --allow {typed}",
            )


def _of_nothing(typed: str, known: KnownNames, hits: Collection[str]) -> str:
    near = get_close_matches(typed, dict.fromkeys((*hits, *known.whole)), n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    could = f"what could be allowed: {', '.join(hits)}" if hits else "nothing in it has to be allowed"
    return f"names nothing in the plan, and nothing that was there{hint}; {could}"


async def find_known(
    plan: Plan, deployment: Deployment, clients: Clients, in_vain: Sequence[str], sets: Iterable[StackNames] = ()
) -> KnownNames:
    """Return all names in a deployment: from its templates, from its stacks' events, and of deleted stacks.

    `sets` are those of a fleet. Raises AwsError.
    """
    listings = await together(SiteView(clients, site).every_stack() for site in deployment.sites)
    by_place = {(stack.site, stack.name): stack for listing in listings for stack in listing}
    desired = (*deployment.stacks, *deployment.left_out)
    observed = {stack.id: by_place.get((stack.site, stack.name)) for stack in desired}
    own = await together(_is_of_assembly(observed[stack.id], deployment.digest, clients) for stack in desired)
    done = {stack.id for stack, is_done in zip(desired, own, strict=True) if is_done}
    ours = await together(_names_of(stack, observed[stack.id], done, in_vain, clients) for stack in desired)
    orphans: tuple[Orphan | Deletion, ...] = (*plan.orphans, *plan.deletions)
    leaving = [
        StackNames(
            stack=orphan.stack, names=frozenset({*WORDS, *(resource.logical_id for resource in orphan.resources)})
        )
        for orphan in orphans
    ]
    known = KnownNames(stacks=(*ours, *leaving, *sets), is_begun=bool(done))
    rest = [typed for typed in in_vain if not known.has(typed)]
    # No site is of a region that the deployment has left.
    sites = (*deployment.sites, *(Site(None, region) for region in clients.regions()))
    return replace(known, gone=await find_gone(deployment.name, sites, rest, clients))


async def _names_of(
    stack: DesiredStack,
    observed: ObservedStack | None,
    done: Collection[StackId],
    in_vain: Iterable[str],
    clients: Clients,
) -> StackNames:
    template = read_template(stack.template, stack.id)
    names = StackNames(
        stack=stack.id,
        names=frozenset({*WORDS, *template.resources(), *template.parameters}),
        nested=frozenset(template.resources(NESTED_STACK)),
        is_done=stack.id in done,
    )
    own = [typed for typed in in_vain if split_name(typed, (stack.id,))[0] is not None]
    if observed is None or all(names.has(typed) for typed in own):
        return names
    former = await _former_resources(observed, clients)
    nested = {name for name, type_ in former.items() if type_ == NESTED_STACK}
    return replace(names, names=names.names | former.keys(), nested=names.nested | nested)


async def _is_of_assembly(stack: ObservedStack | None, digest: str, clients: Clients) -> bool:
    """Return whether the last executed change set of a stack was created from an assembly."""
    if stack is None or stack.change_set is None or not stack.facts.exists:
        return False
    client = clients.of(stack.site).cloudformation(stack.region)
    try:
        answer = await call(stack.name, client.describe_change_set, ChangeSetName=stack.change_set)
    except AwsError as error:
        if not is_absence(error):
            raise
        return False
    return assembly_of(answer.get("Description", "")) == digest


async def _former_resources(stack: ObservedStack, clients: Clients) -> Mapping[str, str]:
    """Return the types of all resources that a stack has ever had, by logical id; its events show 90 days."""
    client, where = clients.of(stack.site).cloudformation(stack.region), f"{stack.region}/{stack.name}"
    return {
        event.get("LogicalResourceId", ""): event.get("ResourceType", "")
        async for page in pages(where, client.describe_stack_events, StackName=stack.arn)
        for event in page["StackEvents"]
    }


async def find_gone(deployment: str, sites: Iterable[Site], typed: Collection[str], clients: Clients) -> frozenset[str]:
    """Return the names, as typed, of the deployment's deleted stacks that any of these arguments names.

    A stack is named by its region and its name or its former id in the assembly, with which the name ends.
    CloudFormation lists a deleted stack for 90 days.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStacks.html
    """
    names: dict[Region, set[str]] = {}
    for region, _, rest in (name.partition("/") for name in typed):
        if re.fullmatch(r"[A-Za-z][-A-Za-z0-9]*", name := rest.partition("/")[0]):
            names.setdefault(Region(region), set()).add(name)
    gone = await together(
        _find_gone(deployment, site, names[site.region], clients)
        for site in dict.fromkeys(sites)
        if site.region in names
    )
    return frozenset(name for names_of_site in gone for name in names_of_site)


async def _find_gone(deployment: str, site: Site, names: Collection[str], clients: Clients) -> list[str]:
    """Return `region/name` for each name of which the deployment has a deleted stack; the last one of a name counts."""
    client = clients.of(site).cloudformation(site.region)
    last: dict[str, Arn] = {}
    async for page in pages(site.region, client.list_stacks, StackStatusFilter=["DELETE_COMPLETE"]):
        for stack in page["StackSummaries"]:
            for name in names:
                if stack["StackName"] in {name, f"{deployment}-{name}"} and "ParentId" not in stack:
                    last.setdefault(name, Arn(stack.get("StackId", "")))
    stacks = await together(observe_stack(clients, site, arn) for arn in last.values())
    return [
        f"{site.region}/{name}"
        for name, stack in zip(last, stacks, strict=True)
        if stack is not None and stack.tags.get(TAG_DEPLOYMENT) == deployment
    ]
