"""E9541: a KMS key of another region than what it is to encrypt."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._statements import written
from builder.rules._worlds import resources

# Where a property of the stack's own region names a key.
_OWN = {
    "AWS::DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
    "AWS::KMS::Alias": ("TargetKeyId",),
    "AWS::Lambda::Function": ("KmsKeyArn",),
    "AWS::Logs::LogGroup": ("KmsKeyId",),
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::SQS::Queue": ("KmsMasterKeyId",),
}


class KeyRegion(Rule):
    """A multi-Region key has an ARN of its own in each region, and only that of the region is any good there."""

    id = "E9541"
    shortdesc = "A key's ARN is of the region that it is used in"
    description = (
        "A table's replica, a bucket, a log group, a function, a topic or a queue takes no key of another region, a "
        "replica key of the same region neither. The stack's region is the run's --regions; with several the rule "
        "speaks only where none of them would do."
    )
    source_url = "https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html"
    topics = ("resources", "kms", "multi-region")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every key that is surely of another region."""
        for key, region in (*_of_stack(cfn), *_of_replicas(cfn)):
            named = _region_of(key)
            regions = [region] if region else cfn.regions
            if named and named not in regions:
                yield fault(key, f"a key of {named}, and this is in {' or '.join(regions)}")
        for replica in resources(cfn, "AWS::KMS::ReplicaKey"):
            primary = replica.get("Properties", "PrimaryKeyArn")
            if cfn.regions == [_region_of(primary)]:
                yield fault(primary, f"a key of {cfn.regions[0]}, and a replica is of another region than its key")


def _of_stack(cfn: Template) -> Iterator[tuple[Node, str | None]]:
    for kind, path in _OWN.items():
        for resource in resources(cfn, kind):
            yield resource.get("Properties", *path), None
    for bucket in resources(cfn, "AWS::S3::Bucket"):
        rules = bucket.get("Properties", "BucketEncryption", "ServerSideEncryptionConfiguration").items()
        for rule in rules or ():
            yield rule.get("ServerSideEncryptionByDefault", "KMSMasterKeyID"), None


def _of_replicas(cfn: Template) -> Iterator[tuple[Node, str | None]]:
    for table in resources(cfn, "AWS::DynamoDB::GlobalTable"):
        for replica in table.get("Properties", "Replicas").items() or ():
            region = replica.get("Region").text
            if region is not None:
                yield replica.get("SSESpecification", "KMSMasterKeyId"), region


def _region_of(key: Node) -> str | None:
    """Return the region in a key's ARN; None where the key is named otherwise, or nobody knows."""
    # Pseudo-parameters have colons of their own.
    match (written(key.value) or "").replace("AWS::", "").split(":"):
        case ["arn", _, "kms", region, *_] if region and "${" not in region:
            return region
        case _:
            return None
