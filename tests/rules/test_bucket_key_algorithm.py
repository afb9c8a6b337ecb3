import pytest

from builder.rules.bucket_key_algorithm import BucketKeyAlgorithm
from rules.findings import find_in

PLACE = "BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault"


def find(default: str) -> list[str]:
    rules = f"[{{ServerSideEncryptionByDefault: {default}}}]"
    properties = f"{{BucketEncryption: {{ServerSideEncryptionConfiguration: {rules}}}}}"
    return find_in(BucketKeyAlgorithm, "AWS::S3::Bucket", properties)


@pytest.mark.parametrize("key", ["alias/data", "!Ref Name"])
def test_a_key_beside_s3_s_own_is_found(key: str) -> None:
    assert find(f"{{SSEAlgorithm: AES256, KMSMasterKeyID: {key}}}") == [f"{PLACE}/KMSMasterKeyID"]


def test_one_that_may_be_there_is_found_where_it_is() -> None:
    key = "!If [IsNamed, alias/data, !Ref AWS::NoValue]"
    assert find(f"{{SSEAlgorithm: AES256, KMSMasterKeyID: {key}}}") == [f"{PLACE}/KMSMasterKeyID/Fn::If/1"]


@pytest.mark.parametrize(
    "default",
    [
        "{SSEAlgorithm: 'aws:kms', KMSMasterKeyID: alias/data}",
        "{SSEAlgorithm: 'aws:kms:dsse', KMSMasterKeyID: alias/data}",
        "{SSEAlgorithm: AES256}",
        "{SSEAlgorithm: !Ref Name, KMSMasterKeyID: alias/data}",
        "!Ref Name",
    ],
)
def test_nothing_is_said_of_what_goes_together_or_is_unknown(default: str) -> None:
    assert find(default) == []
