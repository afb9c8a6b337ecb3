"""A fleet: the same system in many accounts by StackSets, planned as change sets of the stack that holds the sets.

It works from assemblies and by the deployer, as `deploy` does, and never imports config, topology or stacks.

    definition  the StackSets of a template                targets, organization  the accounts they come to
    observe     what a set holds, and what runs on it      resolved, difference   what a template changes in a stack
    setting     all that is known of one set               reach                  what that means in each account
    remarks     what a person should know beside it        guards                 what must not happen unasked
    names       whether those of new sets are free
    plan        the ordinary plan, and what it means       watch                  progress of every set's operations
    execute     the change sets, then what failed before   operation, order       our own operations, by needs
    status, outputs, stop, destroy                         standing               the sets that there are
    drop        an account that leaves                     drift                what is not as it was made
    pace        how long a change takes, by the last one
    accounts    into the accounts themselves, by a role
"""

from builder.fleet.destroy import FleetRemoval, delete_fleet
from builder.fleet.drift import SetDrift, detect_drift
from builder.fleet.drop import LeavingAccount, drop_account, find_unreachable, observe_leaving
from builder.fleet.execute import execute_fleet
from builder.fleet.operation import stop_operations
from builder.fleet.plan import make_fleet_plan, unrolled_stacks
from builder.fleet.progress import FleetEmit, FleetEnd, failures_of, fleet_exit_code
from builder.fleet.records import FleetPlan, StackSet, read_fleet_plan, write_fleet_plan
from builder.fleet.sets import observe_sets, without_instances
from builder.fleet.status import RowFilter, choose, observe_fleet_outputs, observe_status

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
