"""Exactly these policies, held to by the embedded AWS: a life goes through, and less by any one action it does not."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from builder.aws import Clients
from builder.deploy import Done, Outcome, PlanRequest
from builder.deploy.desired import TAG_DEPLOYMENT
from builder.deploy.records import PlanOptions
from builder.errors import BuilderError, Failed
from builder.policy import Verb
from deploy.rig import changed, edited
from policy.guarded import Guarded
from samples import sampled

SERVICE = "us-east-1/service"
TOPIC = "Resources: {Topic: {Type: AWS::SNS::Topic}}"


def larger(guarded: Guarded) -> None:
    guarded.deployment = edited(guarded.deployment, SERVICE, "MemorySize: 256", "MemorySize: 512")


def finish(outcomes: tuple[Outcome, ...]) -> None:
    """Raise, with all that is told of them, if any stack did not end well."""
    if any(not isinstance(outcome, Done) for outcome in outcomes):
        raise Failed(where="life", what=str(outcomes))


def with_role(guarded: Guarded) -> PlanRequest:
    return PlanRequest(options=PlanOptions(role_arn=guarded.caller.role_arn))


def deployed_by_root(guarded: Guarded) -> None:
    finish(guarded.execute(guarded.admin, guarded.plan(guarded.admin, request=with_role(guarded))))


# -- one life a verb: all that its policy is for, as far as an AWS without trouble asks for it


def prepare_plan(guarded: Guarded) -> None:
    """A deployment without its last stack, and with one that the assembly does not have."""
    complete = guarded.deployment
    guarded.deployment = replace(complete, stacks=complete.stacks[:-1])
    deployed_by_root(guarded)
    guarded.root.client("cloudformation").create_stack(
        StackName="tap-dev-old",
        TemplateBody=TOPIC,
        Tags=[{"Key": TAG_DEPLOYMENT, "Value": "tap-dev"}],
    )
    guarded.deployment = complete
    larger(guarded)


def live_plan(guarded: Guarded, by: Clients) -> None:
    # What a life before this one could not clear away.
    guarded.root.client("cloudformation", "us-west-2").delete_stack(StackName="tap-dev-service")
    guarded.discard(by, guarded.plan(by, request=with_role(guarded)))


def prepare_execute(_: Guarded) -> None:
    """All of it begins with the first plan."""


def take_name(guarded: Guarded) -> None:
    """Take the table's name, so that its creation fails."""
    guarded.root.client("dynamodb").create_table(
        TableName="tap-dev-global",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def live_execute(guarded: Guarded, by: Clients) -> None:
    request = with_role(guarded)
    plan = guarded.plan(guarded.admin, request=request)
    take_name(guarded)
    broke = guarded.execute(by, plan)
    if not any("already exists" in str(outcome) for outcome in broke):
        finish(broke)
    guarded.root.client("dynamodb").delete_table(TableName="tap-dev-global")
    finish(guarded.execute(by, guarded.plan(guarded.admin, request=request)))
    larger(guarded)
    guarded.deployment = changed(guarded.deployment, "us-east-1/service", termination_protection=True)
    finish(guarded.execute(by, guarded.plan(guarded.admin, request=request)))
    guarded.root.client("cloudformation").update_termination_protection(
        StackName="tap-dev-service", EnableTerminationProtection=False
    )


def prepare_destroy(guarded: Guarded) -> None:
    """A deployment whose last stack waits for its first review, yet without tags, as does a stranger's beside it."""
    complete = guarded.deployment
    guarded.deployment = replace(complete, stacks=complete.stacks[:-1])
    deployed_by_root(guarded)
    guarded.deployment = complete
    untagged = replace(complete, stacks=(*complete.stacks[:-1], replace(complete.stacks[-1], tags={})))
    guarded.plan(guarded.admin, untagged, with_role(guarded))
    guarded.root.client("cloudformation").create_change_set(
        StackName="stranger", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=TOPIC
    )


def live_destroy(guarded: Guarded, by: Clients) -> None:
    seen = guarded.find_deployment(by)
    (stranger,) = [unseen for unseen in seen.unseen if unseen.because.startswith("stranger, ")]
    if seen.unseen != (stranger,):
        raise Failed(where="survey", what=str(seen.unseen))
    for key in ("one", "two"):
        guarded.root.client("s3").put_object(Bucket=guarded.bucket(), Key=key, Body=b"x")
        guarded.root.client("s3").create_multipart_upload(Bucket=guarded.bucket(), Key=key)
    finish(guarded.destroy(by))


@dataclass(frozen=True, slots=True)
class Life:
    prepare: Callable[[Guarded], None]
    live: Callable[[Guarded, Clients], None]
    repeats: bool
    """Whether a life that was refused something leaves an account good for another try."""


LIVES = {
    Verb.PLAN: Life(prepare_plan, live_plan, repeats=True),
    Verb.EXECUTE: Life(prepare_execute, live_execute, repeats=False),
    Verb.DESTROY: Life(prepare_destroy, live_destroy, repeats=True),
}
NOT_CHECKED = "the emulator does not check it"
NOT_EXPORTED = "only where an export changes or goes"
NOT_EXPIRING = "only where the items of a table come to expire by another attribute"
NOT_NESTED = "only where nested stacks wait for their first review"
NOT_PROTECTED = "only where something is protected from deletion"
NOT_RETAINED = "only where somebody names retained data"
NOT_REACHED = "only where something is refused or lost"
NOT_PROMOTED = "the command asks for it, and ends what was promoted"
NOT_THERE = "only where data is there already"
LIVE_DATA = dict.fromkeys(
    (
        "cloudformation:DescribeStackResources",
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeKinesisStreamingDestination",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:GetResourcePolicy",
        "dynamodb:ListContributorInsights",
        "dynamodb:ListTagsOfResource",
        "s3:ListBucket",
    ),
    NOT_THERE,
)
UNENFORCED: dict[Verb, dict[str, str]] = {
    Verb.PLAN: {
        "ssm:GetParameter": NOT_PROMOTED,
        **LIVE_DATA,
        "cloudformation:ListImports": NOT_EXPORTED,
        "cloudformation:ListStacks": NOT_CHECKED,
        "cloudformation:TagResource": NOT_CHECKED,
        "cloudformation:DescribeStackEvents": NOT_REACHED,
        "dynamodb:DescribeTable": NOT_REACHED,
    },
    Verb.EXECUTE: {
        "ssm:DeleteParameter": NOT_PROMOTED,
        "ssm:GetParameter": NOT_PROMOTED,
        **LIVE_DATA,
        "cloudformation:ListStacks": NOT_CHECKED,
        "cloudformation:TagResource": NOT_CHECKED,
        "cloudformation:ContinueUpdateRollback": NOT_REACHED,
        "cloudformation:DeleteChangeSet": NOT_REACHED,
        "cloudformation:RollbackStack": NOT_REACHED,
        "dynamodb:DescribeTable": NOT_REACHED,
        "dynamodb:DescribeTimeToLive": NOT_EXPIRING,
    },
    Verb.DESTROY: {
        "ssm:GetParameter": NOT_PROMOTED,
        "cloudformation:ListStacks": NOT_CHECKED,
        "cloudformation:DeleteChangeSet": NOT_NESTED,
        "cloudformation:DescribeChangeSet": NOT_NESTED,
        "cloudformation:DescribeStackEvents": NOT_REACHED,
        "cloudformation:SetStackPolicy": NOT_PROTECTED,
        "cloudformation:UpdateTerminationProtection": NOT_PROTECTED,
        "dynamodb:DeleteTable": NOT_REACHED,
        "dynamodb:DeleteTableReplica": NOT_REACHED,
        "dynamodb:UpdateTable": NOT_REACHED,
        "logs:DeleteLogGroup": NOT_RETAINED,
        "s3:DeleteBucket": NOT_RETAINED,
    },
}
OWN_ACTIONS = {
    Verb.PLAN: (
        *("CreateChangeSet", "DeleteChangeSet", "DeleteStack", "DescribeChangeSet", "DescribeEvents", "DescribeStacks"),
        *("GetTemplate", "ListChangeSets", "ListStackResources"),
    ),
    Verb.EXECUTE: (
        *("CreateChangeSet", "DeleteStack", "DescribeChangeSet", "DescribeEvents", "DescribeStackEvents"),
        *("DescribeStacks", "ExecuteChangeSet", "GetTemplate", "ListChangeSets", "ListStackResources"),
        "UpdateTerminationProtection",
    ),
    Verb.DESTROY: (
        *("DeleteStack", "DescribeStacks", "GetStackPolicy", "GetTemplate", "ListChangeSets", "ListStackResources"),
    ),
}
ENFORCED = [
    *((verb, f"cloudformation:{name}") for verb, names in OWN_ACTIONS.items() for name in names),
    (Verb.PLAN, "iam:PassRole"),
    (Verb.EXECUTE, "iam:PassRole"),
    (Verb.DESTROY, "dynamodb:DescribeTable"),
    (Verb.DESTROY, "s3:GetBucketObjectLockConfiguration"),
    *((Verb.DESTROY, f"s3:{name}") for name in ("PutReplicationConfiguration", "ListBucketVersions")),
    *((Verb.DESTROY, f"s3:{name}") for name in ("DeleteObject", "DeleteObjectVersion")),
    *((Verb.DESTROY, f"s3:{name}") for name in ("ListBucketMultipartUploads", "AbortMultipartUpload")),
]


def prepare(guarded: Guarded, verb: Verb) -> Guarded:
    guarded.service_role(*LIVES)
    LIVES[verb].prepare(guarded)
    return guarded


@pytest.fixture(scope="module")
def prepared() -> dict[Verb, Guarded]:
    """Accounts that are used again."""
    return {}


@pytest.mark.parametrize("verb", list(LIVES))
def test_a_life_goes_through_even_without_what_is_not_enforced(guarded: Guarded, verb: Verb) -> None:
    prepare(guarded, verb)
    LIVES[verb].live(guarded, guarded.person(verb, without=UNENFORCED[verb]))


@pytest.mark.parametrize(("verb", "action"), sampled(ENFORCED, every=9), ids=str)
def test_a_life_fails_for_want_of_any_one_action(
    guarded: Guarded,
    account_of: Callable[[str], Guarded],
    prepared: dict[Verb, Guarded],
    verb: Verb,
    action: str,
) -> None:
    if LIVES[verb].repeats and verb not in prepared:
        prepared[verb] = prepare(account_of(verb), verb)
    own = prepared[verb] if LIVES[verb].repeats else prepare(guarded, verb)
    with pytest.raises(BuilderError, match=action):
        LIVES[verb].live(own, own.person(verb, without=(action,)))


@pytest.mark.parametrize("verb", list(LIVES))
def test_every_action_is_enforced_or_has_a_reason_why_not(guarded: Guarded, verb: Verb) -> None:
    guarded.service_role(verb)
    document = guarded.document(verb)
    granted = {action for statement in document["Statement"] for action in statement["Action"]}
    assert granted == {*UNENFORCED[verb], *(action for of, action in ENFORCED if of is verb)}


def test_without_a_service_role_the_executor_s_policy_is_enough_too(guarded: Guarded) -> None:
    by = guarded.person(Verb.EXECUTE)
    prepare_execute(guarded)
    live_execute(guarded, by)
    finish(guarded.destroy(guarded.person(Verb.DESTROY)))


def test_a_planner_can_execute_nothing_and_delete_nothing_that_stands(guarded: Guarded) -> None:
    guarded.service_role(*LIVES)
    deployed_by_root(guarded)
    larger(guarded)
    planner = guarded.person(Verb.PLAN)
    plan = guarded.plan(planner, request=with_role(guarded))
    with pytest.raises(BuilderError, match="ExecuteChangeSet"):
        finish(guarded.execute(planner, plan))
    with pytest.raises(BuilderError, match="not allowed"):
        guarded.destroy(planner)
