import pytest

from assembly.stacks import make_bound
from builder.assembly.bound import Bound, faults_of_existing
from builder.assembly.components import OutputOf
from builder.assembly.manifest import ByEnvironment
from builder.assembly.uses import NAMED
from builder.resource_types import TAKEN_IN
from builder.resource_types.facts import ARN_FORMATS, name_property
from builder.terms import LogicalId, StackId
from rules.findings import make_node
from schemas import schema_of

SUFFIX = {"Suffix": "${EnvironmentSuffix}"}
TEMPLATE = """
    Parameters:
      Suffix: {Type: String}
      Stage: {Type: String, Default: prod}
      Key: {Type: String}
      Unsaid: {Type: String}
    Resources:
      Table: {Type: AWS::DynamoDB::GlobalTable, Properties: {TableName: !Sub "tap-${Suffix}"}}
      Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "tap-${Suffix}-${AWS::AccountId}-${AWS::Region}"}}
      Unnamed: {Type: AWS::SQS::Queue}
      Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: api}}
    Outputs: {Name: {Value: !Ref Table}}
"""
APP = make_bound(
    "us-west-2/app",
    TEMPLATE,
    parameters={**SUFFIX, "Key": OutputOf(output=(StackId("us-east-1/keys"), "Arn"))},
)
TABLE = "tap-${EnvironmentSuffix}"
BUCKET = f"{TABLE}-${{AWS::AccountId}}-us-west-2"


def text(value: str) -> str | None:
    return APP.text(make_node(value).value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("15", "15"),
        ("true", "true"),
        ("!Ref Suffix", "${EnvironmentSuffix}"),
        ("!Ref Stage", "prod"),
        ("!Ref AWS::Region", "us-west-2"),
        ("!Ref AWS::AccountId", "${AWS::AccountId}"),
        ("!Ref AWS::StackName", "tap-${EnvironmentSuffix}-app"),
        ("!Ref Table", TABLE),
        ("!GetAtt Table.Arn", f"arn:${{AWS::Partition}}:dynamodb:us-west-2:${{AWS::AccountId}}:table/{TABLE}"),
        ("!GetAtt Bucket.Arn", f"arn:${{AWS::Partition}}:s3:::{BUCKET}"),
        ('!Sub "${Bucket.Arn}/*"', f"arn:${{AWS::Partition}}:s3:::{BUCKET}/*"),
        ('!Sub ["${A}-${Stage}", {A: !Ref Table}]', f"{TABLE}-prod"),
        ('!Join ["-", [a, !Ref Stage]]', "a-prod"),
    ],
)
def test_a_value_is_what_this_stack_makes_of_it(value: str, expected: str) -> None:
    assert text(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "!Ref Key",
        "!Ref Unsaid",
        "!Ref Unnamed",
        "!Ref Nobody",
        "!GetAtt Unnamed.Arn",
        "!GetAtt Table.StreamArn",
        "!GetAtt Api.Arn",
        '!Sub "${Key}-x"',
        '!Join ["-", [a, !Ref Key]]',
        "!ImportValue x",
        "[a]",
    ],
)
def test_what_only_a_deployment_knows_is_none(value: str) -> None:
    assert text(value) is None


@pytest.mark.parametrize(("name", "expected"), [("Table", TABLE), ("Unnamed", None), ("Api", None)])
def test_a_resource_has_a_name_if_its_template_says_it(name: str, expected: str | None) -> None:
    assert APP.name_of(dict(APP.resources())[name]) == expected


@pytest.mark.parametrize(("prefix", "expected"), [("tap", "tap-${AWS::AccountId}-eu-west-1-an"), ("!Ref Nobody", None)])
def test_s3_completes_the_prefix_of_a_name(prefix: str, expected: str | None) -> None:
    template = f"Resources: {{B: {{Type: AWS::S3::Bucket, Properties: {{BucketNamePrefix: {prefix}}}}}}}"
    bound = make_bound("eu-west-1/storage", template)
    assert bound.name_of(dict(bound.resources())["B"]) == expected


def test_resources_can_be_asked_for_by_type() -> None:
    assert [name for name, _ in APP.resources("AWS::S3::Bucket", "AWS::SQS::Queue")] == ["Bucket", "Unnamed"]
    assert len(list(APP.resources())) == 4
    assert list(make_bound("a/b", "Resources: [x]").resources()) == []


def test_a_section_that_is_not_there_is_empty() -> None:
    assert list(APP.template.section("Outputs")) == ["Name"]
    assert APP.template.section("Mappings") == {}


@pytest.fixture
def placed() -> Bound:
    return make_bound("a/b", "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {Tags: [1, 2]}\n")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), (1, 1)),
        (("Resources",), (1, 1)),
        (("Resources", "Queue"), (2, 3)),
        (("Resources", "Queue", "Properties", "Tags"), (4, 18)),
        (("Resources", "Queue", "Properties", "Name"), (4, 5)),
        (("Resources", "Queue", "Type", "x"), (3, 5)),
        (("Resources", "Topic", "Type"), (1, 1)),
    ],
)
def test_a_place_is_that_of_the_last_part_there_is(
    placed: Bound, path: tuple[str | int, ...], expected: tuple[int, int]
) -> None:
    assert placed.place(*path) == ("a/b.yaml", *expected)


@pytest.mark.parametrize("kind", sorted({*ARN_FORMATS, *NAMED}))
def test_every_kind_is_named_by_a_property_it_has(kind: str) -> None:
    schema = schema_of(kind)
    assert name_property(kind) in schema["properties"]


TAKING = """
    Parameters:
      Suffix: {Type: String}
      Name: {Type: String}
      Data: {Type: String}
    Conditions:
      Never: !Equals [a, b]
      InProduction: !Equals [!Ref Data, prod-data]
    Resources:
      Table: {Type: AWS::DynamoDB::GlobalTable, Properties: {TableName: !Sub "orders-${Suffix}"}}
      Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref Data}, Condition: InProduction}
      Literal: {Type: AWS::S3::Bucket, Properties: {BucketName: acme-uploads}}
      Regional: {Type: AWS::DynamoDB::Table, Properties: {TableName: orders}}
      Unnamed: {Type: AWS::S3::Bucket}
      Later: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref Name}}
      Gone: {Type: AWS::S3::Bucket, Properties: {BucketName: gone}, Condition: Never}
"""


def taken_in(*names: str) -> list[str]:
    bound = make_bound(
        "us-west-2/app",
        TAKING,
        parameters={
            **SUFFIX,
            "Name": OutputOf(output=(StackId("us-east-1/keys"), "Name")),
            "Data": ByEnvironment({"default": "dev-data", "prod": "prod-data"}),
        },
        existing=tuple(LogicalId(name) for name in names),
    )
    return list(faults_of_existing(bound))


def test_tables_and_buckets_whose_names_follow_from_environment_account_and_region_can_be_taken_in() -> None:
    assert taken_in("Table", "Bucket", "Literal") == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Tabel", "us-west-2/app.yaml makes no Tabel"),
        ("Gone", "us-west-2/app.yaml makes no Gone"),
        (
            "Regional",
            f"Regional is of type AWS::DynamoDB::Table: what can be taken in is of {' and '.join(TAKEN_IN)}",
        ),
        (
            "Unnamed",
            "BucketName of Unnamed has to be known beforehand, of environment, account and region alone",
        ),
        ("Later", "BucketName of Later has to be known beforehand, of environment, account and region alone"),
    ],
)
def test_what_cannot_be_taken_in_is_told(name: str, message: str) -> None:
    assert taken_in("Table", name) == [f"us-west-2/app: existing: {message}"]
