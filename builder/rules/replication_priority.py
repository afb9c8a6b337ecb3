"""E9517: two replication rules of one priority."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources


class ReplicationPriority(Rule):
    """Which of two rules is for an object that both are for, their priorities alone say."""

    id = "E9517"
    shortdesc = "Each replication rule of a bucket has a priority of its own"
    description = "S3 refuses a ReplicationConfiguration in which two rules have the same Priority."
    source_url = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html"
    topics = ("resources", "s3", "replication")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every rule whose priority another one before it has."""
        for bucket in resources(cfn, "AWS::S3::Bucket"):
            rules = bucket.get("Properties", "ReplicationConfiguration", "Rules").items() or ()
            before = set[int]()
            for rule in rules:
                priority = rule.get("Priority")
                number = _number(priority.text)
                if number is None:
                    continue
                if number in before:
                    yield fault(priority, f"another rule of the bucket has priority {number} already")
                before.add(number)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() else None
