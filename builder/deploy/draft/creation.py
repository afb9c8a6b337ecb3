"""The change sets that create a stack: one, or two where it refers to stacks that are created after it; pure.

Two buckets that replicate to each other need that: each has to exist before the other can refer to it. The manifest
has the parameters that the first is created with.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from builder.deploy.desired import DesiredStack
from builder.deploy.draft.expected import expect_changes
from builder.deploy.draft.records import DecidedStack, Decision, DraftStep, NeedsChangeSet, Rebuild
from builder.deploy.records import FoundStack, ResourceChange
from builder.template import Template, at, read_template
from builder.terms import StackId


def is_made(decision: Decision) -> bool:
    """Return whether a decision is to create the stack."""
    return isinstance(decision, Rebuild) or decision == NeedsChangeSet("CREATE")


def after_others(stack: DecidedStack, new_stacks: Collection[StackId]) -> DecidedStack:
    """Return a deployed stack that waits for the new stacks to which its final parameters refer."""
    others = awaited(stack.desired, new_stacks)
    if not others or is_made(stack.decision):
        return stack
    needs = (*stack.desired.needs, *others)
    because = f"it leads to what {', '.join(others)} makes"
    return replace(stack, desired=replace(stack.desired, needs=needs), because=(*stack.because, because))


def awaited(desired: DesiredStack, new_stacks: Collection[StackId]) -> tuple[StackId, ...]:
    """Return the new stacks to which a stack's final parameters refer, though they need it."""
    return tuple(stack for stack in desired.interim.until if stack in new_stacks) if desired.interim else ()


def make_creations(
    desired: DesiredStack, found: FoundStack, because: str, others: Collection[StackId], *, foretold: bool
) -> Iterator[DraftStep]:
    """Yield the CREATE change set and, if other new stacks need this one first, the UPDATE after them.

    `foretold` is whether the first has the list of changes that it may show.
    """
    if desired.interim is None or not others:
        yield _creation(desired, found, because, expected=_additions(desired) if foretold else ())
        return
    first = replace(desired, parameters={**desired.parameters, **desired.interim.parameters})
    yield _creation(first, found, because, expected=_additions(first) if foretold else ())
    template = read_template(desired.template, desired.id)
    yield DraftStep(
        desired=replace(desired, needs=tuple(dict.fromkeys((*desired.needs, *others)))),
        type="UPDATE",
        number=2,
        found=found,
        because=with_transforms(f"it leads to what {', '.join(others)} makes, which needs it first", template),
        expected=expect_changes(template, template, desired.interim.parameters),
        secret=bool(template.no_echo),
    )


def _creation(
    desired: DesiredStack, found: FoundStack, because: str, expected: tuple[ResourceChange, ...]
) -> DraftStep:
    return DraftStep(
        desired=desired,
        type="CREATE",
        found=found,
        because=with_transforms(because, read_template(desired.template, desired.id)),
        expected=expected,
        secret=bool(read_template(desired.template, desired.id).no_echo),
    )


def with_transforms(because: str, template: Template) -> str:
    """Return why a change set is created later; with transforms, also that what they add then waits for a review."""
    more = "; what its transforms add, only that change set shows, and it is left for review"
    return f"{because}{more}" if because and is_remade(template) else because


def _additions(desired: DesiredStack) -> tuple[ResourceChange, ...]:
    """Return the resources that a new stack may create, without those that its parameters certainly exclude."""
    template = read_template(desired.template, desired.id)
    # For a value in SSM only the parameter's name is known.
    binding = template.bind(desired.values | dict.fromkeys(template.from_ssm))
    made = {
        name: body
        for name, body in template.section("Resources").items()
        if binding.truth(at(body, "Condition")) is not False
    }
    return expect_changes(Template(), Template({**template.data, "Resources": made}), nested=desired.nested)


def changes_unseen(template: Template) -> bool:
    """Return whether a stack may change although its template, its parameters and its tags do not.

    Each change set reads the value of an SSM parameter again, while DescribeStacks and the manifest have its name; a
    macro, AWS::Include and SAM process the template each time. The result of AWS::LanguageExtensions follows from the
    text alone.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
    """
    return bool(template.from_ssm) or is_remade(template)


def is_remade(template: Template) -> bool:
    """Return whether only a change set shows what transforms make of a template."""
    return bool(template.called_transforms - {"AWS::LanguageExtensions"})
