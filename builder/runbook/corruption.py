"""The situation of bad data in every region: restore tables to a point in time, and objects to a version; pure."""

from collections.abc import Iterator

from builder.runbook.lines import LineMaker, code, key_example, listed, runs_again, stops_running, who_am_i
from builder.runbook.records import (
    Condition,
    RunbookLine,
    RunbookState,
    RunbookStep,
    ShellVariable,
    Situation,
)
from builder.runbook.system import RunbookBucket, RunbookSystem, RunbookTable
from builder.terms import Region

CORRUPTION = "bad-data"
_COPY = (
    "import boto3; "
    'table = boto3.client("dynamodb", "{region}"); '
    'pages = table.get_paginator("scan").paginate(TableName="{restored}"); '
    'print(sum(bool(table.put_item(TableName="{name}", Item=item)) for page in pages for item in page["Items"]), '
    '"items")'
)
_LONGEST_TABLE = 255
_RESTORED = "-restored"


def corruption(system: RunbookSystem) -> Situation:
    """Return the situation in which data is bad in every region."""
    home = system.primary or system.regions[0]
    make = LineMaker(system=system, state=RunbookState(Condition.DAMAGED))
    tables = [table for table in system.tables if table.name]
    return Situation(
        key=CORRUPTION,
        title="Data is bad: a bad write or a deletion",
        in_short="Replication carries a bad write to every region within seconds: a second region is no backup. What "
        f"brings data back is {_what_brings_back(system)}.",
        signs=(
            RunbookStep(
                text="People or your application tell it. All regions are well, and no alarm of this deployment looks "
                "at data.",
                lines=(make.builder("status", says="every row as ever"),),
            ),
        ),
        needs=(who_am_i(make, home), *_recoverable(make, tables, home), *_versioned(make, home)),
        steps=(
            *_stopped(make),
            *(step for table in tables for step in _restored(make, table, _region_of(table, home))),
            *(step for bucket in system.buckets for step in _versions(make, bucket, home)),
        ),
        cannot=tuple(_cannot(system)),
        done=tuple(_done(make, tables, home)),
        back=tuple(_resumed(make, tables, home)),
    )


def _what_brings_back(system: RunbookSystem) -> str:
    ways = []
    if any(table.recovery is not False for table in system.tables):
        ways.append("the table's recovery to a point in time, into a table of another name")
    if any(bucket.is_versioned is not False for bucket in system.buckets):
        ways.append("the versions that buckets keep of each object")
    return listed(ways) if ways else "nothing that this deployment has"


def _region_of(table: RunbookTable, home: Region) -> Region:
    return home if home in table.regions else table.regions[0]


def _recoverable(make: LineMaker, tables: list[RunbookTable], home: Region) -> Iterator[RunbookStep]:
    for table in tables:
        if table.recovery is False:
            yield RunbookStep(
                text=f"{code(table.name)} has no recovery to a point in time: it is off in its template. What was "
                "overwritten or deleted in it is gone, and there is no way back. Go on with what can be made again "
                "from elsewhere.",
            )
            continue
        yield RunbookStep(
            text=f"{code(table.name)} can be restored to a point in time between these two.",
            lines=(
                make.aws(
                    *("dynamodb", "describe-continuous-backups", "--table-name", table.name, "--query"),
                    "ContinuousBackupsDescription.PointInTimeRecoveryDescription",
                    region=_region_of(table, home),
                    says=f"{code('ENABLED')}, and a time before the damage as the earliest; up to {table.days} days "
                    "back",
                    shows=("ENABLED",),
                ),
            ),
        )


def _versioned(make: LineMaker, home: Region) -> Iterator[RunbookStep]:
    for bucket in make.system.buckets:
        region = home if home in bucket.names else next(iter(bucket.names), None)
        if region is None:
            yield RunbookStep(text=f"What the buckets of {code(bucket.component)} are called shows `status`.")
            continue
        kept = f"{bucket.keeps_days} days" if bucket.keeps_days else "until somebody deletes them"
        yield RunbookStep(
            text=f"The buckets of {code(bucket.component)} keep what was overwritten or deleted: {kept}.",
            lines=(
                make.aws(
                    *("s3api", "get-bucket-versioning", "--bucket", bucket.names[region]),
                    *("--query", "Status", "--output", "text"),
                    region=region,
                    says=code("Enabled"),
                    shows=("Enabled",),
                ),
            ),
        )


