"""The emulator's private names that the adapter touches, all of them, and the only way to reach them.

`touch` and `replace` reach one; `account_id`, `region_name`, `here` and `acting_in` say where a request is at work.
"""

import importlib
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import Any, NamedTuple

from builder.errors import Failed
from builder.local.environment import VERSION

_CFN = "ministack.services.cloudformation"
_S3 = "ministack.services.s3"
_DDB = "ministack.services.dynamodb"
_ORGANIZATIONS = "ministack.services.organizations"
_IAM = "ministack.core.iam_evaluator"

# A callable by its signature, anything else by its type.
TOUCHED = {
    "ministack.app:AUTH": "bool",
    "ministack.app:SERVICE_HANDLERS": "dict",
    "ministack.app:_resolve_custom_domain_request": "(host: str, path: str)",
    "ministack.core.concurrency:run_reentrant": "(fn, *args, thread_name: str = 'ministack-reentrant')",
    "ministack.core.iam_actions:SERVICE_TO_IAM_NAMESPACE": "dict",
    "ministack.core.iam_actions:_BOTOCORE_SERVICE_MAP": "dict",
    "ministack.core.iam_actions:_lambda_action": "(method: str, path: str) -> str | None",
    "ministack.core.iam_actions:_match_rest_action": (
        "(service: str, method: str, path: str, query_params: dict | None = None) -> str | None"
    ),
    "ministack.core.iam_actions:extract_resource_arn": (
        "(service: str, method: str, path: str, headers: dict, body: bytes, query_params: dict, region: str, "
        "account_id: str) -> str"
    ),
    "ministack.core.iam_actions:request_tag_context": (
        "(service: str, iam_action: str, body: bytes, params: dict) -> dict"
    ),
    f"{_IAM}:EvalContext": (
        "(principal_arn: str, principal_type: str, principal_account: str, action: str, resource_arn: str, "
        "region: str, source_ip: str = <factory>, secure_transport: bool = <factory>, "
        "request_tags: dict[str, str] = <factory>, tag_keys: list[str] = <factory>, "
        "service_context: dict[str, typing.Any] = <factory>, principal_keys: dict[str, typing.Any] = <factory>) -> None"
    ),
    f"{_IAM}:_gather_role_policies": f"(role_name: str, account_id: str) -> list[list[{_IAM}.ParsedStatement]]",
    f"{_IAM}:_permissions_boundary": f"(store, name: str, account_id: str) -> list[list[list[{_IAM}.ParsedStatement]]]",
    f"{_IAM}:enforce": (
        "(access_key_id: str, iam_action: str, service: str, region: str, resource_arn: str = '*', "
        f"service_context: dict[str, typing.Any] | None = None) -> {_IAM}.EvalResult | {_IAM}.AuthError | None"
    ),
    f"{_IAM}:evaluate": (
        f"(ctx: {_IAM}.EvalContext, policies: list[list[{_IAM}.ParsedStatement]], "
        f"*limits: list[list[{_IAM}.ParsedStatement]]) -> {_IAM}.EvalResult"
    ),
    f"{_IAM}:resolve_principal": (
        f"(access_key_id: str, account_id: str, credential: {_IAM}.ResolvedCredential | None = None) -> "
        f"{_IAM}.PrincipalInfo | {_IAM}.AuthError"
    ),
    "ministack.core.lambda_runtime:_worker_key": "(func_name: str, config: dict, qualifier: str) -> str",
    "ministack.core.lambda_runtime:reset": "()",
    "ministack.core.responses:get_account_id": "() -> str",
    "ministack.core.responses:get_region": "() -> str",
    "ministack.core.responses:new_uuid": "() -> str",
    "ministack.core.responses:now_iso": "() -> str",
    "ministack.core.responses:request_scope": "(account_id: str, region: str)",
    "ministack.services.cloudwatch:_alarms": "AccountRegionScopedDict",
    "ministack.services.cloudwatch:_composite_alarms": "AccountRegionScopedDict",
    "ministack.services.cloudwatch:_delete_alarms": "(params, cbor_data, is_cbor, is_json=False)",
    "ministack.services.cloudwatch:_put_composite_alarm": "(params, cbor_data, is_cbor, is_json=False)",
    "ministack.services.cloudwatch:record_metric": (
        "(namespace: str, metric_name: str, value: float, unit: str = 'None', dimensions: dict | None = None) -> None"
    ),
    "ministack.services.cloudwatch_logs:_log_groups": "AccountRegionScopedDict",
    "ministack.services.iam:_roles": "AccountScopedDict",
    "ministack.services.kms:_replicate_key": "(data)",
    "ministack.services.kms:_resolve_key": "(key_id_or_arn)",
    "ministack.services.kms:_schedule_key_deletion": "(data)",
    "ministack.services.lambda_svc:_build_function_url_event": (
        "(url_id: str, account_id: str, region: str, method: str, path: str, headers: dict, body: bytes, "
        "query_params: dict, source_ip: str = '127.0.0.1', anonymous: bool = False, trace_root: str = '') -> dict"
    ),
    "ministack.services.lambda_svc:_delete_function_concurrency": "(func_name: str)",
    "ministack.services.lambda_svc:_fetch_code_from_s3": (
        "(bucket: str, key: str, version_id: str | None = None) -> bytes | None"
    ),
    "ministack.services.lambda_svc:_functions": "AccountRegionScopedDict",
    "ministack.services.lambda_svc:_invoke_depth": "ContextVar",
    "ministack.services.lambda_svc:_put_function_concurrency": "(func_name: str, data: dict)",
    "ministack.services.lambda_svc:acquire_worker": (
        "(func_name: str, config: dict, code_zip: bytes, qualifier: str = '$LATEST', "
        "max_concurrency: int | None = None)"
    ),
    "ministack.services.lambda_svc:handle_function_url_request": (
        "(url_id: str, method: str, path: str, headers: dict, body: bytes, query_params: dict, "
        "resolved: tuple | None = None, source_ip: str | None = None) -> tuple"
    ),
    "ministack.services.lambda_svc:handle_request": (
        "(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> tuple"
    ),
    "ministack.services.lambda_svc:release_worker": "(worker: ministack.core.lambda_runtime.Worker) -> None",
    "ministack.services.lambda_svc:resolve_function_url": (
        "(url_id: str) -> tuple[str, str, str, str | None, dict] | None"
    ),
    "ministack.services.route53:_hc_id": "() -> str",
    "ministack.services.route53:_health_checks": "AccountScopedDict",
    "ministack.services.route53:_tags": "AccountScopedDict",
    "ministack.services.ssm:resolve_parameter_value": "(name_or_arn, version=None, decrypt=False)",
    f"{_ORGANIZATIONS}:_DISPATCH": "dict",
    f"{_ORGANIZATIONS}:_accounts": "AccountScopedDict",
    f"{_ORGANIZATIONS}:_ensure_org": "()",
    f"{_ORGANIZATIONS}:_ous": "AccountScopedDict",
    f"{_ORGANIZATIONS}:_roots": "AccountScopedDict",
    f"{_CFN}:_change_sets": "AccountRegionScopedDict",
    f"{_CFN}:_stack_events": "AccountRegionScopedDict",
    f"{_CFN}:_stacks": "AccountRegionScopedDict",
    f"{_CFN}:reset": "()",
    f"{_CFN}.changesets:_deploy_stack_async": (
        "(stack_name: str, stack_id: str, template: dict, param_values: dict, disable_rollback: bool, "
        "tags: list, is_update: bool = False, previous_stack: dict | None = None, "
        "retain_except_on_create: bool = False, imports: dict | None = None)"
    ),
    f"{_CFN}.changesets:_drop_other_change_sets": "(stack_id, executed_cs_id)",
    f"{_CFN}.changesets:_evaluate_conditions": "(template: dict, params: dict) -> dict",
    f"{_CFN}.changesets:_find_change_set": "(cs_name, stack_name='')",
    f"{_CFN}.changesets:_resolve_parameters": (
        "(template: dict, provided_params: list[dict], previous_params: dict | None = None) -> dict"
    ),
    f"{_CFN}.changesets:_resolve_props_for_diff": "(template, params, stack_name, stack_id)",
    f"{_CFN}.changesets:validate_template_support": (
        "(template: dict, conditions: dict, params: dict | None = None) -> None"
    ),
    f"{_CFN}.drift:_DRIFT_READERS": "dict",
    f"{_CFN}.engine:_NO_VALUE": "object",
    f"{_CFN}.engine:_apply_transforms": "(template: dict, provided_params=None, previous_params=None) -> dict",
    f"{_CFN}.engine:_evaluate_conditions": "(template: dict, params: dict) -> dict",
    f"{_CFN}.engine:_intrinsic_references": "(value)",
    f"{_CFN}.engine:_parse_template": "(template_body: str) -> dict",
    f"{_CFN}.engine:_resolve_refs": "(value, resources, params, conditions, mappings, stack_name, stack_id)",
    f"{_CFN}.engine:_topological_sort": "(resources: dict, conditions: dict) -> list",
    f"{_CFN}.handlers:_ACTION_HANDLERS": "dict",
    f"{_CFN}.handlers:_deploy_stack_async": (
        "(stack_name: str, stack_id: str, template: dict, param_values: dict, disable_rollback: bool, "
        "tags: list, is_update: bool = False, previous_stack: dict | None = None, "
        "retain_except_on_create: bool = False, imports: dict | None = None)"
    ),
    f"{_CFN}.handlers:_evaluate_conditions": "(template: dict, params: dict) -> dict",
    f"{_CFN}.handlers:_resolve_parameters": (
        "(template: dict, provided_params: list[dict], previous_params: dict | None = None) -> dict"
    ),
    f"{_CFN}.handlers:_resolve_stack": "(stack_name)",
    f"{_CFN}.handlers:_roll_back_operation": (
        "(stack_name: str, stack_id: str, stack: dict, operation: dict, reason_override: str = '')"
    ),
    f"{_CFN}.handlers:validate_template_support": (
        "(template: dict, conditions: dict, params: dict | None = None) -> None"
    ),
    f"{_CFN}.helpers:_error": "(code, message, status=400)",
    f"{_CFN}.helpers:_extract_string_members": "(params, prefix)",
    f"{_CFN}.helpers:_resolve_document": "(params, body_key, url_key, label)",
    f"{_CFN}.helpers:_resolve_template": "(params)",
    f"{_CFN}.helpers:_p": "(params, key, default='')",
    f"{_CFN}.helpers:_template_body_problem": "(body: str) -> str | None",
    f"{_CFN}.provisioners:_CONDITIONALLY_REPLACING_PROPERTIES": "dict",
    f"{_CFN}.provisioners:_CUSTOM_NAME_REPLACEMENT": "dict",
    f"{_CFN}.provisioners:_REPLACING_PROPERTIES": "dict",
    f"{_CFN}.provisioners:_RESOURCE_HANDLERS": "dict",
    f"{_CFN}.provisioners:_STACK_TAG_PROPERTY": "dict",
    f"{_CFN}.provisioners:_check_nested_stack_capabilities": "(parent_stack_name, template)",
    f"{_CFN}.provisioners:_ddb_attrs": "(table)",
    f"{_CFN}.provisioners:_ddb_update": "(physical_id, old_props, new_props, stack_name, logical_id=None)",
    f"{_CFN}.provisioners:_delete_resource": (
        "(resource_type: str, physical_id: str, props: dict, stack_name: str | None = None, "
        "logical_id: str | None = None)"
    ),
    f"{_CFN}.provisioners:_physical_name": (
        "(stack_name: str, logical_id: str, *, lowercase: bool = False, max_len: int = 128, seeded: bool = True) -> str"
    ),
    f"{_CFN}.provisioners:_replace_resource": (
        "(resource_type, physical_id, old_props, new_props, stack_name, logical_id)"
    ),
    f"{_CFN}.provisioners:_requires_replacement_dynamodb": "(old_props, new_props)",
    f"{_CFN}.provisioners:_tag_map": "(tags) -> dict",
    f"{_CFN}.provisioners:_with_stack_tags": (
        "(resource_type: str, props: dict, stack_tags: list, stack_name: str, stack_id: str, logical_id: str) -> dict"
    ),
    f"{_CFN}.stacks:_add_event": (
        "(stack_id, stack_name, logical_id, resource_type, status, reason='', physical_id='', detailed_status='')"
    ),
    f"{_CFN}.stacks:_delete_resource": (
        "(resource_type: str, physical_id: str, props: dict, stack_name: str | None = None, "
        "logical_id: str | None = None)"
    ),
    f"{_CFN}.stacks:_delete_stack_async": "(stack_name: str, stack_id: str, retain_resources=(), force=False)",
    f"{_CFN}.stacks:_deploy_stack_async": (
        "(stack_name: str, stack_id: str, template: dict, param_values: dict, disable_rollback: bool, "
        "tags: list, is_update: bool = False, previous_stack: dict | None = None, "
        "retain_except_on_create: bool = False, imports: dict | None = None)"
    ),
    f"{_CFN}.stacks:_evaluate_conditions": "(template: dict, params: dict) -> dict",
    f"{_CFN}.stacks:_resolve_stack_outputs": (
        "(outputs_defs, conditions, resources, param_values, mappings, stack_name, stack_id)"
    ),
    f"{_CFN}.stacks:_roll_back_operation": (
        "(stack_name: str, stack_id: str, stack: dict, operation: dict, reason_override: str = '')"
    ),
    f"{_CFN}.stacks:_runs_on_worker_thread": "(resource_type: str) -> bool",
    f"{_CFN}.stacks:_update_resource": (
        "(resource_type: str, physical_id: str, old_props: dict, new_props: dict, stack_name: str, "
        "logical_id: str | None = None, old_attrs: dict | None = None) -> tuple"
    ),
    f"{_DDB}:_create_table": "(data)",
    f"{_DDB}:_contributor_insights": "AccountRegionScopedDict",
    f"{_DDB}:_delete_resource_policy": "(data)",
    f"{_DDB}:_delete_table": "(data)",
    f"{_DDB}:_pitr_settings": "AccountRegionScopedDict",
    f"{_DDB}:_put_resource_policy": "(data)",
    f"{_DDB}:_replica_group": "(table) -> list",
    f"{_DDB}:_replicate_write": "(table, event_name, old_item, new_item)",
    f"{_DDB}:_tables": "AccountRegionScopedDict",
    f"{_DDB}:_tag_resource": "(data)",
    f"{_DDB}:_tags": "AccountRegionScopedDict",
    f"{_DDB}:_untag_resource": "(data)",
    f"{_DDB}:_update_continuous_backups": "(data)",
    f"{_DDB}:_update_contributor_insights": "(data)",
    f"{_DDB}:_update_table": "(data)",
    f"{_DDB}:_update_ttl": "(data)",
    f"{_S3}:_bucket_owner_account": "(name: str) -> str | None",
    f"{_S3}:_bucket_replication": "AccountScopedDict",
    f"{_S3}:_bucket_tags": "AccountScopedDict",
    f"{_S3}:_bucket_versioning": "AccountScopedDict",
    f"{_S3}:_delete_bucket": "(name: str)",
    f"{_S3}:_delete_bucket_encryption": "(name: str)",
    f"{_S3}:_delete_bucket_lifecycle": "(name: str)",
    f"{_S3}:_delete_bucket_ownership_controls": "(name: str)",
    f"{_S3}:_delete_bucket_replication": "(bucket_name: str)",
    f"{_S3}:_delete_bucket_tagging": "(name: str)",
    f"{_S3}:_get_object_data": "(bucket_name: str, key: str, version_id: str | None = None) -> bytes | None",
    f"{_S3}:_in_account": "(account_id: str)",
    f"{_S3}:_maybe_replicate": "(bucket_name: str, key: str, obj: dict, data, tags: dict | None = None) -> None",
    f"{_S3}:_maybe_replicate_delete_marker": "(bucket_name: str, key: str) -> None",
    f"{_S3}:_object_tags": "AccountScopedDict",
    f"{_S3}:_object_versions": "AccountScopedDict",
    f"{_S3}:_put_bucket_encryption": "(name: str, body: bytes)",
    f"{_S3}:_put_bucket_lifecycle": "(name: str, body: bytes)",
    f"{_S3}:_put_bucket_ownership_controls": "(name: str, body: bytes)",
    f"{_S3}:_put_bucket_replication": "(bucket_name: str, body: bytes)",
    f"{_S3}:_put_bucket_tagging": "(name: str, body: bytes)",
    f"{_S3}:_put_bucket_versioning": "(name: str, body: bytes)",
    f"{_S3}:_replication_destination_region": "(dest_bucket: str) -> str | None",
    f"{_S3}:_replication_rule_for": "(bucket_name: str, key: str, tags: dict | None) -> tuple[dict | None, str]",
}


