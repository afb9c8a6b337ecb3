"""What each verb asks of AWS by itself, and what it has to be allowed for that: a table.

The deployer's verbs are held to it both ways by a test that lives through everything on the fake AWS.
Actions: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html and, for S3's
operations, https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from dataclasses import dataclass
from enum import Enum, auto

from builder.policy.document import Verb


class On(Enum):
    """What an action is allowed on; `caller` knows which ARNs that is."""

    ANYTHING = auto()
    STACKS = auto()
    """The assembly's, by name: a stack that is not there yet has no tag."""
    TAGGED_STACKS = auto()
    """Every stack that carries the deployment's tag, in any region: also those that the assembly no longer has."""
    UNTAGGED_STACKS = auto()
    """The assembly's, by name, without that tag: nothing of theirs was ever executed."""
    NEW_CHANGE_SETS = auto()
    """The assembly's stacks, for change sets of our names, with the service role where there is one."""
    OUR_CHANGE_SETS = auto()
    """The assembly's stacks, for change sets of our names."""
    CHANGE_SETS = auto()
    """Change sets of our names, by their own ARNs."""
    SERVICE_ROLE = auto()
    ARTIFACTS = auto()
    CHILD_TEMPLATES = auto()
    """The templates of nested stacks, where they lie in S3."""
    BUCKETS = auto()
    OBJECTS = auto()
    TABLES = auto()
    FUNCTIONS = auto()
    FUNCTION_ROLES = auto()
    """The roles that the functions run with."""
    EXPERIMENTS = auto()
    """The experiment by which replication is paused, and what is begun from it."""
    SIGNED_FUNCTIONS = auto()
    """Those with a URL that wants signed requests, or may want them."""
    ACCOUNT_ROLES = auto()
    """The roles by which stacks of other accounts are reached."""
    STACK_SETS = auto()
    """The fleet's, with what their operations reach."""
    INSTANCE_ROLES = auto()
    """The role in each of the fleet's accounts."""
    ORGANIZATION = auto()
    """As a whole, where sets follow it."""
    UNITS = auto()
    """The organization's units, where sets follow them."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation, as botocore names it, with the actions that AWS checks for it."""

    service: str
    operation: str
    because: str
    needs: tuple[tuple[str, On], ...] = ()


def called(operation: str, because: str, *on: On, by: tuple[str, ...] = ()) -> Call:
    """Return a call, `service:Operation`, that is allowed by these actions, or else by that of its own name."""
    service, _, name = operation.partition(":")
    return Call(service, name, because, tuple((action, place) for action in by or (operation,) for place in on))


def _signed_request(because: str) -> Call:
    """Return a signed request to a function URL, which is no API operation; AWS checks both since October 2025.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    """
    both = (("lambda:InvokeFunctionUrl", On.SIGNED_FUNCTIONS), ("lambda:InvokeFunction", On.SIGNED_FUNCTIONS))
    return Call("lambda", "InvokeFunctionUrl", because, both)


