import pytest

from components.templates import THREE, Json, properties, statements, template, templates

SERVICE = "us-east-1/service"


def test_the_function_may_use_items_of_its_own_table_and_write_its_own_log() -> None:
    assert statements(template(SERVICE), "ExecutionRole") == [
        {
            "Sid": "ReadAndWriteItems",
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"],
            "Resource": [
                {
                    "Fn::Sub": "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}"
                    ":table/tap-${EnvironmentSuffix}-global"
                }
            ],
        },
        {
            "Sid": "WriteLogs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [{"Fn::GetAtt": ["LogGroup", "Arn"]}],
        },
    ]


def test_only_lambda_may_take_the_execution_role() -> None:
    trust = properties(template(SERVICE), "ExecutionRole")["AssumeRolePolicyDocument"]

    assert trust["Statement"] == [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": ["sts:AssumeRole"]}
    ]


@pytest.mark.parametrize(
    ("auth", "caller"), [("NONE", "*"), ("AWS_IAM", {"Ref": "AWS::AccountId"})], ids=["NONE", "AWS_IAM"]
)
def test_the_url_has_both_permissions_for_the_same_caller(auth: str, caller: str | Json) -> None:
    made = template(SERVICE, function={"url_auth": auth})

    assert properties(made, "UrlPermission") == {
        "Action": "lambda:InvokeFunctionUrl",
        "FunctionName": {"Ref": "Function"},
        "Principal": caller,
        "FunctionUrlAuthType": auth,
    }
    assert properties(made, "InvokePermission") == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Ref": "Function"},
        "Principal": caller,
        "InvokedViaFunctionUrl": True,
    }
    assert properties(made, "FunctionUrl") == {"TargetFunctionArn": {"Ref": "Function"}, "AuthType": auth}


def test_a_url_is_for_signed_requests_unless_said_otherwise() -> None:
    assert properties(template(SERVICE), "FunctionUrl")["AuthType"] == "AWS_IAM"


def test_the_function_is_what_the_config_says() -> None:
    options = {"runtime": "python3.13", "memory_mb": 512, "timeout_s": 3, "environment": {"LEVEL": "debug"}}
    function = properties(template(SERVICE, "def handler(): ...\n", function=options), "Function")

    assert function["FunctionName"] == {"Fn::Sub": "tap-${EnvironmentSuffix}-${BornAs}"}
    assert function["Handler"] == "index.handler"
    assert function["Code"] == {"ZipFile": "def handler(): ...\n"}
    assert (function["Runtime"], function["MemorySize"], function["Timeout"]) == ("python3.13", 512, 3)
    assert function["Environment"] == {
        "Variables": {
            "TABLE_NAME": {"Fn::Sub": "tap-${EnvironmentSuffix}-global"},
            "ROLE": {"Ref": "Role"},
            "REGIONS": "us-east-1,us-west-2",
            "LEVEL": "debug",
        }
    }


def test_logs_go_to_a_group_of_the_stack_kept_as_long_as_said() -> None:
    made = template(SERVICE, function={"log_retention_days": 7})

    assert properties(made, "LogGroup") == {
        "LogGroupName": {"Fn::Sub": "/aws/lambda/tap-${EnvironmentSuffix}-${BornAs}"},
        "RetentionInDays": 7,
    }
    assert properties(made, "Function")["LoggingConfig"] == {"LogGroup": {"Ref": "LogGroup"}}


def test_every_region_gets_the_same_template_and_is_told_all_regions() -> None:
    made = templates(regions=THREE)
    services = [made[f"{region}/service"] for region in ("eu-central-1", "eu-west-1", "eu-north-1")]

    assert services[0] == services[1] == services[2]
    variables = properties(services[0], "Function")["Environment"]["Variables"]
    assert variables["REGIONS"] == "eu-central-1,eu-west-1,eu-north-1"


def test_the_role_parameter_takes_two_words() -> None:
    assert template(SERVICE)["Parameters"]["Role"]["AllowedValues"] == ["primary", "secondary"]


def test_it_puts_out_url_and_name() -> None:
    outputs = template(SERVICE)["Outputs"]

    assert outputs["FunctionUrl"]["Value"] == {"Fn::GetAtt": ["FunctionUrl", "FunctionUrl"]}
    assert outputs["FunctionName"]["Value"] == {"Ref": "Function"}
