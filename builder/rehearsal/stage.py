"""What a rehearsal is given, begins with, expects and tells; and the system with one thing changed.

`isolated` puts the caller's AWS settings away.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from builder.assembly import Assembly, write_assembly
from builder.assembly.finding import Finding
from builder.assembly.lint import lint_assembly
from builder.assembly.render import make_assembly
from builder.components.function.options import FunctionConfig
from builder.config import Config, LoadedConfig
from builder.deploy import Done, Outcome, PlanId
from builder.errors import Failed
from builder.fleet import FleetEmit
from builder.local.environment import is_hostile
from builder.template import Template, read_template, write_template
from builder.terms import AccountId, StackId, counted


@contextmanager
def isolated(endpoint: str, account: str, region: str) -> Iterator[None]:
    """Let boto3 reach the embedded AWS and nothing else while the block runs; the environment comes back after it."""
    before = dict(os.environ)
    for name in before:
        if is_hostile(name):
            del os.environ[name]
    os.environ.update(
        AWS_ENDPOINT_URL=endpoint,
        # The embedded AWS takes any 12 digits for an access key, and for the account.
        AWS_ACCESS_KEY_ID=account,
        AWS_SECRET_ACCESS_KEY="rehearsal",  # noqa: S106 - there is nobody to keep it from
        AWS_DEFAULT_REGION=region,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the life begins."""

    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was seen to happen."""

    text: str


Tell = Callable[[Chapter | Line], None]
T = TypeVar("T")
ACCOUNT = AccountId("123456789012")


@dataclass(frozen=True, slots=True)
class Stage:
    """What a rehearsal is given from outside: where its lines go, how work is run, the ids of its plans."""

    tell: Tell
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    progress: Callable[[], AbstractContextManager[FleetEmit]]
    plan_id: Callable[[], PlanId]

    def watch(self, work: Callable[[FleetEmit], Coroutine[Any, Any, T]]) -> T:
        """Run long work, its progress shown."""
        with self.progress() as emit:
            result: T = self.run(work(emit))
            return result


def render_and_lint(loaded: LoadedConfig, tell: Tell) -> Assembly:
    """Return the assembly that dr.yaml asks for.

    Raises Failed where cfn-lint finds anything in a system of what is built in, or an error in one with templates of
    the user's own: what those are warned of is theirs to decide, and is counted.
    """
    tell(Chapter("render"))
    assembly = make_assembly(loaded)
    regions = dict.fromkeys((*loaded.config.regions.all, *assembly.manifest.regions))
    tell(Line(f"{len(assembly.manifest.stacks)} templates for {', '.join(regions)}"))
    tell(Chapter("lint"))
    findings = lint(assembly)
    fatal = [finding for finding in findings if finding.severity == "error" or not loaded.config.stacks]
    if fatal:
        faults = "\n  ".join(f"{finding.file}:{finding.line}: {finding.rule} {finding.message}" for finding in fatal)
        raise Failed(where="lint", what=faults, next_step="python -m builder lint")
    tell(Line(counted_findings(findings)))
    return assembly


def counted_findings(findings: Sequence[Finding]) -> str:
    """Return how many findings there are, of each gravity."""
    if not findings:
        return "cfn-lint, information included: no findings"
    warnings = sum(finding.severity == "warning" for finding in findings)
    counts = f"{counted(warnings, 'warning')}, {len(findings) - warnings} for information"
    return f"cfn-lint: no errors, {counts}; they are told by: python -m builder lint"


def expect_done(ended: Iterable[Outcome]) -> None:
    """Raise Failed unless every stack ended as planned."""
    failed = [outcome for outcome in ended if not isinstance(outcome, Done)]
    if failed:
        raise Failed(where="rehearsal", what="\n  ".join(str(outcome) for outcome in failed))


def with_variable(loaded: LoadedConfig, name: str, value: str) -> LoadedConfig:
    """Return the same system with one more variable in its functions' environment."""
    written = loaded.config.function or FunctionConfig()
    function = written.model_copy(update={"environment": {**written.environment, name: value}})
    return replace(loaded, config=loaded.config.model_copy(update={"function": function}))


def signs_requests(config: Config) -> bool:
    """Return whether any function's URLs are for signed requests alone; the others take those as well."""
    return any(function.url_auth == "AWS_IAM" for function in config.functions_by_name.values())


def with_output(assembly: Assembly, names: Collection[StackId]) -> Assembly:
    """Return the same assembly with one more output in the templates of some stacks."""
    manifest = assembly.manifest
    files = {entry.template for entry in manifest.stacks if entry.id in names}
    templates = {
        path: _with_output(read_template(data, path)) if path in files else data
        for path, data in assembly.templates.items()
    }
    stacks = tuple(
        replace(entry, sha256=hashlib.sha256(templates[entry.template]).hexdigest()) for entry in manifest.stacks
    )
    return replace(assembly, manifest=replace(manifest, stacks=stacks), templates=templates)


def _with_output(template: Template) -> bytes:
    outputs = template.section("Outputs")
    name = next(name for number in count(1) if (name := f"Rehearsed{number}") not in outputs)
    return write_template({**template.data, "Outputs": {**outputs, name: {"Value": "yes"}}})


def lint(assembly: Assembly) -> tuple[Finding, ...]:
    """Return what is wrong with an assembly that is in no folder, or in one of another form."""
    with tempfile.TemporaryDirectory(prefix="builder-rehearsal-") as folder:
        write_assembly(Path(folder) / "templates", assembly)
        return lint_assembly(Path(folder) / "templates").findings
