from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from builder.assembly.render import make_assembly
from builder.cli.drill import FAULTS
from builder.policy import bind_templates
from builder.policy.document import Rights, Verb, make_document
from builder.policy.rights import On, PolicyCaller, _places, caller_rights, service_role_rights
from loaded_config import make_loaded_config
from policy.reference import actions, arn_formats, condition_keys
from policy.system import ACCOUNT, BOUNDED, CALLER, CONTEXT, ROLE_ARN, SELF_MANAGED, SERVICE_MANAGED, SHIPPED, VIA_ROLE

WHOLE = replace(
    VIA_ROLE, artifacts_bucket="artifacts-{region}", account_roles=("arn:aws:iam::444455556666:role/deployer",)
)


def rights(verb: Verb, caller: PolicyCaller = VIA_ROLE) -> Rights:
    return caller_rights(SHIPPED, CONTEXT, verb, caller)


def granted(verb: Verb, caller: PolicyCaller = VIA_ROLE) -> set[str]:
    return {grant.action for grant in rights(verb, caller).granted}


def statement(verb: Verb, action: str, caller: PolicyCaller = VIA_ROLE) -> dict[str, Any]:
    (matching,) = (
        statement for statement in make_document(rights(verb, caller))["Statement"] if action in statement["Action"]
    )
    return dict(matching)


def test_a_plan_executes_nothing_and_touches_no_resource() -> None:
    assert granted(Verb.PLAN) == {
        "cloudformation:CreateChangeSet",
        "cloudformation:DeleteChangeSet",
        "cloudformation:DeleteStack",
        "cloudformation:DescribeChangeSet",
        "cloudformation:DescribeEvents",
        "cloudformation:DescribeStackEvents",
        "cloudformation:DescribeStackResources",
        "cloudformation:DescribeStacks",
        "cloudformation:GetTemplate",
        "cloudformation:ListChangeSets",
        "cloudformation:ListImports",
        "cloudformation:ListStackResources",
        "cloudformation:ListStacks",
        "cloudformation:TagResource",
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeKinesisStreamingDestination",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:GetResourcePolicy",
        "dynamodb:ListContributorInsights",
        "dynamodb:ListTagsOfResource",
        "iam:PassRole",
        "s3:ListBucket",
        "ssm:GetParameter",
    }


def test_a_plan_deletes_no_stack_that_ever_held_anything() -> None:
    deleting = statement(Verb.PLAN, "cloudformation:DeleteStack")
    assert deleting["Condition"] == {"Null": {"aws:ResourceTag/builder:deployment": "true"}}


def test_with_a_service_role_the_caller_has_no_more_than_our_own_calls() -> None:
    own, alone = granted(Verb.EXECUTE), granted(Verb.EXECUTE, CALLER)
    service = {grant.action for grant in service_role_rights(SHIPPED, CONTEXT, Verb.EXECUTE).granted}
    assert alone == own - {"iam:PassRole"} | service


def test_that_role_and_no_other_may_be_passed_and_has_to_be() -> None:
    passing = statement(Verb.PLAN, "iam:PassRole")
    assert passing["Resource"] == ROLE_ARN
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    making = statement(Verb.PLAN, "cloudformation:CreateChangeSet")
    assert making["Condition"]["StringEquals"] == {"cloudformation:RoleArn": ROLE_ARN}


def test_change_sets_are_made_and_executed_under_our_names_only() -> None:
    making, running = (
        statement(Verb.EXECUTE, f"cloudformation:{name}ChangeSet", CALLER) for name in ("Create", "Execute")
    )
    assert making["Condition"] == {"StringLike": {"cloudformation:ChangeSetName": "tap-dev-*"}}
    assert set(running["Condition"]) == {"StringLikeIfExists"}
    assert running["Resource"] == [
        f"arn:aws:cloudformation:{region}:{ACCOUNT}:stack/tap-dev-{name}/*"
        for region, names in (("us-east-1", ("service", "storage", "table")), ("us-west-2", ("service", "storage")))
        for name in names
    ]


