"""The situations of a promotion: a secondary becomes the primary, with the old primary answering or not; pure."""

from collections.abc import Collection, Iterator

from builder.runbook.lines import LineMaker, code, control_planes, equals, link, listed, nothing_to_do, serves, who_am_i
from builder.runbook.loss import forced_key, lost_key
from builder.runbook.records import Condition, RunbookState, RunbookStep, Situation, TypedCommand
from builder.runbook.system import RunbookStack, RunbookSystem
from builder.terms import Region

_CLOSED = '{"Statement": [{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}'


def planned_key(to: Region) -> str:
    """Return the key of a promotion while all regions answer."""
    return f"promote-{to}"


def planned_promotion(system: RunbookSystem, old: Region, to: Region) -> Situation:
    """Return the situation in which a secondary becomes the primary while all regions answer."""
    make = LineMaker(system=system, state=RunbookState(Condition.WELL))
    after = LineMaker(system=system, state=RunbookState(Condition.PROMOTED, to))
    return Situation(
        key=planned_key(to),
        title=f"{to} becomes the primary, planned",
        in_short=f"All regions are well, and {to} is to be the primary for good. The table's stack in {old} lets go "
        f"of it and that in {to} takes it in; no item, object or URL changes, and both regions serve all the time.",
        signs=(RunbookStep(text=f"You want it: {old} is to be left, or {to} is where most of your writes are."),),
        needs=(who_am_i(make, to), *serves(make, to), *_as_deployed(make), *_committed(system)),
        steps=(
            RunbookStep(
                text=f"Promote {to}. It looks how far replication is, shows every step, asks, and can be started again "
                "wherever it is broken off.",
                lines=(_promotes(make, old, to, "the steps, a question: y"),),
                notes=(*_policies(system), *_turned_round(system, to)),
            ),
            _COMMIT,
        ),
        cannot=(*_environments(system), *_forbidden(old)),
        done=(_nothing_left(after), _is_primary(after, to)),
        back=(
            RunbookStep(
                text=f"{old} becomes the primary again the same way, and this page is made anew after each promotion.",
                lines=(_promotes(after, to, old, "the same steps the other way, and a question: y"),),
            ),
        ),
    )


def forced_promotion(system: RunbookSystem, old: Region, to: Region) -> Situation:
    """Return the situation in which a secondary becomes the primary while the old primary does not answer."""
    make = LineMaker(system=system, state=RunbookState(Condition.LOST, old), skipped=(old,))
    after = LineMaker(system=system, state=RunbookState(Condition.PROMOTED_ALONE, to), skipped=(old,))
    silent = make.builder("status", says=f"`DOES NOT ANSWER` below {old}", shows=("DOES NOT ANSWER",), skips=False)
    return Situation(
        key=forced_key(to),
        title=f"{to} becomes the primary while {old} does not answer",
        in_short=f"Only where {old} is not expected back, or {to} has to be changed before. Clients do not need it: "
        f"turning them is told in {link(lost_key(old))}.",
        signs=(
            RunbookStep(
                text=f"{old} has not answered for longer than you can wait, and somebody who may has decided.",
                lines=(silent,),
            ),
        ),
        needs=(who_am_i(make, to), *serves(make, to), *_committed(system)),
        steps=(
            RunbookStep(
                text=f"Promote {to} without {old}. What takes {old} is postponed, and stands in an SSM parameter in "
                f"{to} that every command reads.",
                lines=(_promotes_alone(make, to),),
            ),
            _COMMIT,
        ),
        cannot=(
            *control_planes(old, system.regions),
            *_forbidden(old),
            *_takes(system, old),
            *_environments(system),
        ),
        done=(_is_primary(after, to),),
        back=tuple(_old_is_back(system, old, to)),
    )


_COMMIT = RunbookStep(text="Commit dr.yaml and templates/ as one change, and tell everybody who has a checkout.")


def _promotes(make: LineMaker, old: Region, to: Region, says: str) -> TypedCommand:
    protected = [stack for stack in _owners(make.system) if stack.is_protected]
    ends = f"{to} is the primary"
    words = ("promote", to, *_lifted(old, protected))
    return make.builder(*words, says=f"{says}, then {code(ends)}", shows=(f"{ends}:",), answers=("y",))


def _promotes_alone(make: LineMaker, to: Region) -> TypedCommand:
    ends = f"{to} serves as the primary"
    says = f"what is done and what waits, a question: y, then {code(ends)}"
    return make.builder("promote", to, says=says, shows=(ends,), answers=("y",))


def _lifted(region: Region, stacks: Collection[RunbookStack]) -> tuple[str, ...]:
    """Return the options that allow the deletion of the tables' protected stacks in the old region.

    They name each stack by its name and region, since the assembly has it in another region by then.
    """
    return tuple(word for stack in stacks for word in ("--allow", f"{region}/{stack.name}/TerminationProtection"))


