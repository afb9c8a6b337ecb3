"""The order in which the adapter is installed: resource types, actions, policies, and what every request passes.

What is installed later is called first, because it wraps what is there already. So a request goes through

    CreateChangeSet     nested_change_sets, shown_values, imports, change_sets, transforms, templates
    ExecuteChangeSet    nested_change_sets, nested_rollback, shown_values, imports, change_sets, templates; the
                        deployment then asks resources and the chapter of each resource's type
    PutObject           s3.writes, replication
    a function's URL    gate, functions.urls, control, functions.processes
    any other           gate, regions, control

of which CloudFormation's go through authorization first, and resources' handlers through iam.resources, where policies
are enforced.
"""

from collections.abc import Callable, MutableMapping
from typing import Any

from builder.local import gate
from builder.local.adapter import added_types, control, emulator, properties, regions, topics
from builder.local.adapter.cloudformation import (
    authorization,
    change_sets,
    imports,
    lost_regions,
    nested_change_sets,
    nested_rollback,
    nested_stacks,
    resources,
    shown_values,
    stack_policies,
    templates,
    transforms,
)
from builder.local.adapter.cloudwatch import alarms
from builder.local.adapter.control import ControlState
from builder.local.adapter.dynamodb import descriptions, global_table, groups, lost_replicas
from builder.local.adapter.dynamodb import encryption as table_encryption
from builder.local.adapter.dynamodb import settings as table_settings
from builder.local.adapter.dynamodb import writes as table_writes
from builder.local.adapter.fis import api as fis
from builder.local.adapter.fis.experiments import FisStore
from builder.local.adapter.functions import http_api, processes, urls
from builder.local.adapter.functions import resource as function
from builder.local.adapter.functions.urls import Outages
from builder.local.adapter.iam import policies
from builder.local.adapter.iam import resources as iam_resources
from builder.local.adapter.kms import keys
from builder.local.adapter.kms import resources as key_resources
from builder.local.adapter.kms import rights as key_rights
from builder.local.adapter.kms import users as key_users
from builder.local.adapter.organizations import actions as organizations
from builder.local.adapter.regions import Regions
from builder.local.adapter.replication import Replication
from builder.local.adapter.s3 import bucket
from builder.local.adapter.s3 import control as s3_control
from builder.local.adapter.s3 import encryption as object_encryption
from builder.local.adapter.s3 import imports as bucket_imports
from builder.local.adapter.s3 import settings as bucket_settings
from builder.local.adapter.s3 import writes as object_writes
from builder.local.adapter.s3.batch import Jobs
from builder.local.adapter.stack_sets import instances, records, sets, stacks
from builder.local.adapter.stack_sets import resource as stack_set
from builder.local.asgi import App

_CFN = "ministack.services.cloudformation"


def install(app: App, token: str, function_processes_limit: int) -> tuple[App, Callable[[], None]]:
    """Return the emulator's application with the adapter in place, and what is called before its processes are ended.

    `token` is asked of whoever uses the paths that govern it; a function has so many processes at most. Once per
    process, after the environment is set. Raises Failed on another version of the emulator.
    """
    emulator.check()
    lost = Regions()
    handlers = emulator.touch(f"{_CFN}.provisioners:_RESOURCE_HANDLERS")
    actions = emulator.touch(f"{_CFN}.handlers:_ACTION_HANDLERS")
    _install_resources(handlers, lost)
    _install_actions(handlers, actions)
    lost_regions.install(lost)
    if policies.is_enforced():
        policies.install()
        authorization.install(actions, records.find_arn)
        iam_resources.install(handlers)
        key_rights.install(handlers)
        app = policies.secure(app)
    invocations = processes.install(function_processes_limit)
    replication = Replication(is_lost=lost.is_lost)
    state = ControlState(replication, Outages(), lost, FisStore(replication), Jobs(replication))
    _install_replication(handlers, state)
    return _wrap(app, state, token), invocations.close


def _install_resources(handlers: MutableMapping[str, Any], lost: Regions) -> None:
    keys.install()
    key_resources.install(handlers)
    key_users.install(handlers)
    # Before what refuses or adds: what is shared is changed in the other replicas as it is asked for in one.
    groups.install()
    table_settings.install()
    descriptions.install()
    table_encryption.install()
    global_table.install(handlers)
    lost_replicas.install(handlers, lost)
    bucket.install(handlers)
    bucket_imports.install(handlers)
    bucket_settings.install()
    function.install(handlers)
    http_api.install(handlers)
    alarms.install()
    topics.install(handlers)
    added_types.install(handlers)
    # After all that creates a resource: it checks the name first.
    resources.install(handlers)


def _install_actions(handlers: MutableMapping[str, Any], actions: MutableMapping[str, Any]) -> None:
    templates.install(actions)
    # Before what keeps something of a change set: it makes those that have failed too.
    transforms.install(handlers, actions)
    change_sets.install(actions)
    imports.install(handlers, actions)
    sets.install(actions)
    stacks.install()
    stack_set.install(handlers, actions)
    organizations.install(instances.follow_account)
    shown_values.install(actions)
    nested_stacks.install(handlers, actions)
    nested_rollback.install(actions)
    # After all that updates a resource or deploys a stack: what is denied is not begun.
    stack_policies.install(actions)
    # After all that makes a change set: it makes the change sets of children by the same actions.
    nested_change_sets.install(actions)


def _install_replication(handlers: MutableMapping[str, Any], state: ControlState) -> None:
    table_writes.install(state.replication)
    object_encryption.install()
    object_writes.install(state.replication)
    s3_control.install(state.jobs)
    fis.install(emulator.touch("ministack.app:SERVICE_HANDLERS"), state.fis)
    fis.install_resource(handlers, state.fis)
    # After every type is there, and before all else that is done with a resource.
    properties.install(handlers)


def _wrap(app: App, state: ControlState, token: str) -> App:
    """Return the application within all that a request passes before it."""
    urls.install()
    app = urls.watch(control.wrap(app, state), state.outages, state.regions)
    # A function URL may have any path, those that want a token too: its request is addressed first.
    app = urls.address(gate.ask_for_token(app, token))
    # By the host that a request names, which is gone once it is addressed.
    app = regions.wrap(app, state.regions)
    return gate.keep_pages_out(app, _is_custom_domain)


def _is_custom_domain(name: str, path: str) -> bool:
    return emulator.touch("ministack.app:_resolve_custom_domain_request")(name, path) is not None
