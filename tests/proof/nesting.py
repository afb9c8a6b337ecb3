"""A deployment of stacks three levels deep, whose templates lie in the world's own S3, with the data at the lowest."""

from functools import cache, partial
from typing import Any

from builder.aws import Clients
from builder.deploy import Deployment
from builder.terms import StackId
from deploy.chained import make_deployment, make_stack
from deploy.rig import ACCOUNT
from fake_aws import World
from fake_aws.cloudformation.records import Stack
from fake_aws.s3.records import Version
from proof.command import Command, Undisturbed, assert_done, deploy, destroy, make_world, run
from proof.picture import Picture, take_picture, tell_history

APP = StackId("us-east-1/app")
TEMPLATES = "templates-of-the-proof"
DATA = "data-of-the-proof"
LOST = "us-east-1/app/Child/Grandchild/Orders"
"""What `--allow` has to say for the table at the lowest level."""
_LOWEST = """\
Parameters:
  Label: {Type: String}
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Files:
    Type: AWS::S3::Bucket
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties: {BucketName: data-of-the-proof}
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Ref Label}
Outputs:
  Topic: {Value: !Ref Topic}
"""
_WITHOUT_TABLE = _LOWEST[: _LOWEST.index("  Orders:")] + _LOWEST[_LOWEST.index("  Files:") :]
_MIDDLE = """\
Parameters:
  Label: {Type: String}
Resources:
  Grandchild:
    Type: AWS::CloudFormation::Stack
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      TemplateURL: https://templates-of-the-proof.s3.us-east-1.amazonaws.com/LOWEST.yaml
      Parameters: {Label: !Ref Label}
  Queue: {Type: AWS::SQS::Queue}
Outputs:
  Topic: {Value: !GetAtt Grandchild.Outputs.Topic}
"""
_ROOT = """\
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      TemplateURL: https://templates-of-the-proof.s3.us-east-1.amazonaws.com/MIDDLE.yaml
      Parameters: {Label: LABEL}
  After:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Sub "of ${Child.Outputs.Topic}"}
Outputs:
  Topic: {Value: !GetAtt Child.Outputs.Topic}
"""


def _deployment(middle: str, label: str) -> Deployment:
    return make_deployment(make_stack(APP, _ROOT.replace("MIDDLE", middle).replace("LABEL", label)))


FIRST = _deployment("middle", "one")
SECOND = _deployment("middle", "two")
"""The first, with an update at the lowest level."""
THIRD = _deployment("middle-2", "one")
"""The first, without its table."""

LIFE: dict[str, Command] = {
    "deploy": partial(deploy, FIRST),
    "update": partial(deploy, SECOND),
    "destroy": partial(destroy, FIRST),
}
"""Each on what the one before has left."""


def make_nesting_world(**settings: Any) -> World:
    """A quick AWS with the templates in its S3."""
    world = make_world(**settings)
    store_templates(world)
    world.calls.clear()
    return world


def store_templates(world: World) -> None:
    """Put the templates of nested stacks where their parents look for them."""
    s3 = world.session(ACCOUNT).client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket=TEMPLATES)
    for name, body in (
        ("lowest", _LOWEST),
        ("lowest-2", _WITHOUT_TABLE),
        ("middle", _MIDDLE.replace("LOWEST", "lowest")),
        ("middle-2", _MIDDLE.replace("LOWEST", "lowest-2")),
    ):
        s3.put_object(Bucket=TEMPLATES, Key=f"{name}.yaml", Body=body.encode())


def fill_data(world: World) -> None:
    """Put something into the bucket at the lowest level, if it is there, past all calls."""
    if DATA in world.buckets:
        bucket = world.buckets[DATA]
        bucket.versions += [Version(key, world.new_uuid(), world.datetime(), b"x") for key in ("a", "b", "a")]


def has_table(world: World) -> bool:
    return any(name == "orders" for *_, name in world.local_tables)


def picture(world: World) -> Picture:
    """Return what stands, every nested stack under the logical ids that lead to it, and what hangs on none."""
    whole = take_picture(world)
    state = world.region(ACCOUNT, "us-east-1").cloudformation
    paths = {f"us-east-1/{stack.name}": _path(stack, state.stacks) for stack in state.stacks.values()}
    stacks = {paths[name]: _plain(each) for name, each in whole["stacks"].items()}
    assert len(stacks) == len(whole["stacks"]), "two stacks of one place"
    tables = sorted(name for *_, name in world.local_tables)
    return {**whole, "stacks": stacks, "local tables": tables}


def _path(stack: Stack, stacks: dict[str, Stack]) -> str:
    if stack.parent_id is None:
        return stack.name
    above = stacks[stack.parent_id]
    return f"{_path(above, stacks)}/{stack.name.removeprefix(f'{above.name}-').rpartition('-')[0]}"


def _plain(stack: dict[str, Any]) -> dict[str, Any]:
    """Leave out what holds names that AWS makes up."""
    return {key: value for key, value in stack.items() if key != "outputs"} | {"outputs": sorted(stack["outputs"])}


def history(world: World) -> dict[str, list[str]]:
    """Return every operation that was begun, by the place of its stack."""
    operations = tell_history(world)
    by_path: dict[str, list[str]] = {}
    stacks = world.region(ACCOUNT, "us-east-1").cloudformation.stacks
    for stack in stacks.values():
        by_path[_path(stack, stacks)] = by_path.get(_path(stack, stacks), []) + operations.pop(
            f"us-east-1/{stack.name}", []
        )
    return by_path


@cache
def undisturbed() -> dict[str, Undisturbed]:
    """Live through it all once; to be called before another world is made, since it takes its time along."""
    world = make_nesting_world()
    clients, seen = Clients(world.session(ACCOUNT)), {}
    for verb, command in LIFE.items():
        assert_done(run(clients, command))
        seen[verb] = Undisturbed(picture(world), history(world))
        fill_data(world)
    return seen
