"""The whole runbook of a deployment: its facts, the triage, and every situation; pure."""

from collections.abc import Collection, Iterator, Mapping

from builder.assembly.store import Assembly
from builder.runbook.corruption import CORRUPTION, corruption
from builder.runbook.failback import failback
from builder.runbook.lines import LineMaker, code, listed, with_variables
from builder.runbook.loss import (
    FAILBACK,
    IMPAIRED,
    dynamodb_impaired,
    forced_key,
    is_promoted,
    lost_key,
    primary_lost,
    secondary_lost,
)
from builder.runbook.practice import practice
from builder.runbook.promotion import forced_promotion, planned_key, planned_promotion
from builder.runbook.records import Condition, Runbook, RunbookRequest, RunbookState, Situation
from builder.runbook.system import RunbookBucket, RunbookSystem, RunbookTable, read_system
from builder.terms import counted

_OBJECTIVES: Mapping[str, str] = {
    "rpo_seconds": "{:g} s of acknowledged writes may be lost (RPO)",
    "rto_seconds": "{:g} s without service, and again on the way back (RTO)",
    "replication_p99_seconds": "{:g} s until 99 of 100 items are in the other region",
    "service_seconds": "{:g} s until a request is answered",
    "longest_gap_seconds": "{:g} s between two good answers",
    "availability_percent": "{:g} of 100 requests answered",
    "requests_lost": "{:g} requests lost",
    "stale_reads": "{:g} stale reads",
    "overwritten_updates": "{:g} overwritten updates",
}


def make_runbook(assembly: Assembly, request: RunbookRequest) -> Runbook:
    """Return the runbook of an assembly in one environment. The same files give the same runbook.

    Raises BadInput for a template that cannot be read.
    """
    system = read_system(assembly.manifest, assembly.templates, request)
    make = LineMaker(system=system, state=RunbookState(Condition.WELL))
    situations = tuple(with_variables(system, situation) for situation in _situations(system))
    return Runbook(
        deployment=request.deployment,
        facts=tuple(_facts(system)),
        triage=tuple(_triage(system, {situation.key for situation in situations})),
        notes=tuple(_notes(system)),
        situations=situations,
        status=make.builder("status", says="how every region stands"),
        again=make.builder("runbook", "-o", "runbook.md", says="nothing"),
    )


def _situations(system: RunbookSystem) -> Iterator[Situation]:
    primary = system.primary
    for region in system.regions if len(system.regions) > 1 else ():
        yield (primary_lost if region == primary else secondary_lost)(system, region)
    if primary and system.secondaries:
        if any(primary in table.regions for table in system.tables):
            yield dynamodb_impaired(system, primary)
        yield failback(system, primary)
        if is_promoted(system):
            yield from (planned_promotion(system, primary, to) for to in system.secondaries)
            yield from (forced_promotion(system, primary, to) for to in system.secondaries)
    yield corruption(system)
    if primary and system.secondaries and any(function.has_url for function in system.functions):
        yield practice(system, primary)


def _triage(system: RunbookSystem, keys: Collection[str]) -> Iterator[tuple[str, str]]:
    primary = system.primary
    rows = [(f"`DOES NOT ANSWER` below {region}", lost_key(region)) for region in system.regions]
    if primary:
        rows += [
            (f"of the URL in {primary} a 5xx, and nothing else", IMPAIRED),
            (f"{primary} answers again, and clients are elsewhere", FAILBACK),
            *((f"{primary} is not expected back, and {to} stands", forced_key(to)) for to in system.secondaries),
            *((f"all is well, and {to} is to be the primary", planned_key(to)) for to in system.secondaries),
        ]
    rows += [("all is well, and data is wrong or gone", CORRUPTION)]
    yield from ((seen, key) for seen, key in rows if key in keys)


