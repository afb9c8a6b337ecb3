"""What stands of a deployment, found by its tag: before it is taken down, and what is left afterwards."""

from dataclasses import dataclass

from builder.aws import Clients, together
from builder.deploy.desired import TAG_DEPLOYMENT, TAG_STACK
from builder.deploy.elsewhere import NOT_OPEN
from builder.deploy.observe import ObservedStack, SiteView, of_deployment
from builder.deploy.pending import is_under_review_by
from builder.deploy.take_down import Standing, observe_standing
from builder.errors import AwsError
from builder.terms import Site, StackId


@dataclass(frozen=True, slots=True)
class Unseen:
    """A site that could not be looked at, and that nobody said to have any of the deployment."""

    site: Site
    because: str


@dataclass(frozen=True, slots=True)
class Survey:
    """All that stands, and where that could not be told."""

    standing: tuple[Standing, ...]
    unseen: tuple[Unseen, ...]


async def find_standing(deployment: str, sites: tuple[Site, ...], clients: Clients) -> tuple[Standing, ...]:
    """Return every stack of the deployment in these sites, whether an assembly has it or not."""
    by_site = await together(_ours(clients, site, deployment) for site in sites)
    stacks = [stack for found in by_site for stack in found]
    return tuple(await together(observe_standing(_stack_id(stack), stack, clients) for stack in stacks))


async def survey(deployment: str, sites: tuple[Site, ...], elsewhere: tuple[Site, ...], clients: Clients) -> Survey:
    """Return every stack of the deployment in these sites, and in others as far as they can be looked at.

    A region that the account has not opted in to has none. Raises AwsError where one of `sites` does not answer.
    """
    found = await find_standing(deployment, sites, clients)
    others = await together(_look(deployment, site, clients) for site in elsewhere if site not in sites)
    standing = [one for other in others if not isinstance(other, Unseen) for one in other]
    return Survey((*found, *standing), tuple(other for other in others if isinstance(other, Unseen)))


async def _look(deployment: str, site: Site, clients: Clients) -> "tuple[Standing, ...] | Unseen":
    try:
        return await find_standing(deployment, (site,), clients)
    except AwsError as error:
        return () if error.code in NOT_OPEN else Unseen(site, error.what)


async def _ours(clients: Clients, site: Site, deployment: str) -> tuple[ObservedStack, ...]:
    """Return the site's stacks that carry the deployment's tag, and those that hold nothing but its change sets.

    A stack may have its tags only once a change set of it was executed.
    """
    every = await SiteView(clients, site).every_stack()
    tagged = of_deployment(every, deployment)
    bare = [stack for stack in every if stack.status == "REVIEW_IN_PROGRESS" and TAG_DEPLOYMENT not in stack.tags]
    ours = await together(is_under_review_by(deployment, clients, stack) for stack in bare)
    return (*tagged, *(stack for stack, is_ours in zip(bare, ours, strict=True) if is_ours))


def _stack_id(stack: ObservedStack) -> StackId:
    return StackId(stack.tags.get(TAG_STACK, f"{stack.region}/{stack.name}"))
