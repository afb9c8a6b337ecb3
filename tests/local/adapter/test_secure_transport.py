import json

from local.adapter.strict import Strict


def test_a_bucket_that_takes_tls_alone_takes_what_comes_over_the_loopback(strict: Strict) -> None:
    s3, name = strict.root("s3"), f"tls-{strict.id}"
    s3.create_bucket(Bucket=name)
    over_tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [over_tls]}))
    assert s3.put_object(Bucket=name, Key="k", Body=b"x")