def _stopped(make: LineMaker) -> Iterator[RunbookStep]:
    lines = [
        stops_running(make, function, region)
        for function in make.system.functions
        for region in make.system.regions
        if region in function.names
    ]
    if lines:
        yield RunbookStep(
            text="Stop what writes badly. If that is a function of this deployment, let it run no more, in every "
            "region: nobody is served from then on.",
            lines=tuple(lines),
        )
    else:
        yield RunbookStep(text="Stop what writes badly. This deployment has no function that could be held.")
    yield RunbookStep(
        text="Write down when the first bad write was, in UTC, and what it was about. Change nothing before that."
    )


def restored_name(table: RunbookTable) -> str:
    """Return the name of the new table that a table's point in time is restored into."""
    return f"{table.name[: _LONGEST_TABLE - len(_RESTORED)]}{_RESTORED}"


def _restored(make: LineMaker, table: RunbookTable, region: Region) -> Iterator[RunbookStep]:
    if table.recovery is False:
        return
    restored = restored_name(table)
    before = ShellVariable(
        name="BEFORE", stands_for="YYYY-MM-DDTHH:MM:SSZ", what="the last second at which data was good, in UTC"
    )
    restore = make.aws(
        *("dynamodb", "restore-table-to-point-in-time", "--source-table-name", table.name),
        *("--target-table-name", restored, "--restore-date-time", "${BEFORE}"),
        region=region,
        says=code('"TableStatus": "CREATING"'),
        shows=(restored,),
    )
    yield RunbookStep(
        text=f"Restore {code(table.name)} as it was then, into {code(restored)}: a new table in {region} alone. The "
        "one that serves is not touched.",
        lines=(before, restore),
    )
    yield RunbookStep(
        text="Wait until it stands, which takes minutes to hours. Exit code 255 says that it does not yet: type it "
        "again.",
        lines=(make.aws("dynamodb", "wait", "table-exists", "--table-name", restored, region=region, says="nothing"),),
    )
    yield _one_item(make, table, region)
    copy = _COPY.format(region=region, restored=restored, name=table.name)
    yield RunbookStep(
        text="Or bring everything back. Every item is as it was then: what was written well since is overwritten, and "
        "what was made since stays. One item after the other, some hundred a second.",
        lines=(make.python(copy, says="how many items were written"),),
    )


def _one_item(make: LineMaker, table: RunbookTable, region: Region) -> RunbookStep:
    restored = restored_name(table)
    lines: tuple[RunbookLine, ...] = (
        key_example(table),
        make.aws(
            *("dynamodb", "get-item", "--table-name", restored, "--key", "${KEY}", "--query", "Item"),
            *("--output", "json"),
            region=region,
            says="nothing: the item as it was is in the variable",
            into="ITEM",
        ),
        make.aws(
            *("dynamodb", "put-item", "--table-name", table.name, "--item", "${ITEM}"), region=region, says="nothing"
        ),
    )
    return RunbookStep(
        text=f"Bring items back one by one: the item of {code(restored)} takes the place of the bad one, in every "
        "region within seconds.",
        lines=lines,
        notes=(
            (
                "Where the variable is `null` there was no such item then: `aws dynamodb delete-item` with the same "
                "table and key takes away what the bad write made."
            ),
        ),
    )


def _versions(make: LineMaker, bucket: RunbookBucket, home: Region) -> Iterator[RunbookStep]:
    if bucket.is_versioned is False or not bucket.names:
        return
    region = home if home in bucket.names else next(iter(bucket.names))
    name = bucket.names[region]
    key = ShellVariable(name="OBJECT", stands_for="PATH/OF/THE/OBJECT", what="the object's key")
    listing = make.aws(
        *("s3api", "list-object-versions", "--bucket", name, "--prefix", "${OBJECT}", "--query"),
        "[Versions[].[LastModified,VersionId,IsLatest,Key],DeleteMarkers[].[LastModified,VersionId,IsLatest,Key]]",
        region=region,
        says="the versions with their times, then the markers of deletions",
    )
    yield RunbookStep(
        text=f"Look which versions there are of an object in {code(bucket.component)}, in {region}.",
        lines=(key, listing),
    )
    version = ShellVariable(
        name="VERSION", stands_for="VERSION-ID", what="the id of the newest version from before the damage"
    )
    copy = make.aws(
        *("s3api", "copy-object", "--bucket", name, "--key", "${OBJECT}"),
        *("--copy-source", f"{name}/${{OBJECT}}?versionId=${{VERSION}}"),
        region=region,
        says=code("CopyObjectResult"),
        shows=("CopyObjectResult",),
    )
    yield RunbookStep(
        text="Make the good version the current one, after an overwriting and after a deletion. It is a new version, "
        "and so it replicates.",
        lines=(version, copy),
        notes=(
            (
                "Do not delete the bad version or the marker by its id: such a deletion never replicates, and the "
                "other region would keep what is bad."
            ),
            "An object over 5 GB is not copied so.",
        ),
    )