def _facts(system: RunbookSystem) -> Iterator[tuple[str, tuple[str, ...]]]:
    request, primary = system.request, system.primary
    production = ", production" if request.production else ""
    yield "Environment", (f"{code(request.suffix)}{production}",)
    yield "Account", (request.account or "that of the credentials: dr.yaml pins none", *system.accounts)
    yield (
        "Regions",
        tuple(f"{region}, {_role(system, region)}" if primary else region for region in system.regions),
    )
    facts = (
        ("Tables", tuple(_table(table) for table in system.tables)),
        ("Buckets", tuple(line for bucket in system.buckets for line in _bucket(bucket))),
        (
            "Functions",
            tuple(
                f"{code(name)} in {region}{'' if function.has_url else ', without a URL'}"
                for function in system.functions
                for region, name in function.names.items()
            ),
        ),
        ("Keys", tuple(f"{code(alias)} in {region}" for region in system.regions for alias in system.keys[region])),
        (
            "Alarms",
            tuple(
                f"{counted(len(names), 'alarm')} in {region}"
                for region in system.regions
                if (names := system.alarms[region])
            )
            or ("none",),
        ),
        ("Promised", tuple(_OBJECTIVES[name].format(value) for name, value in request.objectives) or ("nothing",)),
        ("Protected", tuple(_protected(system)) or ("nothing",)),
        ("Stacks", tuple(f"{code(stack.name)} in {stack.region}" for stack in system.stacks)),
        ("Assembly", (code(system.digest[:12]),)),
    )
    yield from ((word, lines) for word, lines in facts if lines)


def _role(system: RunbookSystem, region: str) -> str:
    return "the primary" if region == system.primary else "a secondary"


def _table(table: RunbookTable) -> str:
    name = code(table.name) if table.name else f"{code(table.component)}, whose name AWS alone knows"
    owner = f"stack {code(table.owner.name)} in {table.owner.region}" if table.owner else "no stack of this deployment"
    recovery = {
        True: f"recovery to any second of {table.days} days",
        False: "NO recovery to a point in time",
        None: "recovery: no template tells",
    }[table.recovery]
    return f"{name} in {listed(table.regions)}; {owner}; {recovery}"


def _bucket(bucket: RunbookBucket) -> Iterator[str]:
    for region, name in bucket.names.items():
        ways = [to for source, to in bucket.ways if source == region]
        back = [source for source, to in bucket.ways if to == region]
        copied = f"replicates to {listed(ways)}" if ways else "replicates to nowhere"
        yield f"{code(name)} in {region}, {copied}{f', receives from {listed(back)}' if back else ''}"


def _protected(system: RunbookSystem) -> Iterator[str]:
    protected = [stack for stack in system.stacks if stack.is_protected]
    denying = [stack for stack in system.stacks if stack.denies_updates]
    holding = [stack for stack in system.stacks if stack.holds_data]
    retaining = [stack for stack in holding if stack.retains_data]
    if protected:
        yield f"{counted(len(protected), 'stack')} of {len(system.stacks)} from deletion (termination protection)"
    if denying:
        yield f"{counted(len(denying), 'stack')} from updates that replace or remove data (stack policy)"
    if retaining:
        yield f"data of {counted(len(retaining), 'stack')} of {len(holding)}, which stays when its stack goes"


def _notes(system: RunbookSystem) -> Iterator[str]:
    first = system.regions[0]
    yield (
        "Keep this page where it can be read without any of these regions, beside a checkout of what is deployed, "
        "Python with this tool, and the AWS CLI. Make it anew after each change of the templates."
    )
    yield (
        "Credentials have to be had without the lost region. A profile that assumes a role does so at the STS of its "
        f"own region: not {first}."
    )
    yield (
        "Type lines as they are. What stands in capital letters in a line such as `OBJECT=...` is yours to write. "
        "Where a command ends with another exit code than is said, stop and read what it says."
    )
    if system.unnamed:
        yield "Some names only AWS knows. The lines that ask for them want the region that the stack is in."
    if system.accounts:
        yield (
            f"Stacks are in other accounts too ({listed(system.accounts)}): lines of the AWS CLI want credentials of "
            "the account that the thing is in."
        )
    if system.request.has_fleet:
        yield (
            "dr.yaml asks for a fleet as well. This page is of one account and of what `deploy` made there. In an "
            "account of the fleet names are the same, with that account's number, and stacks are those of StackSets: "
            "look by `fleet status`, change by `fleet deploy`, one account's data at a time with that account's "
            "credentials. Nothing promotes or fails back a fleet."
        )
    if not system.tables:
        yield "This deployment has no table that it names: whatever your data is in has a page of its own."
