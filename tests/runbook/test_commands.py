"""Every command of a runbook runs as it is typed, in the state that it needs, and ends as the page says."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from answer import ROOT, Command
from builder.assembly import read_assembly
from builder.cli.main import EXAMPLES
from builder.local import EmbeddedAws
from builder.runbook import Runbook, RunbookRequest, TypedCommand, as_typed, make_runbook
from runbook.lab import EAST, GOOD, PENDING, WEST, Lab, each_line

SUFFIX = "night"
# Beside the loss of the primary, that of the secondary; and a minute and more for what drills' own tests find too.
SELDOM = ("lost-us-west-2", "practice")


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
# Where the embedded AWS does not go with the page to its end yet: strict, so that a line goes once it does.
WAITING = dict.fromkeys(
    ("promote-us-west-2", "promote-us-west-2-alone"),
    "it shows the update that follows the import as a replacement, which stops at a guard",
)


def marks(key: str, *more: pytest.MarkDecorator) -> list[pytest.MarkDecorator]:
    return [*more, *([pytest.mark.xfail(reason=WAITING[key])] if key in WAITING else [])]


def shipped() -> Runbook:
    return make_runbook(read_assembly(ROOT / "templates"), REQUEST)


@pytest.fixture
def lab(project: Path, embedded: EmbeddedAws, credentials: None, account_id: str, builder: Command) -> Lab:
    assert project.is_dir()
    return Lab(embedded=embedded, builder=builder, account=account_id, suffix=SUFFIX)


def deploy(lab: Lab) -> None:
    answer = lab.builder("deploy", "--yes", "--env", SUFFIX)
    assert answer.code == 0, answer


def data_is_good_again(lab: Lab) -> None:
    assert [lab.item_in(region) for region in (EAST, WEST)] == [GOOD, GOOD]
    assert [lab.object_in(region) for region in (EAST, WEST)] == [GOOD, GOOD]
    assert lab.tables(EAST) == [lab.table]


def what_was_written_elsewhere_is_back(lab: Lab) -> None:
    assert lab.object_in(EAST) == GOOD


ENDS: Mapping[str, Callable[[Lab], None]] = {
    "bad-data": data_is_good_again,
    "failback": what_was_written_elsewhere_is_back,
}
"""What has come true at the end, by the situation."""


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(key, marks=marks(key, *([pytest.mark.acceptance] if key in SELDOM else [])))
        for key in shipped().titles
    ],
)
def test_every_command_runs_as_typed_and_ends_as_the_page_says(lab: Lab, key: str) -> None:
    deploy(lab)
    type_all(lab, shipped(), key)


@pytest.mark.acceptance
@pytest.mark.parametrize("key", [pytest.param(key, marks=marks(key)) for key in shipped().titles])
def test_so_it_does_with_everything_that_changes_a_line(lab: Lab, project: Path, key: str) -> None:
    (project / "dr.yaml").write_text(EVERYTHING)
    assert lab.builder("render").code == 0
    deploy(lab)
    type_all(lab, make_runbook(read_assembly(project / "templates"), replace(REQUEST, production=True)), key)


def type_all(lab: Lab, shown: Runbook, key: str) -> None:
    """Type every line of a situation, and hold each to what the page says of it."""
    ran = 0
    with lab.fault:
        for line in each_line(shown, key):
            if isinstance(line, TypedCommand) and line.argv[3:4] and line.argv[3] in PENDING:
                continue
            answer = lab.type(line)
            if isinstance(line, TypedCommand):
                ran += 1
                assert answer.code in line.exits, (as_typed(line), answer)
                assert [text for text in line.shows if text not in answer.out + answer.err] == [], (line, answer)
    assert ran
    if key in ENDS:
        ENDS[key](lab)


def test_the_first_and_the_last_line_of_the_page_run(lab: Lab) -> None:
    deploy(lab)
    shown = shipped()
    for line in (shown.look, shown.again):
        assert lab.type(line).code == 0, line


def test_a_verb_that_has_come_is_no_longer_passed_over() -> None:
    assert [verb for verb in PENDING if verb in EXAMPLES] == []
