"""A template beyond ASCII on the embedded AWS, which shows it as CloudFormation does: with a `?` for each character."""

import hashlib
from pathlib import Path

import boto3
import pytest

from answer import Command
from builder.assembly import Assembly, Manifest, StackEntry, write_assembly
from builder.assembly.manifest import VERSION
from builder.local import EmbeddedAws
from builder.terms import Region, StackId

# What a round trip through a parser would change, and what GetTemplate does not show.
TEMPLATE = """\
# Störung
Mappings:
  Ids: {Account: {Id: '012345678901', Factor: 11.10}}
Resources:
  Note: {Type: AWS::SNS::Topic, Properties: {TopicName: note, DisplayName: 'NOTE'}} # ö
  Data:
    Type: AWS::DynamoDB::GlobalTable
    DeletionPolicy: Delete
    Properties:
      TableName: sequence
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      Replicas: [{Region: us-east-1}LIST] # replicas
"""


def written(folder: Path, note: str, replicas: str) -> tuple[str, str]:
    text = TEMPLATE.replace("NOTE", note).replace("LIST", replicas)
    stack = StackEntry(
        id=StackId("us-east-1/seq"),
        region=Region("us-east-1"),
        name="seq-${EnvironmentSuffix}",
        template="seq.yaml",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
    made = Manifest(version=VERSION, project="seq", stacks=(stack,))
    write_assembly(folder, Assembly(manifest=made, templates={stack.template: text.encode()}))
    return str(folder), text


def test_what_is_not_shown_is_asked_for_and_every_byte_arrives(
    tmp_path: Path, embedded: EmbeddedAws, session: boto3.Session, builder: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", "qa")
    assembly, _ = written(tmp_path / "one", "Störung", "")
    assert builder("--assembly", assembly, "deploy", "--yes").code == 0
    assert "No changes" in builder("--assembly", assembly, "plan").out
    assert "not known: plan tells" in builder("--assembly", assembly, "status").out
    # Only what is masked differs, and two replicas come: the note first, then one replica after the other.
    assembly, text = written(tmp_path / "other", "Stürung", ", {Region: us-west-2}, {Region: eu-west-1}")
    answer = builder("--assembly", assembly, "deploy", "--yes")
    assert answer.code == 0, answer
    assert "/Properties/DisplayName: Störung -> Stürung" in answer.out
    assert answer.out.count("AWS takes one replica more or less at a time") == 2
    cloudformation = session.client("cloudformation", region_name="us-east-1")
    sns = session.client("sns", region_name="us-east-1")
    shown: object = cloudformation.get_template(StackName="seq-qa", TemplateStage="Original")["TemplateBody"]
    assert shown == text.replace("ö", "?").replace("ü", "?")
    topic = next(topic["TopicArn"] for topic in sns.list_topics()["Topics"] if topic["TopicArn"].endswith(":note"))
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "Stürung"
    assert "No changes" in builder("--assembly", assembly, "plan").out
