"""Bad endpoints, bad files and bad streams at every verb: what ends in 70 is a bug of ours, and none of these is."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from answer import ROOT, Answer, Command
from builder.cli.files import check_folder, check_writable
from builder.cli.main import main
from builder.errors import BadInput, Failed, of_file
from builder.report.screen import unwritten
from cli.bad_things import (
    FILES,
    NEEDS_AWS,
    READS_FLEET_PLAN,
    READS_PLAN,
    REPLIES,
    VERBS,
    answering,
    spoil_template,
)
from cli.on_fake import FakeSession
from samples import by_turns

pytestmark = pytest.mark.proof
FLEET = """
fleet:
  permission_model: self-managed
  administration_account: "111122223333"
  accounts: ["444455556666", "555566667777"]
"""
LIMIT_S = 10.0
"""Twice what a verb may take: the tests run beside others."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a fleet, all of it rendered and planned."""
    folder = tmp_path_factory.mktemp("stage")
    for name in ("lambda", "templates"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    (folder / "dr.yaml").write_text((ROOT / "dr.yaml").read_text() + FLEET)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for line in ("render", "plan", "fleet plan"):
            assert main(line.split(), lambda options: FakeSession(replace(options, environment={}))) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def here(stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, the working directory, with credentials for a port of this machine where nobody is."""
    shutil.copytree(stage, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    return tmp_path


def without_fleet(verb: str) -> None:
    """Take the fleet out of the project for a verb of the system: it takes longer to render than all else."""
    if not verb.startswith("fleet"):
        shutil.rmtree("templates/fleet")
        shutil.copy(ROOT / "dr.yaml", "dr.yaml")


def answer_of(builder: Command, line: str) -> Answer:
    """Run a command and return how it ended: by a word of ours, without a traceback, and soon."""
    began = time.monotonic()
    answer = builder(*line.split())
    assert answer.code in {0, 1, 2, 3, 4}, (line, answer)
    assert "Traceback" not in answer.out + answer.err
    assert time.monotonic() - began < LIMIT_S, line
    if answer.code in {1, 2}:
        assert answer.err or answer.out
    return answer


@pytest.mark.parametrize("verb", NEEDS_AWS)
def test_an_endpoint_that_is_not_aws_is_told_by_every_verb(builder: Command, here: Path, verb: str) -> None:
    without_fleet(verb)
    for name in by_turns(("HTML, 200", "nothing, 403", "JSON of another API, 200"), turn=list(NEEDS_AWS).index(verb)):
        with answering(lambda _, name=name: REPLIES[name]) as url, pytest.MonkeyPatch.context() as patch:  # type: ignore[misc]
            patch.setenv("AWS_ENDPOINT_URL", url)
            answer = answer_of(builder, NEEDS_AWS[verb])
        assert answer.code == 1
        assert "what answers is not AWS" in answer.out + answer.err
        assert "secret" not in answer.out + answer.err


@pytest.mark.parametrize("verb", NEEDS_AWS)
def test_who_has_no_credentials_no_endpoint_or_nobody_there_is_told_at_once(
    builder: Command, here: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_fleet(verb)
    answer = answer_of(builder, NEEDS_AWS[verb])
    assert answer.code == 1
    assert "is `python -m builder local` running?" in answer.out + answer.err
    urls = ("localhost:1", "http://127.0.0.1:99999", "ftp://127.0.0.1", "nonsense")
    for url in by_turns(urls, turn=list(NEEDS_AWS).index(verb)):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        answer = answer_of(builder, NEEDS_AWS[verb])
        assert (answer.code, f"AWS_ENDPOINT_URL: '{url}' is not a URL of an endpoint" in answer.err) == (2, True)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    answer = answer_of(builder, NEEDS_AWS[verb])
    assert (answer.code, "no AWS credentials were found" in answer.err) == (2, True)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "lint"])
def test_a_dr_yaml_that_cannot_be_read_is_told_by_every_verb(builder: Command, here: Path, verb: str) -> None:
    for name in by_turns(("is Latin-1", "is a folder", "is 900 mappings deep"), turn=list(VERBS).index(verb)):
        shutil.copy(ROOT / "dr.yaml", "dr.yaml")
        FILES[name](Path("dr.yaml"))
        answer = answer_of(builder, VERBS[verb])
        assert answer.code == 2 or verb.endswith("show")
        if Path("dr.yaml").is_dir():
            Path("dr.yaml").rmdir()


@pytest.mark.parametrize("thing", FILES)
def test_a_file_of_any_kind_that_is_not_what_it_is_called_is_told(
    builder: Command, here: Path, stage: Path, thing: str
) -> None:
    lines = {
        "dr.yaml": ("render", "plan", "status"),
        "plan.json": [VERBS[verb] for verb in READS_PLAN],
        "fleet-plan.json": [VERBS[verb] for verb in READS_FLEET_PLAN],
        "templates/manifest.json": ("plan --assembly templates --env dev", "status", "render"),
        "templates/us-east-1/table.yaml": ("plan --assembly templates --env dev", "status", "outputs", "graph"),
    }
    for file, commands in lines.items():
        for line in by_turns(commands, turn=list(FILES).index(thing)):
            shutil.rmtree(here)
            shutil.copytree(stage, here)
            os.chdir(here)
            without_fleet(line)
            if file.endswith("table.yaml"):
                spoil_template(FILES[thing], here / "templates")
            else:
                FILES[thing](here / file)
            answer_of(builder, line)


@pytest.mark.parametrize("option", ["-o", "--html", "--markdown"])
@pytest.mark.parametrize("place", ["nowhere/file", "dr.yaml/file", "templates", f"{'x' * 300}"])
def test_where_nothing_can_be_written_a_plan_does_not_begin(
    builder: Command, here: Path, option: str, place: str
) -> None:
    # Whoever asked AWS first would be told that nobody is there.
    answer = answer_of(builder, f"plan {option} {place}")
    assert (answer.code, "cannot be written (" in answer.err) == (2, True) or option != "-o"
    assert answer.code == 2


def test_other_places_are_looked_at_before_anything_is_asked(builder: Command, here: Path) -> None:
    assert answer_of(builder, "fleet plan -o nowhere/plan.json").code == 2
    assert answer_of(builder, "drill replication --yes-in-production --drills dr.yaml/drills").code == 2
    assert answer_of(builder, "local --state dr.yaml/state").code == 2
    for bucket in ("No_Bucket", "a", "x..y", "{account}-x"):
        assert answer_of(builder, f"plan --artifacts-bucket {bucket}").code == 2
    assert answer_of(builder, "plan --artifacts-bucket artifacts-{region}").code == 1
    for path in ("/\udcff", "/\x1b[2J"):
        answer = builder("call", "GET", path)
        assert (answer.code, "write them as %XX" in answer.err) == (2, True)
    for number in ("nan", "inf", "-1", "1e400", "9" * 6000):
        assert answer_of(builder, f"status --watch {number}").code == 2
        assert answer_of(builder, f"drill replication --seconds {number}").code == 2


def test_a_disk_that_is_full_is_a_failure_and_a_path_that_cannot_serve_a_wrong_input(tmp_path: Path) -> None:
    assert isinstance(of_file(OSError(28, "No space left on device"), "templates"), Failed)
    assert isinstance(of_file(PermissionError(13, "Permission denied"), "templates"), BadInput)
    check_writable({"--output": tmp_path / "plan.json", "--html": None})
    check_folder("--drills", tmp_path / "new" / "drills")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(BadInput, match="Too many levels"):
        check_writable({"--output": tmp_path / "loop" / "plan.json"})


def test_templates_that_are_no_folder_and_a_disk_that_takes_no_more(
    builder: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree("templates")
    Path("templates").write_text("a file")
    for line in ("render", "render --check", "plan", "lint"):
        assert answer_of(builder, line).code == 2
    Path("templates").unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    answer = answer_of(builder, "render")
    assert (answer.code, answer.err) == (
        1,
        "error: templates: cannot be written: No space left on device\nnext:  make room, then the same again\n",
    )
    assert answer_of(builder, "init new").code == 1


RUN = [sys.executable, "-m", "builder"]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("show plan.json >/dev/full", 1),
        ("show plan.json --json >/dev/full", 1),
        ("--help >/dev/full", 1),
        ("--version >/dev/full", 1),
        ("plan --help >/dev/full", 1),
        ("show plan.json >&-", 0),
        ("render --config nowhere.yaml 2>&-", 2),
        ("render --config nowhere.yaml >&- 2>&- <&-", 2),
        ("render --config nowhere.yaml 2>/dev/full", 2),
        ("show plan.json | head -c1 >/dev/null; exit ${PIPESTATUS[0]}", 0),
        ("render --config nowhere.yaml 2> >(exit 0)", 2),
        ("$RUN render --check; cd new && rmdir ../new && exec $RUN init .", 2),
        ("show plan.json --html /dev/full", 1),
    ],
)
def test_streams_that_are_closed_full_or_left_and_a_folder_that_is_gone(here: Path, line: str, code: int) -> None:
    (here / "new").mkdir()
    script = line.replace("$RUN", " ".join(RUN)) if "$RUN" in line else f"{' '.join(RUN)} {line}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, env=_without_home())
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def _without_home() -> dict[str, str]:
    paths = os.environ.get("PYTHONPATH", "")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{paths}" if paths else str(ROOT)}
    environment.pop("HOME", None)
    # Without a buffer a full disk is told at once; with one, as people have it, only at the end.
    environment.pop("PYTHONUNBUFFERED", None)
    return environment


def test_what_was_lost_is_told_once() -> None:
    assert unwritten() is None
