from builder.local.adapter.s3_request import make_body


def test_a_body_is_the_operations_xml_with_s3s_namespace() -> None:
    body = make_body("PutBucketTagging", Tagging={"TagSet": [{"Key": "a", "Value": "<b>"}]}).decode()
    assert body.startswith('<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/">')
    assert "<Tag><Key>a</Key><Value>&lt;b&gt;</Value></Tag>" in body