def _as_deployed(make: LineMaker) -> tuple[RunbookStep, ...]:
    return (
        RunbookStep(
            text="Nothing waits to be deployed: exit code 3 says that something does. `deploy` it first.",
            lines=(nothing_to_do(make),),
        ),
        RunbookStep(
            text="Nothing differs from the templates. What does would be changed by a promotion.",
            lines=equals(make).lines,
        ),
    )


def _nothing_left(make: LineMaker) -> RunbookStep:
    return RunbookStep(text="Nothing is left to do.", lines=(nothing_to_do(make),))


def _is_primary(make: LineMaker, to: Region) -> RunbookStep:
    status = make.builder("status", says=code(f"{to}, primary"), shows=(f"{to}, primary",), skips=False)
    return RunbookStep(text=f"{to} is the primary. What is postponed is told here too.", lines=(status,))


def _committed(system: RunbookSystem) -> Iterator[RunbookStep]:
    if system.request.has_config:
        yield RunbookStep(
            text="The checkout is the one that was deployed, with nothing uncommitted: the promotion rewrites dr.yaml "
            "and templates/."
        )


def _environments(system: RunbookSystem) -> Iterator[str]:
    if others := system.request.environments:
        yield (
            f"dr.yaml names the primary for every environment: {listed([code(name) for name in others])} "
            f"{'is' if len(others) == 1 else 'are'} to be promoted too, before anybody deploys "
            f"{'it' if len(others) == 1 else 'them'}."
        )


def _forbidden(old: Region) -> Iterator[str]:
    yield (
        f"From now on nobody deploys from an older checkout, and nobody updates or deletes a stack in {old} by hand "
        "before this is done: it would revert the table, or delete every replica of it."
    )


def _policies(system: RunbookSystem) -> Iterator[str]:
    closed = [stack for stack in _owners(system) if stack.denies_updates]
    if closed:
        names = listed([code(stack.name) for stack in closed])
        yield (f"The stack policy of {names} denies that the table leaves. The promotion opens it, and puts it back.")


def _turned_round(system: RunbookSystem, to: Region) -> Iterator[str]:
    if names := [bucket.component for bucket in system.buckets if bucket.one_way]:
        buckets = listed([code(name) for name in names])
        yield (
            f"The rules of {buckets} are turned round. What has not gone over yet stops it with exit code 4: "
            f"`backfill` brings it, then the same again. What was written to {to} before goes over by a `backfill` "
            "afterwards, which takes `backfill: true` of the bucket in dr.yaml."
        )


def _owners(system: RunbookSystem) -> tuple[RunbookStack, ...]:
    """Return the stacks that own tables, each once."""
    return tuple({table.owner.id: table.owner for table in system.tables if table.owner is not None}.values())


def _takes(system: RunbookSystem, old: Region) -> Iterator[str]:
    """Yield what would be lost if the stacks in the old region were deleted."""
    for stack in _owners(system):
        if stack.region != old:
            continue
        held = listed([code(table.name) for table in system.tables if table.owner == stack])
        if stack.retains_data:
            yield f"{code(stack.name)} in {old} retains {held} when it is deleted. Delete it all the same only by "
            "`deploy`."
        else:
            yield (
                f"A deletion of {code(stack.name)} in {old} would delete {held} in every region, with all items: its "
                "template retains nothing (`protect: true` in dr.yaml would)."
            )


def _old_is_back(system: RunbookSystem, old: Region, to: Region) -> Iterator[RunbookStep]:
    make = LineMaker(system=system, state=RunbookState(Condition.PROMOTED, to))
    owners = [stack for stack in _owners(system) if stack.region == old]
    if bare := [stack for stack in owners if not stack.is_protected]:
        words = ("cloudformation", "update-termination-protection", "--enable-termination-protection", "--stack-name")
        yield RunbookStep(
            text=f"Before anything else, once {old} answers again: nobody deletes the old stack.",
            lines=tuple(
                make.aws(*words, stack.name, region=old, says=code("StackId"), shows=("StackId",)) for stack in bare
            ),
        )
    if open_ := [stack for stack in owners if not stack.denies_updates]:
        yield RunbookStep(
            text="And nobody updates it.",
            lines=tuple(
                make.aws(
                    *("cloudformation", "set-stack-policy", "--stack-name", stack.name, "--stack-policy-body", _CLOSED),
                    region=old,
                    says="nothing",
                )
                for stack in open_
            ),
            notes=("`deploy` opens the policy where it has to.",),
        )
    yield RunbookStep(
        text=f"Do what was postponed: the old stack lets go of the table, {to} takes it in, and {old} gets what a "
        "secondary has.",
        lines=(
            make.builder(
                *("deploy", *_lifted(old, owners)),
                says=f"what was postponed, a question: y, then {code(f'{to} is the primary')}",
                shows=(f"{to} is the primary:",),
                answers=("y",),
            ),
        ),
    )
    yield _nothing_left(make)
    yield RunbookStep(
        text=f"{to} stays the primary. Make this page anew: it then says how {old} becomes the primary again."
    )
