"""Physical names, as texts that CloudFormation's Fn::Sub completes, and AWS's limits on them.

Names are computed, not passed between stacks: whoever knows project, environment, account and region knows every
name. `${EnvironmentSuffix}` is a parameter of every template, `${AWS::...}` are CloudFormation's pseudo-parameters.
"""

from builder.terms import Region

SUFFIX = "${EnvironmentSuffix}"


def stack_name(project: str, kind: str) -> str:
    """Return the CloudFormation name of a stack, the same in every region."""
    return f"{project}-{SUFFIX}-{kind}"


def table_name(project: str) -> str:
    """Return the global table's name; a global table has one name in all regions."""
    return f"{project}-{SUFFIX}-global"


def function_name(project: str, role: str) -> str:
    """Return the name of a region's function; `role` is primary, secondary or a reference to that parameter."""
    return f"{project}-{SUFFIX}-{role}"


def bucket_name(project: str, region: str) -> str:
    """Return a bucket's name in the account-regional namespace, so that nobody else can have taken it.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
    """
    return f"{project}-{SUFFIX}-${{AWS::AccountId}}-{region}-an"


def name_faults(project: str, suffix: str, regions: tuple[Region, ...]) -> tuple[str, ...]:
    """Return what AWS would refuse of the names made for one environment; the account id has always 12 digits."""
    limits = {
        "bucket name (63)": (63, [bucket_name(project, region) for region in regions]),
        "function name (64)": (64, [function_name(project, "secondary")]),
    }
    return tuple(
        f"the {kind} would be '{name}', {len(name)} characters"
        for kind, (limit, names) in limits.items()
        for name in (n.replace(SUFFIX, suffix).replace("${AWS::AccountId}", "0" * 12) for n in names)
        if len(name) > limit
    )
