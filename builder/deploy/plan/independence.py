"""Whether a plan's steps are independent of the skipped regions: what they change, and what they need."""

from collections.abc import Iterable, Iterator

from builder.aws import Clients, together
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.records import Deferred, ResourceChange, Step
from builder.deploy.resources import HOLDERS, regions_of
from builder.deploy.resources.holder import nowhere_else
from builder.errors import BuilderError, LeftBehind, gathered
from builder.resource_types.facts import control_plane_of, name_property
from builder.template import properties_of, read_template
from builder.terms import Site, StackId

_LATER = "python -m builder deploy    without --skip-region brings it up to date once the region answers again"


async def check_independent(deployment: Deployment, work: Iterable[Step | Deferred], clients: Clients) -> None:
    """Raise LeftBehind, or Several, unless no change depends on a skipped region.

    The error names every change that depends on one, and every need on a stack there that the surviving region does not
    show to be met.
    """
    if not deployment.skipped:
        return
    work = tuple(work)
    faults: list[BuilderError] = [fault for step in work for fault in _dependent_changes(deployment, step)]
    left_out = {stack.id: stack for stack in deployment.left_out}
    needs: dict[tuple[Site, StackId], list[StackId]] = {}
    for step in sorted(work, key=lambda each: each.stack):
        for need in set(step.needs) & left_out.keys():
            needs.setdefault((step.site, need), []).append(step.stack)
    met = await together(_is_met(left_out[need], site, clients) for site, need in needs)
    faults += [
        LeftBehind(
            where=need,
            what=f"is left out, and what is needed of it by {', '.join(dict.fromkeys(stacks))} "
            f"is not to be seen in {site.region}",
            next_step=_LATER,
            stacks=dict.fromkeys(stacks),
        )
        for ((site, need), stacks), is_met in sorted(zip(needs.items(), met, strict=True), key=str)
        if not is_met
    ]
    if faults:
        raise gathered(faults)


def _dependent_changes(deployment: Deployment, work: Step | Deferred) -> Iterator[LeftBehind]:
    template = read_template(deployment.stack(work.stack).template, work.stack)
    for change in work.changes:
        # An import changes nothing, wherever the data has copies.
        if change.action == "Import":
            continue
        plane = control_plane_of(change.type, work.region)
        if plane is not None and plane.region in deployment.skipped:
            what = f"{plane.name} is in {plane.region}, which is skipped"
            yield _stopped(work.stack, change, what)
        copies = {*change.regions, *regions_of(template.resource(change.logical_id))}
        for region in deployment.skipped:
            if region in copies:
                yield _stopped(work.stack, change, f"it has a replica in {region}, which is skipped")
        if _may_have_copies(change) and not copies:
            yield _stopped(work.stack, change, "where it has replicas its change set does not show")


def _stopped(stack: StackId, change: ResourceChange, what: str) -> LeftBehind:
    reason = f"{change.type} cannot be changed now: {what}"
    return LeftBehind(where=f"{stack}/{change.logical_id}", what=reason, next_step=_LATER, stacks=(stack,))


def _may_have_copies(change: ResourceChange) -> bool:
    """Return whether a resource is in a nested stack, whose template is unknown, and may have copies elsewhere."""
    holder = HOLDERS.get(change.type)
    return "/" in change.logical_id and holder is not None and holder.regions is not nowhere_else


async def _is_met(need: DesiredStack, site: Site, clients: Clients) -> bool:
    """Return whether a surviving region shows what a left-out stack creates there."""
    template = read_template(need.template, need.id)
    binding = template.bind(need.values)
    for resource in template.resources().values():
        holder = HOLDERS.get(str(resource.get("Type")))
        properties = properties_of(resource)
        if holder is None or holder.is_usable is None or site.region not in holder.regions(properties):
            continue
        name = binding.text(properties.get(name_property(str(resource.get("Type")))))
        if name and await holder.is_usable(clients.of(site), site.region, name):
            return True
    return False
