"""What a runbook says of a deployment, and that each of its lines could be typed: over everything dr.yaml may say."""

import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from answer import ROOT
from builder.assembly import Assembly, read_assembly
from builder.assembly.components import Component, Table
from builder.assembly.render import make_assembly
from builder.cli.main import cli
from builder.config import load_config
from builder.report.runbook import runbook_markdown, runbook_page
from builder.runbook import (
    Condition,
    Runbook,
    RunbookRequest,
    ShellVariable,
    Situation,
    TypedCommand,
    as_typed,
    make_runbook,
    variables_in,
)
from builder.terms import AccountId, Region
from components.combinations import combinations, loaded_of
from loaded_config import ABSENT, make_loaded_config
from runbook.aws_cli import check_aws
from samples import sampled

REQUEST = RunbookRequest(deployment="tap-prod", suffix="prod", typed=("--env", "prod"))


def page(request: RunbookRequest = REQUEST, **sections: Any) -> Runbook:
    """Return the runbook of the shipped system with these sections in place of its own."""
    return make_runbook(make_assembly(make_loaded_config(**sections)), request)


def sentences(shown: Runbook) -> str:
    """Return all that is said and typed."""
    return runbook_markdown(shown)


def typed(situation: Situation) -> list[str]:
    return [as_typed(command) for command in situation.commands]


def keys(shown: Runbook) -> list[str]:
    return [situation.key for situation in shown.situations]


def own() -> Assembly:
    return make_assembly(load_config(ROOT / "docs" / "examples" / "own" / "dr.yaml"))


def every_page() -> Iterator[Runbook]:
    yield from (make_runbook(make_assembly(loaded_of(row)), REQUEST) for row in sampled(combinations(), 10))
    yield make_runbook(own(), replace(REQUEST, has_config=False))
    for folder in (ROOT / "templates", ROOT / "tests" / "golden" / "three_regions" / "templates"):
        yield make_runbook(read_assembly(folder), REQUEST)
    yield page(bucket={"replication": "two-way"}, alarms={}, encryption={"key": "managed"}, protect=True)


@pytest.fixture(scope="module")
def pages() -> list[Runbook]:
    return list(every_page())


@pytest.mark.slow
def test_every_line_is_one_that_its_program_takes(pages: list[Runbook]) -> None:
    wrong = []
    for command in {command for shown in pages for command in shown.commands}:
        match command.argv:
            case ("python", "-m", "builder", *words):
                wrong += [(words, fault) for fault in faults_of(list(words))]
            case ("aws", *words):
                wrong += [(words, fault) for fault in check_aws([filled(word) for word in words])]
            case ("python", "-c", program):
                compile(program, "a line", "exec")
            case argv:
                wrong.append(([*argv], "whose program is that?"))
    assert wrong == []


def filled(word: str) -> str:
    """Return a word with something in the place of its variables that AWS could take."""
    for name, value in {"KEY": '{"id": {"S": "one"}}', "ITEM": '{"id": {"S": "one"}}', "BEFORE": "2026-11-30"}.items():
        word = word.replace(f"${{{name}}}", value)
    return word.replace("${", "").replace("}", "") if "${" in word else word


def faults_of(words: list[str]) -> Iterator[str]:
    """Yield why the command line does not take these words."""
    command: click.Command = cli
    context: click.Context | None = None
    try:
        while True:
            context = command.make_context("builder", words, parent=context)
            if not isinstance(command, click.Group):
                return
            _, subcommand, words = command.resolve_command(context, [*context._protected_args, *context.args])
            assert subcommand is not None
            command = subcommand
    except click.ClickException as error:
        yield error.format_message()


@pytest.mark.slow
def test_every_page_is_whole(pages: list[Runbook]) -> None:
    faults = [fault for number, shown in enumerate(pages) for fault in faults_in(shown, number)]
    assert faults == []


