"""E9506: a global table of which one replica has a KMS key and another has none."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources


class GlobalTableKeys(Rule):
    """A key is one of its region: each replica names its own."""

    id = "E9506"
    shortdesc = "Either every replica of a global table has a KMS key of its own, or none"
    description = (
        "A replica without SSESpecification.KMSMasterKeyId is encrypted by DynamoDB's own key, which no table has "
        "beside keys of its owner's: DynamoDB refuses it where another replica names one."
    )
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
        "aws-properties-dynamodb-globaltable-replicassespecification.html"
    )
    topics = ("resources", "dynamodb", "multi-region")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every replica without a key beside one that has one."""
        for table in resources(cfn, "AWS::DynamoDB::GlobalTable"):
            replicas = table.get("Properties", "Replicas").items() or ()
            keys = [replica.get("SSESpecification", "KMSMasterKeyId") for replica in replicas]
            if not any(key.present for key in keys):
                continue
            for replica, key in zip(replicas, keys, strict=True):
                if key.absent:
                    region = replica.get("Region").text
                    where = f"the replica in {region}" if region else "a replica"
                    yield fault(replica, f"{where} has no KMSMasterKeyId, and another replica has one")