_IDENTITY = Call("sts", "GetCallerIdentity", "which account it is; AWS always allows it")
_OTHER_ACCOUNTS = called("sts:AssumeRole", "stacks of other accounts, each by its role there", On.ACCOUNT_ROLES)
_LOOK = Call(
    "cloudformation",
    "DescribeStacks",
    "what stands, in a region's listing: orphans are found by their tag",
    # Without a stack's name it takes both: https://docs.aws.amazon.com/service-authorization/latest/reference/
    (("cloudformation:DescribeStacks", On.ANYTHING), ("cloudformation:ListStacks", On.ANYTHING)),
)
_CREATE_CHANGE_SET = Call(
    "cloudformation",
    "CreateChangeSet",
    "a change set for each stack that differs, its tags and service role with it",
    (
        ("cloudformation:CreateChangeSet", On.NEW_CHANGE_SETS),
        # Unverified that AWS checks it for the tags of a change set; it does for those of a new stack.
        ("cloudformation:TagResource", On.STACKS),
        ("iam:PassRole", On.SERVICE_ROLE),
    ),
)
_TEMPLATE_BY_BUCKET = called(
    "s3:PutObject",
    "templates over 51,200 bytes; CloudFormation reads them with the caller's permissions",
    On.ARTIFACTS,
    by=("s3:PutObject", "s3:GetObject"),
)
_CHILD_TEMPLATES = called(
    "s3:GetObject",
    "templates of nested stacks: CloudFormation reads them with the caller's permissions, and we to compare them",
    On.CHILD_TEMPLATES,
    by=("s3:GetObject", "s3:GetObjectVersion"),
)
_SURVIVOR = called(
    "dynamodb:DescribeTable", "with --skip-region, whether a table of that region stands here", On.TABLES
)
_MAKE_CHANGE_SETS = (
    _CREATE_CHANGE_SET,
    _TEMPLATE_BY_BUCKET,
    _CHILD_TEMPLATES,
    called("cloudformation:DescribeChangeSet", "every page of a change set, and whose it is", On.STACKS),
    called("cloudformation:DescribeEvents", "what early validation found", On.CHANGE_SETS),
    called(
        "cloudformation:DeleteChangeSet",
        "change sets that change nothing, or that nobody will execute",
        On.OUR_CHANGE_SETS,
    ),
    called("cloudformation:ListChangeSets", "whose reviews wait on a stack", On.STACKS),
)
_TAKE_DOWN = (
    called("cloudformation:ListStackResources", "what stands in a stack that is to go", On.STACKS, On.TAGGED_STACKS),
    called("cloudformation:DeleteStack", "stacks that are to go", On.STACKS, On.TAGGED_STACKS),
    called("cloudformation:DescribeStackEvents", "what runs, and why it failed", On.STACKS, On.TAGGED_STACKS),
    called(
        "cloudformation:UpdateTerminationProtection",
        "as the manifest says; lifted where --allow names a stack that is to go",
        On.STACKS,
        On.TAGGED_STACKS,
    ),
)
_RESOURCES = called("cloudformation:ListStackResources", "which resources there are to look at", On.TAGGED_STACKS)
_TEMPLATE = called("cloudformation:GetTemplate", "what is deployed, to compare it", On.TAGGED_STACKS)
_TABLE = (
    called("dynamodb:DescribeTable", "how each replica stands", On.TABLES),
    called("dynamodb:DescribeContinuousBackups", "whether it can be restored to a point in time", On.TABLES),
)
_FUNCTION = (
    called("lambda:GetFunctionConfiguration", "how each function stands, and what it is made of", On.FUNCTIONS),
    called("lambda:ListFunctionUrlConfigs", "its URLs", On.FUNCTIONS),
)
_VERSIONING = called("s3:GetBucketVersioning", "whether it keeps versions", On.BUCKETS)
CALLS: dict[Verb, tuple[Call, ...]] = {
    Verb.PLAN: (
        _IDENTITY,
        _OTHER_ACCOUNTS,
        _LOOK,
        *_MAKE_CHANGE_SETS,
        _SURVIVOR,
        called("cloudformation:DescribeStackEvents", "whose operation it is that has to end first", On.STACKS),
        called(
            "cloudformation:GetTemplate",
            "what is deployed, to compare it, and what a stack that goes leaves behind",
            On.STACKS,
            On.TAGGED_STACKS,
        ),
        called(
            "cloudformation:ListStackResources",
            "what stands in orphans and failed creations",
            On.STACKS,
            On.TAGGED_STACKS,
        ),
        called("cloudformation:ListImports", "who imports an export that changes or goes", On.ANYTHING),
        called("cloudformation:DeleteStack", "new stacks that held but a change set thrown away", On.UNTAGGED_STACKS),
    ),
    Verb.EXECUTE: (
        _IDENTITY,
        _OTHER_ACCOUNTS,
        _LOOK,
        # A deferred change set is made on the way.
        *_MAKE_CHANGE_SETS,
        called(
            "cloudformation:GetTemplate",
            "what stands, what each change set is made of, and what a stack that goes leaves behind",
            On.STACKS,
            On.TAGGED_STACKS,
        ),
        _SURVIVOR,
        *_TAKE_DOWN,
        called("cloudformation:ExecuteChangeSet", "exactly the reviewed change sets", On.OUR_CHANGE_SETS),
        called("cloudformation:RollbackStack", "with --recover, what stands halfway", On.STACKS),
        called("cloudformation:ContinueUpdateRollback", "with --recover, what could not be rolled back", On.STACKS),
    ),
    Verb.STATUS: (
        _OTHER_ACCOUNTS,
        _LOOK,
        _RESOURCES,
        _TEMPLATE,
        *_TABLE,
        *_FUNCTION,
        _VERSIONING,
        called("s3:GetBucketReplication", "its replication rules", On.BUCKETS, by=("s3:GetReplicationConfiguration",)),
        called("s3:HeadBucket", "in which region a rule's destination is", On.BUCKETS, by=("s3:ListBucket",)),
        called("cloudwatch:GetMetricData", "how far replication is behind", On.ANYTHING),
        _signed_request("/health of URLs that want it signed"),
    ),
    Verb.DRIFT: (
        _OTHER_ACCOUNTS,
        _LOOK,
        _RESOURCES,
        _TEMPLATE,
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
        Call(
            "cloudformation",
            "DetectStackDrift",
            "what is not as its template says",
            (
                ("cloudformation:DetectStackDrift", On.TAGGED_STACKS),
                ("cloudformation:DetectStackResourceDrift", On.TAGGED_STACKS),
                # How types are configured in the account. Unverified that AWS checks it where none is third-party.
                ("cloudformation:BatchDescribeTypeConfigurations", On.ANYTHING),
            ),
        ),
        called("cloudformation:DescribeStackDriftDetectionStatus", "whether that is known yet", On.ANYTHING),
        called("cloudformation:DescribeStackResourceDrifts", "each property that differs", On.TAGGED_STACKS),
        *_TABLE,
        called("dynamodb:DescribeTimeToLive", "whether its items expire", On.TABLES),
        called("dynamodb:ListTagsOfResource", "its tags", On.TABLES),
        *_FUNCTION,
        called("lambda:GetFunction", "what is in its code, where two regions' archives differ", On.FUNCTIONS),
        called("lambda:GetAccountSettings", "how much may run at once in each region", On.ANYTHING),
        _VERSIONING,
        called("s3:GetBucketEncryption", "its encryption", On.BUCKETS, by=("s3:GetEncryptionConfiguration",)),
        called("s3:GetPublicAccessBlock", "who may reach it", On.BUCKETS, by=("s3:GetBucketPublicAccessBlock",)),
        called("s3:GetBucketOwnershipControls", "whose its objects are", On.BUCKETS),
        called(
            "s3:GetBucketLifecycleConfiguration", "what expires in it", On.BUCKETS, by=("s3:GetLifecycleConfiguration",)
        ),
    ),
    Verb.DRILL: (
        _IDENTITY,
        _OTHER_ACCOUNTS,
        _LOOK,
        called("cloudformation:ListStackResources", "the function behind each URL", On.STACKS),
        called("dynamodb:DescribeTable", "whether every replica is well", On.TABLES),
        called("dynamodb:BatchGetItem", "probe items, seen in each region", On.TABLES),
        called("dynamodb:BatchWriteItem", "probe items cleared away", On.TABLES),
        called("dynamodb:GetItem", "with probe: table, the counter read where the client is", On.TABLES),
        called("dynamodb:PutItem", "with probe: table, probe items", On.TABLES),
        called("dynamodb:DeleteItem", "with probe: table, probe items deleted as a part of the load", On.TABLES),
        called(
            "s3:GetBucketReplication",
            "whether the bucket is replicated",
            On.BUCKETS,
            by=("s3:GetReplicationConfiguration",),
        ),
        called("s3:PutObject", "probe objects", On.OBJECTS),
        called("s3:GetObject", "probe objects, compared at the end", On.OBJECTS),
        called("s3:ListObjectsV2", "probe objects, seen in each region", On.BUCKETS, by=("s3:ListBucket",)),
        called("s3:ListObjectVersions", "probe objects that are to go", On.BUCKETS, by=("s3:ListBucketVersions",)),
        called(
            "s3:DeleteObjects",
            "probe objects cleared away, every version of them; S3 wants both actions for it",
            On.OBJECTS,
            by=("s3:DeleteObject", "s3:DeleteObjectVersion"),
        ),
        called("lambda:GetFunctionConfiguration", "whether the functions are well", On.FUNCTIONS),
        called("lambda:ListFunctionUrlConfigs", "whose each URL is, and whether it wants signatures", On.FUNCTIONS),
        called("lambda:GetFunctionConcurrency", "the value to go back to", On.FUNCTIONS),
        called("lambda:PutFunctionConcurrency", "the fault: a function that may not run", On.FUNCTIONS),
        called("lambda:DeleteFunctionConcurrency", "the fault undone", On.FUNCTIONS),
        called("lambda:TagResource", "what was changed, kept in AWS before it is", On.FUNCTIONS),
        called("lambda:ListTags", "what an interrupted drill left", On.FUNCTIONS),
        called("lambda:UntagResource", "the note of it cleared away", On.FUNCTIONS),
        _signed_request("load on URLs that want it signed"),
    ),
    Verb.DESTROY: (
        _IDENTITY,
        _OTHER_ACCOUNTS,
        _LOOK,
        *_TAKE_DOWN,
        called("cloudformation:ListChangeSets", "whose a stack is that holds nothing but change sets", On.STACKS),
        called("cloudformation:DeleteChangeSet", "what was planned of nested stacks, which go with it", On.STACKS),
        called("cloudformation:DescribeChangeSet", "whether that is gone", On.STACKS),
        called("cloudformation:GetTemplate", "what a stack leaves behind, full", On.STACKS, On.TAGGED_STACKS),
        called(
            "s3:DeleteBucketReplication",
            "nothing arrives any more in a bucket that is being emptied",
            On.BUCKETS,
            by=("s3:PutReplicationConfiguration",),
        ),
        called(
            "s3:ListMultipartUploads",
            "uploads that could still become objects",
            On.BUCKETS,
            by=("s3:ListBucketMultipartUploads",),
        ),
        called("s3:AbortMultipartUpload", "uploads that could still become objects", On.OBJECTS),
        called("s3:ListObjectVersions", "what is to be emptied", On.BUCKETS, by=("s3:ListBucketVersions",)),
        called(
            "s3:DeleteObjects",
            "every version and delete marker; S3 wants both actions for it",
            On.OBJECTS,
            by=("s3:DeleteObject", "s3:DeleteObjectVersion"),
        ),
        called("dynamodb:DescribeTable", "which replicas hold a table on", On.TABLES),
        Call(
            "dynamodb",
            "UpdateTable",
            "replicas removed where the table's deletion is refused",
            # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2gt_IAM.html
            (
                ("dynamodb:UpdateTable", On.TABLES),
                ("dynamodb:DeleteTable", On.TABLES),
                ("dynamodb:DeleteTableReplica", On.TABLES),
            ),
        ),
    ),
}
FAULT_CALLS: dict[str, tuple[Call, ...]] = {
    **dict.fromkeys(("throttle", "flap", "slow", "one-way", "manual"), ()),
    "errors": (
        called("lambda:UpdateFunctionConfiguration", "the fault: a handler that is not there, and back", On.FUNCTIONS),
    ),
    "table": (
        called("iam:GetRolePolicy", "whether the drill's own policy is as it wrote it", On.FUNCTION_ROLES),
        called("iam:PutRolePolicy", "the fault: a policy that denies the table", On.FUNCTION_ROLES),
        called("iam:DeleteRolePolicy", "the fault undone", On.FUNCTION_ROLES),
    ),
    "fis": (
        called("fis:ListExperimentTemplates", "which experiment is the deployment's", On.ANYTHING),
        called(
            "fis:StartExperiment",
            "replication paused, by an experiment with the drill's tag",
            On.EXPERIMENTS,
            by=("fis:StartExperiment", "fis:TagResource"),
        ),
        called("fis:GetExperiment", "whether it runs, and whether an alarm has stopped it", On.EXPERIMENTS),
        called("fis:ListExperiments", "what a drill began that did not end", On.ANYTHING),
        called("fis:StopExperiment", "replication goes on", On.EXPERIMENTS),
    ),
}
"""What a drill calls for a kind of fault, beyond what every drill does; reserved concurrency is every drill's."""


