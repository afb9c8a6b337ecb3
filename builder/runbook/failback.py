"""The situation after an outage: clients return to the primary once it has all that was written meanwhile; pure."""

from collections.abc import Iterator

from builder.runbook.lines import LineMaker, code, equals, serves, who_am_i
from builder.runbook.loss import FAILBACK, held_in
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
    """Return the situation in which the primary answers again and clients are in another region."""
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
        needs=(who_am_i(make, primary), *serves(make, primary), *_compared(make, primary)),
        steps=(*_objects(make, primary), *_looked_again(make, primary), *_released(make, primary)),
        cannot=tuple(_cannot(system, primary, to)),
        done=(_is_back(make, primary), equals(make)),
        back=tuple(_again(make, primary, to)),
    )


def _has_urls(make: LineMaker, region: Region) -> bool:
    return any(region in function.urls for function in make.system.functions)


def _compared(make: LineMaker, primary: Region) -> Iterator[RunbookStep]:
    if _has_urls(make, primary):
        yield RunbookStep(
            text="It is known what would be lost by going now: items and objects that are not the same in both "
            "regions. It changes nothing, and reads both tables. Exit code 3: something would; what is on its way "
            "arrives while you wait.",
            lines=(
                make.failback(
                    "--check", says="`nothing would be lost`, or what would, by its keys", exits=(0, 3), asks=False
                ),
            ),
            notes=("`--sample 1000` reads a thousand items of each table instead of all, and knows less.",),
        )
    else:
        yield RunbookStep(
            text=f"{primary} has what was written elsewhere. No function of this deployment has a URL, so that "
            "nothing here compares the regions: look by your application.",
        )


def _looked_again(make: LineMaker, primary: Region) -> Iterator[RunbookStep]:
    """Yield another comparison if objects had to be copied by hand."""
    if _has_urls(make, primary) and any(
        source == primary for bucket in make.system.buckets for source, _ in bucket.one_way
    ):
        check = make.failback("--check", says="`nothing would be lost`", shows=("nothing would be lost",), asks=False)
        yield RunbookStep(text="Look again.", lines=(check,))


def _released(make: LineMaker, primary: Region) -> Iterator[RunbookStep]:
    if _has_urls(make, primary):
        yield RunbookStep(
            text="Let clients go back. It compares once more, has a write of now arrive, asks, and ends the hold. "
            "Where something would be lost it stops with exit code 4, and goes on with `--allow` of what may be. Who "
            "has turned traffic by hand turns it back now.",
            lines=(make.failback(says="what it found, a question: y, then `no hold any more`"),),
        )
    else:
        yield RunbookStep(text=f"Turn your traffic back to {primary}, by whatever leads it.")


def _again(make: LineMaker, primary: Region, to: Region) -> Iterator[RunbookStep]:
    if _has_urls(make, to):
        text = f"Where {primary} is not as it should be, send clients to {to} again, and keep them there."
        yield RunbookStep(text=text, lines=(held_in(make, to),))
    else:
        yield RunbookStep(text=f"Where {primary} is not as it should be, turn your traffic to {to} again.")


def _is_back(make: LineMaker, primary: Region) -> RunbookStep:
    urls = [function for function in make.system.functions if primary in function.urls]
    lines = tuple(make.calls_health(function, primary) for function in urls)
    return RunbookStep(text=f"{primary} serves, and clients are there within seconds.", lines=lines)


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
