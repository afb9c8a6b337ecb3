import pytest

from builder.rules.function_log_groups import FunctionLogGroups
from rules.findings import find, make_template

STATEMENT = "Resources/Role/Properties/Policies/0/PolicyDocument/Statement/0"
ANY_GROUP = "Effect: Allow, Action: logs:CreateLogGroup, Resource: '*'"
TRUST = "{Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]}"


def template(statements: str, *, function: str = "", role: str = "", more: str = "") -> str:
    return f"""
Parameters: {{Name: {{Type: String}}}}
Resources:
  Function: {{Type: AWS::Lambda::Function, Properties: {{Role: !GetAtt Role.Arn{function}}}}}
  Group: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: !Sub "/aws/lambda/${{Function}}"}}}}
  Custom: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: /tap/function}}}}
  Unnamed: {{Type: AWS::Logs::LogGroup}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {TRUST}
      Policies: [{{PolicyName: run, PolicyDocument: {{Statement: [{statements}]}}}}]
      {role}
{more}
"""


def allow(resource: str) -> str:
    return f"{{Effect: Allow, Action: logs:CreateLogGroup, Resource: {resource}}}"


def arn(group: str) -> str:
    return f'!Sub "arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:{group}"'


@pytest.mark.parametrize(
    "action", ["logs:CreateLogGroup", "logs:Create*", "'logs:*'", "'*'", "[s3:GetObject, LOGS:createloggroup]"]
)
def test_the_action_is_found_under_any_name(action: str) -> None:
    assert find(FunctionLogGroups, template(f"{{Effect: Allow, Action: {action}, Resource: '*'}}")) == [STATEMENT]


@pytest.mark.parametrize("action", ["logs:PutLogEvents", "logs:Describe*", "!Ref Name"])
def test_other_actions_are_left_alone(action: str) -> None:
    assert find(FunctionLogGroups, template(f"{{Effect: Allow, Action: {action}, Resource: '*'}}")) == []


@pytest.mark.parametrize(
    "resource",
    [
        "'*'",
        "['arn:aws:logs:*:*:*']",
        arn("*"),
        arn("log-group:*"),
        arn("log-group:/aws/lambda/*"),
        arn("log-group:/aws/lambda/*:*"),
        arn("log-group:/aws/lambda/${Function}:log-stream:*"),
        arn("log-group:${Group}:*"),
        "!GetAtt Group.Arn",
        '!Join ["", ["arn:", !Ref AWS::Partition, ":logs:us-east-1:111122223333:log-group:/aws/lambda/*"]]',
        "[arn:aws:s3:::bucket, '*']",
    ],
)
def test_resources_that_surely_hold_the_function_s_group_are_found(resource: str) -> None:
    assert find(FunctionLogGroups, template(allow(resource))) == [STATEMENT]


@pytest.mark.parametrize(
    "resource",
    [
        arn("log-group:/audit/*"),
        arn("log-group:/aws/lambda/tap-*"),
        arn("log-group:/aws/lambda/${AWS::StackName}-*"),
        arn("log-group:${Unnamed}:*"),
        "!GetAtt Custom.Arn",
        "!Ref Name",
        "!ImportValue group",
        "arn:aws:s3:::bucket",
    ],
)
def test_nothing_is_said_of_other_groups_and_of_what_may_be_one(resource: str) -> None:
    assert find(FunctionLogGroups, template(allow(resource))) == []


@pytest.mark.parametrize(
    ("function", "resource"),
    [
        (", FunctionName: tap-api", arn("log-group:/aws/lambda/tap-*")),
        (', FunctionName: !Sub "${Name}-api"', arn("log-group:/aws/lambda/${Name}-*")),
        (", LoggingConfig: {LogGroup: /tap/function}", arn("log-group:/tap/*")),
        (", LoggingConfig: {LogGroup: !Ref Custom}", arn("log-group:/tap/function")),
        (", LoggingConfig: {LogGroup: !Ref Custom}", "!GetAtt Custom.Arn"),
        (", LoggingConfig: {LogGroup: /tap/function}", "!GetAtt Custom.Arn"),
        (", LoggingConfig: {LogGroup: !Ref Unnamed}", "!GetAtt Unnamed.Arn"),
        (", LoggingConfig: {LogGroup: !ImportValue group}", "'*'"),
    ],
)
def test_the_group_is_the_one_the_function_writes_to(function: str, resource: str) -> None:
    assert find(FunctionLogGroups, template(allow(resource), function=function)) == [STATEMENT]


