from dataclasses import replace

import pytest

from builder.assembly import Assembly, Manifest, StackEntry
from builder.assembly.diagram import Arrow, ArrowKind, Diagram, DiagramNode, make_diagram
from builder.assembly.render import make_assembly
from builder.errors import BadInput
from builder.terms import AccountId, Region, StackId
from components.templates import THREE
from loaded_config import make_loaded_config

TWO = make_diagram(make_assembly(make_loaded_config()))
SEVERAL = make_diagram(make_assembly(make_loaded_config(regions=THREE)))


def drawn(*needs: str, **templates: str) -> Diagram:
    """Draw an assembly of somebody else's: a stack for each template, all in eu-west-1, the first with the needs."""
    stacks = tuple(
        StackEntry(
            id=StackId(name),
            region=Region("eu-west-1"),
            name=name,
            template=f"{name}.yaml",
            sha256="0" * 64,
            needs=tuple(map(StackId, needs)) if number == 0 else (),
        )
        for number, name in enumerate(templates)
    )
    texts = {f"{name}.yaml": text.encode() for name, text in templates.items()}
    return make_diagram(Assembly(Manifest(version=2, project="p", stacks=stacks), texts))


def arrows(shown: Diagram, link: ArrowKind) -> set[tuple[str, str]]:
    return {(arrow.source, arrow.target) for arrow in shown.arrows if link in arrow.links}


def node(shown: Diagram, name: str) -> DiagramNode:
    return next(node for node in shown.nodes if node.id == name)


def test_every_stack_stands_in_its_region_under_its_own_name() -> None:
    assert [(node.place, node.title) for node in TWO.nodes] == [
        ("us-west-2", "storage"),
        ("us-east-1", "storage"),
        ("us-east-1", "table"),
        ("us-east-1", "service"),
        ("us-west-2", "service"),
        ("us-west-2", "replica"),
    ]
    assert TWO.places == ("us-west-2", "us-east-1")


def test_a_stack_shows_what_it_holds_with_what_is_known_of_its_name() -> None:
    assert node(TWO, "us-east-1/service").lines == ("function", "tap-…-primary", "function URL")
    assert node(TWO, "us-west-2/storage").lines == ("bucket", "tap-…-us-west-2-an")
    assert [node.title for node in TWO.nodes if node.holds_data] == ["storage", "storage", "table", "replica"]


def test_needs_are_the_manifest_s() -> None:
    manifest = make_assembly(make_loaded_config(regions=THREE)).manifest

    assert arrows(SEVERAL, ArrowKind.NEEDS) == {(entry.id, need) for entry in manifest.stacks for need in entry.needs}


def test_objects_go_from_the_primary_to_every_secondary() -> None:
    assert arrows(SEVERAL, ArrowKind.OBJECTS) == {
        ("eu-central-1/storage", "eu-west-1/storage"),
        ("eu-central-1/storage", "eu-north-1/storage"),
    }


def test_items_go_between_all_replicas() -> None:
    west, north = "eu-central-1/table/Table/eu-west-1", "eu-central-1/table/Table/eu-north-1"

    assert arrows(SEVERAL, ArrowKind.ITEMS) == {
        ("eu-central-1/table", west),
        ("eu-central-1/table", north),
        (west, north),
    }
    assert (node(SEVERAL, north).place, node(SEVERAL, north).title) == ("eu-north-1", "replica")


def test_one_arrow_carries_all_reasons_for_it() -> None:
    assert Arrow("us-east-1/storage", "us-west-2/storage", (ArrowKind.OBJECTS, ArrowKind.NEEDS)) in TWO.arrows
    assert len({(arrow.source, arrow.target) for arrow in TWO.arrows}) == len(TWO.arrows)


def test_what_sam_makes_a_table_or_a_function_of_is_drawn_as_one() -> None:
    body = "Orders: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: !Sub '${AWS::StackName}-orders'}}"
    app = f"Transform: AWS::Serverless-2016-10-31\nResources: {{{body}, Run: {{Type: AWS::Serverless::Function}}}}"
    shown = node(drawn(app=app), "app")
    assert (shown.lines, shown.holds_data) == (("table", "app-orders", "function"), True)


def test_what_a_topic_passes_on_is_no_data_of_its_own() -> None:
    (news,) = drawn(news="Resources: {News: {Type: AWS::SNS::Topic}}").nodes
    assert news == DiagramNode("news", "eu-west-1", "news", ("topic",), holds_data=False)