def faults_in(shown: Runbook, number: int) -> Iterator[tuple[int, str, str]]:
    named = keys(shown)
    if len(set(named)) < len(named):
        yield number, "situations of one name", str(named)
    yield from ((number, "leads nowhere", key) for _, key in shown.triage if key not in named)
    for situation in shown.situations:
        yield from ((number, situation.key, fault) for fault in faults_of_lines(situation))
        if not (situation.signs and situation.needs and situation.steps and situation.cannot and situation.back):
            yield number, situation.key, "says nothing of something"
    markdown, html = runbook_markdown(shown), runbook_page(shown)
    for leftover in ("EnvironmentSuffix", "${AWS::", "None", "[[lost", "[[promote", "[[failback", "()"):
        if leftover in markdown or leftover in html:
            yield number, "left over", leftover


def faults_of_lines(situation: Situation) -> Iterator[str]:
    """Yield each variable that is used before it is set, and each call to a region that is lost."""
    known: set[str] = set()
    for line in (line for _, steps in situation.parts for step in steps for line in step.lines):
        if isinstance(line, ShellVariable):
            known.add(line.name)
            continue
        yield from (f"{name} is not set: {as_typed(line)}" for name in variables_in(line) if name not in known)
        known.add(line.into)
        if line.state.condition is Condition.LOST and str(line.state.region) in called(line):
            yield f"calls the lost region: {as_typed(line)}"


def called(command: TypedCommand) -> set[str]:
    """Return the regions that a command calls; `status` may look at all of them."""
    argv = list(command.argv)
    if argv[0] != "python":
        return {argv[argv.index("--region") + 1]}
    skipped = {argv[place + 1] for place, word in enumerate(argv) if word == "--skip-region"}
    return set() if argv[3] in {"status", "promote"} or skipped else {str(command.state.region)}


def test_the_same_files_make_the_same_bytes() -> None:
    first, second = (page(bucket={"replication": "two-way"}, alarms={}) for _ in range(2))
    assert runbook_markdown(first) == runbook_markdown(second)
    assert runbook_page(first) == runbook_page(second)


