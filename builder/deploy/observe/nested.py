"""Nested stacks: what they hold, and whether one is as its parent's template states.

`observe_contents` reads all resources of a stack, to any depth, with what its deletion does with each; `Prover` shows
that a nested stack without a change set of its own does not change. What cannot be shown is a doubt with its reason:
unknown never counts as unchanged.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from builder.aws import Clients, call, together
from builder.deploy.desired import MASK
from builder.deploy.observe.stacks import (
    ObservedResource,
    ObservedStack,
    observe_resources,
    observe_stack,
    observe_template,
)
from builder.deploy.resources import regions_of
from builder.errors import AwsError
from builder.resource_types import KEPT, NESTED_STACK
from builder.resource_types.fate import Fate, fate_on_deletion
from builder.template import (
    Comparison,
    Template,
    at,
    compare_template,
    find_object,
    properties_of,
    read_deployed,
    read_template,
)
from builder.terms import Arn, LogicalId, Region, Site, StackName

_UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"


@dataclass(frozen=True, slots=True)
class NestedStack:
    """A stack that is a resource of another, known only by its ARN."""

    site: Site
    arn: Arn

    @property
    def region(self) -> Region:
        """The region it is in."""
        return self.site.region

    @property
    def name(self) -> StackName:
        """Its name, from its ARN."""
        return StackName(self.arn.partition(":stack/")[2].partition("/")[0] or self.arn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A resource of a stack, or of a stack nested in it."""

    path: LogicalId
    """`Orders`, or below nested stacks `Child/Grandchild/Orders`."""
    type: str
    physical_id: str
    fate: str | None
    """What the outermost stack's deletion does with it: Delete, Retain or Snapshot; None where no template states it
    as text."""
    regions: tuple[str, ...] = ()
    """The regions that have a copy of its data, as far as its template states them."""
    is_kept: bool = False
    """Whether its template marks it as data that a component of the builder's own retains."""


async def list_contents(clients: Clients, stack: ObservedStack | NestedStack, above: str = "") -> tuple[Content, ...]:
    """Return all resources of a stack, nested stacks before their resources, without what a deletion does with them."""
    contents = [
        Content(
            path=LogicalId(f"{above}{resource.logical_id}"),
            type=resource.type,
            physical_id=resource.physical_id,
            fate=None,
        )
        for resource in await _held(clients, stack, is_nested=bool(above))
    ]
    return await _with_inside(
        contents,
        lambda content: list_contents(clients, NestedStack(stack.site, Arn(content.physical_id)), f"{content.path}/"),
    )


FateOf = Callable[[Mapping[str, Any]], Fate | None]
"""Return what becomes of a resource by its template; None where nobody can tell."""


async def observe_contents(  # noqa: PLR0913 - which stack, and what becomes of it
    clients: Clients,
    stack: ObservedStack | NestedStack,
    above: str = "",
    *,
    fate: str | None = "Delete",
    where: str = "",
    fate_of: FateOf = fate_on_deletion,
) -> tuple[Content, ...]:
    """Return all resources of a stack, nested stacks before their resources.

    A retained nested stack retains its resources, whatever its own template states; for a deleted one its template
    decides, by `fate_of`. `above` and `fate` are those of the stack itself, `where` names it in errors.
    Raises Stopped for a template that cannot be read.
    """
    where = where or f"{stack.region}/{stack.name}"
    held = await _held(clients, stack, is_nested=bool(above))
    shows = (
        f"aws cloudformation get-template --region {stack.region} --stack-name {stack.name} "
        "--template-stage Processed    shows it"
    )
    template = read_deployed(await observe_template(clients, stack, "Processed") if held else {}, where, shows)
    contents = [
        Content(
            path=LogicalId(f"{above}{resource.logical_id}"),
            type=resource.type,
            physical_id=resource.physical_id,
            fate=_with(fate, find_fate(template, resource.logical_id, fate_of)),
            regions=regions_of(template.resource(resource.logical_id)),
            is_kept=at(template.resource(resource.logical_id), "Metadata", KEPT) is True,
        )
        for resource in held
    ]
    return await _with_inside(
        contents,
        lambda content: observe_contents(
            clients,
            NestedStack(stack.site, Arn(content.physical_id)),
            f"{content.path}/",
            fate=content.fate,
            where=f"{where}/{content.path.removeprefix(above)}",
            fate_of=fate_of,
        ),
    )


async def _held(clients: Clients, stack: ObservedStack | NestedStack, *, is_nested: bool) -> list[ObservedResource]:
    try:
        return [resource for resource in await observe_resources(clients, stack) if resource.physical_id]
    except AwsError as error:
        if is_nested and "does not exist" in error.what:
            return []  # somebody deleted it, though its parent still lists it
        raise


async def _with_inside(
    contents: Iterable[Content], read: Callable[[Content], Coroutine[Any, Any, tuple[Content, ...]]]
) -> tuple[Content, ...]:
    """Return the contents, each nested stack followed by what `read` returns for it."""
    contents = tuple(contents)
    below = iter(await together(read(content) for content in contents if content.type == NESTED_STACK))
    return tuple(
        each for content in contents for each in (content, *(next(below) if content.type == NESTED_STACK else ()))
    )


