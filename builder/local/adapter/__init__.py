"""What the emulator lacks of the AWS this project deploys to, added from outside, one module per gap.

Nothing of the emulator is edited: its tables of resource handlers and actions are given ours in their place.
"""

from collections.abc import Callable

from builder.local import gate
from builder.local.adapter import (
    added_types,
    bucket,
    change_set,
    change_set_id,
    cloudformation_iam,
    conditions,
    control,
    drift,
    emulator,
    fis,
    fis_resource,
    function,
    function_name,
    function_processes,
    function_url,
    function_url_outage,
    function_url_request,
    global_table,
    iam,
    nested_change_set,
    nested_stack,
    object_writes,
    organizations,
    property_values,
    replacement,
    resource_events,
    resource_iam,
    role_name,
    secure_transport,
    shown_values,
    stack_set,
    table_writes,
    taken_name,
    template_url,
)
from builder.local.adapter.fis_laboratory import Laboratory
from builder.local.adapter.function_url_outage import Outages
from builder.local.adapter.propagation import Propagation
from builder.local.asgi import App

__all__ = ["install"]

_CFN = "ministack.services.cloudformation"


def install(app: App, token: str, function_processes_limit: int) -> tuple[App, Callable[[], None]]:
    """Return the emulator's application with every piece in place, and what is called before its processes are ended.

    Raises Failed on another version.

    `token` is asked of whoever uses the paths that govern it; a function has so many processes at most. Once per
    process, after the environment is set.
    """
    emulator.check()
    resources = emulator.touch(f"{_CFN}.provisioners:_RESOURCE_HANDLERS")
    resources[global_table.TYPE].update(global_table.HANDLERS)
    bucket.install(resources["AWS::S3::Bucket"])
    function.install(resources["AWS::Lambda::Function"])
    added_types.install(resources)
    tags = emulator.touch(f"{_CFN}.provisioners:_STACK_TAG_PROPERTY")
    tags.update(dict.fromkeys(("AWS::S3::Bucket", stack_set.TYPE), ("Tags", "list")))
    tags[added_types.REPLICA_KEY] = ("Tags", "list")
    tags[fis_resource.TYPE] = ("Tags", "map")
    # Inside of the next, which asks for the names that templates say.
    role_name.install(resources)
    taken_name.install(resources)
    replacement.install()
    actions = emulator.touch(f"{_CFN}.handlers:_ACTION_HANDLERS")
    conditions.install(actions)
    change_set.install(actions)
    # Outside of the former: both must see what its CreateChangeSet makes of a stack in review.
    change_set_id.install(actions)
    stack_set.install(resources, actions)
    organizations.install()
    property_values.install(actions)
    shown_values.install(actions)
    resource_events.install()
    template_url.install()
    nested_stack.install(resources, actions)
    # Outside of all that makes a change set: it makes those of children with them.
    nested_change_set.install(actions)
    if iam.is_enforced():
        iam.install()
        cloudformation_iam.install(actions)
        resource_iam.install(resources)
        app = secure_transport.wrap(app)
    drift.install()
    function_url.install()
    function_name.install()
    invocations = function_processes.install(function_processes_limit)
    function_url_request.install()
    propagation, outages = Propagation(), Outages()
    table_writes.install(propagation)
    object_writes.install(propagation)
    laboratory = Laboratory(propagation)
    fis.install(emulator.touch("ministack.app:SERVICE_HANDLERS"), laboratory)
    fis_resource.install(resources, laboratory)
    app = control.wrap(app, control.Ground(propagation, outages, laboratory))
    app = function_url_outage.wrap(app, outages)
    # Inside of the next, after which the path of a function's URL is its own, whatever it is called.
    app = function_url_request.wrap(gate.ask_for_token(app, token))
    return gate.keep_pages_out(app, _is_custom_domain), invocations.close


def _is_custom_domain(name: str, path: str) -> bool:
    return emulator.touch("ministack.app:_resolve_custom_domain_request")(name, path) is not None
