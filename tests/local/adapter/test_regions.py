"""A region that is lost for a while: it answers nobody, nothing goes in or out, and its tables stay as they are."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from builder.local.adapter.regions import RegionFault, Regions, find_call, make_faults, read_faults
from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, take_in, update
from local.adapter.control import ask, lost
from local.adapter.templates import HANDLE, TABLE, bucket, function, kept, names, replication, table

_ONCE = Config(retries={"total_max_attempts": 1}, signature_version="s3v4")
_CALLS: Any = {
    "cloudformation": lambda client: client.describe_stacks(),
    "dynamodb": lambda client: client.list_tables(),
    "s3": lambda client: client.list_objects_v2(Bucket="any-bucket"),
    "lambda": lambda client: client.list_functions(),
    "ssm": lambda client: client.get_parameter(Name="/any"),
    "sts": lambda client: client.get_caller_identity(),
    "cloudwatch": lambda client: client.describe_alarms(),
    "kms": lambda client: client.list_keys(),
}


def _client(account: Account, service: Any, region: str = PRIMARY) -> Any:
    """Return a client that asks once."""
    access: Any = {"endpoint_url": account.endpoint, "aws_access_key_id": account.id, "aws_secret_access_key": "test"}
    return boto3.client(service, region_name=region, config=_ONCE, **access)


@pytest.mark.parametrize("service", list(_CALLS))
def test_a_lost_region_refuses_every_call_and_only_its_own(account: Account, service: str) -> None:
    with lost(account):
        with pytest.raises(ClientError) as refused:
            _CALLS[service](_client(account, service))
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"
        assert _code(lambda: _CALLS[service](_client(account, service, SECONDARY))) != "ServiceUnavailable"


def _code(ask: Callable[[], object]) -> str:
    """Return the error's code, or an empty text."""
    try:
        ask()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def test_of_a_region_some_services_may_be_lost(account: Account) -> None:
    with lost(account, services=["dynamodb"]):
        with pytest.raises(ClientError, match="ServiceUnavailable"):
            _client(account, "dynamodb").list_tables()
        assert _client(account, "ssm").describe_parameters()["Parameters"] == []


def test_a_presigned_request_belongs_to_its_region_too(account: Account) -> None:
    source, _ = names(account)
    account.s3().create_bucket(Bucket=source)
    url = _client(account, "s3").generate_presigned_url("head_bucket", Params={"Bucket": source})
    assert urllib3.request("HEAD", url).status == 200
    with lost(account):
        assert urllib3.request("HEAD", url, retries=False).status == 503


