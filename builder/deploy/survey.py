"""What stands of a deployment, found by its tag: before it is taken down, and what is left afterwards."""

from dataclasses import dataclass, replace

from builder.aws import Clients, together
from builder.deploy.desired import TAG_DEPLOYMENT, TAG_STACK
from builder.deploy.elsewhere import NOT_OPEN
from builder.deploy.nested import inside
from builder.deploy.observe import ObservedStack, SiteView, of_deployment
from builder.deploy.pending import is_under_review_by
from builder.deploy.take_down import Standing, observe_standing
from builder.errors import AwsError
from builder.terms import Site, StackId


@dataclass(frozen=True, slots=True)
class Unseen:
    """A site, or a stack in it, that could not be looked at, and that nobody said to be any of the deployment."""

    site: Site
    because: str


@dataclass(frozen=True, slots=True)
class Survey:
    """All that stands, and where that could not be told."""

    standing: tuple[Standing, ...]
    unseen: tuple[Unseen, ...]


async def find_standing(deployment: str, sites: tuple[Site, ...], clients: Clients) -> tuple[Standing, ...]:
    """Return every stack of the deployment in these sites, whether an assembly has it or not."""
    return (await survey(deployment, sites, (), clients)).standing


async def survey(deployment: str, sites: tuple[Site, ...], elsewhere: tuple[Site, ...], clients: Clients) -> Survey:
    """Return every stack of the deployment in these sites, and in others as far as they can be looked at.

    A region that the account has not opted in to has none. Raises AwsError where one of `sites` does not answer.
    """
    seen = await together(
        (
            *(_look(deployment, site, clients) for site in sites),
            *(_look_elsewhere(deployment, site, clients) for site in elsewhere if site not in sites),
        )
    )
    return Survey(
        standing=tuple(one for part in seen for one in part.standing),
        unseen=tuple(one for part in seen for one in part.unseen),
    )


async def look_after(before: Survey, deployment: str, clients: Clients) -> Survey:
    """Return what is left of what stood; only where it stood is looked again, and what was not seen stays unseen."""
    sites = tuple(dict.fromkeys(one.stack.site for one in before.standing))
    after = await survey(deployment, sites, (), clients)
    return Survey(standing=after.standing, unseen=tuple(dict.fromkeys((*before.unseen, *after.unseen))))


async def _look_elsewhere(deployment: str, site: Site, clients: Clients) -> Survey:
    try:
        return await _look(deployment, site, clients)
    except AwsError as error:
        return Survey((), () if error.code in NOT_OPEN else (Unseen(site, error.what),))


async def _look(deployment: str, site: Site, clients: Clients) -> Survey:
    """Return the site's stacks that carry the deployment's tag, and those that hold nothing but its change sets.

    A stack may have its tags only once a change set of it was executed.
    """
    every = await SiteView(clients, site).every_stack()
    bare = [stack for stack in every if _is_bare(stack)]
    found = await together(_is_under_review(deployment, clients, stack) for stack in bare)
    under_review = (stack for stack, is_ours in zip(bare, found, strict=True) if is_ours is True)
    ours = (*of_deployment(every, deployment), *under_review)
    standing = await together(observe_standing(_stack_id(stack), stack, clients) for stack in ours)
    return Survey(
        tuple(replace(one, may_nest_reviews=_nests_reviews(one.stack, every)) for one in standing),
        tuple(one for one in found if isinstance(one, Unseen)),
    )


def _nests_reviews(root: ObservedStack, every: tuple[ObservedStack, ...]) -> bool:
    return any(stack.status == "REVIEW_IN_PROGRESS" for stack in (root, *inside([root], every)))


def _is_bare(stack: ObservedStack) -> bool:
    """Return whether it holds nothing but change sets, and no tag tells whose; nested ones go with their roots'."""
    return stack.status == "REVIEW_IN_PROGRESS" and TAG_DEPLOYMENT not in stack.tags and stack.parent is None


async def _is_under_review(deployment: str, clients: Clients, stack: ObservedStack) -> bool | Unseen:
    try:
        return await is_under_review_by(deployment, clients, stack)
    except AwsError as error:
        # Who may take the deployment down may not look into the stacks of strangers.
        if error.code != "AccessDenied":
            raise
        return Unseen(stack.site, f"{stack.name}, which holds but change sets: {error.what}")


def _stack_id(stack: ObservedStack) -> StackId:
    return StackId(stack.tags.get(TAG_STACK, f"{stack.region}/{stack.name}"))
