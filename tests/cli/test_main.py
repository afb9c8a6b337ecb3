import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import jsonschema
import pytest

import builder.cli as cli_package
from answer import ROOT, Command
from builder.cli import main as module
from builder.cli.command import CommandLine
from builder.cli.main import EXAMPLES, cli
from builder.report.schema import make_event_schema


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "builder", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


CONTEXT = click.Context(cli)


@pytest.mark.parametrize("verb", [None, *cli.list_commands(CONTEXT)])
def test_every_command_explains_itself(builder: Command, verb: str | None) -> None:
    answer = builder(*filter(None, [verb, "--help"]))
    assert answer.code == 0
    assert "Usage: python -m builder" in answer.out
    if verb:
        command = cli.get_command(CONTEXT, verb)
        assert command is not None
        assert (command.help or "").split()[0] in answer.out


def commands(group: click.Group, above: str = "") -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(CONTEXT):
        command = group.get_command(CONTEXT, name)
        assert command is not None
        yield f"{above}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")


EVERY = dict(commands(cli))


@pytest.mark.parametrize("verb", EVERY)
def test_every_help_has_examples_that_are_taken_and_no_global_options(builder: Command, verb: str) -> None:
    shown = builder(*verb.split(), "--help").out
    assert "--skip-region REGION" not in shown
    assert "python -m builder --help" in " ".join(shown.split())
    assert EXAMPLES[verb]
    for example in EXAMPLES[verb]:
        assert f"python -m builder {example}" in shown
        arguments, context = shlex.split(example), CONTEXT
        command: click.Command = cli
        while isinstance(command, click.Group):
            inner = command.make_context("builder", arguments, obj=CommandLine())
            _, subcommand, arguments = command.resolve_command(inner, [*inner._protected_args, *inner.args])
            assert subcommand is not None
            command, context = subcommand, inner
        if "--help" not in arguments:
            with click.Context(command, parent=context, obj=CommandLine()) as own:
                command.parse_args(own, arguments)
    assert EXAMPLES.keys() == EVERY.keys()


def test_the_readme_s_table_has_every_verb_and_no_other() -> None:
    verbs = {name for name, command in EVERY.items() if not isinstance(command, click.Group)}
    assert set(_verbs_of_the_readme()) == verbs


def _verbs_of_the_readme() -> Iterator[str]:
    """Yield every verb of the README's table; those of `fleet` are listed in what it does."""
    table = (ROOT / "README.md").read_text().partition("| verb | does |")[2].partition("\n\n")[0]
    for typed, does in re.findall(r"^\| (`.*?) \| (.*) \|$", table, flags=re.MULTILINE):
        if typed == "`fleet VERB`":
            yield from (f"fleet {verb}" for verb in re.findall(r"`([a-z]+)`", does))
        else:
            yield from re.findall(r"`([a-z]+(?: [a-z]+)*)", typed)


def test_the_map_of_the_command_line_has_every_module() -> None:
    rows = [re.split(r" {2,}", line) for line in (cli_package.__doc__ or "").splitlines()[2:] if line[:1].strip()]
    drawn = [name for row in rows for names in row[::2] for name in names.split(", ")]
    modules = {path.stem for path in Path(cli_package.__file__).parent.glob("*.py")} - {"__init__"}
    assert sorted(drawn) == sorted(modules)


def test_the_help_of_the_whole_tells_the_global_options(builder: Command) -> None:
    assert "--skip-region REGION" in builder("--help").out


@pytest.mark.processes
def test_help_costs_none_of_the_heavy_imports() -> None:
    code = (
        "import sys; from builder.cli.main import main; main(['--help']); "
        "heavy = {'boto3', 'cfnlint', 'troposphere', 'pydantic', 'rich', 'jinja2', 'asyncio'}; "
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.processes
def test_a_command_costs_the_import_of_no_other() -> None:
    code = (
        "import sys; from builder.cli.main import main; main(['render', '--help']); "
        "sys.exit(bool({'builder.cli.deploy', 'builder.cli.drill', 'builder.cli.fleet'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_the_version_is_the_package_s(builder: Command) -> None:
    assert re.fullmatch(r"builder, version \d+\.\d+\.\d+\n", builder("--version").out)


def test_an_unknown_verb_or_option_is_a_wrong_input(builder: Command) -> None:
    answer = builder("depoly")
    assert answer.code == 2
    assert "deploy" in answer.err
    assert builder("render", "--chekc").code == 2


def test_an_error_is_told_with_place_reason_and_next_step(builder: Command, project: Path) -> None:
    answer = builder("show", "plan.json")
    assert answer.code == 2
    assert answer.err == (
        "error: plan.json: cannot be read (No such file or directory)\nnext:  python -m builder plan -o plan.json\n"
    )


def test_options_are_taken_before_and_after_the_verb(builder: Command, project: Path) -> None:
    (project / "dr.yaml").rename(project / "other.yaml")
    assert builder("--config", "other.yaml", "render", "--check").code == 0
    assert builder("render", "--check", "--config", "other.yaml").code == 0


@pytest.fixture
def broken(request: pytest.FixtureRequest) -> Iterator[click.Command]:
    """A command that ends as no command should."""
    raised = request.param

    @cli.command("broken")
    def command() -> None:
        raise raised

    yield command
    del cli.commands["broken"]


@pytest.mark.parametrize("broken", [RuntimeError("a bug of ours")], indirect=True)
def test_a_bug_of_ours_is_one_line_and_kept_in_full_in_a_file(builder: Command, broken: click.Command) -> None:
    answer = builder("broken")
    assert answer.code == 70
    assert answer.err.count("\n") == 1
    log = Path(answer.err.rsplit(" ", 1)[1].strip())
    assert "RuntimeError: a bug of ours" in log.read_text()
    log.unlink()


@pytest.mark.parametrize("broken", [KeyboardInterrupt(), click.Abort()], indirect=True)
def test_ctrl_c_says_what_goes_on(builder: Command, broken: click.Command) -> None:
    answer = builder("broken")
    assert answer.code == 130
    assert "goes on there" in answer.err


@pytest.mark.processes
def test_a_reader_that_leaves_early_is_no_error() -> None:
    code = (
        "import os, sys; from builder.cli import main as m\n"
        "@m.cli.command('flood')\n"
        "def flood(): raise BrokenPipeError\n"
        "sys.exit(m.main(['flood']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.processes
def test_python_dash_m_ends_with_the_command_s_code() -> None:
    assert run("--version").returncode == 0
    assert run("outputs", "--env", "NOT_A_SUFFIX").returncode == 2
    assert module.main(["--version"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--json", "--config", "none.yaml", "render"], 2, "none.yaml"),
        (["render", "--json", "--config", "none.yaml"], 2, "none.yaml"),
        (["--json", "rendr"], 2, "rendr"),
        (["show", "none.json", "--json"], 2, "none.json"),
    ],
)
def test_an_error_is_an_event_with_json(arguments: list[str], code: int, says: str, builder: Command) -> None:
    answer = builder(*arguments)
    (line,) = answer.out.splitlines()
    event = json.loads(line)
    jsonschema.Draft202012Validator(json.loads(make_event_schema())).validate(event)
    assert (event["event"], event["exit_code"], answer.code) == ("error", code, code)
    assert says in f"{event['where']} {event['what']}"
    assert says in answer.err
