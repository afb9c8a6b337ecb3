"""`call`: one HTTP request to a function URL of the deployment: found, signed where it has to be, printed."""

import json
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.command import global_options, pass_session
from builder.cli.session import Session
from builder.errors import BadInput, ExitCode, Failed, of_file
from builder.report.screen import lose
from builder.resource_types import FUNCTION_URL
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
@click.option("--component", metavar="NAME", help="Which function, where the manifest has several.")
@click.option("--data", metavar="TEXT", help="The body; @FILE reads a file, @- the standard input.")
@global_options
@pass_session
def call(session: Session, /, *, method: str, path: str, data: str | None, **whose: str | None) -> ExitCode:
    """Send one request to a function URL, signed where the URL wants that, and print the answer's body.

    Exit code 1 where the status is 400 or more, or nothing answers.
    """
    if re.search("[\x00-\x1f\x7f\ud800-\udfff]", path):
        raise BadInput(where=f"PATH {path}", what="has characters that no URL has: write them as %XX")
    url = _url_of(session, whose["component"], whose["region"])
    body = _read(data)
    answer = _send(session, url, method.upper(), path, body)
    _tell(session, answer)
    return ExitCode.DONE if answer.status < 400 else ExitCode.FAILED


@dataclass(frozen=True, slots=True)
class _Url:
    """Where a component's URL is read."""

    place: str
    """In the manifest, for errors."""
    region: Region
    output: tuple[StackId, str]


def _url_of(session: Session, component: str | None, region: str | None) -> _Url:
    """Return whose URL is meant. Raises BadInput, naming those that there are."""
    from builder.assembly.components import one_of_each

    deployment = session.project.deployment_as_is
    functions = {name: part.function for name, part in deployment.components.items() if part.function}
    if not functions:
        raise BadInput(where="call", what=f"{deployment.name} has no component that is a function")
    if component is not None and component not in functions:
        raise BadInput(where=f"--component {component}", what=f"is no function; there is {', '.join(functions)}")
    chosen = {component: deployment.components[component]} if component else deployment.components
    function = one_of_each(chosen, deployment.name).function
    urls = function.url if function else {}
    first = [deployment.roles.primary] if deployment.roles and deployment.roles.primary in urls else [*urls]
    chosen_region = Region(region) if region else first[0]
    if chosen_region not in urls:
        raise BadInput(
            where=f"--region {chosen_region}", what=f"has no function URL; there is one in {', '.join(urls)}"
        )
    name = component or next(name for name, other in functions.items() if other == function)
    return _Url(f"{name} in {chosen_region}", chosen_region, urls[chosen_region].output)


def _read(data: str | None) -> bytes | None:
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode(errors="surrogateescape")
    if data == "@-":
        return sys.stdin.buffer.read()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise of_file(error, f"--data {data}", doing="read") from error


def _send(session: Session, url: _Url, method: str, path: str, body: bytes | None) -> "Answer":
    """Return what the URL answered. Raises Failed where nothing does."""
    from builder.client import Answer, Request
    from builder.client import RegionUrl as Place
    from builder.client.wire import Wire
    from builder.deploy import observe_every_output

    only = replace(session.project.deployment_as_is, outputs={url.place: url.output})
    session.run(session.check_credentials(only))
    address = session.run(observe_every_output(only, session.clients)).value(url.place)
    credentials = session.clients.credentials() if _wants_signature(session, url) else None
    with Wire(credentials, session.options.endpoint) as wire:
        answer = wire.send(
            Place(url.region, address),
            Request(method, path if path.startswith("/") else f"/{path}", {}, body),
            limit_s=_PATIENCE_S,
        )
    if not isinstance(answer, Answer):
        raise Failed(
            where=f"{url.place}: {address}",
            what=f"does not answer: {answer.value}",
            next_step="python -m builder status    shows how its function and region stand",
        )
    return answer


def _wants_signature(session: Session, url: _Url) -> bool:
    """Return whether requests are signed: they are, unless the template says of the URL that anybody may call it.

    Where the output is not plainly one URL of the template, every URL in it counts.
    """
    from builder.template import properties_of, read_template

    stack, output = url.output
    template = read_template(session.project.deployment_as_is.stack(stack).template)
    urls = template.resources(FUNCTION_URL)
    match template.outputs({}).by_name.get(output):
        case {"Value": {"Fn::GetAtt": [str(name), "FunctionUrl"]}} if name in urls:
            urls = {name: urls[name]}
        case _:
            pass
    # Where it shows none, a transform makes it, or a nested stack has it: a signature does no harm to any.
    return not urls or any(properties_of(resource).get("AuthType") != "NONE" for resource in urls.values())


def _tell(session: Session, answer: "Answer") -> None:
    """Print the body, as it came where a program reads it; what else there is to say goes to stderr."""
    if session.options.json_events:
        body = answer.body.decode("utf-8", "backslashreplace")
        values = {"region": answer.region, "status": answer.status, "headers": dict(answer.headers), "body": body}
        session.console.result(json.dumps(values))
    elif sys.stdout.isatty():
        session.console.result(answer.body.decode("utf-8", "backslashreplace"))
    else:
        end = b"\n" if answer.body and not answer.body.endswith(b"\n") else b""
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(answer.body + end)
            sys.stdout.buffer.flush()
        except OSError as error:
            lose(sys.stdout, error)
    session.console.warn(f"{answer.status} from {answer.region}")


COMMANDS = {"call": call}
