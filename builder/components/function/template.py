"""The function of a region, its URL, and the role and log group it runs with; the same bytes in every region."""

from typing import Any

from awacs import dynamodb, logs
from awacs.aws import Allow, PolicyDocument, Statement
from troposphere import GetAtt, Output, Parameter, Ref, Sub, Template, awslambda, iam
from troposphere import logs as cloudwatch_logs

from builder.components.function.options import FunctionConfig
from builder.components.role import make_role
from builder.components.skeleton import add, make_skeleton
from builder.config import Config, Wanted
from builder.topology import Stack, names


def make_template(wanted: Wanted, _stack: Stack) -> Template:
    """Return the template that this piece of dr.yaml leads to.

    function: {source: lambda/python, runtime: python3.14, memory_mb: 256, timeout_s: 10, url_auth: NONE}
    """
    config, options = wanted.config, wanted.config.function or FunctionConfig()
    what = "function behind a URL that writes to the global table" if config.table else "function behind a URL"
    template = make_skeleton(
        f"{config.project}: {what}",
        _role_parameter("Role", "Which of the system's regions this is"),
        _role_parameter("BornAs", "Which it was when the system was made: names the function for good"),
    )
    add(
        template,
        _function(wanted, options),
        awslambda.Url(
            "FunctionUrl",
            # By name: a reference to the ARN would show the URL as possibly replaced whenever the function changes.
            TargetFunctionArn=Ref("Function"),
            AuthType=options.url_auth,
        ),
        *_url_permissions(options),
        _execution_role(config),
        cloudwatch_logs.LogGroup(
            "LogGroup",
            LogGroupName=Sub(f"/aws/lambda/{_function_name(config)}"),
            RetentionInDays=options.log_retention_days,
        ),
    )
    template.add_output(
        Output("FunctionUrl", Description="Where the function answers", Value=GetAtt("FunctionUrl", "FunctionUrl"))
    )
    template.add_output(Output("FunctionName", Description="Name of the function", Value=Ref("Function")))
    return template


def _role_parameter(name: str, description: str) -> Parameter:
    return Parameter(name, Type="String", Description=description, AllowedValues=["primary", "secondary"])


def _function_name(config: Config) -> str:
    return names.function_name(config.project, "${BornAs}")


def _function(wanted: Wanted, options: FunctionConfig) -> awslambda.Function:
    config = wanted.config
    return awslambda.Function(
        "Function",
        FunctionName=Sub(_function_name(config)),
        Runtime=options.runtime,
        Handler="index.handler",
        MemorySize=options.memory_mb,
        Timeout=options.timeout_s,
        Role=GetAtt("ExecutionRole", "Arn"),
        LoggingConfig=awslambda.LoggingConfig(LogGroup=Ref("LogGroup")),
        Environment=awslambda.Environment(
            Variables={
                **({"TABLE_NAME": Sub(names.table_name(config.project))} if config.table else {}),
                "ROLE": Ref("Role"),
                "REGIONS": ",".join(config.regions.all),
                **options.environment,
            }
        ),
        Code=awslambda.Code(ZipFile=wanted.handler),
    )


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


def _execution_role(config: Config) -> iam.Role:
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
                Statement=[*([_read_and_write_items(config)] if config.table else []), write_logs],
            ),
        ),
    )


def _read_and_write_items(config: Config) -> Statement:
    table = f"table/{names.table_name(config.project)}"
    return Statement(
        Sid="ReadAndWriteItems",
        Effect=Allow,
        Action=[dynamodb.GetItem, dynamodb.PutItem, dynamodb.DeleteItem],
        Resource=[Sub(f"arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:{table}")],
    )
