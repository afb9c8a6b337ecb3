"""The situations of a region that does not answer, and of a primary in which DynamoDB alone fails; pure."""

from collections.abc import Iterator
from dataclasses import replace

from builder.runbook.lines import (
    LineMaker,
    alarms_on,
    code,
    control_planes,
    equals,
    link,
    listed,
    runs_again,
    serves,
    stops_running,
    who_am_i,
)
from builder.runbook.records import Condition, RunbookState, RunbookStep, Situation, TypedCommand
from builder.runbook.system import RunbookSystem
from builder.terms import Region

FAILBACK = "failback"
IMPAIRED = "dynamodb"


def lost_key(region: Region) -> str:
    """Return the key of the situation in which a region is lost."""
    return f"lost-{region}"


def forced_key(to: Region) -> str:
    """Return the key of a promotion without the old primary."""
    return f"promote-{to}-alone"


def is_promoted(system: RunbookSystem) -> bool:
    """Return whether this system can be promoted: it has a table and a dr.yaml, and is not a fleet's."""
    return bool(system.tables) and system.request.has_config and not system.request.has_fleet


def primary_lost(system: RunbookSystem, lost: Region) -> Situation:
    """Return the situation in which the primary does not answer."""
    to, *further = system.others(lost)
    make = LineMaker(system=system, state=RunbookState(Condition.LOST, lost), skipped=(lost,))
    instead = f" {listed(further)} can take its place: type that region instead." if further else ""
    return Situation(
        key=lost_key(lost),
        title=f"{lost} does not answer, the primary",
        in_short=f"{to} has everything and takes reads and writes at once. Turn the clients there, keep them there, "
        f"and change as little as you can until {lost} answers again.{instead}",
        signs=_signs(make, lost),
        needs=(who_am_i(make, to), *serves(make, to)),
        steps=(*turned(make, to), *kept(make, to), *_decided(system, lost, to), _deployed_without(make, lost)),
        cannot=tuple(_cannot(system, lost)),
        done=(*_seen(make, to), _complete(make, lost)),
        back=_answers_again(system, lost, to),
    )


def secondary_lost(system: RunbookSystem, lost: Region) -> Situation:
    """Return the situation in which a secondary does not answer, or a region of a system without a primary."""
    make = LineMaker(system=system, state=RunbookState(Condition.LOST, lost), skipped=(lost,))
    here = system.primary or system.others(lost)[0]
    left = system.others(lost)
    alone = "You run in one region now, and have nowhere to go." if len(left) == 1 else f"{listed(left)} are left."
    return Situation(
        key=lost_key(lost),
        title=f"{lost} does not answer, a secondary" if system.primary else f"{lost} does not answer",
        in_short=f"Clients stay in {here}, and nothing has to be turned. {alone} Change as little as you can until "
        f"{lost} answers again.",
        signs=_signs(make, lost),
        needs=(who_am_i(make, here), *serves(make, here)),
        steps=(*_fetched(make, lost, here), _deployed_without(make, lost)),
        cannot=tuple(_cannot(system, lost)),
        done=(*_seen(make, here), _complete(make, lost)),
        back=_answers_again(system, lost, None),
    )


def _fetched(make: LineMaker, lost: Region, here: Region) -> Iterator[RunbookStep]:
    """Yield how clients leave a lost region if an earlier failover has left them there."""
    if any(lost in function.urls for function in make.system.functions):
        hold = held_in(make, here, "--from", lost)
        yield RunbookStep(
            text=f"Only if clients were held in {lost} since an earlier failover: it is an outage for them. Have them "
            f"come to {here}. What {lost} did not replicate they do not find there.",
            lines=(hold,),
        )
    else:
        yield RunbookStep(text=f"Turn those clients to {here} that are in {lost}.")


def dynamodb_impaired(system: RunbookSystem, primary: Region) -> Situation:
    """Return the situation in which the primary answers and its tables do not."""
    to = system.others(primary)[0]
    make = LineMaker(system=system, state=RunbookState(Condition.IMPAIRED, primary))
    alone = replace(make, skipped=(primary,))
    return Situation(
        key=IMPAIRED,
        title=f"DynamoDB alone fails in {primary}",
        in_short=f"The rest of {primary} is well, so that nothing fails over by itself but what gets a 5xx. Take the "
        f"primary away for all clients: some of them in {to} and some in {primary} is the worst of both.",
        signs=tuple(_impaired_signs(make, primary, to)),
        needs=(who_am_i(make, to), *serves(make, to)),
        steps=(*kept(alone, to), *_taken_away(make, primary, to), *turned(make, to)),
        cannot=(
            (
                "`deploy` gives a function back what its template says where it changes it: leave it until this is "
                "over. `drill` refuses."
            ),
            (
                f"Replication is DynamoDB's too. What {primary} acknowledged last may not be in {to} yet, and what is "
                f"written in {to} arrives in {primary} once that is well again. Nothing of it is lost while both stand."
            ),
        ),
        done=(*_seen(make, to), *_taken_away_seen(make, primary)),
        back=tuple(_well_again(system, primary)),
    )


