"""How clients go back to the primary once it has what was written elsewhere; pure."""

from collections.abc import Iterator

from builder.runbook.lines import LineMaker, code, equals, serves, who_am_i
from builder.runbook.loss import FAILBACK
from builder.runbook.records import (
    Condition,
    RunbookState,
    RunbookStep,
    ShellVariable,
    Situation,
)
from builder.runbook.system import RunbookBucket, RunbookSystem
from builder.terms import Region


def failback(system: RunbookSystem, primary: Region) -> Situation:
    """Return what is done once the primary answers again and clients are in another region."""
    to = system.others(primary)[0]
    make = LineMaker(system=system, state=RunbookState(Condition.BACK, primary))
    return Situation(
        key=FAILBACK,
        title=f"Clients go back to {primary}",
        in_short=f"{primary} answers again, and clients are in {to}. Going back is a decision: it is taken once "
        f"{primary} has what {to} acknowledged, and not before.",
        signs=(
            RunbookStep(text="All regions answer.", lines=(make.builder("status", says="no line `DOES NOT ANSWER`"),)),
        ),
        needs=(
            who_am_i(make, primary),
            *serves(make, primary),
            RunbookStep(
                text="Replication has caught up both ways, and what would be lost is known: items that both regions "
                f"wrote, items and objects that {primary} lacks. It changes nothing.",
                lines=(make.builder("failback", "--check", says="that nothing would be lost"),),
            ),
        ),
        steps=(*_objects(make, primary), _released(make, primary)),
        cannot=tuple(_cannot(system, primary, to)),
        done=(_is_back(make, primary), equals(make)),
        back=(
            RunbookStep(
                text=f"Where {primary} fails again, send clients back to {to} and keep them there.",
                lines=(make.builder("failback", "--hold", to, says=f"that clients are held in {to}"),),
            ),
        ),
    )


def _is_back(make: LineMaker, primary: Region) -> RunbookStep:
    urls = [function for function in make.system.functions if primary in function.urls]
    lines = tuple(make.calls_health(function, primary) for function in urls)
    return RunbookStep(text=f"{primary} serves, and clients are there within seconds.", lines=lines)


def _released(make: LineMaker, primary: Region) -> RunbookStep:
    return RunbookStep(
        text="Let clients go back. It checks once more, says what would be lost, asks, and ends the hold: clients "
        f"are in {primary} within seconds. Who has turned traffic by hand turns it back now.",
        lines=(make.builder("failback", says="what it found, and a question: y", answers=("y",)),),
    )


def _objects(make: LineMaker, primary: Region) -> Iterator[RunbookStep]:
    for bucket in make.system.buckets:
        for source, destination in bucket.one_way:
            if source == primary and {source, destination} <= bucket.names.keys():
                yield _brought_back(make, bucket, source, destination)


def _brought_back(make: LineMaker, bucket: RunbookBucket, source: Region, destination: Region) -> RunbookStep:
    key = ShellVariable(
        name="OBJECT", stands_for="PATH/OF/THE/OBJECT", what="the key of an object that the check names"
    )
    copy = make.aws(
        *("s3api", "copy-object", "--bucket", bucket.names[source], "--key", "${OBJECT}"),
        *("--copy-source", f"{bucket.names[destination]}/${{OBJECT}}"),
        region=source,
        says="`CopyObjectResult`",
        shows=("CopyObjectResult",),
    )
    return RunbookStep(
        text=f"Objects that were written to {destination} do not come back by themselves: {code(bucket.component)} "
        f"replicates one way. Copy those that {source} lacks, one by one.",
        lines=(key, copy),
        notes=(
            "An object over 5 GB is not copied so.",
            (
                f"For many: `replication: two-way` for {code(bucket.component)} in dr.yaml, `render`, `deploy`, then "
                "`backfill` brings back all of them. It is for good, until dr.yaml says `one-way` again."
            ),
        ),
    )


def _cannot(system: RunbookSystem, primary: Region, to: Region) -> Iterator[str]:
    if system.tables:
        yield (
            f"Of two writes to one item the last wins, as a whole item: what {primary} acknowledged at its end and "
            f"{to} overwrote is nowhere any more. The check lists it as far as it can be seen; nobody brings it back."
        )
    yield "Clients that do not use the failover client's hold do not wait for any of this: they are back already."
    yield f"A promotion is no failback: after one {to} is the primary, and clients stay there."
