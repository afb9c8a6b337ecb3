"""The commands of a runbook, and the steps that several situations share; pure.

This tool's commands get the options that lead to the deployment, and those of the AWS CLI their region.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from builder.resource_types import BUCKET, ROLE
from builder.resource_types.facts import control_plane_of
from builder.runbook.records import (
    RunbookLine,
    RunbookState,
    RunbookStep,
    ShellVariable,
    Situation,
    TypedCommand,
    variables_in,
)
from builder.runbook.system import ACCOUNT, RunbookFunction, RunbookSystem, RunbookTable
from builder.terms import Region

_CHANGED_IN_ONE_REGION = (ROLE, BUCKET)


def code(text: str) -> str:
    """Return a name as code in a sentence of the page."""
    return f"`{text.replace('`', chr(39))}`"


def chosen(kind: str, names: Collection[str]) -> tuple[str, ...]:
    """Return the option that chooses a component, if there are several and none has the name of its kind."""
    return ("--component", next(iter(names))) if len(names) > 1 and kind not in names else ()


def link(key: str) -> str:
    """Return the link to another situation in a sentence of the page. It is shown as that situation's title."""
    return f"[[{key}]]"


def listed(texts: Collection[str], last: str = "and") -> str:
    """Return texts as a list in a sentence."""
    *others, end = texts
    return f"{', '.join(others)} {last} {end}" if others else end


@dataclass(frozen=True, slots=True, kw_only=True)
class LineMaker:
    """Makes the commands for one state."""

    system: RunbookSystem
    state: RunbookState
    skipped: tuple[Region, ...] = ()
    """The regions that no command may call in this state."""

    def builder(
        self,
        *words: str,
        says: str,
        exits: tuple[int, ...] = (0,),
        shows: tuple[str, ...] = (),
        answers: tuple[str, ...] = (),
        skips: bool = True,
    ) -> TypedCommand:
        """Return a command of this tool. With `skips` it makes no call to the skipped regions."""
        left_out = [word for region in self.skipped for word in ("--skip-region", region)] if skips else []
        return TypedCommand(
            argv=("python", "-m", "builder", *words, *self.system.request.typed, *left_out),
            state=self.state,
            says=says,
            exits=exits,
            shows=shows,
            answers=answers,
        )

    def aws(
        self,
        *words: str,
        region: Region,
        says: str,
        exits: tuple[int, ...] = (0,),
        shows: tuple[str, ...] = (),
        into: str = "",
    ) -> TypedCommand:
        """Return a command of the AWS CLI in a region."""
        argv = ("aws", *words, "--region", region)
        return TypedCommand(argv=argv, state=self.state, says=says, exits=exits, shows=shows, into=into)

    def failback(
        self,
        *words: str,
        says: str,
        exits: tuple[int, ...] = (0,),
        shows: tuple[str, ...] = (),
        asks: bool = True,
    ) -> TypedCommand:
        """Return a `failback` command, which compares regions and moves clients. It allows the skipped regions."""
        which = chosen("function", [function.component for function in self.system.functions if function.has_url])
        allowed = [word for region in self.skipped for word in ("--allow", region)]
        answers = ("y",) if asks else ()
        line = self.builder("failback", *words, *which, *allowed, says=says, exits=exits)
        return replace(line, shows=shows, answers=answers)

    def python(self, program: str, *, says: str) -> TypedCommand:
        """Return the command that runs a Python program of one line."""
        return TypedCommand(argv=("python", "-c", program), state=self.state, says=says)

    def calls_health(self, function: RunbookFunction, region: Region, *, fails: bool = False) -> TypedCommand:
        """Return the command that calls the health path of a function in a region."""
        several = sum(each.has_url for each in self.system.functions) > 1
        whose = ("--component", function.component) if several else ()
        return self.builder(
            *("call", "GET", function.health, "--region", region, *whose),
            says=f"a status of 429, or of 500 and more, from {region}" if fails else f"{code(f'200 from {region}')}",
            exits=(1,) if fails else (0,),
            shows=() if fails else (f"200 from {region}",),
        )

    def reads(self, table: RunbookTable, region: Region, exits: tuple[int, ...] = (0,)) -> TypedCommand:
        """Return the command that reads any one item of a replica."""
        return self.aws(
            *("dynamodb", "scan", "--table-name", table.name, "--limit", "1", "--select", "COUNT"),
            region=region,
            says=code("ScannedCount") if 0 in exits else "an error, or nothing for a minute",
            exits=exits,
            shows=("ScannedCount",) if 0 in exits else (),
        )

    def table_status(self, table: RunbookTable, region: Region) -> TypedCommand:
        """Return the command that shows the status of a table's replica."""
        return self.aws(
            *("dynamodb", "describe-table", "--table-name", table.name, "--query", "Table.TableStatus"),
            *("--output", "text"),
            region=region,
            says=code("ACTIVE"),
            shows=("ACTIVE",),
        )


def stops_running(make: LineMaker, function: RunbookFunction, region: Region) -> TypedCommand:
    """Return the command that stops a function from running in a region."""
    return make.aws(
        *("lambda", "put-function-concurrency", "--function-name", function.names[region]),
        *("--reserved-concurrent-executions", "0"),
        region=region,
        says=code('"ReservedConcurrentExecutions": 0'),
        shows=('"ReservedConcurrentExecutions": 0',),
    )


def runs_again(make: LineMaker, function: RunbookFunction, region: Region) -> TypedCommand:
    """Return the command that lets a function run in a region again, as its template says."""
    name, reserved = function.names[region], function.reserved.get(region)
    if reserved is None:
        return make.aws("lambda", "delete-function-concurrency", "--function-name", name, region=region, says="nothing")
    shown = f'"ReservedConcurrentExecutions": {reserved}'
    return make.aws(
        *("lambda", "put-function-concurrency", "--function-name", name, "--reserved-concurrent-executions", reserved),
        region=region,
        says=f"{code(shown)}, as its template has it",
        shows=(shown,),
    )


