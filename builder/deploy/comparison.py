"""A change set as AWS shows it, against what the assembly says it is; pure.

What DescribeChangeSet shows becomes a record, `Shown`; what the assembly leads to becomes another, `Said`. What differs
is told in words by `differences`: each has a row in the table that the tests are.

What AWS shows of no change set, and so nobody can compare: the role that CloudFormation assumes (RoleARN), and the
values of NoEcho parameters. Of a template, GetTemplate shows each character beyond ASCII as a `?`.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from builder.deploy.template import Comparison, compare_template, defaults_of, no_echo_of, read_template
from builder.terms import Arn, StackName

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import DescribeChangeSetOutputTypeDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What DescribeChangeSet shows of how a change set was asked for."""

    name: str
    stack_name: StackName
    stack_arn: Arn
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset()
    notification_arns: frozenset[str] = frozenset()
    rollback_triggers: frozenset[str] = frozenset()
    imports_existing: bool = False
    mode: str = "STANDARD"
    on_stack_failure: str | None = None
    keeps_failures: bool = False
    """Its execution is not rolled back where it fails."""
    nested: bool = False
    """It was asked for with the stacks nested in its own."""
    belongs_to: Arn | None = None
    """The change set that it is a part of, if it is one of a nested stack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a change set has to be, from the assembly and what stands."""

    name: str
    stack_name: StackName
    stack_arn: Arn
    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    capabilities: frozenset[str]
    imports_existing: bool = False
    mode: str = "STANDARD"
    nested: bool = False
    notification_arns: frozenset[str] = frozenset()
    """Those that the stack has: a change set that names none leaves them."""
    rollback_triggers: frozenset[str] = frozenset()
    """Likewise."""


def read_shown(answer: "DescribeChangeSetOutputTypeDef") -> Shown:
    """Return what one page of DescribeChangeSet shows beside the changes; every page shows the same."""
    config = answer.get("DeploymentConfig", {})
    modes = (answer.get("DeploymentMode"), config.get("Mode"))
    triggers = answer.get("RollbackConfiguration", {}).get("RollbackTriggers", [])
    belongs_to = answer.get("ParentChangeSetId")
    return Shown(
        name=answer["ChangeSetName"],
        stack_name=StackName(answer["StackName"]),
        stack_arn=Arn(answer["StackId"]),
        parameters={one["ParameterKey"]: one.get("ParameterValue", "") for one in answer.get("Parameters", [])},
        tags={one["Key"]: one["Value"] for one in answer.get("Tags", [])},
        capabilities=frozenset(answer.get("Capabilities", [])),
        notification_arns=frozenset(answer.get("NotificationARNs", [])),
        rollback_triggers=frozenset(one["Arn"] for one in triggers),
        imports_existing=bool(answer.get("ImportExistingResources")),
        mode=next((str(mode) for mode in modes if mode), "STANDARD"),
        on_stack_failure=answer.get("OnStackFailure"),
        nested=bool(answer.get("IncludeNestedStacks")),
        keeps_failures=bool(config.get("DisableRollback")),
        belongs_to=Arn(belongs_to) if belongs_to else None,
    )


def differences(shown: Shown, template: object, said: Said) -> tuple[str, ...]:
    """Return what of a change set is not as the assembly says, in words without their full stops.

    `template` is what GetTemplate answers for the change set. No value of a NoEcho parameter is in any of them.
    """
    return tuple(_differences(shown, template, said))


def _differences(shown: Shown, template: object, said: Said) -> Iterator[str]:
    if shown.name != said.name:
        yield f"its name is {shown.name}, and not {said.name}"
    if (shown.stack_name, shown.stack_arn) != (said.stack_name, said.stack_arn):
        yield f"it is of the stack {shown.stack_arn}, and not of {said.stack_arn}"
    if shown.belongs_to:
        yield f"it is a part of the change set {shown.belongs_to}"
    if compare_template(said.template, template) is Comparison.DIFFERENT:
        yield "its template is not the assembly's"
    yield from _other_parameters(shown, said)
    yield from _other_settings(shown, said)


def _other_settings(shown: Shown, said: Said) -> Iterator[str]:
    if shown.tags != said.tags:
        names = sorted({name for name, _ in shown.tags.items() ^ said.tags.items()})
        yield f"its tags are not the assembly's: {', '.join(names)}"
    if shown.capabilities != said.capabilities:
        yield f"its capabilities are {_listed(shown.capabilities)}, and not {_listed(said.capabilities)}"
    if more := shown.notification_arns - said.notification_arns:
        yield f"it tells {_listed(more)} of the stack's events"
    if more := shown.rollback_triggers - said.rollback_triggers:
        yield f"it is rolled back by {_listed(more)}"
    yield from _other_modes(shown, said)


def _other_modes(shown: Shown, said: Said) -> Iterator[str]:
    if shown.imports_existing != said.imports_existing:
        yield "it takes in resources that exist" if shown.imports_existing else "it takes in no resources that exist"
    if shown.mode != said.mode:
        yield f"its deployment mode is {shown.mode}, and not {said.mode}"
    if shown.nested != said.nested:
        yield "it was made without the stacks nested in its own" if said.nested else "it was made with nested stacks"
    if shown.on_stack_failure not in {None, "ROLLBACK"}:
        yield f"a failure has CloudFormation {shown.on_stack_failure} instead of rolling back"
    if shown.keeps_failures:
        yield "a failure of it is not rolled back"


def _other_parameters(shown: Shown, said: Said) -> Iterator[str]:
    template = read_template(said.template)
    hidden, defaults = no_echo_of(template), defaults_of(template)
    # AWS may list a parameter that was left to its default, and may not.
    there, wanted = {**defaults, **shown.parameters}, {**defaults, **said.parameters}
    for name in sorted(there.keys() | wanted.keys()):
        if there.get(name) == wanted.get(name) or (name in hidden and name in there and name in wanted):
            continue
        if name in hidden:
            yield f"its parameter {name} is not the assembly's"
        else:
            yield f"its parameter {name} is {_quoted(there.get(name))}, and not {_quoted(wanted.get(name))}"


def _quoted(value: str | None) -> str:
    return "missing" if value is None else repr(value)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
