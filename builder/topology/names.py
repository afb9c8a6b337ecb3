"""Physical names, as texts that CloudFormation's Fn::Sub completes.

Names are computed, not passed between stacks: whoever knows project, environment, account and region knows every
name. `${EnvironmentSuffix}` is a parameter of every template, `${AWS::...}` are CloudFormation's pseudo-parameters.
A table or bucket that was there before has the name that dr.yaml says under `existing:`.
"""

import hashlib
from dataclasses import dataclass

from builder.components.options import BUCKET, FUNCTION, TABLE
from builder.config.model import Config, RegionsConfig
from builder.terms import Region

SUFFIX = "${EnvironmentSuffix}"


@dataclass(frozen=True, slots=True)
class PhysicalName:
    """A physical name with the most characters that AWS takes of it."""

    kind: str
    """Of what it is the name, `bucket`."""
    text: str
    most: int
    of: str = ""
    """The component whose name is in it, where it has one of its own."""
    is_existing: bool = False
    """Whether dr.yaml says it as it is, and nothing is computed."""


def own(name: str) -> str:
    """Return a component's name where names of AWS's hold it; nothing of those that are named by their kind alone."""
    return "" if name in (TABLE, BUCKET, FUNCTION) else name


def public_names(regions: RegionsConfig, region: Region, noun: str) -> tuple[str, ...]:
    """Return the names of a region's output: of `lambdaUrl` `primaryLambdaUrl`, or `secondaryLambdaUrl` in the first
    secondary, which follow the regions' roles; with several secondaries `lambdaUrl.<region>` too, which never changes.
    """
    capital = noun[0].upper() + noun[1:]
    roles = {regions.primary: f"primary{capital}", regions.secondaries[0]: f"secondary{capital}"}
    several = len(regions.secondaries) > 1
    return (*((roles[region],) if region in roles else ()), *((f"{noun}.{region}",) if several else ()))


def of_deployment(project: str) -> str:
    """Return how the name of everything of a deployment begins that has one."""
    return f"{project}-{SUFFIX}"


def key_alias(project: str) -> str:
    """Return the alias of the system's key, the same in every region."""
    return f"alias/{project}-{SUFFIX}"


def stack_name(project: str, kind: str) -> str:
    """Return the CloudFormation name of a stack, the same in every region."""
    return f"{project}-{SUFFIX}-{kind}"


def table_name(config: Config, name: str) -> str:
    """Return the name of a global table, `name` being its component's; it has one name in all regions."""
    return config.tables_by_name[name].existing or computed_table_name(config.project, name)


def computed_table_name(project: str, name: str) -> str:
    """Return the name of a global table that the system makes itself."""
    return f"{project}-{SUFFIX}-{'global' if name == TABLE else name}"


def function_name(project: str, name: str, *, role: str, region: str) -> str:
    """Return the name of a region's function.

    That of `function:` is named by the region's role, primary, secondary or a reference to that parameter; others by
    their own name and the region.
    """
    return f"{project}-{SUFFIX}-{role}" if name == FUNCTION else f"{project}-{SUFFIX}-{name}-{region}"


def bucket_name(config: Config, name: str, region: Region, written: str = "") -> str:
    """Return the name of a region's bucket; `written` is how a template writes the region that it is deployed to."""
    return existing_bucket(config, name, region) or computed_bucket_name(config.project, name, written or region)


def existing_bucket(config: Config, name: str, region: Region) -> str | None:
    """Return the name of a region's bucket that was there before; None where the system makes it itself.

    It does not move when roles change: it is in the region that was the primary when the system was made.
    """
    return config.buckets_by_name[name].existing if region == config.regions.by_birth[0] else None


def computed_bucket_name(project: str, name: str, region: str) -> str:
    """Return a bucket's name in the account-regional namespace, so that nobody else can have taken it.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
    """
    own = "" if name == BUCKET else f"{name}-"
    return f"{project}-{SUFFIX}-{own}${{AWS::AccountId}}-{region}-an"


def artifacts_bucket_name(project: str, region: str) -> str:
    """Return the name of the bucket through which code and templates travel, in the same namespace."""
    return f"{project}-{SUFFIX}-artifacts-${{AWS::AccountId}}-{region}-an"


def table_arn(config: Config, name: str, below: str = "") -> str:
    """Return the ARN of a table's replica in the stack's own region, or of what is `below` it: `/index/*`."""
    table = table_name(config, name)
    return f"arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/{table}{below}"


def bucket_arn(config: Config, name: str, region: Region, written: str = "", below: str = "") -> str:
    """Return the ARN of a region's bucket, or of what is `below` it: `/*`."""
    return f"arn:${{AWS::Partition}}:s3:::{bucket_name(config, name, region, written)}{below}"


def logical_name(name: str) -> str:
    """Return a component's name as a part of logical ids and of the like: of `orders` Orders; another gives another."""
    parts = name.split("-")
    plain = "".join(part.capitalize() for part in parts)
    # A hyphen leaves no trace before a digit, or another one.
    is_clear = all(part[:1].isalpha() for part in parts)
    return plain if is_clear else f"{plain}x{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def stack_set_name(project: str, region: str, kind: str) -> str:
    """Return the name of the StackSet that brings one stack to one region of every account."""
    return f"{project}-{SUFFIX}-{region}-{kind}"


def administration_role_name(project: str) -> str:
    """Return the name of the role that StackSets takes in the account that administers a fleet."""
    return f"{project}-{SUFFIX}-stackset-administration"


def execution_role_name(project: str) -> str:
    """Return the name of the role that StackSets takes in each of a fleet's accounts."""
    return f"{project}-{SUFFIX}-stackset-execution"
