"""What a stack's last executed change set shows: whether its template is as it was sent, and what it released."""

import hashlib
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from builder.aws import Clients, call, pages, together
from builder.deploy.change_sets.change_set import template_of
from builder.deploy.observe.stacks import ObservedStack
from builder.errors import AwsError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ChangeTypeDef


async def is_exact(stack: ObservedStack | None, template: object, known: Collection[str], clients: Clients) -> bool:
    """Return whether GetTemplate shows a deployed template exactly as it was sent.

    GetTemplate shows a `?` for each character beyond ASCII. A template without any is exact. So is one whose lines with
    `?` are also in a template in `known`, the exact former or desired ones. Else the digest decides that the
    Description of our change set has; after a rollback the template is one in `known`.
    """
    if not isinstance(template, str):
        return False
    lines = _doubtful(template)
    if not lines or any(lines <= _doubtful(text) for text in known):
        return True
    if stack is None or stack.change_set is None:
        return False
    client = clients.of(stack.site).cloudformation(stack.region)
    try:
        answer = await call(stack.name, client.describe_change_set, ChangeSetName=stack.change_set)
        digest = template_of(answer.get("Description", ""))
        if not digest or digest == _digest(template):
            return bool(digest)
        sent = await call(stack.name, client.get_template, ChangeSetName=stack.change_set, TemplateStage="Original")
    except AwsError as error:
        if error.code == "ChangeSetNotFound":
            return False
        raise
    text: object = sent["TemplateBody"]
    return isinstance(text, str) and _digest(text) == digest and lines <= _doubtful(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _doubtful(text: str) -> set[str]:
    """Return the lines with a `?`, which may stand for another character."""
    return {line for line in text.splitlines() if "?" in line}


async def observe_former(
    physical_id: str, types: Collection[str], stacks: Iterable[ObservedStack], clients: Clients
) -> ObservedStack | None:
    """Return the stack whose last change set released this resource of one of the types; None where there is none."""
    candidates = [stack for stack in stacks if stack.facts.exists and stack.facts.good]
    released = await together(_has_released(physical_id, types, stack, clients) for stack in candidates)
    return next((stack for stack, is_former in zip(candidates, released, strict=True) if is_former), None)


async def _has_released(physical_id: str, types: Collection[str], stack: ObservedStack, clients: Clients) -> bool:
    client = clients.of(stack.site).cloudformation(stack.region)
    if stack.change_set is None:
        return False
    try:
        listing = pages(stack.name, client.describe_change_set, ChangeSetName=stack.change_set)
        return any([_releases(change, physical_id, types) async for page in listing for change in page["Changes"]])
    except AwsError as error:
        if error.code == "ChangeSetNotFound":
            return False
        raise


def _releases(change: "ChangeTypeDef", physical_id: str, types: Collection[str]) -> bool:
    row = change.get("ResourceChange", {})
    is_kept = row.get("Action") == "Remove" and row.get("PolicyAction") == "Retain"
    return is_kept and row.get("PhysicalResourceId") == physical_id and row.get("ResourceType") in types
