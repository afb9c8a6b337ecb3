"""The buckets in the account that administers a fleet, from which the stacks of all its accounts take code."""

from collections.abc import Iterator

from awacs.aws import Allow, AWSPrincipal, Condition, Principal, Statement, StringEquals
from awacs.s3 import GetObject, GetObjectVersion
from troposphere import Sub, Template

from builder.components.artifacts.template import make_bucket_template
from builder.components.fleet.options import FleetConfig
from builder.config.document import ConfigFault

# S3 takes 20,480 bytes of a bucket's policy, and an account's ARN takes 40 of them.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
_LISTED_AT_MOST = 450
_INSTEAD = "say organization: o-..., or artifacts_bucket: NAME-{region} for buckets that the accounts may read"


def make_template(project: str, fleet: FleetConfig) -> Template:
    """Return the template of the bucket that this piece of dr.yaml leads to, the same in every region.

    fleet: {permission_model: self-managed, accounts: ["444455556666"]}     and a template with `Code: ./src` in it

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
    """
    accounts = [Sub(f"arn:${{AWS::Partition}}:iam::{account}:root") for account in fleet.accounts]
    reading = Statement(
        Sid="FleetReads",
        Effect=Allow,
        Principal=Principal("*") if fleet.organization else AWSPrincipal(accounts),
        # What nests a template, or makes a function, reads with the credentials of the account that it is in.
        Action=[GetObject, GetObjectVersion],
        Resource=[Sub("${Bucket.Arn}/*")],
    )
    if fleet.organization:
        reading.Condition = Condition(StringEquals("aws:PrincipalOrgID", fleet.organization))
    return make_bucket_template(project, reading)


def faults_of_readers(fleet: FleetConfig) -> Iterator[ConfigFault]:
    """Yield why the bucket's policy cannot say who may read from it."""
    if fleet.organization:
        return
    if not fleet.is_self_managed:
        what = "is required where code or templates travel through buckets, which the organization may read"
        yield ConfigFault(("fleet", "organization"), f"{what}: {_INSTEAD}")
    elif len(fleet.accounts) > _LISTED_AT_MOST:
        what = f"are {len(fleet.accounts)}, and the policy of a bucket for code takes {_LISTED_AT_MOST} by name"
        yield ConfigFault(("fleet", "accounts"), f"{what}: {_INSTEAD}")