def test_what_is_alike_is_counted_and_what_no_condition_lets_be_is_left_out() -> None:
    text = """
    Parameters: {Stage: {Type: String, Default: dev}}
    Conditions: {IsProd: !Equals [!Ref Stage, prod]}
    Resources:
      A: {Type: AWS::SNS::Topic}
      Jobs: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
      B: {Type: AWS::SNS::Topic}
      C: {Type: AWS::SNS::Topic, Condition: IsProd}
    """
    assert node(drawn(a=text), "a").lines == ("topic ×2", "queue", "jobs")


def test_a_stack_of_somebody_else_s_is_drawn_with_what_can_be_told() -> None:
    queue = "Resources: {Jobs: {Type: AWS::SQS::Queue}, Role: {Type: AWS::IAM::Role}}"
    buckets = """
    Resources:
      From:
        Type: AWS::S3::Bucket
        Properties:
          BucketName: from
          ReplicationConfiguration:
            Role: r
            Rules:
              - {Status: Enabled, Destination: {Bucket: !GetAtt To.Arn}}
              - {Status: Disabled, Destination: {Bucket: "arn:aws:s3:::off"}}
              - {Status: Enabled, Destination: {Bucket: "arn:aws:s3:::theirs", Account: "111122223333"}}
              - {Status: Enabled, Destination: {Bucket: "arn:aws:s3:::nobodys"}}
      To: {Type: AWS::S3::Bucket, Properties: {BucketName: to}}
      Off: {Type: AWS::S3::Bucket, Properties: {BucketName: "off"}}
    """
    shown = drawn("files", jobs=queue, files=buckets)

    assert shown.nodes == (
        DiagramNode("jobs", "eu-west-1", "jobs", ("queue",), holds_data=True),
        DiagramNode(
            "files", "eu-west-1", "files", ("bucket", "from", "bucket", "to", "bucket", "off"), holds_data=True
        ),
    )
    assert shown.arrows == (
        Arrow("files", "files", (ArrowKind.OBJECTS,)),
        Arrow("jobs", "files", (ArrowKind.NEEDS,)),
    )


@pytest.mark.parametrize(
    "replicas", ["!Ref Regions", "[x, {Region: !Ref Unknown}, {Region: eu-west-1}]", "{'Fn::If': [A, [], []]}"]
)
def test_replicas_that_cannot_be_told_are_left_out(replicas: str) -> None:
    shown = drawn(t=f"Resources: {{T: {{Type: AWS::DynamoDB::GlobalTable, Properties: {{Replicas: {replicas}}}}}}}")

    assert [node.title for node in shown.nodes] == ["t"]
    assert shown.arrows == ()


def test_two_tables_of_a_stack_have_a_replica_each_in_a_region_of_their_own() -> None:
    table = "{Type: AWS::DynamoDB::GlobalTable, Properties: {Replicas: [{Region: eu-west-1}, {Region: eu-west-3}]}}"

    shown = drawn(t=f"Resources: {{A: {table}, B: {table}}}")

    assert shown.places == ("eu-west-1", "eu-west-3")
    assert arrows(shown, ArrowKind.ITEMS) == {("t", "t/A/eu-west-3"), ("t", "t/B/eu-west-3")}


def test_a_region_of_another_account_is_a_place_of_its_own() -> None:
    assembly = make_assembly(make_loaded_config())
    stacks = tuple(
        replace(entry, account=AccountId("111122223333")) if entry.id == "us-east-1/table" else entry
        for entry in assembly.manifest.stacks
    )

    shown = make_diagram(replace(assembly, manifest=replace(assembly.manifest, stacks=stacks)))

    assert shown.places == (
        "us-west-2",
        "us-east-1",
        "us-east-1, account 111122223333",
        "us-west-2, account 111122223333",
    )
    assert [node.title for node in shown.nodes if "account" in node.place] == ["table", "replica"]


def test_a_template_that_cannot_be_read_is_named() -> None:
    with pytest.raises(BadInput, match=r"^t\.yaml: is no YAML"):
        drawn(t="Resources: [")


def test_the_same_assembly_is_drawn_the_same() -> None:
    assert make_diagram(make_assembly(make_loaded_config())) == TWO