@pytest.mark.parametrize(
    ("function", "resource"),
    [
        (", FunctionName: api", arn("log-group:/aws/lambda/tap-*")),
        (", LoggingConfig: {LogGroup: /tap/function}", arn("log-group:/aws/lambda/*")),
        (", LoggingConfig: {LogGroup: !Ref Unnamed}", arn("log-group:/aws/lambda/*")),
        (", LoggingConfig: {LogGroup: !Ref Custom}", "!GetAtt Group.Arn"),
        (", LoggingConfig: {LogGroup: !ImportValue group}", arn("log-group:/aws/lambda/*")),
    ],
)
def test_and_no_other(function: str, resource: str) -> None:
    assert find(FunctionLogGroups, template(allow(resource), function=function)) == []


@pytest.mark.parametrize(
    "managed",
    [
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        "arn:aws-us-gov:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole",
        '!Sub "arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess"',
        '!Join ["", ["arn:", !Ref AWS::Partition, ":iam::aws:policy/AWSLambdaExecute"]]',
    ],
)
def test_aws_s_own_policies_that_hold_the_action_are_found(managed: str) -> None:
    places = find(FunctionLogGroups, template("", role=f"ManagedPolicyArns: [{managed}]"))
    assert places == ["Resources/Role/Properties/ManagedPolicyArns/0"]


@pytest.mark.parametrize(
    "managed",
    [
        "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
        "arn:aws:iam::111122223333:policy/AdministratorAccess",
        "!Ref Name",
    ],
)
def test_other_policies_are_left_alone(managed: str) -> None:
    assert find(FunctionLogGroups, template("", role=f"ManagedPolicyArns: [{managed}]")) == []


@pytest.mark.parametrize(
    "policy",
    [
        "{Type: AWS::IAM::Policy, Properties: {Roles: [!Ref Role], PolicyDocument: %s}}",
        "{Type: AWS::IAM::RolePolicy, Properties: {RoleName: !Ref Role, PolicyDocument: %s}}",
        "{Type: AWS::IAM::ManagedPolicy, Properties: {Roles: [!Ref Role], PolicyDocument: %s}}",
    ],
)
def test_a_policy_beside_the_role_counts(policy: str) -> None:
    more = "  Policy: " + policy % f"{{Statement: {{{ANY_GROUP}}}}}"
    assert find(FunctionLogGroups, template("", more=more)) == ["Resources/Policy/Properties/PolicyDocument/Statement"]
    assert find(FunctionLogGroups, template("", more=more.replace("!Ref Role", "another"))) == []


def test_a_managed_policy_of_the_template_counts_where_the_role_takes_it() -> None:
    more = (
        f"  Policy: {{Type: AWS::IAM::ManagedPolicy, Properties: {{PolicyDocument: {{Statement: {{{ANY_GROUP}}}}}}}}}"
    )
    places = find(FunctionLogGroups, template("", role="ManagedPolicyArns: [!Ref Policy]", more=more))
    assert places == ["Resources/Policy/Properties/PolicyDocument/Statement"]


@pytest.mark.parametrize(
    "second",
    [
        "{Effect: Deny, Action: logs:CreateLogGroup, Resource: '*'}",
        "{Effect: Deny, Action: !Ref Name, Resource: '*'}",
        "{Effect: !Ref Name, Action: 'logs:*', Resource: '*'}",
    ],
)
def test_nothing_is_said_where_it_may_be_denied_again(second: str) -> None:
    assert find(FunctionLogGroups, template(f"{{{ANY_GROUP}}}, {second}")) == []


def test_nothing_is_said_of_a_statement_with_a_condition_and_of_a_bounded_role() -> None:
    conditional = f"{{{ANY_GROUP}, Condition: {{StringEquals: {{aws:ResourceTag/a: b}}}}}}"
    assert find(FunctionLogGroups, template(conditional)) == []
    bounded = template(f"{{{ANY_GROUP}}}", role="PermissionsBoundary: arn:aws:iam::111122223333:policy/bounds")
    assert find(FunctionLogGroups, bounded) == []


def test_nothing_is_said_of_roles_at_the_edge_and_of_roles_from_elsewhere() -> None:
    plain = template(f"{{{ANY_GROUP}}}")
    assert find(FunctionLogGroups, plain.replace("lambda.amazonaws.com", "edgelambda.amazonaws.com")) == []
    assert find(FunctionLogGroups, plain.replace("!GetAtt Role.Arn", "!Ref Name")) == []
    assert find(FunctionLogGroups, plain.replace("!GetAtt Role.Arn", "!GetAtt Group.Arn")) == []


def test_the_message_names_the_function() -> None:
    (match,) = FunctionLogGroups().match(make_template(template(f"{{{ANY_GROUP}}}")))
    assert "the role of function Function may create log groups" in match.message
