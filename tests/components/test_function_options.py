"""Options of functions: what each adds to the template, and that without options nothing is added."""

import json
from typing import Any

import pytest

from builder.components.system import make_topology
from builder.errors import BadInput
from components.templates import Json, properties, statements, template
from loaded_config import make_loaded_config

NAMED: dict[str, Any] = {"tables": {"orders": {}, "my-carts": {}}, "buckets": {"uploads": {}}}
ARN = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/tap-${EnvironmentSuffix}-orders"
BUCKET = "arn:${AWS::Partition}:s3:::tap-${EnvironmentSuffix}-uploads-${AWS::AccountId}-${AWS::Region}-an"
READS_TABLE = {"BatchGetItem", "ConditionCheckItem", "GetItem", "Query", "Scan"}
WRITES_TABLE = {"BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem"}
READS_BUCKET, WRITES_BUCKET = {"GetObject", "ListBucket"}, {"AbortMultipartUpload", "DeleteObject", "PutObject"}


def api(**options: Any) -> Json:
    return template("us-west-2/api", **NAMED, functions={"api": {"source": "lambda/python", **options}})


def allowed(made: Json) -> dict[str, set[str]]:
    """Return the actions that a function's role is allowed, on what."""
    actions: dict[str, set[str]] = {}
    for statement in statements(made, "ExecutionRole")[1:]:
        for resource in statement["Resource"]:
            where = resource["Fn::Sub"] if isinstance(resource, dict) else resource
            actions.setdefault(where, set()).update(action.partition(":")[2] for action in statement["Action"])
    return actions


@pytest.mark.parametrize(
    ("mode", "table", "bucket"),
    [
        ("read", READS_TABLE, READS_BUCKET),
        ("write", WRITES_TABLE, WRITES_BUCKET),
        ("read_write", READS_TABLE | WRITES_TABLE, READS_BUCKET | WRITES_BUCKET),
    ],
)
def test_what_is_used_is_allowed_as_the_mode_says_in_the_function_s_own_region(
    mode: str, table: set[str], bucket: set[str]
) -> None:
    actions = allowed(api(uses={"orders": mode, "uploads": mode}))
    index = actions.pop(f"{ARN}/index/*", set())
    assert index == {"Query", "Scan"} & table
    assert actions.pop(ARN) == table
    assert actions.pop(BUCKET, set()) == {"ListBucket"} & bucket
    assert actions.pop(f"{BUCKET}/*") == bucket - {"ListBucket"}
    assert actions == {}


def test_the_names_of_what_is_used_are_variables() -> None:
    variables = properties(api(uses={"my-carts": "read", "uploads": "write"}), "Function")["Environment"]["Variables"]
    assert variables == {
        "ROLE": {"Ref": "Role"},
        "REGIONS": "us-east-1,us-west-2",
        "MY_CARTS_TABLE": {"Fn::Sub": "tap-${EnvironmentSuffix}-my-carts"},
        "UPLOADS_BUCKET": {"Fn::Sub": "tap-${EnvironmentSuffix}-uploads-${AWS::AccountId}-${AWS::Region}-an"},
    }
    both = properties(api(uses={"table": "read", "bucket": "read"}), "Function")["Environment"]["Variables"]
    assert both["TABLE_NAME"] == {"Fn::Sub": "tap-${EnvironmentSuffix}-global"}
    assert both["BUCKET_NAME"] == {"Fn::Sub": "tap-${EnvironmentSuffix}-${AWS::AccountId}-${AWS::Region}-an"}


def test_what_is_used_stands_before() -> None:
    used = {"api": {"source": "lambda/python", "uses": {"orders": "read", "uploads": "read", "bucket": "read"}}}
    needs = {
        stack.id: stack.needs
        for stack in make_topology(make_loaded_config(**NAMED, functions=used)).stacks
        if stack.of == "api"
    }
    assert needs == {
        "us-east-1/api": ("us-east-1/orders", "us-east-1/uploads", "us-east-1/storage"),
        "us-west-2/api": ("us-east-1/orders", "us-west-2/uploads", "us-west-2/storage"),
    }


def test_without_uses_a_function_by_name_has_its_logs_alone() -> None:
    assert [statement["Sid"] for statement in statements(api(), "ExecutionRole")] == ["WriteLogs"]


def test_the_one_function_uses_more_than_its_table() -> None:
    made = template("us-east-1/service", **NAMED, function={"uses": {"orders": "read"}})
    sids = [statement["Sid"] for statement in statements(made, "ExecutionRole")]
    assert sids == ["ReadAndWriteItems", "WriteLogs", "ReadOrders", "QueryOrders"]


def test_own_statements_are_as_they_were_written() -> None:
    statement: Json = {
        "Action": ["sns:Publish", "sns:GetTopicAttributes"],
        "Resource": ["arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:news", "arn:aws:sns:eu-west-1:1:x"],
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "shop"}, "Bool": {"aws:SecureTransport": "true"}},
    }
    first, second = statements(api(policy=[statement, {**statement, "Sid": "Mine"}]), "ExecutionRole")[1:]
    assert first == {
        "Sid": "Own1",
        "Effect": "Allow",
        "Action": statement["Action"],
        "Resource": [{"Fn::Sub": statement["Resource"][0]}, statement["Resource"][1]],
        "Condition": statement["Condition"],
    }
    assert second == {**first, "Sid": "Mine"}


