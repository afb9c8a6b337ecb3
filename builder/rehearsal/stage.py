"""What a rehearsal is given, begins with, expects and tells; and the use that it makes of what it deployed.

`isolated` puts the caller's AWS settings away. A `Visitor` requests function URLs as curl would, on the embedded AWS
through its endpoint, and `exercise` writes in each region and reads in the others.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from botocore.credentials import Credentials

from builder import client
from builder.assembly import Assembly, write_assembly
from builder.assembly.lint import lint_assembly
from builder.assembly.render import make_assembly
from builder.aws import Clients, call
from builder.client.wire import Wire
from builder.components.function.options import FunctionConfig
from builder.config import Config, Wanted
from builder.deploy import Done, Outcome, PlanId
from builder.errors import AwsError, Failed
from builder.fleet import FleetEmit
from builder.local.environment import is_hostile
from builder.terms import AccountId, Region


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
    written = wanted.config.function or FunctionConfig()
    function = written.model_copy(update={"environment": {**written.environment, name: value}})
    return replace(wanted, config=wanted.config.model_copy(update={"function": function}))


def signs_requests(config: Config) -> bool:
    """Return whether the function's URLs are for signed requests alone."""
    return config.function is not None and config.function.url_auth == "AWS_IAM"


def _lint(assembly: Assembly) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="builder-rehearsal-") as folder:
        write_assembly(Path(folder) / "templates", assembly)
        return [f"{f.file}:{f.line}: {f.rule} {f.message}" for f in lint_assembly(Path(folder) / "templates").findings]


# The first request of all waits for the function's process to start.
_REQUEST_S = 30.0


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who calls function URLs of one embedded AWS; signs where the URLs want it."""

    endpoint: str
    account: str
    signs: bool

    def call(self, method: str, url: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Return status and JSON body. Raises Failed for an answer that is not JSON, or for none."""
        parts = urlsplit(url)
        region = client.RegionUrl(parts.netloc.split(".")[2], f"{parts.scheme}://{parts.netloc}")
        data = b"" if body is None else json.dumps(body).encode()
        request = client.Request(method, parts.path, {"content-type": "application/json"}, data)
        with Wire(Credentials(self.account, "rehearsal") if self.signs else None, self.endpoint) as wire:
            answer = wire.send(region, request, limit_s=_REQUEST_S)
        if isinstance(answer, client.Trouble):
            raise Failed(where=url, what=f"no JSON answer to {method}: {answer.value}")
        try:
            return answer.status, json.loads(answer.body)
        except ValueError as error:
            raise Failed(where=url, what=f"no JSON answer to {method}: {error}") from error


_PATIENCE_S = 20.0
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class RegionOutputs:
    """One region of the deployment, as its outputs name it."""

    region: Region
    url: str
    bucket: str


async def exercise(places: Sequence[RegionOutputs], visitor: Visitor, clients: Clients, tell: Tell) -> None:
    """Write in each region and read in every other one, over HTTP; find copies of an object of the first one's bucket.

    Raises Failed where a write does not arrive.
    """
    for place in places:
        seen = await _ask(visitor, "GET", place.url, 200)
        tell(Line(f"GET / in {place.region} -> 200, role {seen['role']}, table {seen['table']}"))
    for here in places:
        await _cross(visitor, here, [there for there in places if there != here], tell)
    await _copy(clients, places[0], places[1:], tell)


async def _cross(visitor: Visitor, here: RegionOutputs, others: Iterable[RegionOutputs], tell: Tell) -> None:
    item = {"written_in": here.region, "amount": 12.5}
    path = f"items/from-{here.region}"
    await _ask(visitor, "PUT", here.url + path, 201, item)
    tell(Line(f"PUT /{path} in {here.region}: {json.dumps(item)}"))
    loop = asyncio.get_running_loop()
    written = loop.time()

    async def arrived(there: RegionOutputs) -> dict[str, Any] | None:
        status, found = await loop.run_in_executor(None, partial(visitor.call, "GET", there.url + path))
        return found if status == 200 else None

    for there in others:
        otherwise = f"{path} written in {here.region} does not show in {there.region}"
        found = await _eventually(partial(arrived, there), otherwise)
        if found != item:
            raise Failed(where=there.url + path, what=f"answers {found}, and {item} was written")
        tell(Line(f"GET /{path} in {there.region}: {json.dumps(found)}, {loop.time() - written:.2f} s later"))


async def _copy(clients: Clients, primary: RegionOutputs, secondaries: Iterable[RegionOutputs], tell: Tell) -> None:
    key, metadata = "rehearsal/object.txt", {"written-in": primary.region}
    await call(
        primary.bucket,
        clients.s3(primary.region).put_object,
        Bucket=primary.bucket,
        Key=key,
        Body=b"replicate me",
        Metadata=metadata,
    )
    tell(Line(f"put s3://{primary.bucket}/{key}, metadata {metadata}"))
    loop = asyncio.get_running_loop()
    written = loop.time()

    async def arrived(secondary: RegionOutputs) -> dict[str, str] | None:
        try:
            copy = await call(
                secondary.bucket, clients.s3(secondary.region).head_object, Bucket=secondary.bucket, Key=key
            )
        except AwsError as error:
            if error.code in {"404", "NoSuchKey"}:
                return None
            raise
        return copy["Metadata"]

    for secondary in secondaries:
        found = await _eventually(partial(arrived, secondary), f"{key} does not arrive in {secondary.bucket}")
        if found != metadata:
            raise Failed(where=secondary.bucket, what=f"{key} has metadata {found}, and {metadata} was written")
        tell(Line(f"got s3://{secondary.bucket}/{key}, metadata {found}, {loop.time() - written:.2f} s later"))


async def _ask(visitor: Visitor, method: str, url: str, wanted: int, body: object = None) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    status, found = await loop.run_in_executor(None, partial(visitor.call, method, url, body))
    if status != wanted:
        raise Failed(where=url, what=f"answers {method} with {status} instead of {wanted}: {found}")
    return found


async def _eventually(look: Callable[[], Awaitable[T | None]], otherwise: str) -> T:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while (found := await look()) is None:  # noqa: ASYNC110 - replication sends no event
                await asyncio.sleep(_LOOK_S)
            return found
    except TimeoutError as error:
        raise Failed(where="replication", what=f"{otherwise} within {_PATIENCE_S:.0f} s") from error
