"""The deployer: from an assembly to a plan of change sets, to their execution, to the deletion of stacks.

It works from a manifest made yesterday on another machine, and never imports config, topology or components. Its
chapters, each importing only those before it:

    desired     the assembly bound to an environment       records, progress  the steps of a plan, the events of a run
    step_order  what each of a plan's steps waits for
    resources/    the types that hold data: what takes code, as changing lists one item at a time, and emptying. What is
                  guarded is a row of `builder/resource_types/by_hand.yaml`
    observe/      what is deployed, read from AWS
    promotion     that a secondary is being promoted: a record in AWS
    change_sets/  one change set: created, read completely, deleted
    handovers/    data that moves from stack to stack
    draft/        what each stack needs, and which change sets that takes; pure
    plan/         all change sets of all regions, created and judged before anything runs
    delete/       stacks with their contents, deleted in reverse order
    execute/      a plan's steps, each executed when its needs are done; unfinished operations, rolled back
    backfill/     the objects older than a replication rule, replicated

Executions, deletions and fleets run on one engine, `run_in_order` of `progress`: each stack starts as soon as its
own needs are done.
"""

from builder.deploy.change_sets.steps import after_review, discard_all, discard_plan, sweep
from builder.deploy.delete.contents import KeptData, StackContents, delete_kept
from builder.deploy.delete.delete import (
    FoundStacks,
    Removal,
    Unreachable,
    delete_deployment,
    find_deployed,
    find_deployment,
    find_remaining,
    make_needs,
)
from builder.deploy.delete.protections import check_removable, observe_protections, protection_hits
from builder.deploy.desired import Deployment, deployment_name, make_deployment, narrow
from builder.deploy.execute.bounded import execute_bounded, imports_of
from builder.deploy.execute.execute import Before, execute_plan, execute_unreviewed
from builder.deploy.execute.halted import Recovery, find_recoveries
from builder.deploy.execute.recover import recover
from builder.deploy.observe.capture import CapturedStack, CaptureRequest, capture
from builder.deploy.observe.deployment import (
    Outputs,
    check_account,
    check_credentials,
    check_reach,
    not_deployed,
    observe_every_output,
    observe_outputs,
    observe_system,
)
from builder.deploy.plan.guards import check_allowed, tell_allowed
from builder.deploy.plan.plan import PlanId, PlanRequest, make_plan
from builder.deploy.plan.promoting import PartialPlan, end_promotion, make_partial_plan
from builder.deploy.plan.saved import TrustedInput, check_claim, check_own, narrowed, read_plan, write_plan
from builder.deploy.progress import (
    Cancelled,
    Done,
    Emit,
    InProgress,
    Outcome,
    Progress,
    ReviewRequired,
    StackFailed,
    Superseded,
    exit_code,
)
from builder.deploy.promotion import (
    Promotion,
    check_none,
    check_same,
    delete_promotion,
    find_old_primary,
    find_promotion,
    has_global_table,
    observe_promotion,
    read_promotion,
    regions_of_record,
    unretained,
    write_promotion,
)
from builder.deploy.records import Plan, PlanOptions

__all__ = [
    "Before",
    "Cancelled",
    "CaptureRequest",
    "CapturedStack",
    "Deployment",
    "Done",
    "Emit",
    "FoundStacks",
    "InProgress",
    "KeptData",
    "Outcome",
    "Outputs",
    "PartialPlan",
    "Plan",
    "PlanId",
    "PlanOptions",
    "PlanRequest",
    "Progress",
    "Promotion",
    "Recovery",
    "Removal",
    "ReviewRequired",
    "StackContents",
    "StackFailed",
    "Superseded",
    "TrustedInput",
    "Unreachable",
    "after_review",
    "capture",
    "check_account",
    "check_allowed",
    "check_claim",
    "check_credentials",
    "check_none",
    "check_own",
    "check_reach",
    "check_removable",
    "check_same",
    "delete_deployment",
    "delete_kept",
    "delete_promotion",
    "deployment_name",
    "discard_all",
    "discard_plan",
    "end_promotion",
    "execute_bounded",
    "execute_plan",
    "execute_unreviewed",
    "exit_code",
    "find_deployed",
    "find_deployment",
    "find_old_primary",
    "find_promotion",
    "find_recoveries",
    "find_remaining",
    "has_global_table",
    "imports_of",
    "make_deployment",
    "make_needs",
    "make_partial_plan",
    "make_plan",
    "narrow",
    "narrowed",
    "not_deployed",
    "observe_every_output",
    "observe_outputs",
    "observe_promotion",
    "observe_protections",
    "observe_system",
    "protection_hits",
    "read_plan",
    "read_promotion",
    "recover",
    "regions_of_record",
    "sweep",
    "tell_allowed",
    "unretained",
    "write_plan",
    "write_promotion",
]