@pytest.mark.processes
def test_a_shell_hands_over_each_line_word_by_word() -> None:
    shown = page(alarms={}, bucket={})
    commands = list(shown.commands)
    values = {name: f"of {name}" for command in commands for name in variables_in(command)}
    lines = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    lines += ["words() { printf '%s\\0' \"$@\" $'\\n'; }"]
    lines += [f'{program}() {{ words {program} "$@"; }}' for program in ("python", "aws")]
    lines += [as_typed(replace(command, into="")) for command in commands]
    done = subprocess.run(["bash", "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    heard = [tuple(words.split("\0")[:-1]) for words in done.stdout.split("\n\0")[:-1]]
    for name, value in values.items():
        heard = [tuple(word.replace(value, f"${{{name}}}") for word in words) for words in heard]
    assert heard == [command.argv for command in commands]


def test_names_are_this_deployment_s() -> None:
    shown = page(replace(REQUEST, account=AccountId("111122223333")), alarms={})
    text = sentences(shown)
    for name in ("tap-prod-global", "tap-prod-111122223333-us-east-1-an", "tap-prod-primary", "tap-prod-table"):
        assert name in text
    assert "ACCOUNT=" not in text
    alarms = next(line for line in typed(shown.situation("lost-us-east-1")) if "describe-alarms" in line)
    assert "tap-prod-table-latency-to-us-east-1" in alarms
    assert alarms.endswith("--region us-west-2")


def test_an_account_that_no_file_pins_is_asked_for_where_it_is_still_to_be_had() -> None:
    lines = typed(page().situation("lost-us-east-1"))
    assert "ACCOUNT=$(aws sts get-caller-identity --query Account --output text --region us-west-2)" in lines


def test_what_only_us_east_1_decides_is_said_where_that_is_lost_and_nowhere_else() -> None:
    east = {"primary": "us-east-1", "secondaries": ["us-west-2"]}
    west = {"primary": "us-west-2", "secondaries": ["us-east-1"]}
    europe = {"primary": "eu-central-1", "secondaries": ["eu-west-1"]}
    mentions_iam = {
        (regions["primary"], situation.key): any("IAM" in text for text in situation.cannot)
        for regions in (east, west, europe)
        for situation in page(regions=regions).situations
        if situation.key.startswith("lost-")
    }
    assert [key for key, is_said in mentions_iam.items() if is_said] == [
        ("us-east-1", "lost-us-east-1"),
        ("us-west-2", "lost-us-east-1"),
    ]


def test_objects_that_do_not_come_back_have_the_command_that_brings_them() -> None:
    way_back = 'copy-object --bucket "tap-prod-${ACCOUNT}-us-east-1-an"'
    one_way, two_way, none = (page(bucket={"replication": how}) for how in ("one-way", "two-way", "none"))
    assert any(way_back in line for line in typed(one_way.situation("failback")))
    assert any("do not come back" in text for text in one_way.situation("lost-us-east-1").cannot)
    for other in (two_way, none):
        assert not any(way_back in line for line in typed(other.situation("failback")))
        assert "do not come back by themselves" not in sentences(other)
    assert not any("backfill" in line for line in typed(none.situation("lost-us-east-1")))


def test_without_recovery_a_bad_write_has_no_way_back_and_the_page_says_so() -> None:
    off = page(table={"point_in_time_recovery": False}).situation("bad-data")
    assert any("there is no way back" in step.text for step in off.needs)
    assert not any("restore-table-to-point-in-time" in line for line in typed(off))
    assert any("restore-table-to-point-in-time" in line for line in typed(page().situation("bad-data")))
    week = page(table={"point_in_time_recovery": {"days": 7}})
    assert "recovery to any second of 7 days" in sentences(week)


def test_a_table_s_key_is_written_for_the_one_who_types_it() -> None:
    shown = page(
        table={"key": {"customer": "S", "placed_at": "N"}},
        function={"source": "code"},
        drill={"probe": "table"},
    )
    variables = [
        line.stands_for
        for step in shown.situation("bad-data").steps
        for line in step.lines
        if isinstance(line, ShellVariable) and line.name == "KEY"
    ]
    assert variables == ['{"customer": {"S": "VALUE"}, "placed_at": {"N": "VALUE"}}']


def test_without_a_url_traffic_is_the_reader_s_to_turn() -> None:
    shown = page(function={"url": False})
    text = sentences(shown)
    assert "No function of this deployment has a URL" in text
    assert " call " not in text
    assert "practice" not in keys(shown)
    assert any("put-function-concurrency" in line for line in typed(shown.situation("bad-data")))


def test_each_of_several_secondaries_has_its_lines() -> None:
    shown = page(regions={"primary": "eu-central-1", "secondaries": ["eu-west-1", "eu-north-1"]})
    assert keys(shown) == [
        *("lost-eu-central-1", "lost-eu-west-1", "lost-eu-north-1", "dynamodb", "failback"),
        *("promote-eu-west-1", "promote-eu-north-1", "promote-eu-west-1-alone", "promote-eu-north-1-alone"),
        *("bad-data", "practice"),
    ]
    assert "eu-central-1 and eu-north-1 are left" in shown.situation("lost-eu-west-1").in_short


def test_reserved_concurrency_is_given_back_as_the_template_has_it() -> None:
    shown = page(function={"reserved_concurrency": 7})
    held = [line for line in typed(shown.situation("bad-data")) if "put-function-concurrency" in line]
    assert sorted("concurrent-executions 7" in line for line in held) == [False, False, True, True]


def test_of_several_components_the_command_says_which() -> None:
    sections: dict[str, Any] = {"tables": {"orders": {}, "carts": {}}, "functions": {"api": {}, "admin": {}}}
    shown = page(table=ABSENT, function=ABSENT, **sections)
    assert "--component orders --component api" in next(
        line for line in typed(shown.situation("practice")) if "drill failover" in line
    )
    assert "failback --check --component api" in " ".join(typed(shown.situation("failback")))
    calls = [line for line in typed(shown.situation("lost-us-east-1")) if " call " in line]
    assert {"--component api" in line for line in calls} == {True, False}
    with_components = page(replace(REQUEST, drills_components=True), table=ABSENT, function=ABSENT, **sections)
    assert not any("--component" in line for line in typed(with_components.situation("practice")))


def test_protection_of_a_stack_that_goes_is_lifted_by_name() -> None:
    lifted = "--allow us-east-1/tap-prod-table/TerminationProtection"
    bare, production = page(), page(environments={"prod": {"production": True}})
    # The page itself has it protected, before anything else is done.
    assert any("deploy " + lifted in line for line in typed(bare.situation("promote-us-west-2-alone")))
    assert not any("promote us-west-2 " + lifted in line for line in typed(bare.situation("promote-us-west-2")))
    assert any("promote us-west-2 " + lifted in line for line in typed(production.situation("promote-us-west-2")))
    assert not any("set-stack-policy" in line for line in typed(production.situation("promote-us-west-2-alone")))


def test_a_key_has_to_be_enabled_where_clients_go() -> None:
    lines = typed(page(encryption={"key": "managed"}).situation("lost-us-east-1"))
    assert (
        "aws kms describe-key --key-id alias/tap-prod --query KeyMetadata.KeyState --output text --region us-west-2"
        in lines
    )
    bucket = page(encryption={"key": "managed"}, table=ABSENT, function=ABSENT).situation("lost-us-east-1")
    assert sum("--key-id alias/tap-prod " in line for line in typed(bucket)) == 1
    own = page(encryption={"key": "alias/shop", "functions": False}).situation("lost-us-east-1")
    assert any("--key-id alias/shop" in line for line in typed(own))
    assert not any(" kms " in line for line in typed(page().situation("lost-us-east-1")))


def test_production_has_to_be_said_to_a_drill_and_protection_is_told() -> None:
    production = page(replace(REQUEST, production=True), environments={"prod": {"production": True}})
    assert any("--yes-in-production" in line for line in typed(production.situation("practice")))
    facts = dict(production.facts)
    assert facts["Environment"] == ("`prod`, production",)
    assert "termination protection" in facts["Protected"][0]
    assert "stack policy" in facts["Protected"][1]
    assert dict(page().facts)["Protected"] == ("nothing",)


def test_what_a_deletion_of_the_old_stack_would_take_is_said() -> None:
    bare = page().situation("promote-us-west-2-alone").cannot
    assert any("would delete `tap-prod-global` in every region" in text for text in bare)
    kept = page(protect=True).situation("promote-us-west-2-alone").cannot
    assert any("retains `tap-prod-global`" in text for text in kept)


def test_a_fleet_is_told_that_this_is_one_account_s_page() -> None:
    shown = page(replace(REQUEST, has_fleet=True))
    assert any("of one account" in note for note in shown.notes)
    assert not [key for key in keys(shown) if key.startswith("promote")]


def test_other_environments_of_the_same_file_are_told_of_a_promotion() -> None:
    shown = page(replace(REQUEST, environments=("dev", "test")))
    assert any("`dev` and `test`" in text for text in shown.situation("promote-us-west-2").cannot)


def test_what_was_promised_stands_in_it_and_else_that_nothing_was() -> None:
    shown = page(replace(REQUEST, objectives=(("rpo_seconds", 5.0), ("rto_seconds", 60.0))))
    assert dict(shown.facts)["Promised"][0].startswith("5 s ")
    assert any("5 seconds" in text for text in shown.situation("lost-us-east-1").cannot)
    assert dict(page().facts)["Promised"] == ("nothing",)


def test_stacks_of_ones_own_without_any_table_are_told_as_that() -> None:
    shown = page(table=ABSENT, function=ABSENT)
    assert keys(shown) == ["lost-us-east-1", "lost-us-west-2", "failback", "bad-data"]
    assert any("no table that it names" in note for note in shown.notes)


def test_of_a_table_that_no_template_has_nothing_is_claimed() -> None:
    assembly = make_assembly(make_loaded_config(table=ABSENT, function=ABSENT))
    there = Component(table=Table(name="legacy-orders", regions=(Region("us-east-1"), Region("us-west-2"))))
    manifest = replace(assembly.manifest, components={**assembly.manifest.components, "legacy": there})
    shown = make_runbook(replace(assembly, manifest=manifest), REQUEST)
    assert "`legacy-orders` in us-east-1 and us-west-2; no stack of this deployment" in sentences(shown)
    assert any("in no stack of this deployment" in text for text in shown.situation("lost-us-east-1").cannot)
    assert any("restore-table-to-point-in-time" in line for line in typed(shown.situation("bad-data")))


def test_a_name_that_only_aws_knows_is_asked_for_before_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "files.yaml").write_text(
        "Resources:\n  Files:\n    Type: AWS::S3::Bucket\n    DeletionPolicy: Delete\n    UpdateReplacePolicy: Delete\n"
        "Outputs:\n  Name:\n    Value: !Ref Files\n"
    )
    (tmp_path / "dr.yaml").write_text(
        "project: shop\nenvironment: dev\nregions: {primary: us-east-1, secondaries: [us-west-2]}\n"
        "stacks: {files: {template: files.yaml}}\ncomponents: {files: {bucket: {name: {output: files.Name}}}}\n"
    )
    shown = make_runbook(make_assembly(load_config(tmp_path / "dr.yaml")), REQUEST)
    lines = typed(shown.situation("bad-data"))
    queried = lines.index(
        "US_EAST_1_FILES_FILES=$(aws cloudformation describe-stack-resource --stack-name shop-prod-files "
        "--logical-resource-id Files --query StackResourceDetail.PhysicalResourceId --output text --region us-east-1)"
    )
    used = next(number for number, line in enumerate(lines) if '--bucket "${US_EAST_1_FILES_FILES}"' in line)
    assert queried < used


@pytest.mark.processes
def test_data_that_no_component_names_is_told() -> None:
    text = sentences(make_runbook(own(), REQUEST))
    assert "holds data that no component names (queue)" in text


def test_without_roles_nobody_says_which_region_is_the_primary() -> None:
    assembly = make_assembly(make_loaded_config(function=ABSENT))
    shown = make_runbook(replace(assembly, manifest=replace(assembly.manifest, roles=None)), REQUEST)
    assert keys(shown) == ["lost-us-west-2", "lost-us-east-1", "bad-data"]


def test_an_assembly_of_another_program_is_not_promoted() -> None:
    shown = page(replace(REQUEST, has_config=False))
    assert not [key for key in keys(shown) if key.startswith("promote")]
    assert "promote" not in sentences(shown)


def test_names_of_others_are_text_and_no_markup_and_no_shell() -> None:
    hostile = "x'; rm -rf $(HOME) `id` <b>|[a](b) \"&\n```"
    assembly = make_assembly(make_loaded_config(alarms={}))
    alarms = assembly.manifest.components["alarms"].alarms
    assert alarms is not None
    here = replace(alarms, service=dict.fromkeys(alarms.service, (hostile,)), replication={})
    manifest = replace(assembly.manifest, components={**assembly.manifest.components, "alarms": Component(alarms=here)})
    shown = make_runbook(replace(assembly, manifest=manifest), REQUEST)
    line = next(command for command in shown.commands if "describe-alarms" in command.argv)
    assert hostile in line.argv
    assert shlex.split(as_typed(line)) == list(line.argv)
    assert "<b>" not in runbook_page(shown)
    assert "\n```\n" in runbook_markdown(shown)
