"""E9551: a bucket's default encryption that names a key and an algorithm without one."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources


class BucketKeyAlgorithm(Rule):
    """S3's own keys are nobody's to name."""

    id = "E9551"
    shortdesc = "KMSMasterKeyID goes with aws:kms and aws:kms:dsse, not with AES256"
    description = "S3 refuses the default encryption of a bucket that names a key beside SSEAlgorithm: AES256."
    source_url = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_ServerSideEncryptionByDefault.html"
    topics = ("resources", "s3", "kms")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every key that is named in vain."""
        for bucket in resources(cfn, "AWS::S3::Bucket"):
            rules = bucket.get("Properties", "BucketEncryption", "ServerSideEncryptionConfiguration")
            for rule in rules.items() or ():
                default = rule.get("ServerSideEncryptionByDefault")
                key = default.get("KMSMasterKeyID")
                if key.present and default.get("SSEAlgorithm").text == "AES256":
                    yield fault(key, "AES256 takes no key: SSEAlgorithm is aws:kms where one is named")