def find_fate(template: Template, logical_id: str, fate_of: FateOf) -> Fate | None:
    """Return what becomes of a stack's resource; None where the template does not have it, or state it."""
    resource = template.resource(logical_id)
    return fate_of(resource) if resource else None


def _with(above: str | None, own: str | None) -> str | None:
    """Return what a deletion does with a resource, given what it does with the resource's stack and its own policy."""
    if above == "Retain" or own == "Retain":
        return "Retain"
    return None if above is None else own


@dataclass(frozen=True, slots=True)
class Prover:
    """The proof that nested stacks do not change; each template is read once."""

    clients: Clients
    site: Site

    async def doubt(self, arn: Arn, properties: Mapping[str, Any]) -> str:
        """Return why a nested stack may change; empty where it certainly does not.

        `properties` are those in its parent, every value known. Its template is read from the URL in them and compared
        with the deployed one as `decide` compares; so are its parameters, and all stacks nested in it.
        """
        stack = await observe_stack(self.clients, self.site, arn)
        if stack is None or not stack.facts.exists:
            return "it is not there"
        given = properties.get("Parameters", {})
        if not isinstance(given, Mapping) or not all(isinstance(value, str | int | float) for value in given.values()):
            return "its parameters cannot be told before the execution"
        text, doubt = await self._template(stack, properties.get("TemplateURL"))
        if doubt:
            return doubt
        parameters = read_template(text).defaults | {str(name): _text(value) for name, value in given.items()}
        # A masked value may have changed though it looks the same.
        if not {_UNKNOWN, MASK}.isdisjoint(parameters.values()) or parameters != dict(stack.parameters):
            return "its parameters are not known to be the deployed ones"
        return await self._doubt_inside(stack, text)

    async def _doubt_inside(self, stack: ObservedStack, text: str) -> str:
        """Return what may change a stack although its template and parameters stay the same."""
        template = read_template(text)
        for name in template.from_ssm:
            return f"its parameter {name} is read from SSM, where it may have another value by now"
        if not template.adds_no_stack or template.calls("Fn::Transform"):
            return "a macro may make something else of its template"
        held = [
            resource
            for resource in await observe_resources(self.clients, stack)
            if resource.type == NESTED_STACK and resource.physical_id
        ]
        if not held:
            return ""
        processed = await observe_template(self.clients, stack, "Processed")
        parent = read_deployed(processed, stack.name)
        binding = parent.bind({**stack.parameters, **_pseudo(stack)})
        urls = [
            binding.text(properties_of(parent.resource(resource.logical_id)).get("TemplateURL")) for resource in held
        ]
        doubts = await asyncio.gather(
            *(self._doubt_below(Arn(resource.physical_id), url) for resource, url in zip(held, urls, strict=True))
        )
        return next(
            (f"{resource.logical_id}: {doubt}" for resource, doubt in zip(held, doubts, strict=True) if doubt), ""
        )

    async def _doubt_below(self, arn: Arn, url: str | None) -> str:
        """Return why a stack may change whose parent does not: only its template can.

        Its parameters are unchanged: they derive from the parent's, from unchanged resources, and from nested stacks
        that certainly do not change.
        """
        stack = await observe_stack(self.clients, self.site, arn)
        if stack is None or not stack.facts.exists:
            return "it is not there"
        text, doubt = await self._template(stack, url)
        return doubt or await self._doubt_inside(stack, text)

    async def _template(self, stack: ObservedStack, url: object) -> tuple[str, str]:
        """Return a stack's new template, and why it may differ from the deployed one."""
        if not isinstance(url, str) or _UNKNOWN in url:
            return "", "where its template lies cannot be told before the execution"
        try:
            text = await read_url(self.clients, self.site, url)
        except AwsError as error:
            return "", f"its template cannot be read from {url}: {error.what}"
        if text is None:
            return "", f"its template does not lie in S3: {url}"
        deployed = await observe_template(self.clients, stack)
        same = compare_template(text, deployed) is Comparison.SAME
        return text, "" if same else "its template is not known to be the deployed one"


async def read_url(clients: Clients, site: Site, url: str) -> str | None:
    """Return the template at a TemplateURL; None where that is not in S3. Raises AwsError."""
    client = clients.of(site).s3(site.region)
    address = find_object(url, client.meta.endpoint_url)
    if address is None:
        return None
    version: Any = {"VersionId": address.version} if address.version else {}
    where = f"{site.region}: {url}"
    answer = await call(where, client.get_object, Bucket=address.bucket, Key=address.key, **version)
    return (await call(where, answer["Body"].read)).decode(errors="replace")


def _pseudo(stack: ObservedStack) -> dict[str, str]:
    partition = stack.arn.split(":")[1]
    return {
        "AWS::Region": stack.region,
        "AWS::AccountId": stack.account,
        "AWS::Partition": partition,
        "AWS::StackName": stack.name,
        "AWS::StackId": stack.arn,
        "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
    }


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
