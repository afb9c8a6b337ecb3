"""Three stacks that somebody deployed without this builder: one exports, one imports that, one is JSON."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from builder.assembly import Assembly, Manifest, StackEntry, UsePreviousValue
from builder.assembly.manifest import ParameterValue
from builder.deploy import Deployment, make_deployment
from builder.terms import Region, StackId

NET = """\
# The team's network.
Parameters:
  Zone: {Type: String, Default: a}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Sub "net-${Zone}"}
Outputs:
  Name:
    Value: !GetAtt Topic.TopicName
    Export: {Name: legacy-topic}
"""
QUEUE = """\
Parameters:
  Depth: {Type: Number}
  Mode: {Type: String, Default: fast}
  Secret: {Type: String, NoEcho: true}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      DelaySeconds: !Ref Depth
      Tags:
        - {Key: of, Value: !ImportValue legacy-topic}
        - {Key: mode, Value: !Ref Mode}
  Param:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Ref Secret}
Outputs:
  Url: {Value: !Ref Queue}
"""
KEY = json.dumps(
    {
        "Resources": {
            "Key": {
                "Type": "AWS::KMS::Key",
                # Without a policy of its own it has AWS's default, by which the account manages it.
                "Properties": {"Description": "of the old system", "PendingWindowInDays": 7},
            }
        },
        "Outputs": {"Id": {"Value": {"Ref": "Key"}}},
    },
    indent=1,
)
SECRET = "hunter-2"
TAGS = {"team": "core", "cost": "0060"}
NAMES = ("legacy-net", "legacy-queue", "legacy-key")
BODIES = dict(zip(NAMES, (NET, QUEUE, KEY), strict=True))


def deploy_legacy(client: Any, settle: Callable[[], object], bodies: Mapping[str, str] | None = None) -> None:
    """Deploy the three, or others, by plain change sets; `client` is CloudFormation's, `settle` waits for each call."""
    given = {"legacy-queue": {"Depth": "10", "Secret": SECRET}}
    for name, body in (bodies or BODIES).items():
        client.create_change_set(
            StackName=name,
            ChangeSetName="first",
            ChangeSetType="CREATE",
            TemplateBody=body,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.get(name, {}).items()],
            Tags=[{"Key": key, "Value": value} for key, value in TAGS.items()],
        )
        settle()
        client.execute_change_set(StackName=name, ChangeSetName="first")
        settle()


def legacy_deployment(bodies: Mapping[str, str] = BODIES, **parameters: ParameterValue) -> Deployment:
    """The deployment that `adopt` writes of the three, with other templates or parameters of the queue where said."""
    assembly = legacy_assembly(bodies, **parameters)
    return make_deployment(assembly.manifest, assembly.templates, "dev")


def legacy_assembly(bodies: Mapping[str, str] = BODIES, **parameters: ParameterValue) -> Assembly:
    """The assembly of it."""
    queue = {"Depth": "10", "Mode": "fast", "Secret": UsePreviousValue(), **parameters}
    given: Mapping[str, Mapping[str, ParameterValue]] = {"legacy-queue": queue, "legacy-net": {"Zone": "a"}}
    entries = tuple(
        StackEntry(
            id=StackId(f"us-east-1/{name}"),
            region=Region("us-east-1"),
            name=name,
            template=f"{name}.yaml",
            sha256=hashlib.sha256(body.encode()).hexdigest(),
            parameters=given.get(name, {}),
            needs=(StackId("us-east-1/legacy-net"),) if name == "legacy-queue" else (),
            tags=TAGS,
        )
        for name, body in bodies.items()
    )
    manifest = Manifest(version=2, project="shop", stacks=entries)
    return Assembly(manifest, {f"{name}.yaml": body.encode() for name, body in bodies.items()})