def _impaired_signs(make: LineMaker, primary: Region, to: Region) -> Iterator[RunbookStep]:
    urls = [function for function in make.system.functions if primary in function.urls]
    if urls:
        yield RunbookStep(
            text="Stacks, buckets and functions have their rows, and the URL answers badly.",
            lines=(
                make.builder(
                    "status", says=f"a 5xx at the URL in {primary}, or `NOT SEEN` of its table, and a complete {to}"
                ),
            ),
        )
        yield RunbookStep(
            text="The URL by itself. A health path that does not read the table stays well.",
            lines=tuple(make.calls_health(function, primary, fails=True) for function in urls),
        )
    yield RunbookStep(
        text="The table by itself. Where it answers well and everything else does not, it is not DynamoDB.",
        lines=tuple(
            make.reads(table, primary, exits=(254, 255))
            for table in make.system.tables
            if table.name and primary in table.regions
        ),
    )
    yield alarms_on(make, (primary,), "alarms that are on, those on errors first, or nothing yet")


def _taken_away(make: LineMaker, primary: Region, to: Region) -> Iterator[RunbookStep]:
    if lines := tuple(
        stops_running(make, function, primary) for function in make.system.functions if primary in function.names
    ):
        yield RunbookStep(
            text=f"Let the functions in {primary} run no more: their URLs answer 429, and every failover client goes "
            f"to {to}.",
            lines=lines,
        )


def _taken_away_seen(make: LineMaker, primary: Region) -> Iterator[RunbookStep]:
    if lines := tuple(
        make.calls_health(function, primary, fails=True)
        for function in make.system.functions
        if primary in function.urls and primary in function.names
    ):
        yield RunbookStep(text=f"Nobody is served in {primary}.", lines=lines)


def _signs(make: LineMaker, lost: Region) -> tuple[RunbookStep, ...]:
    others = make.system.others(lost)
    status = make.builder(
        "status",
        says=f"`DOES NOT ANSWER` below {lost}, and the rows of {listed(others)}",
        shows=("DOES NOT ANSWER",),
        skips=False,
    )
    return (
        RunbookStep(
            text="One look at all regions, 4.5 seconds at most. Look twice before you decide.", lines=(status,)
        ),
        alarms_on(make, others, f"alarms that are on because copies of {lost} do not arrive, or nothing yet"),
    )


def turned(make: LineMaker, to: Region) -> Iterator[RunbookStep]:
    """Yield how clients come to a region."""
    functions = [function for function in make.system.functions if function.has_url and to in function.urls]
    if not functions:
        yield RunbookStep(
            text=f"Turn your traffic to {to}, by whatever leads it: DNS, a load balancer, your clients' "
            "configuration. No function of this deployment has a URL, so that nothing here can do it for you.",
        )
        return
    lines = tuple(
        make.builder("outputs", function.urls[to], says=f"the URL in {to}", shows=("http",))
        for function in functions
        if function.urls[to]
    )
    yield RunbookStep(
        text=f"Clients with the failover client go to {to} by themselves. Give all others the URL of {to}.",
        lines=lines,
        notes=() if lines else ("No output has it: `status` shows it.",),
    )


def held_in(make: LineMaker, to: Region, *words: str) -> TypedCommand:
    """Return the command that holds clients in a region."""
    shows = f"clients are held in {to}"
    return make.failback("--hold", to, *words, says=f"a question: y, then {code(shows)}", shows=(shows,))


def kept(make: LineMaker, to: Region) -> Iterator[RunbookStep]:
    """Yield how clients are kept in a region."""
    if any(to in function.urls for function in make.system.functions):
        yield RunbookStep(
            text=f"Keep clients in {to}, whatever answers again. Who goes back too early reads old data, and "
            "overwrites new. Clients without a hold do not look at it.",
            lines=(held_in(make, to),),
            notes=("Where your clients' hold is another item than `/items/failover-hold`: `--target PATH`.",),
        )


def _decided(system: RunbookSystem, lost: Region, to: Region) -> Iterator[RunbookStep]:
    if is_promoted(system):
        yield RunbookStep(
            text=f"Decide with the others. Where {lost} is expected back, wait: nothing more has to be done. Where it "
            f"is not, or {to} has to be changed before that, go on by {link(forced_key(to))}."
        )


def _deployed_without(make: LineMaker, lost: Region) -> RunbookStep:
    return RunbookStep(
        text=f"Only if code or configuration has to change now, deploy without {lost}. Where a change hangs on that "
        "region it stops with exit code 4, and says on what.",
        lines=(make.builder("deploy", says="`No changes`, or the plan and a question: y", answers=("y",)),),
    )


