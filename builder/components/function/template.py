"""The function of a region, its URL, and the role and log group it runs with; the same bytes in every region."""

from typing import Any

from awacs import dynamodb, logs
from awacs.aws import Allow, PolicyDocument, Statement
from troposphere import AWSObject, GetAtt, Output, Parameter, Ref, Sub, Template, awslambda, iam
from troposphere import logs as cloudwatch_logs

from builder.assembly.assets import BUCKET_PARAMETER, key_of
from builder.components.encryption import function_key, function_key_parameters
from builder.components.function.grants import check_size, make_statements, may_use_key, variables_of
from builder.components.function.options import FunctionConfig
from builder.components.function.stacks import existing_buckets, uses_data, writes_to_table
from builder.components.options import FUNCTION, TABLE
from builder.components.role import make_role
from builder.components.skeleton import add, make_skeleton, written
from builder.components.varying import Varying
from builder.config import Config, LoadedConfig
from builder.packing.read import Code, Inline, Packed
from builder.topology import Stack, names


def make_template(loaded: LoadedConfig, stack: Stack) -> Template:
    """Return the template that this piece of dr.yaml leads to.

    function: {source: lambda/python, runtime: python3.14, memory_mb: 256, timeout_s: 10, url_auth: NONE}
    functions: {api: {source: services/api, handler: app.main.handler, uses: {orders: read_write}, url: false}}
    """
    config, options = loaded.config, loaded.config.functions_by_name[stack.of]
    writes = writes_to_table(config, stack.of)
    what = "function behind a URL" if options.auth else "function"
    what = f"{what} that writes to the global table" if writes else what
    of_key = function_key_parameters(config, uses_data=uses_data(config, stack.of))
    buckets = (
        Parameter(name, Type="String", Description="Name of this region's bucket")
        for name in existing_buckets(config, stack.of, stack.region)
    )
    template = make_skeleton(f"{config.project}: {what}", *_role_parameters(stack.of), *buckets, *of_key)
    if isinstance(loaded.code[stack.of], Packed):
        template.add_parameter(Parameter(BUCKET_PARAMETER, Type="String", Description="Bucket that holds the code"))
    values = Varying(config, FUNCTION, stack.of, template)
    add(
        template,
        _function(loaded, stack.of, values),
        *(_url(options.auth) if options.auth else ()),
        _execution_role(loaded, stack.of, options),
        cloudwatch_logs.LogGroup(
            "LogGroup",
            LogGroupName=Sub(f"/aws/lambda/{_function_name(config, stack.of)}"),
            RetentionInDays=values.of("log_retention_days"),
            **_by_key("KmsKeyId", config),
        ),
    )
    if options.auth:
        template.add_output(
            Output("FunctionUrl", Description="Where the function answers", Value=GetAtt("FunctionUrl", "FunctionUrl"))
        )
    template.add_output(Output("FunctionName", Description="Name of the function", Value=Ref("Function")))
    return template


def _role_parameters(name: str) -> tuple[Parameter, ...]:
    role = _role_parameter("Role", "Which of the system's regions this is")
    born = _role_parameter("BornAs", "Which it was when the system was made: names the function for good")
    return (role, born) if name == FUNCTION else (role,)


def _role_parameter(name: str, description: str) -> Parameter:
    return Parameter(name, Type="String", Description=description, AllowedValues=["primary", "secondary"])


def _function_name(config: Config, name: str) -> str:
    return names.function_name(config.project, name, role="${BornAs}", region="${AWS::Region}")


def _function(loaded: LoadedConfig, name: str, values: Varying) -> awslambda.Function:
    config, options = loaded.config, loaded.config.functions_by_name[name]
    table = names.table_name(config, TABLE) if writes_to_table(config, name) else None
    return awslambda.Function(
        "Function",
        FunctionName=Sub(_function_name(config, name)),
        Runtime=options.runtime,
        Handler=options.handler,
        MemorySize=values.of("memory_mb"),
        Timeout=values.of("timeout_s"),
        Role=GetAtt("ExecutionRole", "Arn"),
        LoggingConfig=awslambda.LoggingConfig(LogGroup=Ref("LogGroup")),
        Environment=awslambda.Environment(
            Variables={
                **({"TABLE_NAME": written(table)} if table else {}),
                "ROLE": Ref("Role"),
                "REGIONS": ",".join(config.regions.all),
                **variables_of(config, options),
                **values.of("environment"),
            }
        ),
        Code=_code(loaded.code[name]),
        **_unusual(options, values),
        **_by_key("KmsKeyArn", config),
    )


def _by_key(name: str, config: Config) -> dict[str, Any]:
    """Return the property that names the key, where there is one."""
    key = function_key(config)
    return {name: key} if key else {}


def _code(code: Code) -> awslambda.Code:
    if isinstance(code, Inline):
        return awslambda.Code(ZipFile=code.text)
    return awslambda.Code(S3Bucket=Ref(BUCKET_PARAMETER), S3Key=key_of(code))


def _unusual(options: FunctionConfig, values: Varying) -> dict[str, Any]:
    """Return the properties that most functions do without."""
    architecture = options.architecture
    machine = {"Architectures": [architecture]} if architecture != "x86_64" else {}
    has_concurrency = options.reserved_concurrency is not None or values.varies("reserved_concurrency")
    concurrency = {"ReservedConcurrentExecutions": values.of("reserved_concurrency")} if has_concurrency else {}
    return {**machine, **concurrency}


def _url(auth: str) -> tuple[AWSObject, ...]:
    """Return a URL with both of the permissions that it needs since October 2025; with one alone it answers 403.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    """
    caller: Any = "*" if auth == "NONE" else Ref("AWS::AccountId")
    return (
        awslambda.Url(
            "FunctionUrl",
            # By name: a reference to the ARN would show the URL as possibly replaced whenever the function changes.
            TargetFunctionArn=Ref("Function"),
            AuthType=auth,
        ),
        awslambda.Permission(
            "UrlPermission",
            Action="lambda:InvokeFunctionUrl",
            FunctionName=Ref("Function"),
            Principal=caller,
            FunctionUrlAuthType=auth,
        ),
        awslambda.Permission(
            "InvokePermission",
            Action="lambda:InvokeFunction",
            FunctionName=Ref("Function"),
            Principal=caller,
            InvokedViaFunctionUrl=True,
        ),
    )


def _execution_role(loaded: LoadedConfig, name: str, options: FunctionConfig) -> iam.Role:
    config = loaded.config
    # Without logs:CreateLogGroup: a late write could bring a deleted group back.
    write_logs = Statement(
        Sid="WriteLogs",
        Effect=Allow,
        Action=[logs.CreateLogStream, logs.PutLogEvents],
        Resource=[GetAtt("LogGroup", "Arn")],
    )
    statements = [
        *([_read_and_write_items(config)] if writes_to_table(config, name) else []),
        write_logs,
        *make_statements(config, options),
        # Last: a change set compares statements by their place, and so shows a key as what it is, added or taken away.
        *may_use_key(config, name, options),
    ]
    policy = iam.Policy(PolicyName="run", PolicyDocument=PolicyDocument(Version="2012-10-17", Statement=statements))
    role = make_role(config, "ExecutionRole", "lambda.amazonaws.com", policy)
    check_size(loaded, name, role)
    return role


def _read_and_write_items(config: Config) -> Statement:
    return Statement(
        Sid="ReadAndWriteItems",
        Effect=Allow,
        Action=[dynamodb.GetItem, dynamodb.PutItem, dynamodb.DeleteItem],
        Resource=[Sub(names.table_arn(config, TABLE))],
    )
