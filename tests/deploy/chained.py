"""A deployment whose second stack takes an output of its first: what can only be planned as deferred."""

import hashlib
from collections.abc import Mapping
from typing import Any

from builder.assembly import Manifest, OutputOf, StackEntry
from builder.deploy import Deployment
from builder.deploy import make_deployment as bound_deployment
from builder.deploy.desired import TAG_DEPLOYMENT, TAG_STACK, DesiredStack
from builder.terms import Region, StackId, StackName

KEYS, TOPICS = StackId("us-east-1/keys"), StackId("us-west-2/topics")

KEY_TEMPLATE = """\
Resources:
  Key: {Type: AWS::KMS::Key, DeletionPolicy: Delete, UpdateReplacePolicy: Delete, Properties: {Description: one}}
Outputs:
  KeyArn: {Value: !GetAtt Key.Arn}
"""
TOPIC_TEMPLATE = """\
Parameters:
  KeyArn: {Type: String}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: one, KmsMasterKeyId: !Ref KeyArn}}
"""


def make_stack(
    stack_id: StackId,
    template: str,
    parameters: Mapping[str, str | OutputOf] | None = None,
    needs: tuple[StackId, ...] = (),
) -> DesiredStack:
    region, _, name = stack_id.partition("/")
    return DesiredStack(
        id=stack_id,
        region=Region(region),
        name=StackName(f"tap-dev-{name}"),
        template=template,
        sha256=hashlib.sha256(template.encode()).hexdigest(),
        parameters=parameters or {},
        capabilities=(),
        needs=needs,
        tags={TAG_DEPLOYMENT: "tap-dev", TAG_STACK: stack_id},
    )


def make_deployment(*stacks: DesiredStack) -> Deployment:
    digest = hashlib.sha256("".join(stack.sha256 for stack in stacks).encode()).hexdigest()
    return Deployment(name="tap-dev", digest=digest, stacks=stacks)


def chained(key: str = KEY_TEMPLATE, topic: str = TOPIC_TEMPLATE) -> Deployment:
    bound = {"KeyArn": OutputOf((KEYS, "KeyArn"))}
    return make_deployment(make_stack(KEYS, key), make_stack(TOPICS, topic, bound, (KEYS,)))


def assembled(
    templates: Mapping[StackId, str],
    *,
    needs: Mapping[StackId, tuple[StackId, ...]] | None = None,
    parameters: Mapping[StackId, Mapping[str, Any]] | None = None,
) -> Deployment:
    """A deployment as it comes of an assembly, so that its templates show what its stacks need."""
    texts = {f"{stack}.yaml": template.encode() for stack, template in templates.items()}
    entries = [
        StackEntry(
            id=stack,
            region=Region(stack.partition("/")[0]),
            name=f"tap-${{EnvironmentSuffix}}-{stack.partition('/')[2]}",
            template=f"{stack}.yaml",
            sha256=hashlib.sha256(texts[f"{stack}.yaml"]).hexdigest(),
            needs=(needs or {}).get(stack, ()),
            parameters=(parameters or {}).get(stack, {}),
        )
        for stack in templates
    ]
    return bound_deployment(Manifest(version=2, project="tap", stacks=tuple(entries)), texts, "dev")