def _cannot(system: RunbookSystem, lost: Region) -> Iterator[str]:
    yield f"No stack in {lost} can be looked at, updated or deleted, and its outputs cannot be read."
    yield from control_planes(lost, system.regions)
    for table in system.tables:
        if table.owner is None:
            yield f"{code(table.name or table.component)} is in no stack of this deployment: ask whoever made it."
        elif lost in {table.owner.region, *table.regions}:
            why = (
                f"its stack {code(table.owner.name)} is there"
                if table.owner.region == lost
                else "it has a replica there"
            )
            yield (
                f"Replicas, indexes, keys and time to live of {code(table.name)} cannot be changed, since {why}. "
                "Items are read and written as ever."
            )
    for bucket in system.buckets:
        for source, destination in bucket.one_way:
            if source == lost:
                yield (
                    f"Objects that are written to {code(bucket.names.get(destination, bucket.component))} now do not "
                    f"come back by themselves: {code(bucket.component)} replicates one way, from {source} to "
                    f"{destination}."
                )
    yield _at_risk(system, lost)
    yield (
        "`drill` and `destroy` want every region, and refuse. Delete no stack, take no replica away, and leave "
        f"{lost} in dr.yaml: an outage removes no replica, and one that you remove is filled anew."
    )


def _at_risk(system: RunbookSystem, lost: Region) -> str:
    rpo_s = dict(system.request.objectives).get("rpo_seconds")
    most = f", {rpo_s:g} seconds of writes if it keeps what was promised" if rpo_s is not None else ""
    return (
        f"What {lost} acknowledged and did not replicate is not to be had{most}. It arrives once the region is back: "
        "late, so that it may lose to what was written since, or win where its clock says so."
    )


def _seen(make: LineMaker, to: Region) -> Iterator[RunbookStep]:
    """Yield the check that a region serves, if it has a URL."""
    if any(to in function.urls for function in make.system.functions):
        yield next(serves(make, to))


def _complete(make: LineMaker, lost: Region) -> RunbookStep:
    status = make.builder("status", says=f"no `DOES NOT ANSWER` but below {lost}", skips=False)
    return RunbookStep(text="Every other region is complete, with 200 at its URL where it has one.", lines=(status,))


def _answers_again(system: RunbookSystem, lost: Region, to: Region | None) -> tuple[RunbookStep, ...]:
    """Return the steps once a region answers again; `to` is where clients are, None if they never left it."""
    condition = Condition.SECOND_BACK if to is None else Condition.BACK
    make = LineMaker(system=system, state=RunbookState(condition, lost))
    steps = [
        RunbookStep(text=f"{lost} answers again.", lines=(make.builder("status", says="no line `DOES NOT ANSWER`"),)),
        RunbookStep(
            text=f"Deploy to all regions, so that {lost} has what was changed without it.",
            lines=(make.builder("deploy", says="`No changes`, or the plan and a question: y", answers=("y",)),),
        ),
        equals(make),
    ]
    if any(bucket.ways for bucket in system.buckets):
        text = "What S3 could not send arrives by itself; what it gave up as failed does not, until it is sent again."
        lines = (make.builder("backfill", "--dry-run", says="`nothing is lacking`", shows=("nothing is lacking",)),)
        steps.append(RunbookStep(text=text, lines=lines, notes=("Where something is: the same without `--dry-run`.",)))
    if to is None and any(lost in function.urls for function in system.functions):
        ends = make.failback(says="that nothing holds clients, or a question: y")
        steps.append(RunbookStep(text="Where clients were held, end that.", lines=(ends,)))
    if to is not None:
        steps.append(RunbookStep(text=f"Clients are still in {to}. Bring them back by {link(FAILBACK)}."))
    return tuple(steps)


def _well_again(system: RunbookSystem, primary: Region) -> Iterator[RunbookStep]:
    make = LineMaker(system=system, state=RunbookState(Condition.BACK, primary))
    yield RunbookStep(
        text=f"The tables in {primary} let themselves be read.",
        lines=tuple(make.reads(table, primary) for table in system.tables if table.name and primary in table.regions),
    )
    if any(primary in function.urls for function in system.functions):
        yield RunbookStep(
            text=f"{primary} has what was written elsewhere. Exit code 3 lists what it lacks: wait, and look again. "
            "Exit code 4 says that its function does not run, which is what comes next.",
            lines=(make.failback("--check", says="that nothing would be lost", exits=(0, 3, 4), asks=False),),
        )
    lines = [runs_again(make, function, primary) for function in system.functions if primary in function.names]
    if lines:
        yield RunbookStep(
            text=f"Let the functions in {primary} run again. Clients that are held stay where they are; all others go "
            "back now.",
            lines=tuple(lines),
        )
    if urls := [function for function in system.functions if primary in function.urls]:
        yield RunbookStep(
            text=f"{primary} serves.", lines=tuple(make.calls_health(function, primary) for function in urls)
        )
    yield RunbookStep(text=f"Go on by {link(FAILBACK)}.")
