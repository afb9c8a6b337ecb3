"""`adopt`: stacks that others deployed, written into dr.yaml as they stand; the next plan makes them ours."""

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.command import global_options, pass_session
from builder.cli.session import Session
from builder.errors import BadInput, BuilderError, ExitCode, of_file

if TYPE_CHECKING:
    from builder.deploy import CapturedStack
    from builder.terms import Region, StackId, StackName, StackPlace

FOLDER = "cfn"
"""Where captured templates go, beside dr.yaml."""
_SECTION = "stacks"
_NAME_CHARACTERS = 64
"""Of a stack's name in dr.yaml."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that somebody says a stack was deployed from."""

    path: Path
    data: bytes


@dataclass(frozen=True, slots=True)
class Writing:
    """What is written of captured stacks, all of it known before anything is."""

    entries: Mapping[str, Mapping[str, object]]
    """By the name of each in dr.yaml."""
    files: Mapping[Path, bytes]
    """Templates that are not there yet."""


@click.command()
@click.argument("names", metavar="STACK...", nargs=-1, required=True)
@click.option("--region", required=True, metavar="REGION", help="Where the stacks stand.")
@click.option(
    "--template",
    "files",
    multiple=True,
    metavar="STACK=FILE",
    help="The file that a stack was deployed from, where AWS does not show all of its template; repeatable.",
)
@global_options
@pass_session
def adopt(session: Session, *, names: tuple[str, ...], region: str, files: tuple[str, ...]) -> ExitCode:
    """Write stacks that others deployed into dr.yaml, with their templates in cfn/; changes nothing in AWS.

    The next plan has a change set for each that gives it this deployment's tags and does nothing else. It has to be
    allowed by name, and until it is executed the stack is as it was, and nobody's here.
    """
    from builder.cli.files import write_whole
    from builder.config.entries import add_entries, entries_text
    from builder.terms import Region, StackName

    config = session.options.config
    _check_scope(session, region)
    stacks = tuple(dict.fromkeys(StackName(name) for name in names))
    ids = _make_ids(stacks)
    captured = _capture(session, Region(region), ids, _read_files(files, stacks))
    writing = _make_writing(config.parent, ids, captured)
    dr_yaml = _read(config)
    made = add_entries(dr_yaml, _SECTION, writing.entries, str(config))
    # dr.yaml last: where this breaks off, the same again finds the templates and goes on.
    for path, data in writing.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    if made != dr_yaml:
        _check_made(session, made, writing)
        write_whole(config, made)
    _tell(session, writing, entries_text(_SECTION, writing.entries), is_new=made != dr_yaml)
    return ExitCode.DONE


def _check_scope(session: Session, region: str) -> None:
    """Raise BadInput where there is no dr.yaml to write into, or the region is none, or left out."""
    from builder.components.available import name_fault

    options = session.options
    if options.assembly is not None:
        raise BadInput(where="--assembly", what="adopted stacks are written into dr.yaml, and this is taken as it is")
    if fault := name_fault(region):
        raise BadInput(where="--region", what=fault)
    if region in options.skip_regions:
        raise BadInput(where="--skip-region", what=f"what stands in {region} is to be read")


def _make_ids(names: "Sequence[StackName]") -> "dict[StackName, str]":
    """Return what each stack is called in dr.yaml. Raises BadInput where two would be called the same."""
    ids = {name: re.sub("[^a-z0-9]+", "-", name.lower())[:_NAME_CHARACTERS].strip("-") for name in names}
    if len(set(ids.values())) < len(ids):
        raise BadInput(
            where="adopt", what=f"{', '.join(names)} would have the same name in dr.yaml, one after the other"
        )
    return ids


def _read_files(named: Sequence[str], names: "Sequence[StackName]") -> "dict[StackName, NamedFile]":
    from builder.terms import StackName

    files = {}
    for text in named:
        name, equals, file = text.partition("=")
        if not equals or not file or name not in names:
            what = f"is no STACK=FILE; the stacks are {', '.join(names)}"
            raise BadInput(where=f"--template {text}", what=what)
        files[StackName(name)] = NamedFile(Path(file), _read(Path(file)))
    return files


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise of_file(error, path, doing="read") from error


