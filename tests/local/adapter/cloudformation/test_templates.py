import json

import pytest
from botocore.exceptions import ClientError

from local.account import SECONDARY, Account
from local.adapter.templates import log_group

_TEMPLATE = json.dumps({"Resources": log_group("/by-url")})


def _ask(account: Account, url: str) -> dict[str, object]:
    return dict(account.cloudformation().get_template_summary(TemplateURL=url))


@pytest.mark.parametrize(
    "url",
    [
        "https://{bucket}.s3.us-east-1.amazonaws.com/a/t%201.json",
        "https://{bucket}.s3.amazonaws.com/a/t%201.json",
        "https://{bucket}.s3-us-east-1.amazonaws.com/a/t%201.json",
        "https://{bucket}.s3.dualstack.us-east-1.amazonaws.com/a/t%201.json",
        "https://s3.us-east-1.amazonaws.com/{bucket}/a/t%201.json",
        "https://s3.amazonaws.com/{bucket}/a/t%201.json",
        "{endpoint}/{bucket}/a/t%201.json",
    ],
)
def test_a_template_is_read_from_every_form_of_url(account: Account, url: str) -> None:
    bucket = f"by.url-{account.id}"
    account.s3().create_bucket(Bucket=bucket)
    account.s3().put_object(Bucket=bucket, Key="a/t 1.json", Body=_TEMPLATE)
    answer = _ask(account, url.format(bucket=bucket, endpoint=account.endpoint))
    assert answer["ResourceTypes"] == ["AWS::Logs::LogGroup"]


def test_a_version_is_read_where_one_is_named(account: Account) -> None:
    bucket, s3 = f"by-version-{account.id}", account.s3()
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="t", Body=_TEMPLATE)["VersionId"]
    s3.put_object(Bucket=bucket, Key="t", Body=b'{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}')
    url = f"https://{bucket}.s3.us-east-1.amazonaws.com/t"
    assert _ask(account, url)["ResourceTypes"] == ["AWS::SNS::Topic"]
    assert _ask(account, f"{url}?versionId={first}")["ResourceTypes"] == ["AWS::Logs::LogGroup"]


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("https://example.com/t.yaml", "TemplateURL must be a supported URL."),
        ("http://mine.s3.us-east-1.amazonaws.com/t", "TemplateURL must be a supported URL."),
        ("https://evil.s3.us-east-1.amazonaws.com.example.com/t", "TemplateURL must be a supported URL."),
        ("https://mine-{id}.s3.us-east-1.amazonaws.com/none", "S3 error: The specified key does not exist."),
        ("https://nobodys-{id}.s3.us-east-1.amazonaws.com/t", "S3 error: The specified bucket does not exist"),
        ("https://others-{id}.s3.us-east-1.amazonaws.com/t", "S3 error: Access Denied"),
    ],
)
def test_what_cannot_be_read_is_refused_in_cloudformation_s_words(account: Account, url: str, refusal: str) -> None:
    other = Account(account.endpoint, f"{(int(account.id) + 1) % 10**12:012d}")
    account.s3().create_bucket(Bucket=f"mine-{account.id}")
    other.s3().create_bucket(Bucket=f"others-{account.id}")
    other.s3().put_object(Bucket=f"others-{account.id}", Key="t", Body=_TEMPLATE)
    with pytest.raises(ClientError) as refused:
        _ask(account, url.format(id=account.id))
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert refused.value.response["Error"]["Message"].startswith(refusal)


def test_a_bucket_of_the_other_region_is_read_as_well(account: Account) -> None:
    bucket, s3 = f"elsewhere-{account.id}", account.s3(SECONDARY)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket=bucket, Key="t", Body=_TEMPLATE)
    url = f"https://{bucket}.s3.us-west-2.amazonaws.com/t"
    assert _ask(account, url)["ResourceTypes"] == ["AWS::Logs::LogGroup"]