def touch(name: str) -> Any:  # noqa: ANN401  the emulator is not typed
    """Return the emulator's `module:attribute`. Raises KeyError for a name that TOUCHED lacks."""
    if name not in TOUCHED:
        raise KeyError(name)
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def replace(name: str, make: Callable[[Any], Any]) -> None:
    """Put `make(original)` where `module:attribute` was; for functions that the emulator looks up at each call."""
    module, _, attribute = name.partition(":")
    setattr(importlib.import_module(module), attribute, make(touch(name)))


class AccountRegion(NamedTuple):
    """A region of an account."""

    account: str
    region: str


def account_id() -> str:
    """Return the account of the request."""
    return str(touch("ministack.core.responses:get_account_id")())


def region_name() -> str:
    """Return the region of the request."""
    return str(touch("ministack.core.responses:get_region")())


def here() -> AccountRegion:
    """Return the account and region of the request."""
    return AccountRegion(account_id(), region_name())


def acting_in(place: AccountRegion) -> AbstractContextManager[None]:
    """Act in another account or region within the block."""
    scope: AbstractContextManager[None] = touch("ministack.core.responses:request_scope")(*place)
    return scope


def check() -> None:
    """Raise Failed unless the emulator installed is the one whose private names the adapter was written against."""
    installed = version("ministack")
    if installed != VERSION:
        raise _changed(f"ministack {installed} is installed, the adapter is written for {VERSION}")
    for name, expected in TOUCHED.items():
        if (now := describe(name)) != expected:
            raise _changed(f"{name} is {now}, the adapter is written for {expected}")


def describe(name: str) -> str:
    """Return what stands behind a touched name: its signature, its type, or `absent`."""
    try:
        attribute = touch(name)
    except (ImportError, AttributeError):
        return "absent"
    return str(inspect.signature(attribute)) if callable(attribute) else type(attribute).__name__


def _changed(what: str) -> Failed:
    return Failed(where="embedded AWS", what=what, next_step=f"pip install 'ministack=={VERSION}'")
