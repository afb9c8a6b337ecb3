"""Tables that are encrypted with keys of KMS, each replica with one of its own region.

The emulator keeps whatever it is given. Here a key is looked up where the table is, by id, ARN or alias, shown by its
ARN, and refused where KMS would refuse it. That the key is still there when items are read is not asked; whether the
caller may use it is, where policies are enforced.
Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-globaltable-replicassespecification.html
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.dynamodb.settings import refused
from builder.local.adapter.emulator import AccountRegion, account_id, acting_in, region_name, replace, touch
from builder.local.adapter.handlers import HandlerError, Properties, Reply, is_true
from builder.local.adapter.iam import policies
from builder.local.adapter.kms.access import check_use
from builder.local.adapter.kms.keys import UnusableKey, find_arn, is_aws_managed

Action = Callable[[Mapping[str, Any]], Reply]

_DDB = "ministack.services.dynamodb"
_INVALID = "One or more parameter values were invalid: "
_MANAGED = "alias/aws/dynamodb"


def install() -> None:
    """Wrap the creation, the update and the description of tables."""
    replace(f"{_DDB}:_create_table", _make_create)
    replace(f"{_DDB}:_update_table", _make_update)
    replace(f"{_DDB}:_table_description", _make_describe)
    if policies.is_enforced():
        replace(f"{_DDB}:handle_request", _make_handle)


def check(props: Properties) -> None:
    """Raise HandlerError unless the keys of a global table's replicas are such as DynamoDB takes."""
    if refusal := _find_refusal(props):
        raise HandlerError(refusal, service="DynamoDb")


def _find_refusal(props: Properties) -> str | None:
    shared: Properties = props.get("SSESpecification") or {}
    replicas: list[Properties] = props.get("Replicas", [])
    keys = {replica["Region"]: key for replica in replicas if (key := key_of(replica))}
    if not is_true(shared.get("SSEEnabled")):
        mixed = keys or "SSEType" in shared
        return "ReplicaSSESpecification and SSEType must be null when SSE is set to default" if mixed else None
    if shared.get("SSEType", "KMS") != "KMS":
        return "Invalid request provided: The only valid SSEType is KMS"
    if keys and "SSEType" not in shared:
        return "SSEType KMS is required if KMSMasterKeyId is specified"
    managed = [key for key in keys.values() if is_aws_managed(key)]
    if (keys and len(keys) < len(replicas)) or (managed and len(managed) < len(keys)):
        return f"{_INVALID}KMSMasterKeyId must be specified for each replica."
    for region, key in keys.items():
        try:
            find_arn(key, region)
        except UnusableKey as error:
            return _words(error)
    return None


def key_of(replica: Properties) -> str | None:
    """Return the key that a replica's properties name."""
    specification: Properties = replica.get("SSESpecification") or {}
    return specification.get("KMSMasterKeyId")


def _words(error: UnusableKey) -> str:
    """Return DynamoDB's message, whose wording is *unverified*."""
    return f"{_INVALID}KMS validation error: {error}"


# -- the API


def _make_create(create: Action) -> Action:
    def create_table(data: Mapping[str, Any]) -> Reply:
        try:
            reply = create(_resolved(data))
        except UnusableKey as error:
            return refused(_words(error))
        if reply[0] == 200:
            _drop_disabled(str(data["TableName"]))
        return reply

    return create_table


def _make_update(update: Action) -> Action:
    def update_table(data: Mapping[str, Any]) -> Reply:
        try:
            added = dict(_added(data))
            reply = update(_resolved(data))
        except UnusableKey as error:
            return refused(_words(error))
        if reply[0] == 200:
            name = str(data["TableName"]).rpartition("/")[2]
            _drop_disabled(name)
            for region, key in added.items():
                _encrypt_replica(name, region, key)
        return reply

    return update_table


def _resolved(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request with the ARN of its key. Raises UnusableKey."""
    specification = data.get("SSESpecification") or {}
    key = specification.get("KMSMasterKeyId")
    if not key:
        return data
    return {**data, "SSESpecification": {**specification, "KMSMasterKeyId": find_arn(key, region_name())}}


def _added(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the region and the key of each replica that a request creates. Raises UnusableKey."""
    for update in data.get("ReplicaUpdates") or []:
        if "Create" in update:
            region = update["Create"]["RegionName"]
            yield region, find_arn(update["Create"].get("KMSMasterKeyId") or _MANAGED, region)


def _encrypt_replica(name: str, region: str, key: str) -> None:
    """Give a new replica, which is a copy with the other region's key, its own."""
    table = touch(f"{_DDB}:_tables").get_scoped(account_id(), region, name)
    if table and table.get("SSEDescription"):
        table["SSEDescription"] = {**table["SSEDescription"], "KMSMasterKeyArn": key}


def _drop_disabled(name: str) -> None:
    """Show no encryption where the key is DynamoDB's own, as DescribeTable does."""
    table: MutableMapping[str, Any] = touch(f"{_DDB}:_tables")[name]
    if (table.get("SSEDescription") or {}).get("Status") == "DISABLED":
        table["SSEDescription"] = None


def _make_describe(describe: Callable[[str], dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    def describe_table(name: str) -> dict[str, Any]:
        description = describe(name)
        for replica in description.get("Replicas", []):
            if key := customer_key(name, replica["RegionName"]):
                replica["KMSMasterKeyId"] = key
        return description

    return describe_table


def customer_key(table: str, region: str) -> str | None:
    """Return the ARN of the customer's key that encrypts a replica, or None."""
    with acting_in(AccountRegion(account_id(), region)):
        record: Mapping[str, Any] = touch(f"{_DDB}:_tables").get(table) or {}
    key = (record.get("SSEDescription") or {}).get("KMSMasterKeyArn")
    return None if not key or is_aws_managed(key) else str(key)


# -- who reads and writes items

_ITEM_ACTIONS = frozenset(
    {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"}
    | {"BatchGetItem", "BatchWriteItem", "TransactGetItems", "TransactWriteItems"}
)


def _make_handle(handle: Callable[..., Awaitable[Reply]]) -> Callable[..., Awaitable[Reply]]:
    async def handle_if_decrypted(method: str, path: str, headers: Mapping[str, str], body: bytes, *rest: Any) -> Reply:  # noqa: ANN401  the emulator's own
        if headers.get("x-amz-target", "").rpartition(".")[2] in _ITEM_ACTIONS:
            try:
                for table in set(_tables_of(json.loads(body or b"{}"))):
                    if key := customer_key(table, region_name()):
                        check_use("Decrypt", key, "dynamodb", {"aws:dynamodb:tableName": table})
            except UnusableKey as error:
                return refused(str(error), code=error.code)
        return await handle(method, path, headers, body, *rest)

    return handle_if_decrypted


def _tables_of(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the tables that a request for items names."""
    operations = (operation for item in document.get("TransactItems") or [] for operation in item.values())
    named = [document, *operations]
    names = [*(each["TableName"] for each in named if "TableName" in each), *(document.get("RequestItems") or {})]
    yield from (name.rpartition("/")[2] for name in names)
