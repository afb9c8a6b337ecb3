"""E9518: a key for copies without the choice of encrypted objects, or that choice without a key."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import replication_rules


class ReplicationKeys(Rule):
    """Objects under a key of KMS are copied where a rule chooses them, under a key that it names."""

    id = "E9518"
    shortdesc = "A replication rule that chooses KMS-encrypted objects names a key for the copies, and no other does"
    description = (
        "S3 refuses a rule with EncryptionConfiguration.ReplicaKmsKeyID and no SseKmsEncryptedObjects, and one with "
        "SseKmsEncryptedObjects Enabled and no ReplicaKmsKeyID."
    )
    source_url = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html"
    topics = ("resources", "s3", "replication")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every rule that says one of the two."""
        for rule in replication_rules(cfn):
            key = rule.get("Destination", "EncryptionConfiguration", "ReplicaKmsKeyID")
            chosen = rule.get("SourceSelectionCriteria", "SseKmsEncryptedObjects")
            if key.present and chosen.absent:
                yield fault(
                    key, "ReplicaKmsKeyID needs SourceSelectionCriteria with SseKmsEncryptedObjects: {Status: Enabled}"
                )
            if chosen.get("Status").text == "Enabled" and key.absent:
                yield fault(chosen, "SseKmsEncryptedObjects needs EncryptionConfiguration.ReplicaKmsKeyID")