def test_destroying_reaches_every_stack_of_the_deployment_and_no_other() -> None:
    tagged = [
        statement
        for statement in make_document(rights(Verb.DESTROY))["Statement"]
        if statement["Sid"] == "TaggedStacks"
    ]
    assert tagged[0]["Condition"] == {"StringEquals": {"aws:ResourceTag/builder:deployment": "tap-dev"}}
    assert "cloudformation:DeleteStack" in tagged[0]["Action"]


def test_templates_go_through_a_bucket_only_where_one_is_named() -> None:
    assert "s3:PutObject" not in granted(Verb.PLAN)
    putting = statement(Verb.PLAN, "s3:PutObject", WHOLE)
    assert putting["Resource"] == [f"arn:aws:s3:::artifacts-{region}/*" for region in ("us-east-1", "us-west-2")]


def test_other_accounts_are_reached_by_their_roles_only() -> None:
    assert statement(Verb.PLAN, "sts:AssumeRole", WHOLE)["Resource"] == "arn:aws:iam::444455556666:role/deployer"


def test_a_drill_touches_data_and_concurrency_and_no_definition() -> None:
    writes = {
        action
        for action in granted(Verb.DRILL)
        if not action.startswith(("cloudformation:Describe", "cloudformation:List"))
    }
    assert {action.partition(":")[0] for action in writes} == {"dynamodb", "lambda", "s3"}
    assert "lambda:UpdateFunctionCode" not in writes


@pytest.mark.slow
@pytest.mark.parametrize("verb", list(Verb))
def test_each_action_is_allowed_on_arns_of_a_kind_that_aws_checks_it_on(verb: Verb) -> None:
    for statement in make_document(rights(verb, WHOLE))["Statement"]:
        for action in statement["Action"]:
            if verb is Verb.DRIFT and "*" in action:
                continue  # a pattern that a type's own handler lists; some of what it stands for is on anything
            assert actions(action) == [action]
            for arn in [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]:
                fits = any(fnmatchcase(arn, pattern) for pattern in arn_formats(action))
                # Without a stack's name DescribeStacks lists them all, and is allowed so together with ListStacks.
                listing = action in {"cloudformation:DescribeStacks", "cloudformation:ListStacks"}
                assert fits or (arn == "*" and (listing or not arn_formats(action)))


@pytest.mark.parametrize("verb", list(Verb))
def test_each_condition_is_one_that_aws_checks_for_all_its_actions(verb: Verb) -> None:
    for statement in make_document(rights(verb, WHOLE))["Statement"]:
        for key in (key for keys in statement.get("Condition", {}).values() for key in keys):
            general = "aws:ResourceTag/${TagKey}" if key.startswith("aws:ResourceTag/") else key
            assert all(general in condition_keys(action) for action in statement["Action"]), statement


def test_every_place_is_known() -> None:
    assert set(_places(SHIPPED, CONTEXT, WHOLE)) == set(On)


FLEETS = {"self-managed": SELF_MANAGED, "service-managed": SERVICE_MANAGED}
FLEET_VERBS = [verb for verb in Verb if verb.is_of_fleet]


def fleet_arns(fleet: str, verb: Verb, action: str, caller: PolicyCaller = CALLER) -> set[str]:
    granted = caller_rights(FLEETS[fleet], CONTEXT, verb, caller).granted
    return {arn for grant in granted if grant.action == action for arn in grant.place.arns}


@pytest.mark.parametrize("verb", FLEET_VERBS)
@pytest.mark.parametrize("fleet", FLEETS)
def test_a_fleet_s_actions_are_each_allowed_on_what_aws_checks_them_on(fleet: str, verb: Verb) -> None:
    made = caller_rights(FLEETS[fleet], CONTEXT, verb, CALLER)
    assert made.warnings == ()
    # Of a listing, or of a template before there is a stack or a set.
    unnamed = {"cloudformation:DescribeStacks", "cloudformation:GetTemplateSummary"}
    for grant in made.granted:
        formats = arn_formats(grant.action)
        fits = any(fnmatchcase(arn, pattern) for arn in grant.place.arns for pattern in formats)
        assert fits or (grant.place.arns == ("*",) and (not formats or grant.action in unnamed)), grant


