"""What a rehearsal is given from outside, begins with, expects and tells; the caller's AWS settings put away."""

import os
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from builder.assembly import Assembly, write_assembly
from builder.assembly.lint import lint_assembly
from builder.assembly.render import make_assembly
from builder.config import Wanted
from builder.deploy import Done, Outcome, PlanId
from builder.errors import Failed
from builder.fleet import FleetEmit
from builder.local.environment import is_hostile
from builder.terms import AccountId


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
    """What a rehearsal is given from outside: where to tell, how to run, how plans are told apart."""

    tell: Tell
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    progress: Callable[[], AbstractContextManager[FleetEmit]]
    plan_id: Callable[[], PlanId]

    def watch(self, work: Callable[[FleetEmit], Coroutine[Any, Any, T]]) -> T:
        """Run long work, its progress shown."""
        with self.progress() as emit:
            result: T = self.run(work(emit))
            return result


def render_and_lint(wanted: Wanted, tell: Tell) -> Assembly:
    """Return the assembly that dr.yaml asks for. Raises Failed where cfn-lint finds anything in it."""
    tell(Chapter("render"))
    assembly = make_assembly(wanted)
    tell(Line(f"{len(assembly.manifest.stacks)} templates for {', '.join(wanted.config.regions.all)}"))
    tell(Chapter("lint"))
    findings = _lint(assembly)
    if findings:
        raise Failed(where="lint", what="\n  ".join(findings), next_step="python -m builder lint")
    tell(Line("cfn-lint, information included: no findings"))
    return assembly


def expect_done(ended: Iterable[Outcome]) -> None:
    """Return if every stack ended as it was planned. Raises Failed."""
    failed = [outcome for outcome in ended if not isinstance(outcome, Done)]
    if failed:
        raise Failed(where="rehearsal", what="\n  ".join(str(outcome) for outcome in failed))


def with_variable(wanted: Wanted, name: str, value: str) -> Wanted:
    """Return the same system with one more variable in its functions' environment."""
    config = wanted.config
    function = config.function.model_copy(update={"environment": {**config.function.environment, name: value}})
    return Wanted(config.model_copy(update={"function": function}), wanted.folder, wanted.handler)


def _lint(assembly: Assembly) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="builder-rehearsal-") as folder:
        write_assembly(Path(folder) / "templates", assembly)
        return [f"{f.file}:{f.line}: {f.rule} {f.message}" for f in lint_assembly(Path(folder) / "templates").findings]