def _capture(
    session: Session, region: "Region", ids: "Mapping[StackName, str]", files: "Mapping[StackName, NamedFile]"
) -> "tuple[CapturedStack, ...]":
    """Return the stacks as they stand. Raises BadInput or Stopped."""
    from builder.deploy import CaptureRequest, capture, check_credentials, deployment_name
    from builder.template import text_of
    from builder.terms import Site, StackId, StackPlace

    project, site = session.project, Site(None, region)
    name = deployment_name(project.loaded.config.project, project.suffix)
    own = {StackPlace(site, stack): StackId(f"{region}/{id_}") for stack, id_ in ids.items()}
    request = CaptureRequest(
        deployment=name,
        names=tuple(ids),
        known={**own, **_known(session)},
        files={stack: (str(file.path), text_of(file.data, str(file.path))) for stack, file in files.items()},
    )
    session.run(check_credentials(name, project.pinned_account, (site,), session.clients))
    return session.run(capture(session.clients, site, request))


def _known(session: Session) -> "dict[StackPlace, StackId]":
    """Return the stacks that dr.yaml leads to by now."""
    from builder.assembly.manifest import bind
    from builder.terms import Site, StackName, StackPlace

    project = session.project
    config = project.loaded.config
    if not (config.stacks or config.tables_by_name or config.buckets_by_name or config.functions_by_name):
        return {}  # nothing to render: what is adopted will be the first
    return {
        StackPlace(Site(entry.account, entry.region), StackName(bind(entry.name, project.suffix))): entry.id
        for entry in project.assembly_made.manifest.stacks
    }


def _make_writing(folder: Path, ids: "Mapping[StackName, str]", captured: "Sequence[CapturedStack]") -> Writing:
    """Return what is to be written. Raises BadInput for a template that would take the place of another."""
    entries, files = {}, {}
    for stack in captured:
        name = ids[stack.stack.name]
        path = Path(FOLDER, f"{name}.{'json' if stack.is_json else 'yaml'}")
        entries[name] = _make_entry(stack, path)
        data, there = stack.template.encode(), folder / path
        if not there.exists():
            files[there] = data
        elif _read(there) != data:
            raise BadInput(
                where=str(there),
                what=f"is there already, and is not the template of {stack.stack.name}",
                next_step=f"move it away, or compare: --template {stack.stack.name}={there}",
            )
    return Writing(entries, files)


def _check_made(session: Session, made: bytes, writing: Writing) -> None:
    """Raise BadInput, with no new template left, where what dr.yaml would say cannot be rendered."""
    config = session.options.config
    handle, name = tempfile.mkstemp(prefix=f".{config.stem}-", suffix=config.suffix, dir=config.parent)
    try:
        with os.fdopen(handle, "wb") as fresh:
            fresh.write(made)
        trial = replace(session.project, options=replace(session.options, config=Path(name)))
        _ = trial.assembly_made
    except BuilderError as error:
        for path in writing.files:
            path.unlink()
        what = f"with these stacks it could not be rendered: {error}".replace(Path(name).name, config.name)
        raise BadInput(where=str(config), what=what, next_step="write them by hand, under other names") from error
    finally:
        Path(name).unlink()


def _make_entry(captured: "CapturedStack", template: Path) -> dict[str, object]:
    """Return a stack's entry in dr.yaml, as plain data."""
    stack = captured.stack
    entry: dict[str, object] = {
        "template": template.as_posix(),
        "name": str(stack.name),
        "regions": [str(stack.region)],
    }
    if captured.parameters:
        entry["parameters"] = {
            name: value if isinstance(value, str) else {"previous": True} for name, value in captured.parameters.items()
        }
    if captured.needs:
        entry["needs"] = [need.partition("/")[2] for need in captured.needs]
    if captured.tags:
        entry["tags"] = dict(captured.tags)
    if stack.termination_protection:
        entry["termination_protection"] = True
    return entry


def _tell(session: Session, writing: Writing, entries: str, *, is_new: bool) -> None:
    """Say what was written, and what comes next."""
    from builder.report.as_json import adopted

    console, config = session.console, session.options.config
    if session.options.json_events:
        console.result(adopted(writing.entries, tuple(map(str, writing.files)), console.now()))
    for path in writing.files:
        console.say(f"wrote {path}")
    console.say(f"{'added to' if is_new else 'is in'} {config}:\n{entries}")
    console.warn("next:  python -m builder render    templates/ with these stacks in it")
    console.warn(
        "       python -m builder plan      a change set for each, which gives it our tags and does nothing else"
    )


COMMANDS = {"adopt": adopt}