def test_a_self_managed_fleet_hands_over_its_administration_role_and_takes_its_execution_role() -> None:
    passed = fleet_arns("self-managed", Verb.FLEET_EXECUTE, "iam:PassRole")
    taken = fleet_arns("self-managed", Verb.FLEET_DESTROY, "sts:AssumeRole")
    assert passed == {f"arn:aws:iam::{ACCOUNT}:role/tap-dev-stackset-administration"}
    assert taken == {"arn:aws:iam::*:role/tap-dev-stackset-execution"}
    named = replace(CALLER, instance_role="cleaner")
    assert fleet_arns("self-managed", Verb.FLEET_STATUS, "sts:AssumeRole", named) == {"arn:aws:iam::*:role/cleaner"}
    assert fleet_arns("self-managed", Verb.FLEET_PLAN, "organizations:DescribeOrganization") == set()
    sets = fleet_arns("self-managed", Verb.FLEET_PLAN, "cloudformation:DescribeStackSet")
    assert f"arn:aws:cloudformation:us-west-2:{ACCOUNT}:stackset/tap-dev-us-west-2-storage:*" in sets


def test_a_service_managed_fleet_looks_at_the_organization_and_hands_over_nothing() -> None:
    assert fleet_arns("service-managed", Verb.FLEET_EXECUTE, "iam:PassRole") == set()
    assert fleet_arns("service-managed", Verb.FLEET_DESTROY, "sts:AssumeRole") == set()
    below = fleet_arns("service-managed", Verb.FLEET_PLAN, "organizations:ListAccountsForParent")
    assert below == {"arn:aws:organizations::*:root/o-*/r-*", "arn:aws:organizations::*:ou/o-*/ou-*"}
    sets = fleet_arns("service-managed", Verb.FLEET_PLAN, "cloudformation:DescribeStackSet")
    assert "arn:aws:cloudformation:eu-west-1:*:stackset/orders-dev-eu-west-1-storage:*" in sets


def test_with_a_role_a_fleet_s_caller_makes_no_sets_and_still_repairs_and_stops_them() -> None:
    granted = {grant.action for grant in caller_rights(SELF_MANAGED, CONTEXT, Verb.FLEET_EXECUTE, VIA_ROLE).granted}
    assert "cloudformation:CreateStackSet" not in granted
    assert {"cloudformation:UpdateStackInstances", "cloudformation:StopStackSetOperation", "iam:PassRole"} <= granted


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_takes_its_own_calls_and_no_other_s(fault: str) -> None:
    plain = granted(Verb.DRILL)
    more = granted(Verb.DRILL, replace(VIA_ROLE, faults=(fault,))) - plain
    here = {
        "errors": {"lambda:UpdateFunctionConfiguration"},
        "table": {"iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"},
        # The shipped system has no experiment that could be begun.
        "fis": {"fis:ListExperimentTemplates", "fis:ListExperiments"},
    }
    assert more == here.get(fault, set())
    assert granted(Verb.STATUS, replace(VIA_ROLE, faults=(fault,))) == granted(Verb.STATUS)


def test_a_role_that_is_denied_its_table_is_one_that_a_function_runs_with() -> None:
    drilled = replace(VIA_ROLE, faults=("table",))
    denying = statement(Verb.DRILL, "iam:PutRolePolicy", drilled)
    assert denying["Resource"] == "arn:aws:iam::111122223333:role/tap-dev-service-ExecutionRole-*"


def test_an_experiment_is_begun_in_the_region_of_its_template_alone() -> None:
    rights_ = caller_rights(BOUNDED, CONTEXT, Verb.DRILL, replace(VIA_ROLE, faults=("fis",)))
    (place,) = {grant.place for grant in rights_.granted if grant.action == "fis:StartExperiment"}
    assert [arn.split(":")[2:4] for arn in place.arns] == [["fis", "eu-central-1"]]


@pytest.mark.parametrize(("replication", "compared"), [("one-way", False), ("none", False), ("two-way", True)])
def test_who_plans_that_buckets_replicate_to_each_other_compares_them(*, replication: str, compared: bool) -> None:
    bounds = bind_templates(make_assembly(make_loaded_config(bucket={"replication": replication})))
    planned = caller_rights(bounds, CONTEXT, Verb.PLAN, VIA_ROLE)
    assert ("s3:ListBucketVersions" in {grant.action for grant in planned.granted}) is compared
