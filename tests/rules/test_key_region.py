import pytest

from builder.rules.key_region import KeyRegion
from rules.findings import find, find_in, resource_template

EAST, WEST = (f"arn:aws:kms:{region}:111122223333:key/mrk-1" for region in ("us-east-1", "us-west-2"))
BUCKET = (
    "BucketEncryption: {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {KMSMasterKeyID: KEY}}]}"
)
OF_STACK = [
    ("AWS::DynamoDB::Table", "SSESpecification: {KMSMasterKeyId: KEY}"),
    ("AWS::KMS::Alias", "TargetKeyId: KEY"),
    ("AWS::Lambda::Function", "KmsKeyArn: KEY"),
    ("AWS::Logs::LogGroup", "KmsKeyId: KEY"),
    ("AWS::S3::Bucket", BUCKET),
    ("AWS::SNS::Topic", "KmsMasterKeyId: KEY"),
    ("AWS::SQS::Queue", "KmsMasterKeyId: KEY"),
]


@pytest.mark.parametrize(("kind", "property_"), OF_STACK)
def test_a_key_of_another_region_than_the_stack_s_is_found_and_no_other(kind: str, property_: str) -> None:
    def is_found(key: str, *regions: str) -> bool:
        return bool(find_in(KeyRegion, kind, f"{{{property_.replace('KEY', key)}}}", *regions))

    sub = '!Sub "arn:${AWS::Partition}:kms:us-west-2:${AWS::AccountId}:alias/one"'
    assert is_found(WEST)
    assert is_found(sub)
    assert is_found(WEST, "us-east-1", "us-east-2")
    unknown = ["alias/one", "mrk-1", "!Ref Name", '!Sub "arn:aws:kms:${AWS::Region}:1:key/k"', "!Ref AWS::NoValue"]
    assert not [key for key in (EAST, *unknown) if is_found(key)]
    assert not is_found(WEST, "us-east-1", "us-west-2")


@pytest.mark.parametrize(
    ("east", "west", "places"),
    [
        (EAST, WEST, []),
        (EAST, EAST, ["Replicas/1/SSESpecification/KMSMasterKeyId"]),
        (WEST, EAST, ["Replicas/0/SSESpecification/KMSMasterKeyId", "Replicas/1/SSESpecification/KMSMasterKeyId"]),
        ("alias/one", "alias/one", []),
        ("!Ref Name", "!ImportValue key", []),
    ],
)
def test_a_replica_s_key_is_of_the_replica_s_region(east: str, west: str, places: list[str]) -> None:
    replicas = ", ".join(
        f"{{Region: {region}, SSESpecification: {{KMSMasterKeyId: {key}}}}}"
        for region, key in (("us-east-1", east), ("us-west-2", west))
    )
    assert find_in(KeyRegion, "AWS::DynamoDB::GlobalTable", f"{{Replicas: [{replicas}]}}") == places


@pytest.mark.parametrize(
    ("arn", "regions", "is_found"),
    [(EAST, ("us-east-1",), True), (WEST, ("us-east-1",), False), (EAST, ("us-east-1", "us-west-2"), False)],
)
def test_a_replica_key_is_of_another_region_than_its_key(arn: str, regions: tuple[str, ...], *, is_found: bool) -> None:
    template = resource_template("AWS::KMS::ReplicaKey", f"{{PrimaryKeyArn: {arn}}}")
    assert bool(find(KeyRegion, template, *regions)) is is_found
