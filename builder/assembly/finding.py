"""What linting says: one record a finding, whoever found it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a rule has to say about one place of a template or of the manifest."""

    rule: str
    severity: str
    """error, warning or informational."""
    file: str
    line: int
    column: int
    message: str
    source: str
    end_line: int = 0
    """0 where only the beginning is known."""
    end_column: int = 0
    path: tuple[str | int, ...] = ()
    """The place within the template, as keys and indexes."""


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """A check that spans templates, in cfn-lint's words for a rule."""

    id: str
    severity: str
    shortdesc: str
    description: str
    source: str


_CFN = "https://docs.aws.amazon.com/AWSCloudFormation/latest"
_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide"

CHECKS: dict[str, CrossCheck] = {
    check.id: check
    for check in (
        CrossCheck(
            "X001",
            "error",
            "A template is the one the manifest was written with",
            "The template's SHA-256 must be the manifest's; a template edited by hand is not what was reviewed.",
            f"{_CFN}/UserGuide/using-cfn-updating-stacks-changesets.html",
        ),
        CrossCheck(
            "X002",
            "error",
            "A function's template is the same in every region",
            "Regions that are to stand in for each other run the same bytes; what differs is a parameter.",
            "https://docs.aws.amazon.com/whitepapers/latest/disaster-recovery-workloads-on-aws/",
        ),
        CrossCheck(
            "X003",
            "error",
            "A template declares every parameter it is given",
            "CloudFormation refuses a parameter that the template does not have.",
            f"{_CFN}/UserGuide/parameters-section-structure.html",
        ),
        CrossCheck(
            "X004",
            "error",
            "A template is given every parameter that has no default",
            "CloudFormation refuses to make a stack without them.",
            f"{_CFN}/UserGuide/parameters-section-structure.html",
        ),
        CrossCheck(
            "X005",
            "error",
            "A stack has the capabilities its template needs",
            "IAM resources need CAPABILITY_IAM, and CAPABILITY_NAMED_IAM where one has a name of its own, those "
            "included that SAM's transform makes, such as the role of a function that names none.",
            f"{_CFN}/APIReference/API_CreateChangeSet.html",
        ),
        CrossCheck(
            "X006",
            "error",
            "An output that the manifest names is there",
            "Outputs and components of the manifest, and parameters bound to outputs, name Outputs of a template.",
            f"{_CFN}/UserGuide/outputs-section-structure.html",
        ),
        CrossCheck(
            "X007",
            "error",
            "Replication leads to a bucket that a template creates",
            "The destination must be the name of a bucket of this assembly; a bucket of another account is left alone.",
            f"{_S3}/replication-requirements.html",
        ),
        CrossCheck(
            "X008",
            "error",
            "Replication leads to a versioned bucket",
            "S3 refuses a replication rule whose destination keeps no versions.",
            f"{_S3}/replication-requirements.html",
        ),
        CrossCheck(
            "X009",
            "error",
            "The replication role may write to the destination",
            "The role needs s3:ReplicateObject on the objects of the bucket that the rule names, or nothing is copied.",
            f"{_S3}/setting-repl-config-perm-overview.html",
        ),
        CrossCheck(
            "X010",
            "error",
            "What stacks take of each other has an order, and somebody makes it",
            "Exports, SSM parameters, macros, outputs of stacks and computed names show what a stack needs, and no "
            "manifest has to say it. Values taken in a circle can never be created; names used both ways need a word "
            "in `needs`. What no stack of the assembly makes is a slip of the pen or another system's: then the "
            "template's Metadata waives it, cfn-lint: {config: {ignore_checks: [X010]}}.",
            f"{_CFN}/UserGuide/using-cfn-stack-exports.html",
        ),
        CrossCheck(
            "X011",
            "warning",
            "A stack's tag changes with every build",
            "Stack tags propagate to every resource, so that a build number in one shows all of them as modified.",
            f"{_CFN}/UserGuide/cfn-console-add-tags.html",
        ),
        CrossCheck(
            "X012",
            "error",
            "A map that is looked up by region has the stack's region",
            "CloudFormation refuses a template whose Fn::FindInMap finds nothing and names no DefaultValue. A map of "
            "the primary's AMIs or keys is the usual one to lack the secondary's.",
            f"{_CFN}/TemplateReference/intrinsic-function-reference-findinmap.html",
        ),
    )
}
"""The checks of `builder.assembly.cross` and `builder.assembly.references`, by id."""


def finding(check: str, place: tuple[str, int, int], message: str) -> Finding:
    """Return what a check found at a place: file, line, column."""
    known = CHECKS[check]
    file, line, column = place
    return Finding(check, known.severity, file, line, column, message, known.source)
