"""What nobody could check of objects that S3 keeps."""

from builder.deploy.resources.bucket import remedy
from on_aws.lab import Lab


def test_s3_names_object_lock_where_it_keeps_a_version(lab: Lab) -> None:
    bucket, s3 = lab.name("locked"), lab.client("s3")
    properties = {
        "BucketName": bucket,
        "ObjectLockEnabled": True,
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    lab.deploy("bucket", {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}})
    version = s3.put_object(Bucket=bucket, Key="held", Body=b"")["VersionId"]
    s3.put_object_legal_hold(Bucket=bucket, Key="held", VersionId=version, LegalHold={"Status": "ON"})
    batch = {"Objects": [{"Key": "held", "VersionId": version}]}
    (refused,) = s3.delete_objects(Bucket=bucket, Delete=batch)["Errors"]
    assert refused["Code"] == "AccessDenied"
    assert remedy(refused["Code"], refused["Message"]).startswith("object lock holds it")
