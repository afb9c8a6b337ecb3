"""Plans written down by hand, for what no recording shows."""

from dataclasses import replace

from builder.deploy.desired import DesiredStack
from builder.deploy.records import (
    Deferred,
    Deletion,
    GuardHit,
    Plan,
    PropertyChange,
    Protection,
    ResourceChange,
    StackResource,
    Step,
)
from builder.terms import AccountId, Arn, LogicalId, Region, StackId, StackName

TABLE, SERVICE = StackId("us-east-1/table"), StackId("us-east-1/service")
HOSTILE = (
    "a|b `c` ```` <script>alert(1)</script></details> *x* [l](javascript:1) @you #1 \\| \x1b[31m \u202e\n| x | y |"
)


def change(logical_id: str = "Function", **fields: object) -> ResourceChange:
    made = ResourceChange(
        action="Modify", logical_id=LogicalId(logical_id), type="AWS::Lambda::Function", replacement="False"
    )
    return replace(made, **fields)  # type: ignore[arg-type]  # the fields are named at each call


FUNCTION = change(
    properties=(PropertyChange(path="Properties.MemorySize", before="128", after="256"), PropertyChange(path="Tags"))
)
REPLACED = change("Table", type="AWS::DynamoDB::GlobalTable", replacement="True")
BUCKET = StackResource(logical_id=LogicalId("Bucket"), type="AWS::S3::Bucket")


def step(stack: str, **fields: object) -> Step:
    made = Step(
        stack=StackId(stack),
        region=Region(stack.partition("/")[0]),
        name=StackName("tap-dev-x"),
        type="UPDATE",
        change_set=Arn("arn:cs"),
        stack_arn=Arn("arn:stack"),
        template_sha256="0" * 64,
        console="https://console",
        risk="update",
    )
    return replace(made, **fields)  # type: ignore[arg-type]  # the fields are named at each call


def deferred(stack: str, **fields: object) -> Deferred:
    desired = DesiredStack(
        id=StackId(stack),
        region=Region(stack.partition("/")[0]),
        name=StackName("tap-dev-y"),
        template="",
        sha256="",
        parameters={},
        capabilities=(),
        needs=(),
        tags={},
    )
    made = Deferred(desired=desired, type="UPDATE", because="takes an output of another", risk="update")
    return replace(made, **fields)  # type: ignore[arg-type]  # the fields are named at each call


def deletion(stack: str, *resources: StackResource) -> Deletion:
    return Deletion(
        stack=StackId(stack),
        region=Region(stack.partition("/")[0]),
        name=StackName("tap-dev-z"),
        stack_arn=Arn("arn:stack"),
        because="the assembly has it no more",
        resources=resources,
    )


def hit(stack: str, logical_id: str) -> GuardHit:
    return GuardHit(stack=stack, logical_id=logical_id, why="every item goes", allow=f"{stack}/{logical_id}")


def plan(*links: Step | Deferred | Deletion | Protection, **fields: object) -> Plan:
    made = Plan(
        version=2,
        id="p1",
        at="2026-01-01T00:00:00+00:00",
        account=AccountId("111122223333"),
        deployment="tap-dev",
        assembly="0" * 64,
        steps=tuple(link for link in links if isinstance(link, Step)),
        deferred=tuple(link for link in links if isinstance(link, Deferred)),
        deletions=tuple(link for link in links if isinstance(link, Deletion)),
        protections=tuple(link for link in links if isinstance(link, Protection)),
    )
    return replace(made, **fields)  # type: ignore[arg-type]  # the fields are named at each call