def _of(verb: Verb, *operations: str) -> tuple[Call, ...]:
    return tuple(call for call in CALLS[verb] if call.operation in operations)


_SETS = (called("cloudformation:ListStackInstances", "where a set's stacks stand, and how", On.STACK_SETS),)
_OPERATIONS = (called("cloudformation:ListStackSetOperations", "what runs on a set", On.STACK_SETS),)
_COMPARED = (
    called("cloudformation:DescribeStackSet", "what a set holds now, to compare it", On.STACK_SETS),
    called("cloudformation:DescribeStackInstance", "the parameters that an instance has of its own", On.STACK_SETS),
)
_MEMBERS = (
    called("organizations:DescribeOrganization", "which account manages it: StackSets leave it out", On.ORGANIZATION),
    called("organizations:ListAccountsForParent", "who is in a unit that a fleet names", On.UNITS),
    called("organizations:ListOrganizationalUnitsForParent", "the units below it", On.UNITS),
)
_WATCHED = (
    *_OPERATIONS,
    called(
        "cloudformation:ListStackSetOperationResults",
        "how far an operation is, and where and why it failed",
        On.STACK_SETS,
    ),
)
_IN_ACCOUNTS = (
    called("sts:AssumeRole", "outputs and buckets of other accounts, each by its role there", On.INSTANCE_ROLES),
)
# Of sets that an update dropped from the template of the stack that still holds them.
_DROPPED = (called("cloudformation:DescribeStackSet", "what a set was that a failed update dropped", On.STACK_SETS),)
# Whether what is wrong with a stack can be mended: not where its account is suspended or closed.
_STATES = (called("organizations:ListAccounts", "whether the account of what failed is suspended", On.ORGANIZATION),)
FLEET_CALLS: dict[Verb, tuple[Call, ...]] = {
    Verb.FLEET_PLAN: (*CALLS[Verb.PLAN], *_SETS, *_COMPARED, *_MEMBERS),
    Verb.FLEET_EXECUTE: (
        *CALLS[Verb.EXECUTE],
        *_of(Verb.DESTROY, "ListStackResources", "GetTemplate"),
        *_SETS,
        # What a saved plan says of accounts and data is judged anew.
        *_COMPARED,
        *_MEMBERS,
        *_STATES,
        *_WATCHED,
        called("cloudformation:CreateStackInstances", "a stack that no change set brings", On.STACK_SETS),
        called("cloudformation:UpdateStackInstances", "what failed within the tolerance", On.STACK_SETS),
        called("cloudformation:StopStackSetOperation", "with --stop, and by `fleet stop`", On.STACK_SETS),
    ),
    Verb.FLEET_STATUS: (
        *_of(Verb.DESTROY, "DescribeStacks", "ListChangeSets", "ListStackResources", "GetTemplate"),
        *_SETS,
        *_DROPPED,
        *_STATES,
        *_OPERATIONS,
        *_IN_ACCOUNTS,
    ),
    Verb.FLEET_DESTROY: (
        *CALLS[Verb.DESTROY],
        *_SETS,
        *_DROPPED,
        *_STATES,
        *_WATCHED,
        called("cloudformation:DeleteStackInstances", "the stacks in all accounts", On.STACK_SETS),
        *_IN_ACCOUNTS,
    ),
}
EVERY_CALL = CALLS | FLEET_CALLS
"""By verb, whosever it is."""
