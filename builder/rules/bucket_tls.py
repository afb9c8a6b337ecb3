"""W9523: a bucket that answers without TLS."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._statements import Statement, statements
from builder.rules._worlds import Scenario, scenarios


class BucketTls(Rule):
    """A bucket that serves a website is left alone: website endpoints speak nothing but HTTP."""

    id = "W9523"
    shortdesc = "A bucket needs a policy that refuses requests without TLS"
    description = (
        "S3 answers plain HTTP unless the bucket's policy denies everyone everything where aws:SecureTransport is "
        "false. The rule looks for such an AWS::S3::BucketPolicy in the bucket's own template."
    )
    source_url = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html"
    topics = ("resources", "s3", "security")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every bucket that no policy of the template keeps to TLS."""
        for scenario in scenarios(cfn, "AWS::S3::Bucket", "AWS::S3::BucketPolicy"):
            if scenario.has_modules:
                continue
            for bucket in scenario.resources("AWS::S3::Bucket"):
                policies = [
                    policy
                    for policy in scenario.resources("AWS::S3::BucketPolicy")
                    if _may_hold(policy, bucket, scenario)
                ]
                kept = any(_may_refuse_http(policy.get("Properties", "PolicyDocument")) for policy in policies)
                if not kept and bucket.get("Properties", "WebsiteConfiguration").absent:
                    yield fault(
                        bucket, f"no policy keeps bucket {bucket.path[-1]} to TLS (deny aws:SecureTransport false)"
                    )


def _may_hold(policy: Node, bucket: Node, scenario: Scenario) -> bool:
    """Return False only where a policy is surely another bucket's."""
    named, name = policy.get("Properties", "Bucket"), bucket.get("Properties", "BucketName")
    pointed = scenario.referred(named)
    if pointed is not None:
        return pointed == bucket.path[-1]
    if name.absent:
        # Nobody can write down a name that CloudFormation has yet to make up.
        return False
    return named.value == name.value or named.text is None or name.text is None


def _may_refuse_http(document: Node) -> bool:
    """Return False only where a document surely lets plain HTTP pass."""
    if document.get("Statement").items() is None:
        return True
    return any(
        statement.effect != "Allow" and _about_everyone(statement) and _of_http(statement.node.get("Condition"))
        for statement in statements(document)
        if statement.covers("s3:GetObject") is not False and statement.covers("s3:PutObject") is not False
    )


def _about_everyone(statement: Statement) -> bool:
    principal = statement.node.get("Principal")
    everyone = principal if principal.mapping is None else principal.get("AWS")
    principals = everyone.texts()
    return principal.absent or principals is None or "*" in principals


def _of_http(condition: Node) -> bool:
    """Return whether a condition, by whatever operator, may be true of plain HTTP; none at all is."""
    if condition.mapping is None:
        return True
    tests = {
        key.lower(): condition.get(operator, key).texts()
        for operator in condition.mapping
        for key in condition.get(operator).mapping or ()
    }
    return "s3:tlsversion" in tests or tests.get("aws:securetransport", ()) in {None, ("false",)}