def who_am_i(make: LineMaker, region: Region) -> RunbookStep:
    """Return the step that shows the account of the credentials, or sets `ACCOUNT` to it if names need that."""
    account = make.system.request.account
    words = ("sts", "get-caller-identity", "--query", "Account", "--output", "text")
    text = f"Your credentials are those of the deployment's account, and work in {region}."
    if account is None and any(ACCOUNT in name for bucket in make.system.buckets for name in bucket.names.values()):
        line = make.aws(*words, region=region, says="nothing: the account's number is in the variable", into="ACCOUNT")
        return RunbookStep(text=text, lines=(line,))
    says = f"{code(account)}, and no other account" if account else "the deployment's account, which no file pins"
    return RunbookStep(
        text=text, lines=(make.aws(*words, region=region, says=says, shows=(account,) if account else ()),)
    )


def serves(make: LineMaker, region: Region) -> Iterator[RunbookStep]:
    """Yield the checks of a region before clients rely on it."""
    urls = [function for function in make.system.functions if function.has_url and region in function.urls]
    if urls:
        lines = tuple(make.calls_health(function, region) for function in urls)
        yield RunbookStep(text=f"{region} serves.", lines=lines)
    else:
        yield RunbookStep(text=f"Your application serves in {region}: nothing here has a URL that could be asked.")
    tables = [table for table in make.system.tables if region in table.regions and table.name]
    if tables:
        replicas = "The table's replica" if len(tables) == 1 else "Each table's replica"
        text = f"{replicas} in {region} is there. It takes writes at once: nothing is to be switched."
        yield RunbookStep(text=text, lines=tuple(make.table_status(table, region) for table in tables))
    if aliases := make.system.keys[region]:
        text = f"The key in {region} is enabled: without it neither table, bucket nor function is of use."
        words = ("--query", "KeyMetadata.KeyState", "--output", "text")
        lines = tuple(
            make.aws(
                *("kms", "describe-key", "--key-id", alias, *words),
                region=region,
                says=code("Enabled"),
                shows=("Enabled",),
            )
            for alias in aliases
        )
        yield RunbookStep(text=text, lines=lines)


def alarms_on(make: LineMaker, regions: Collection[Region], about: str) -> RunbookStep:
    """Return the step that shows which alarms of these regions are in ALARM."""
    named = [region for region in regions if make.system.alarms[region]]
    if not named:
        return RunbookStep(
            text="No alarm tells it: this deployment has none there (`alarms:` in dr.yaml makes them)."
            if not any(make.system.alarms.values())
            else f"No alarm tells it: this deployment has none in {listed(list(regions))}."
        )
    lines = tuple(
        make.aws(
            *("cloudwatch", "describe-alarms", "--state-value", "ALARM", "--alarm-names", *make.system.alarms[region]),
            *("--query", "MetricAlarms[].[AlarmName,StateUpdatedTimestamp,StateReason]", "--output", "text"),
            region=region,
            says=about,
        )
        for region in named
    )
    text = "Alarms that are on. They speak minutes late, and say nothing of a region that publishes nothing."
    return RunbookStep(text=text, lines=lines)


def equals(make: LineMaker) -> RunbookStep:
    """Return the step that shows whether the regions are alike and match their templates."""
    none = "0 drifted, 0 absent, 0 unknown"
    line = make.builder("drift", says=code(none), shows=(none,))
    return RunbookStep(text="The regions are equals. Exit code 3 lists what differs.", lines=(line,))


def nothing_to_do(make: LineMaker) -> TypedCommand:
    """Return the command whose plan has to be empty."""
    return make.builder("plan", "--detailed-exitcode", says="`No changes`", shows=("No changes",))


def control_planes(lost: Region, regions: Collection[Region]) -> Iterator[str]:
    """Yield what no region can change while this one is lost, because it is the control plane."""
    names = {
        plane.name
        for region in regions
        for kind in _CHANGED_IN_ONE_REGION
        if (plane := control_plane_of(kind, region)) is not None and plane.region == lost
    }
    if names:
        yield (
            f"No role and no policy of IAM, and no bucket's configuration (policy, versioning, replication, lifecycle) "
            f"can be changed in any region: {listed(sorted(names))} {'are' if len(names) > 1 else 'is'} in {lost}. "
            f"What stands goes on working."
        )


def with_variables(system: RunbookSystem, situation: Situation) -> Situation:
    """Return the situation with a step that sets the variables for names that only AWS knows."""
    used = [name for command in situation.commands for name in variables_in(command)]
    set_here = {line.into for line in situation.commands if line.into}
    unnamed = [name for name in dict.fromkeys(used) if name in system.unnamed and name not in set_here]
    if not unnamed:
        return situation
    state = next(iter(situation.commands)).state
    lines: tuple[RunbookLine, ...] = tuple(
        TypedCommand(argv=system.unnamed[name], state=state, says="nothing: the name is in the variable", into=name)
        for name in unnamed
    )
    step = RunbookStep(text="This shell knows the names that only AWS knows.", lines=lines)
    return replace(situation, needs=(*situation.needs[:1], step, *situation.needs[1:]))


def key_example(table: RunbookTable) -> ShellVariable:
    """Return the variable that takes a key of a table, as DynamoDB writes it."""
    key = table.key or {"KEY": "S"}
    text = json.dumps({name: {kind: "VALUE"} for name, kind in key.items()})
    return ShellVariable(name="KEY", stands_for=text, what=f"the key of an item of {code(table.name)}")