@pytest.mark.parametrize(
    ("uses", "sids"),
    [
        ({}, {"DecryptVariables"}),
        ({"orders": "read"}, {"DecryptVariables", "DecryptItems"}),
        ({"uploads": "read"}, {"DecryptVariables", "UseObjects"}),
        ({"orders": "write", "uploads": "write"}, {"DecryptVariables", "DecryptItems", "UseObjects"}),
    ],
)
def test_what_is_used_under_a_key_takes_the_key(uses: Json, sids: set[str]) -> None:
    function = {"source": "lambda/python", "uses": uses}
    made = template("us-west-2/api", **NAMED, functions={"api": function}, encryption={"key": "managed"})
    by_sid = {
        statement["Sid"]: statement
        for statement in statements(made, "ExecutionRole")
        if statement["Action"][0].startswith("kms:")
    }
    assert by_sid.keys() == sids
    without = template("us-west-2/api", **NAMED, functions={"api": function})
    assert statements(made, "ExecutionRole")[: -len(sids)] == statements(without, "ExecutionRole")
    if "UseObjects" in sids:
        puts = ["kms:Decrypt", "kms:GenerateDataKey"] if uses["uploads"] == "write" else ["kms:Decrypt"]
        assert by_sid["UseObjects"]["Action"] == puts


def test_no_two_statements_have_one_name() -> None:
    tables: Json = {"a-1b": {}, "a1b": {}}
    own = [{"Sid": sid, "Action": ["sns:Publish"], "Resource": ["*"]} for sid in ("WriteLogs", "ReadA1b")]
    function = {"source": "lambda/python", "uses": dict.fromkeys(tables, "read"), "policy": own}
    made = template("us-east-1/api", tables=tables, functions={"api": function})
    sids = [statement["Sid"] for statement in statements(made, "ExecutionRole")]
    assert len(set(sids)) == len(sids) == 7
    assert all(sid.isalnum() for sid in sids)


@pytest.mark.parametrize(
    ("options", "auth"),
    [
        ({}, "AWS_IAM"),
        ({"url": True}, "AWS_IAM"),
        ({"url": {}}, "AWS_IAM"),
        ({"url": {"auth": "NONE"}}, "NONE"),
        ({"url_auth": "NONE"}, "NONE"),
    ],
)
def test_a_url_is_called_by_whom_it_says(options: Json, auth: str) -> None:
    made = api(**options)
    assert properties(made, "FunctionUrl")["AuthType"] == auth
    principal = "*" if auth == "NONE" else {"Ref": "AWS::AccountId"}
    assert (
        properties(made, "UrlPermission")["Principal"] == properties(made, "InvokePermission")["Principal"] == principal
    )


def test_without_a_url_there_is_nothing_of_it() -> None:
    made = api(url=False)
    assert made["Resources"].keys() == {"Function", "ExecutionRole", "LogGroup"}
    assert made["Outputs"].keys() == {"FunctionName"}
    topology = make_topology(make_loaded_config(functions={"api": {"url": False}}))
    assert "api" not in topology.components
    assert not [name for name in topology.outputs if name.startswith("api.")]


def test_the_health_path_is_the_component_s() -> None:
    function = make_topology(make_loaded_config(functions={"api": {"health": "/ok"}})).components["api"].function
    assert function
    assert function.health == "/ok"


def test_what_most_do_without_is_not_there_unless_it_is_said() -> None:
    plain = properties(api(), "Function")
    assert not {"Architectures", "ReservedConcurrentExecutions"} & plain.keys()
    function = properties(api(architecture="arm64", reserved_concurrency=0, handler="app.main.handler"), "Function")
    assert function["Architectures"] == ["arm64"]
    assert function["ReservedConcurrentExecutions"] == 0
    assert function["Handler"] == "app.main.handler"


def test_reserved_concurrency_may_be_said_in_one_environment_alone() -> None:
    here = {"prod": {"functions": {"api": {"reserved_concurrency": 50}}}}
    made = template("us-east-1/api", functions={"api": {"source": "lambda/python"}}, environments=here)
    parameter = made["Parameters"]["ReservedConcurrency"]
    assert parameter["Type"] == "String"
    assert properties(made, "Function")["ReservedConcurrentExecutions"]["Fn::If"][1] == {"Ref": "ReservedConcurrency"}


def test_a_role_is_allowed_no_more_than_iam_takes() -> None:
    def used(count: int) -> dict[str, Any]:
        tables: dict[str, Any] = {f"orders-{number:02}": {} for number in range(count)}
        return {"tables": tables, "functions": {"api": {"uses": dict.fromkeys(tables, "read_write")}}}

    written = {"${EnvironmentSuffix}": "dev", "${AWS::Region}": "us-east-1", "${AWS::Partition}": "aws"}
    text = json.dumps(statements(template("us-west-2/api", **used(15)), "ExecutionRole"), separators=(",", ":"))
    for part, bound in {**written, "${AWS::AccountId}": "1" * 12, '{"Fn::Sub":"': '"', '"}': '"'}.items():
        text = text.replace(part, bound)
    assert 9_500 < len(text) < 10_240
    with pytest.raises(BadInput, match=r"functions\.api\.uses: its role's policy would have 10,[0-9]{3} characters"):
        template("us-west-2/api", **used(16))