def test_its_function_urls_are_lost_with_it_and_written_down(account: Account) -> None:
    deploy(account, "one", function("alone"))
    client = account.functions()
    anyone: Any = {"FunctionName": "alone", "Principal": "*"}
    client.add_permission(StatementId="u", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE", **anyone)
    client.add_permission(StatementId="i", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True, **anyone)
    host = client.create_function_url_config(FunctionName="alone", AuthType="NONE")["FunctionUrl"].split("/")[2]

    def status() -> int:
        headers = {"Host": host}
        return urllib3.request("GET", f"{account.endpoint}/{account.id}", headers=headers, retries=False).status

    assert status() == 200
    with lost(account):
        assert status() == 503
    with lost(account, services=["s3"]):
        assert status() == 200
    logged = [each for each in ask(account, "/_builder/requests")["requests"] if each["path"] == f"/{account.id}"]
    assert [each["status"] for each in logged] == [200, 503, 200]


def test_a_region_that_hangs_answers_late_or_when_it_is_found(account: Account) -> None:
    with lost(account, status=None, delay_s=0.2):
        began = time.monotonic()
        assert _client(account, "dynamodb").list_tables()["TableNames"] == []
        assert time.monotonic() - began >= 0.2
    client = _client(account, "dynamodb")
    with lost(account, delay_s=600.0, for_s=0.3), pytest.raises(ClientError, match="ServiceUnavailable"):
        client.list_tables()


def test_writes_wait_for_a_lost_region_and_arrive_when_it_is_found(account: Account) -> None:
    source, destination = names(account)
    deploy(account, "table", table())
    deploy(account, "destination", bucket(destination), region=SECONDARY)
    deploy(account, "source", bucket(source, ReplicationConfiguration=replication(destination)))
    with lost(account, SECONDARY):
        account.dynamodb().put_item(TableName=TABLE, Item={"id": {"S": "1"}})
        account.s3().put_object(Bucket=source, Key="k", Body=b"")
        assert account.s3().head_object(Bucket=source, Key="k")["ReplicationStatus"] == "PENDING"
    assert account.dynamodb(SECONDARY).scan(TableName=TABLE)["Count"] == 1
    assert account.s3().head_object(Bucket=source, Key="k")["ReplicationStatus"] == "COMPLETED"


_EXPIRY = {"TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True}}


def test_the_other_region_imports_a_table_and_does_nothing_else_with_it(account: Account) -> None:
    deploy(account, "old", table())
    with lost(account):
        taken = take_in(account, "new", kept(table()), {"Table": {"TableName": TABLE}}, region=SECONDARY)
        assert taken.status == "IMPORT_COMPLETE"
        ended = update(account, "new", kept(table(**_EXPIRY)), region=SECONDARY)
        assert f"Service is unable to handle request in {PRIMARY}." in ended.reason
        deploy(account, "other", HANDLE, region=SECONDARY)
        made = deploy(account, "made", table(TableName="another"), region=SECONDARY)
        assert "Service is unable to handle request" in made.reason
        # What stays as it is needs nobody.
        assert update(account, "new", {**kept(table()), **HANDLE}, region=SECONDARY).status == "UPDATE_COMPLETE"
        assert update(account, "new", HANDLE, region=SECONDARY).changes[0]["ResourceChange"]["PolicyAction"] == "Retain"
    assert account.dynamodb().list_tables()["TableNames"] == [TABLE]


def test_a_deletion_fails_while_a_replica_s_region_is_lost(account: Account) -> None:
    deploy(account, "table", table())
    with lost(account, SECONDARY):
        assert destroy(account, "table").status == "DELETE_FAILED"
    assert destroy(account, "table").status == "DELETE_COMPLETE"


def test_an_import_may_need_every_replica_as_well(account: Account) -> None:
    deploy(account, "old", table())
    with lost(account, imports_too=True):
        failed = take_in(account, "new", kept(table()), {"Table": {"TableName": TABLE}}, region=SECONDARY)
    assert failed.status == "ROLLBACK_COMPLETE"
    assert f"Service is unable to handle request in {PRIMARY}." in failed.reason


def _settled(account: Account, stack: str) -> str:
    client, status = account.cloudformation(SECONDARY), ""
    until = time.monotonic() + 20
    while status in {"", "IMPORT_IN_PROGRESS", "UPDATE_IN_PROGRESS"}:
        assert time.monotonic() < until
        status = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    return status


def test_while_it_hangs_an_import_and_an_update_stay_in_progress(account: Account) -> None:
    deploy(account, "old", table())
    client = account.cloudformation(SECONDARY)
    target: Any = {
        "ResourceType": "AWS::DynamoDB::GlobalTable",
        "LogicalResourceId": "Table",
        "ResourceIdentifier": {"TableName": TABLE},
    }
    request: Any = {"ChangeSetType": "IMPORT", "ResourcesToImport": [target]}
    for name, properties in (("import", {}), ("update", _EXPIRY)):
        body = json.dumps({"Resources": kept(table(**properties))})
        made = client.create_change_set(StackName="new", ChangeSetName=name, TemplateBody=body, **request)
        with lost(account, delay_s=600.0, imports_too=True):
            client.execute_change_set(ChangeSetName=made["Id"])
            time.sleep(0.2)
            assert client.describe_stacks(StackName="new")["Stacks"][0]["StackStatus"] == f"{name.upper()}_IN_PROGRESS"
        assert _settled(account, "new") == f"{name.upper()}_COMPLETE"
        request = {"ChangeSetType": "UPDATE"}


# -- pure

_SCOPE = "1/20261130/eu-west-1/s3/aws4_request"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"delay_s": -1},
        {"status": 503, "for_s": -1},
        {"status": 503, "services": []},
        {"status": 503, "services": "s3"},
    ],
)
def test_a_fault_that_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  several
        make_faults([{"region": PRIMARY, **wrong}], 0.0)


def test_what_is_put_is_read_until_it_ends() -> None:
    regions = Regions(clock=lambda: now)
    now = 10.0
    fault = {"region": PRIMARY, "status": 503, "delay_s": 2.0, "services": ["s3"], "imports_too": True}
    regions.faults.update(make_faults([{**fault, "for_s": 5.0}], now))
    assert read_faults(regions) == [{**fault, "for_s": 5.0}]
    assert regions.is_lost(PRIMARY, "s3")
    assert not regions.is_lost(PRIMARY, "dynamodb")
    now = 15.0
    assert (read_faults(regions), regions.is_lost(PRIMARY, "s3")) == ([], False)


def test_who_waits_goes_on_when_the_fault_is_another() -> None:
    regions = Regions()
    regions.faults.update(make_faults([{"region": PRIMARY, "status": 503, "delay_s": 600.0}], regions.clock()))

    async def wait() -> RegionFault | None:
        waiting = asyncio.create_task(regions.wait(PRIMARY, "s3"))
        await asyncio.sleep(0.01)
        regions.faults.clear()
        return await asyncio.wait_for(waiting, 5)

    assert asyncio.run(wait()) is not None


@pytest.mark.parametrize(
    ("path", "headers", "query", "called"),
    [
        ("/_builder/faults", {"Authorization": "Bearer any"}, "", None),
        ("/", {"Host": "abc.lambda-url.us-east-1.on.aws"}, "", None),
        ("/", {"Host": "abc.execute-api.us-east-1.amazonaws.com:80"}, "", ("us-east-1", "execute-api")),
        ("/", {"Authorization": f"AWS4-HMAC-SHA256 Credential={_SCOPE}, S=x"}, "", ("eu-west-1", "s3")),
        ("/k", {}, f"X-Amz-Credential={_SCOPE.replace('/', '%2F')}&x=y", ("eu-west-1", "s3")),
        ("/health", {}, "", None),
    ],
)
def test_a_call_belongs_to_the_region_of_its_signature_or_host(
    path: str, headers: dict[str, str], query: str, called: tuple[str, str] | None
) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert find_call({"path": path, "headers": pairs, "query_string": query.encode()}) == called
