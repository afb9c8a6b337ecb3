"""The deployer: an assembly and what stands, to a plan of change sets, to their execution, to their removal.

It works from a manifest made yesterday on another machine, and never imports config, topology or stacks.

    desired   the assembly bound to an environment         look, observe   what stands, read from AWS
    decide    desired + observed -> what each stack needs   plan            the change sets, made and read
    preflight is all still as reviewed?                     execute         each step when its needs are done
    destroy   by tag, in reverse order                      resources       one module a type that holds data
"""

from builder.deploy.desired import Deployment, deployment_name, make_deployment
from builder.deploy.destroy import Standing, destroy, find_standing
from builder.deploy.discard import discard_plan
from builder.deploy.execute import Brake, execute_plan
from builder.deploy.outputs import observe_outputs
from builder.deploy.plan import Seal, make_plan
from builder.deploy.progress import Emit, Progress
from builder.deploy.records import Broke, Cancelled, Done, Outcome, Overtaken, Plan, read_plan, write_plan

__all__ = [
    "Brake",
    "Broke",
    "Cancelled",
    "Deployment",
    "Done",
    "Emit",
    "Outcome",
    "Overtaken",
    "Plan",
    "Progress",
    "Seal",
    "Standing",
    "deployment_name",
    "destroy",
    "discard_plan",
    "execute_plan",
    "find_standing",
    "make_deployment",
    "make_plan",
    "observe_outputs",
    "read_plan",
    "write_plan",
]
