"""`call`: one HTTP request to a function URL of the deployment: found, signed where it has to be, printed."""

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.options import global_options
from builder.cli.outputs import read_outputs
from builder.cli.wiring import Wiring
from builder.errors import BadInput, ExitCode, Failed, of_file
from builder.report.screen import lose
from builder.terms import Region, StackId

if TYPE_CHECKING:
    from builder.client import Answer

# Longer than a cold start, and than the time-out of any function that answers people.
_PATIENCE_S = 30.0
_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


@click.command()
@click.argument("method", type=click.Choice(_METHODS, case_sensitive=False))
@click.argument("path")
@click.option("--region", metavar="REGION", help="Whose URL is called; else the primary's.")
@click.option("--data", metavar="TEXT", help="The body; @FILE reads a file, @- the standard input.")
@global_options
@click.pass_obj
def call(wiring: Wiring, *, method: str, path: str, region: str | None, data: str | None) -> ExitCode:
    """Send one request to a function URL, signed where the URL wants that, and print the answer's body.

    Exit code 1 where the status is 400 or more, or nothing answers.
    """
    if re.search("[\x00-\x1f\x7f\ud800-\udfff]", path):
        raise BadInput(where=f"PATH {path}", what="has characters that no URL has: write them as %XX")
    name = _output_of(wiring, region)
    body = _read(data)
    answer = _send(wiring, name, method.upper(), path, body)
    _tell(wiring, answer)
    return ExitCode.DONE if answer.status < 400 else ExitCode.FAILED


def _output_of(wiring: Wiring, region: str | None) -> str:
    """Return the name of the output that is the URL of a region. Raises BadInput, naming the regions that have one."""
    urls: dict[Region, str] = {}
    for name, (stack, _) in wiring.standing.outputs.items():
        if name.endswith("LambdaUrl") or name.startswith("lambdaUrl."):
            urls.setdefault(_region_of(wiring, stack), name)
    if not urls:
        raise BadInput(where="call", what=f"{wiring.standing.name} has no output that is a function URL")
    wanted = Region(region) if region else next(iter(urls))
    if wanted not in urls:
        raise BadInput(where=f"--region {wanted}", what=f"has no function URL; there is one in {', '.join(urls)}")
    return urls[wanted]


def _region_of(wiring: Wiring, stack: StackId) -> Region:
    return wiring.standing.stack(stack).region


def _read(data: str | None) -> bytes | None:
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode(errors="surrogateescape")
    if data == "@-":
        return sys.stdin.buffer.read()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise of_file(error, f"--data {data}", doing="read") from error


def _send(wiring: Wiring, name: str, method: str, path: str, body: bytes | None) -> "Answer":
    """Return what the URL answered. Raises Failed where nothing does."""
    from builder.client import Answer, Request
    from builder.client import Region as Place
    from builder.client.wire import Wire

    stack = wiring.standing.outputs[name][0]
    url = read_outputs(wiring).value(name)
    credentials = wiring.clients.credentials() if _wants_signature(wiring, stack) else None
    with Wire(credentials, wiring.endpoint) as wire:
        answer = wire.send(
            Place(_region_of(wiring, stack), url),
            Request(method, path if path.startswith("/") else f"/{path}", {}, body),
            limit_s=_PATIENCE_S,
        )
    if not isinstance(answer, Answer):
        raise Failed(
            where=f"{name}: {url}",
            what=f"does not answer: {answer.value}",
            next_step="python -m builder status    shows how its function and region stand",
        )
    return answer


def _wants_signature(wiring: Wiring, stack: StackId) -> bool:
    """Return whether requests are signed: they are, unless the template says of every URL that anybody may call it."""
    from builder.deploy.template import properties_of, read_template, resources_of

    resources = resources_of(read_template(wiring.standing.stack(stack).template)).values()
    types = [properties_of(one).get("AuthType") for one in resources if one.get("Type") == "AWS::Lambda::Url"]
    return any(said != "NONE" for said in types)


def _tell(wiring: Wiring, answer: "Answer") -> None:
    """Print the body, as it came where a program reads it; what else there is to say goes to stderr."""
    if wiring.json_events:
        body = answer.body.decode("utf-8", "backslashreplace")
        said = {"region": answer.region, "status": answer.status, "headers": dict(answer.headers), "body": body}
        wiring.console.result(json.dumps(said))
    elif sys.stdout.isatty():
        wiring.console.result(answer.body.decode("utf-8", "backslashreplace"))
    else:
        end = b"\n" if answer.body and not answer.body.endswith(b"\n") else b""
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(answer.body + end)
            sys.stdout.buffer.flush()
        except OSError as error:
            lose(sys.stdout, error)
    wiring.console.warn(f"{answer.status} from {answer.region}")
