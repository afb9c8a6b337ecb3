"""A fleet: the same system in many accounts by StackSets, planned as change sets of the stack that holds the sets.

It works from assemblies and by the deployer, as `deploy` does, and never imports config, topology or components.

    records     a fleet's plan, its sets and instances  sets        the StackSets of a template, and the deployed ones
    observe     a set's instances, operations, watch    targets     the accounts they come to; the organization
    difference  what a template changes in a stack      reach       what that means in each account
    imports     retained stacks, imported again         guards      what stops until it is allowed, or at once
    plan        the ordinary plan, what it means, how long it takes
    operation   our own operations, by needs; stopped   execute     imports, change sets, then repairs
    status      rows, drift, each account's outputs     progress    the events on the way, and the end
    drop        an account that leaves                  destroy     all of it deleted
"""

from builder.fleet.destroy import FleetRemoval, delete_fleet
from builder.fleet.drop import LeavingAccount, drop_account, find_unreachable, observe_leaving
from builder.fleet.execute import execute_fleet
from builder.fleet.operation import stop_operations
from builder.fleet.plan import make_fleet_plan, unrolled_stacks
from builder.fleet.progress import FleetEmit, FleetEnd, failures_of, fleet_exit_code
from builder.fleet.records import FleetPlan, StackSet, read_fleet_plan, write_fleet_plan
from builder.fleet.sets import observe_sets, without_instances
from builder.fleet.status import RowFilter, SetDrift, choose, detect_drift, observe_fleet_outputs, observe_status

__all__ = [
    "FleetEmit",
    "FleetEnd",
    "FleetPlan",
    "FleetRemoval",
    "LeavingAccount",
    "RowFilter",
    "SetDrift",
    "StackSet",
    "choose",
    "delete_fleet",
    "detect_drift",
    "drop_account",
    "execute_fleet",
    "failures_of",
    "find_unreachable",
    "fleet_exit_code",
    "make_fleet_plan",
    "observe_fleet_outputs",
    "observe_leaving",
    "observe_sets",
    "observe_status",
    "read_fleet_plan",
    "stop_operations",
    "unrolled_stacks",
    "without_instances",
    "write_fleet_plan",
]
