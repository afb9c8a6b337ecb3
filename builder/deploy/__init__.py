"""The deployer: an assembly and what stands, to a plan of change sets, to their execution, to their removal.

It works from a manifest made yesterday on another machine, and never imports config, topology or stacks.

    desired    the assembly bound to an environment         look, observe   what stands, read from AWS
    decide     what one stack needs                         outline         which change sets that makes, now and later
    plan       the change sets, made and read               guards          what must not happen unasked
    chain      what is done to one stack, in order          claim           does a plan's file follow from the assembly?
    judgement  what a plan will do, from AWS alone          comparison      a change set, and what it should be
    preflight  is all still as reviewed, and allowed?
    execute    each link when its needs are done            deferred        a change set made on the way
    recovery   what it takes to roll back what is halted    recover         that rollback, done
    unreviewed planned and executed in one run              discard, sweep  what nobody wants any more goes
    survey     what stands, by tag                          destroy         all of it, in reverse order
    resources  one module a type that holds data
"""

from builder.deploy.chain import after_review
from builder.deploy.claim import Trusted, check_claim, check_own
from builder.deploy.desired import Deployment, deployment_name, make_deployment, narrow
from builder.deploy.destroy import Removal, destroy, make_needs
from builder.deploy.discard import discard_all, discard_plan
from builder.deploy.execute import Brake, execute_plan
from builder.deploy.look import check_account, check_credentials, check_reach
from builder.deploy.outcome import Broke, Cancelled, Deviated, Done, Outcome, Overtaken, exit_code
from builder.deploy.outputs import Outputs, not_deployed, observe_every_output, observe_outputs, observe_system
from builder.deploy.permission import check_allowed, tell_allowed
from builder.deploy.plan import Seal, Wish, make_plan
from builder.deploy.plan_file import read_plan, write_plan
from builder.deploy.progress import Emit, Progress
from builder.deploy.records import Options, Plan
from builder.deploy.recover import recover
from builder.deploy.recovery import Recovery, find_recoveries
from builder.deploy.survey import Survey, Unseen, find_standing, look_after, survey
from builder.deploy.sweep import sweep
from builder.deploy.take_down import Standing, check_removable
from builder.deploy.unreviewed import execute_unreviewed

__all__ = [
    "Brake",
    "Broke",
    "Cancelled",
    "Deployment",
    "Deviated",
    "Done",
    "Emit",
    "Options",
    "Outcome",
    "Outputs",
    "Overtaken",
    "Plan",
    "Progress",
    "Recovery",
    "Removal",
    "Seal",
    "Standing",
    "Survey",
    "Trusted",
    "Unseen",
    "Wish",
    "after_review",
    "check_account",
    "check_allowed",
    "check_claim",
    "check_credentials",
    "check_own",
    "check_reach",
    "check_removable",
    "deployment_name",
    "destroy",
    "discard_all",
    "discard_plan",
    "execute_plan",
    "execute_unreviewed",
    "exit_code",
    "find_recoveries",
    "find_standing",
    "look_after",
    "make_deployment",
    "make_needs",
    "make_plan",
    "narrow",
    "not_deployed",
    "observe_every_output",
    "observe_outputs",
    "observe_system",
    "read_plan",
    "recover",
    "survey",
    "sweep",
    "tell_allowed",
    "write_plan",
]
