"""What protects a deployment from being deleted: read before anything of it is deleted, and lifted where allowed.

Termination protection refuses the deletion of a stack, deletion protection that of a table in the one region that has
it, object lock that of an object's version. A stack policy refuses no deletion, but somebody set it so that nothing in
the stack is replaced or removed; a policy that denies nothing does not count.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-protect-stacks.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import assert_never

from builder.aws import Clients, call, together
from builder.deploy.delete.contents import ActiveProtection, StackContents, check_clear
from builder.deploy.observe.stacks import observe_policy, remember_policy, remember_protected
from builder.deploy.plan.guards import STACK_POLICY, Permission, check_allowed, protection_hit
from builder.deploy.progress import Emit, Started
from builder.deploy.records import GuardHit
from builder.deploy.resources import HOLDERS
from builder.errors import Stopped
from builder.template import OPEN_POLICY, is_open
from builder.terms import LogicalId, StackId

UNPROTECT = "--unprotect"
"""The option of `destroy` that lifts all protections that can be lifted."""
_KINDS = ("StackPolicy", "DeletionProtection", "TerminationProtection")
"""The protections that can be lifted, in the order of lifting: last the one of the whole stack."""


async def observe_protections(stacks: Iterable[StackContents], clients: Clients) -> tuple[StackContents, ...]:
    """Return the stacks with all protections of them and of data that is deleted; read only those not known yet."""
    return tuple(await together(_with_protections(contents, clients) for contents in stacks))


async def _with_protections(contents: StackContents, clients: Clients) -> StackContents:
    if contents.protections is not None:
        return contents
    policy = await observe_policy(clients, contents.stack) if contents.stack.may_hold else None
    denies = policy is not None and not is_open(policy)
    policies = [ActiveProtection(kind="StackPolicy", region=contents.stack.region)] if denies else []
    held = await observe_holds(contents, clients)
    return replace(held, protections=(*policies, *(held.protections or ())))


async def observe_holds(contents: StackContents, clients: Clients) -> StackContents:
    """Return the stack with the protections, except its policy, that refuse its deletion or that of its data."""
    own, region = clients.of(contents.stack.site), contents.stack.region
    holds_of = await together(HOLDERS[kind].holds(own, region, physical_id) for kind, physical_id in contents.going)
    held = tuple(
        ActiveProtection(
            kind=hold.kind,
            region=hold.region,
            type=resource[0],
            physical_id=resource[1],
            path=contents.paths.get(resource, resource[1]),
        )
        for resource, holds in zip(contents.going, holds_of, strict=True)
        for hold in holds
    )
    stack = (
        (ActiveProtection(kind="TerminationProtection", region=region),)
        if contents.stack.termination_protection
        else ()
    )
    return replace(contents, protections=(*held, *stack))


def protection_hits(contents: StackContents) -> Iterator[GuardHit]:
    """Yield a guard hit for each protection of a stack: its name, and why it stops a deletion."""
    if contents.protections is None:
        if contents.stack.termination_protection:
            yield protection_hit(contents.id)
        return
    for protection in contents.protections:
        yield _hit(contents.id, protection)


def _hit(stack: StackId, protection: ActiveProtection) -> GuardHit:
    match protection.kind:
        case "TerminationProtection":
            return protection_hit(stack)
        case "StackPolicy":
            name = STACK_POLICY
            why = "its stack policy denies updates; where this is allowed, one that denies nothing replaces it first"
        case "DeletionProtection":
            name = f"{protection.path}/{protection.kind}"
            what = f"{protection.type} {protection.physical_id} has deletion protection in {protection.region}"
            why = f"{what}; where this is allowed, it is switched off first"
        case "ObjectLock":
            name = f"{protection.path}/{protection.kind}"
            why = (
                f"{protection.physical_id} has object lock and versions in it, and nothing lifts that: where this is "
                "allowed, what is not locked any more goes, and what is stays with its stack until its retention ends"
            )
        case _:
            assert_never(protection.kind)
    return GuardHit(stack=stack, logical_id=LogicalId(name), why=why, allow=f"{stack}/{name}")


def check_removable(
    stacks: Iterable[StackContents], allow: Collection[str], *, unprotect: bool = False
) -> tuple[Permission, ...]:
    """Return what each `allow` permits, if all deletions are certain and every protection may be lifted.

    `unprotect` lifts all but object lock, which nothing lifts.
    Raises Stopped, naming the protections that may not be lifted, or Several; BadInput for an `allow` that names none.
    """
    stacks = tuple(stacks)
    check_clear(stacks)
    hits = tuple(hit for contents in stacks for hit in protection_hits(contents))
    lifted = [hit.allow for hit in hits if unprotect and not hit.allow.endswith("/ObjectLock")]
    return check_allowed(hits, (), (*allow, *lifted), otherwise=f"; {UNPROTECT} lifts all but object lock")


def check_unheld(contents: StackContents) -> None:
    """Raise Stopped unless the data in a stack that a plan deletes is free of protections; it names the remedy."""
    held = [protection for protection in contents.protections or () if protection.physical_id]
    if held:
        commands = (_lifting_command(protection) for protection in held)
        lifts = next((command for command in commands if command), "")
        raise Stopped(
            where=contents.id,
            what="; ".join(f"{each.physical_id} has {_WORDS[each.kind]} in {each.region}" for each in held)
            + ". Nothing was emptied",
            next_step=f"{lifts}    switches it off; then the same command again" if lifts else "",
        )


def _lifting_command(protection: ActiveProtection) -> str:
    """Return the command that lifts the protection of a resource; empty where nothing lifts it, or none is known."""
    if protection.kind != "DeletionProtection":
        return ""
    return HOLDERS[protection.type].lifts(protection.region, protection.physical_id)


_WORDS = {"DeletionProtection": "deletion protection", "ObjectLock": "object lock"}


async def lift(contents: StackContents, clients: Clients, emit: Emit) -> None:
    """Lift all of a stack's protections that can be lifted; lifted ones are not listed any more.

    A table's other regions come first. The next run reads each protection from AWS again, so it can resume anywhere.
    """
    own = clients.of(contents.stack.site)
    for protection in sorted(contents.protections or (), key=lambda each: _place(contents, each)):
        match protection.kind:
            case "StackPolicy":
                emit(Started(stack=contents.id, what="LIFT POLICY"))
                client = own.cloudformation(contents.stack.region)
                await call(
                    contents.id, client.set_stack_policy, StackName=contents.stack.arn, StackPolicyBody=OPEN_POLICY
                )
                remember_policy(clients, contents.stack.site, contents.stack.name, OPEN_POLICY)
            case "DeletionProtection":
                emit(Started(stack=contents.id, what=f"LIFT DELETION PROTECTION in {protection.region}"))
                await HOLDERS[protection.type].lift(own, protection.region, protection.physical_id)
            case "TerminationProtection":
                emit(Started(stack=contents.id, what="LIFT PROTECTION"))
                client = own.cloudformation(contents.stack.region)
                await call(
                    contents.id,
                    client.update_termination_protection,
                    StackName=contents.stack.arn,
                    EnableTerminationProtection=False,
                )
                remember_protected(clients, contents.stack.site, contents.stack.name, protected=False)
            case "ObjectLock":
                pass  # the emptying is refused for what is still locked
            case _:
                assert_never(protection.kind)


def _place(contents: StackContents, protection: ActiveProtection) -> tuple[int, str, bool]:
    kind = _KINDS.index(protection.kind) if protection.kind in _KINDS else -1
    return kind, protection.physical_id, protection.region == contents.stack.region
