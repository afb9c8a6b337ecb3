"""Every command of a runbook runs as it is typed, in the state that it needs, and ends as the page says."""

from dataclasses import replace
from pathlib import Path

import pytest

from answer import ROOT, Command
from builder.assembly import read_assembly
from builder.local import EmbeddedAws
from builder.runbook import (
    Condition,
    Runbook,
    RunbookRequest,
    RunbookState,
    TypedCommand,
    as_typed,
    make_runbook,
)
from runbook.lab import EAST, GOOD, WEST, Lab, each_line

SUFFIX = "night"
# Every day what no other test types; all of them where there is time.
DAILY = ("bad-data",)


REQUEST = RunbookRequest(deployment=f"tap-{SUFFIX}", suffix=SUFFIX, typed=("--env", SUFFIX))
# What changes lines: copies both ways, keys, alarms, a reserved concurrency, every protection.
EVERYTHING = f"""
project: tap
environment: {SUFFIX}
regions: {{primary: us-east-1, secondaries: [us-west-2]}}
table: {{point_in_time_recovery: {{days: 7}}}}
bucket: {{replication: two-way, backfill: true}}
function: {{source: lambda/python, url_auth: NONE, reserved_concurrency: 20}}
encryption: {{key: managed}}
alarms: {{}}
protect: true
environments: {{{SUFFIX}: {{production: true}}}}
"""


def shipped() -> Runbook:
    return make_runbook(read_assembly(ROOT / "templates"), REQUEST)


@pytest.fixture
def lab(project: Path, embedded: EmbeddedAws, credentials: None, account_id: str, builder: Command) -> Lab:
    assert project.is_dir()
    return Lab(embedded=embedded, builder=builder, account=account_id, suffix=SUFFIX)


def deploy(lab: Lab) -> None:
    answer = lab.builder("deploy", "--yes", "--env", SUFFIX)
    assert answer.code == 0, answer


def check_data(lab: Lab, key: str) -> None:
    """Nothing is lost by any of it, what was bad is good again, and what was written elsewhere is back."""
    written = ("orders/0.json", "orders/1.json") if key in {"bad-data", "failback"} else ("orders/0.json",)
    for region in (EAST, WEST):
        assert lab.item_in(region) == GOOD
        assert [lab.object_in(region, name) for name in written] == [GOOD] * len(written)
    assert lab.tables(EAST) == lab.tables(WEST) == [lab.table]


@pytest.mark.parametrize(
    "key",
    [pytest.param(key, marks=[pytest.mark.acceptance] if key not in DAILY else []) for key in shipped().titles],
)
def test_every_command_runs_as_typed_and_ends_as_the_page_says(lab: Lab, key: str) -> None:
    deploy(lab)
    type_all(lab, shipped(), key)


@pytest.mark.acceptance
@pytest.mark.parametrize("key", list(shipped().titles))
def test_so_it_does_with_everything_that_changes_a_line(lab: Lab, project: Path, key: str) -> None:
    (project / "dr.yaml").write_text(EVERYTHING)
    assert lab.builder("render").code == 0
    deploy(lab)
    type_all(lab, make_runbook(read_assembly(project / "templates"), replace(REQUEST, production=True)), key)


def type_all(lab: Lab, shown: Runbook, key: str) -> None:
    """Type every line of a situation, and hold each to what the page says of it."""
    lab.fill()
    ran = 0
    with lab.fault:
        for line in each_line(shown, key):
            answer = lab.type(line)
            if isinstance(line, TypedCommand):
                ran += 1
                assert answer.code in line.exits, (as_typed(line), answer)
                assert [text for text in line.shows if text not in answer.out + answer.err] == [], (line, answer)
    assert ran
    check_data(lab, key)


def test_the_first_and_the_last_line_of_the_page_run(lab: Lab) -> None:
    deploy(lab)
    shown = shipped()
    for line in (shown.status, shown.again):
        assert lab.type(line).code == 0, line


def test_a_name_that_only_aws_knows_is_the_one_that_it_tells(lab: Lab, project: Path) -> None:
    (project / "files.yaml").write_text(
        "Resources:\n  Files:\n    Type: AWS::S3::Bucket\n    DeletionPolicy: Delete\n    UpdateReplacePolicy: Delete\n"
        "    Properties: {VersioningConfiguration: {Status: Enabled}}\nOutputs:\n  Name:\n    Value: !Ref Files\n"
    )
    (project / "dr.yaml").write_text(
        f"project: tap\nenvironment: {SUFFIX}\nregions: {{primary: us-east-1, secondaries: [us-west-2]}}\n"
        "stacks: {files: {template: files.yaml}}\ncomponents: {files: {bucket: {name: {output: files.Name}}}}\n"
    )
    assert lab.builder("render").code == 0
    deploy(lab)
    shown = make_runbook(read_assembly(project / "templates"), REQUEST)
    lab.state = RunbookState(Condition.DAMAGED)  # there is no table to damage
    for command in (line for step in shown.situation("bad-data").needs for line in step.lines):
        assert lab.type(command).code == 0, command
    names = [bucket["Name"] for bucket in lab.client("s3", EAST).list_buckets()["Buckets"]]
    assert lab.variables["US_EAST_1_FILES_FILES"] in names
