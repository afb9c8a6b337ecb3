"""Stacks that others deployed, read in order to write a project's files from them; nothing is changed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from builder.assembly.assets import ACCOUNT
from builder.assembly.manifest import SUFFIX, ParameterValue, UsePreviousValue
from builder.aws import Clients, call, pages, together
from builder.deploy.desired import MASK
from builder.deploy.observe.stacks import ObservedStack, SiteView, once_there, whose
from builder.errors import AwsError, BadInput, Stopped, did_you_mean, gathered
from builder.resource_types import STACK_SET
from builder.template import Comparison, compare_template, read_deployed
from builder.template.text import read_json
from builder.terms import Operation, Site, StackId, StackName, StackPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedStack:
    """One deployed stack, for the files that describe it."""

    stack: ObservedStack
    template: str
    """The text as it was sent: from GetTemplate, or from a given file that shows the same."""
    parameters: Mapping[str, ParameterValue]
    """Their values; UsePreviousValue for each that AWS hides or masks."""
    needs: tuple[StackId, ...] = ()
    """The stacks whose exports it imports: captured with it, or stacks of the assembly."""

    @property
    def is_json(self) -> bool:
        """Whether its template is JSON."""
        return read_json(self.template) is not None

    @property
    def tags(self) -> Mapping[str, str]:
        """Its own tags."""
        return {name: value for name, value in self.stack.tags.items() if not name.startswith(("aws:", "builder:"))}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRequest:
    """The stacks to capture in one region."""

    deployment: str
    names: Sequence[StackName]
    known: Mapping[StackPlace, StackId]
    """The assembly's stacks, and those of `names` by their future ids."""
    files: Mapping[StackName, tuple[str, str]]
    """The name and the text of a file with a stack's template, where GetTemplate hides part of it."""


async def capture(clients: Clients, site: Site, request: CaptureRequest) -> tuple[CapturedStack, ...]:
    """Return the stacks of these names with their templates, parameters and needs.

    Raises BadInput or Stopped, with every reason, for a stack that does not exist, that is another's, or whose template
    GetTemplate does not show completely.
    """
    listed = await SiteView(clients, site).every_stack()
    by_name = {stack.name: stack for stack in listed}
    check_all(request.names, lambda name: check_stack(by_name, name, site.region, request.deployment))
    stacks = [by_name[name] for name in request.names]
    shown = await together(observe_text(clients, stack) for stack in stacks)
    texts = dict(zip(request.names, shown, strict=True))
    check_all(request.names, lambda name: check_text(by_name[name], texts[name], request.files.get(name)))
    check_all(request.names, lambda name: check_sets(by_name[name], texts[name]))
    importers = await _importers(clients, listed, request)
    return tuple(
        CapturedStack(
            stack=stack,
            template=request.files[stack.name][1] if stack.name in request.files else texts[stack.name],
            parameters=_parameters(stack, texts[stack.name]),
            needs=tuple(need for need in importers if stack.name in importers[need]),
        )
        for stack in stacks
    )


def check_all(names: Sequence[StackName], check: Callable[[StackName], None]) -> None:
    """Raise all errors that a check of these names raises, as one error."""
    errors = []
    for name in names:
        try:
            check(name)
        except (BadInput, Stopped) as error:
            errors.append(error)
    if errors:
        raise gathered(errors)


def check_stack(stacks: Mapping[StackName, ObservedStack], name: StackName, region: str, deployment: str) -> None:
    """Raise BadInput unless a stack exists and may be taken over, Stopped unless it is settled."""
    where, stack = f"{region}/{name}", stacks.get(name)
    if stack is None or not stack.facts.exists:
        held = [each for each in stacks if stacks[each].facts.exists]
        what = "no stack of this name holds anything there" + did_you_mean(name, held)
        raise BadInput(where=where, what=what, next_step=f"aws cloudformation list-stacks --region {region}")
    if why := whose(stack, deployment):
        raise BadInput(where=where, what=f"{why}: it cannot be adopted")
    if stack.facts.operation is not Operation.UPDATE:
        raise Stopped(
            where=where,
            what=f"the stack is in {stack.status}: only one that has settled well is adopted",
            next_step=f"aws cloudformation describe-stack-events --region {region} --stack-name {name}",
        )