def _cannot(system: RunbookSystem) -> Iterator[str]:
    for table in system.tables:
        if table.recovery is False:
            yield (
                f"Nothing brings back an item of {code(table.name)}: recovery to a point in time is off. "
                "`point_in_time_recovery: true` in dr.yaml is for the next time; it begins when it is switched on."
            )
    if any(table.recovery is not False for table in system.tables):
        yield (
            "A restored table is no global table: it has no replica, no time to live, no stream, no recovery, no "
            "protection and no alarm, and no stack manages it. It is there to copy from."
        )
    for bucket in system.buckets:
        if bucket.is_versioned is False:
            yield f"Nothing brings back an object of {code(bucket.component)}: its buckets keep no versions."
        elif bucket.keeps_days:
            yield (
                f"Versions in {code(bucket.component)} are deleted {bucket.keeps_days} days after they were "
                "overwritten. Where that is near: `pause_lifecycle: true` for it in dr.yaml, `render`, `deploy`."
            )
        for _, destination in bucket.one_way:
            yield (
                f"Objects that were written to {destination} after a failover are in "
                f"{code(bucket.names.get(destination, bucket.component))} alone: type the same lines with that bucket "
                "and region."
            )
    for stack, kinds in system.other_data:
        yield (
            f"{code(stack.name)} in {stack.region} holds data that no component names ({listed(kinds)}): what brings "
            "that back is its own, and not on this page."
        )
    yield "Do not turn clients: the other region has the same bad data."


def _done(make: LineMaker, tables: list[RunbookTable], home: Region) -> Iterator[RunbookStep]:
    for table in tables:
        others = [region for region in table.regions if region != _region_of(table, home)]
        if table.recovery is not False and others:
            yield RunbookStep(
                text=f"An item that was brought back to {code(table.name)} is in {others[0]} too.",
                lines=(
                    make.aws(
                        *("dynamodb", "get-item", "--table-name", table.name, "--key", "${KEY}", "--consistent-read"),
                        region=others[0],
                        says="the item as it was",
                        shows=("Item",),
                    ),
                ),
            )
    for bucket in make.system.buckets:
        for source, destination in bucket.ways:
            if source == home and destination in bucket.names and bucket.is_versioned is not False:
                yield RunbookStep(
                    text=f"An object that was brought back to {code(bucket.component)} is in {destination} too. "
                    "Replication takes seconds to minutes.",
                    lines=(
                        make.aws(
                            *("s3api", "head-object", "--bucket", bucket.names[destination], "--key", "${OBJECT}"),
                            *("--query", "[LastModified,ContentLength,ReplicationStatus]"),
                            region=destination,
                            says="the time of the copy, the size of the good version, `REPLICA`",
                            shows=("REPLICA",),
                        ),
                    ),
                )


def _resumed(make: LineMaker, tables: list[RunbookTable], home: Region) -> Iterator[RunbookStep]:
    lines = [
        runs_again(make, function, region)
        for function in make.system.functions
        for region in make.system.regions
        if region in function.names
    ]
    if lines:
        yield RunbookStep(text="Let the functions run again, once what wrote badly is mended.", lines=tuple(lines))
    health = [
        make.calls_health(function, region)
        for function in make.system.functions
        for region in make.system.regions
        if region in function.urls
    ]
    if health:
        yield RunbookStep(text="Every region serves.", lines=tuple(health))
    for table in tables:
        if table.recovery is not False:
            yield RunbookStep(
                text=f"Delete {code(restored_name(table))} once nobody needs it any more: it costs like any table.",
                lines=(
                    make.aws(
                        *("dynamodb", "delete-table", "--table-name", restored_name(table)),
                        region=_region_of(table, home),
                        says=code('"TableStatus": "DELETING"'),
                        shows=("DELETING",),
                    ),
                ),
            )
