"""The function of a region, its URL, and the role and log group it runs with; the same bytes in every region."""

from collections.abc import Iterator
from typing import Any

from awacs import dynamodb, kms, logs
from awacs.aws import Allow, PolicyDocument, Statement
from troposphere import GetAtt, Output, Parameter, Ref, Sub, Template, awslambda, iam
from troposphere import logs as cloudwatch_logs

from builder.components.encryption import function_key, function_key_parameters, function_may_use_key, via
from builder.components.function.options import FunctionConfig
from builder.components.options import FUNCTION, TABLE
from builder.components.role import make_role
from builder.components.skeleton import add, make_skeleton
from builder.components.varying import Varying
from builder.config import Config, Wanted
from builder.topology import Stack, names


def make_template(wanted: Wanted, stack: Stack) -> Template:
    """Return the template that this piece of dr.yaml leads to.

    function: {source: lambda/python, runtime: python3.14, memory_mb: 256, timeout_s: 10, url_auth: NONE}
    """
    config, options = wanted.config, wanted.config.functions_by_name[stack.of]
    writes = stack.of == FUNCTION and config.table is not None
    what = "function behind a URL that writes to the global table" if writes else "function behind a URL"
    parameters = (*_role_parameters(stack.of), *function_key_parameters(config, uses_data=writes))
    template = make_skeleton(f"{config.project}: {what}", *parameters)
    values = Varying(config, FUNCTION, stack.of, template)
    add(
        template,
        _function(wanted, stack.of, values),
        awslambda.Url(
            "FunctionUrl",
            # By name: a reference to the ARN would show the URL as possibly replaced whenever the function changes.
            TargetFunctionArn=Ref("Function"),
            AuthType=options.url_auth,
        ),
        *_url_permissions(options),
        _execution_role(config, stack.of, writes=writes),
        cloudwatch_logs.LogGroup(
            "LogGroup",
            LogGroupName=Sub(f"/aws/lambda/{_function_name(config, stack.of)}"),
            RetentionInDays=values.of("log_retention_days"),
            **_by_key("KmsKeyId", config),
        ),
    )
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


def _function(wanted: Wanted, name: str, values: Varying) -> awslambda.Function:
    config, options = wanted.config, wanted.config.functions_by_name[name]
    table = names.table_name(config.project, TABLE) if name == FUNCTION and config.table else None
    return awslambda.Function(
        "Function",
        FunctionName=Sub(_function_name(config, name)),
        Runtime=options.runtime,
        Handler="index.handler",
        MemorySize=values.of("memory_mb"),
        Timeout=values.of("timeout_s"),
        Role=GetAtt("ExecutionRole", "Arn"),
        LoggingConfig=awslambda.LoggingConfig(LogGroup=Ref("LogGroup")),
        Environment=awslambda.Environment(
            Variables={
                **({"TABLE_NAME": Sub(table)} if table else {}),
                "ROLE": Ref("Role"),
                "REGIONS": ",".join(config.regions.all),
                **values.of("environment"),
            }
        ),
        Code=awslambda.Code(ZipFile=wanted.handlers[name]),
        **_by_key("KmsKeyArn", config),
    )


def _by_key(name: str, config: Config) -> dict[str, Any]:
    """Return the property that names the key, where there is one."""
    key = function_key(config)
    return {name: key} if key else {}


def _url_permissions(options: FunctionConfig) -> tuple[awslambda.Permission, awslambda.Permission]:
    """Both of the permissions that a URL needs since October 2025; with one alone it answers 403.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    """
    auth = options.url_auth
    caller: Any = "*" if auth == "NONE" else Ref("AWS::AccountId")
    return (
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


def _execution_role(config: Config, name: str, *, writes: bool) -> iam.Role:
    # Without logs:CreateLogGroup: a late write could bring a deleted group back.
    write_logs = Statement(
        Sid="WriteLogs",
        Effect=Allow,
        Action=[logs.CreateLogStream, logs.PutLogEvents],
        Resource=[GetAtt("LogGroup", "Arn")],
    )
    return make_role(
        config,
        "ExecutionRole",
        "lambda.amazonaws.com",
        iam.Policy(
            PolicyName="run",
            PolicyDocument=PolicyDocument(
                Version="2012-10-17",
                Statement=[
                    *([_read_and_write_items(config)] if writes else []),
                    write_logs,
                    *_use_of_key(config, name, writes=writes),
                ],
            ),
        ),
    )


def _use_of_key(config: Config, name: str, *, writes: bool) -> Iterator[Statement]:
    """Yield what the function takes of the key: its variables, and what is in the table, which a write decrypts too.

    Sources: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html and
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    """
    if function_key(config):
        function = f"function:{_function_name(config, name)}"
        own = Sub(f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:{function}")
        context = {"kms:EncryptionContext:aws:lambda:FunctionArn": own}
        yield from function_may_use_key(config, "DecryptVariables", [kms.Decrypt], context)
    if writes:
        yield from function_may_use_key(config, "DecryptItems", [kms.Decrypt], {"kms:ViaService": via("dynamodb")})


def _read_and_write_items(config: Config) -> Statement:
    table = f"table/{names.table_name(config.project, TABLE)}"
    return Statement(
        Sid="ReadAndWriteItems",
        Effect=Allow,
        Action=[dynamodb.GetItem, dynamodb.PutItem, dynamodb.DeleteItem],
        Resource=[Sub(f"arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:{table}")],
    )