def check_text(stack: ObservedStack, shown: str, file: tuple[str, str] | None) -> None:
    """Raise Stopped where GetTemplate may hide characters and there is no file, BadInput where the file differs.

    Each character beyond ASCII is shown as a `?` (aws-cloudformation/cloudformation-coverage-roadmap#814).
    """
    where = f"{stack.region}/{stack.name}"
    if file is not None:
        name, text = file
        if compare_template(text, shown) is Comparison.DIFFERENT:
            raise BadInput(
                where=f"--template {stack.name}={name}", what=f"is not the template that {where} is deployed from"
            )
        return
    if "?" in shown:
        places = ", ".join(str(number) for number, line in enumerate(shown.splitlines(), 1) if "?" in line)
        raise Stopped(
            where=where,
            what=f"GetTemplate shows a `?` in the template, line {places}: it stands for itself, or for a character "
            "beyond ASCII, which nobody is shown",
            next_step=f"--template {stack.name}=FILE    names the file that it was deployed from; it is compared",
        )


def check_sets(stack: ObservedStack, template: str) -> None:
    """Raise BadInput for a stack with StackSets in it: its tags belong to them and to all their instances."""
    where = f"{stack.region}/{stack.name}"
    if sets := ", ".join(read_deployed(template, where).resources(STACK_SET)):
        what = f"has StackSets in it ({sets}), and its adoption would update all of their instances"
        raise BadInput(where=where, what=what)


async def observe_text(clients: Clients, stack: ObservedStack) -> str:
    """Return the text of a stack's template as it was sent, also of a JSON template, which botocore parses."""
    client = clients.of(stack.site).cloudformation(stack.region)
    # Runs before botocore parses the answer; a handler that is registered already is not registered again.
    client.meta.events.register_first("after-call.cloudformation.GetTemplate", _keep_text, unique_id="template-text")
    where = f"{stack.region}/{stack.name}"
    answer = await once_there(lambda: call(where, client.get_template, StackName=stack.arn, TemplateStage="Original"))
    return str(cast("dict[str, Any]", answer)[_TEXT])


_TEXT = "TemplateText"


def _keep_text(parsed: dict[str, Any], **_: object) -> None:
    if "TemplateBody" in parsed:
        parsed[_TEXT] = parsed["TemplateBody"]


# A `?` may stand for a hidden character, as in templates and outputs; the builder binds the other parameters.
_NOT_MEANT = ("?", SUFFIX, ACCOUNT)


def _parameters(stack: ObservedStack, template: str) -> dict[str, ParameterValue]:
    hidden = read_deployed(template, f"{stack.region}/{stack.name}").no_echo
    return {
        name: UsePreviousValue()
        if name in hidden or value == MASK or any(each in value for each in _NOT_MEANT)
        else value
        for name, value in stack.parameters.items()
    }


async def _importers(
    clients: Clients, listed: Collection[ObservedStack], request: CaptureRequest
) -> dict[StackId, frozenset[str]]:
    """Return, for each known stack with exports, the names of the stacks that import them."""
    exporting = {
        stack_id: stack
        for stack in listed
        if stack.exports and (stack_id := request.known.get(StackPlace(stack.site, stack.name)))
    }
    importers = await together(_importing(clients, stack) for stack in exporting.values())
    return dict(zip(exporting, importers, strict=True))


async def _importing(clients: Clients, stack: ObservedStack) -> frozenset[str]:
    return frozenset(
        name
        for names in await together(
            observe_importers(clients, stack.site, f"{stack.region}/{stack.name}", export) for export in stack.exports
        )
        for name in names
    )


async def observe_importers(clients: Clients, site: Site, where: str, export: str) -> tuple[str, ...]:
    """Return the names of the stacks that import an export of a site, over all pages."""
    client = clients.of(site).cloudformation(site.region)
    imports = pages(where, client.list_imports, ExportName=export)
    try:
        return tuple([name async for page in imports for name in page["Imports"]])
    except AwsError as error:
        # CloudFormation has no error code of its own for an export that is not imported.
        if error.code == "ValidationError" and ("not imported" in error.what or "does not exist" in error.what):
            return ()
        raise
