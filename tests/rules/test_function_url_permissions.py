import pytest

from builder.rules.function_url_permissions import FunctionUrlPermissions
from rules.findings import find, make_template

AUTH = "Resources/Url/Properties/AuthType"
URL = "Action: lambda:InvokeFunctionUrl, Principal: '*', FunctionUrlAuthType: NONE"
INVOKE = "Action: lambda:InvokeFunction, Principal: '*', InvokedViaFunctionUrl: true"


def template(
    *permissions: str, url: str = "TargetFunctionArn: !GetAtt Function.Arn, AuthType: NONE", more: str = ""
) -> str:
    given = "\n".join(
        f"  P{number}: {{Type: AWS::Lambda::Permission, Properties: {{{permission}}}}}"
        for number, permission in enumerate(permissions)
    )
    return f"""
Parameters: {{Name: {{Type: String}}}}
Conditions: {{IsNamed: !Equals [!Ref Name, tap]}}
Resources:
  Function: {{Type: AWS::Lambda::Function}}
  Other: {{Type: AWS::Lambda::Function}}
  Alias: {{Type: AWS::Lambda::Alias, Properties: {{FunctionName: !Ref Function, Name: live}}}}
  OtherAlias: {{Type: AWS::Lambda::Alias, Properties: {{FunctionName: their-function, Name: live}}}}
  Url: {{Type: AWS::Lambda::Url, Properties: {{{url}}}}}
{given}
{more}
"""


def of(function: str, rest: str) -> str:
    return f"FunctionName: {function}, {rest}"


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (URL, "lambda:InvokeFunction "),
        (INVOKE, "lambda:InvokeFunctionUrl "),
        ("Action: lambda:InvokeFunction, Principal: '*'", "Url "),
    ],
)
def test_one_of_the_two_is_found_and_the_other_named(given: str, missing: str) -> None:
    (match,) = FunctionUrlPermissions().match(make_template(template(of("!Ref Function", given))))
    assert "/".join(map(str, match.path)) == AUTH
    assert missing in match.message


@pytest.mark.parametrize(
    "second",
    [
        of("!Ref Other", INVOKE),
        of("!Ref Function", "Action: lambda:InvokeFunction, Principal: events.amazonaws.com"),
        of("!Ref Function", "Action: lambda:GetFunction, Principal: '*'"),
        of("!Ref Function", "Action: lambda:InvokeFunctionUrl, Principal: '*', FunctionUrlAuthType: AWS_IAM"),
    ],
)
def test_a_permission_for_something_else_is_not_the_other_one(second: str) -> None:
    assert find(FunctionUrlPermissions, template(of("!GetAtt Function.Arn", URL), second)) == [AUTH]


@pytest.mark.parametrize(
    "permissions",
    [
        (),
        (of("!Ref Function", URL), of("!Sub '${Function.Arn}'", INVOKE)),
        (of("!Ref Function", "Action: 'lambda:*', Principal: '*'"),),
        (of("!Ref Function", URL), of("!Ref Name", INVOKE)),
        (of("!Ref Function", URL), of("!Ref Alias", INVOKE)),
        (of("!Ref Function", URL), of("!Ref Function", "Action: !Ref Name, Principal: '*'")),
        (of("!Ref Function", URL), of("!Ref Function", "Action: lambda:InvokeFunction, Principal: !Ref Name")),
        (of("!Ref Function", f"{URL}, SourceAccount: '111122223333'"),),
        (of("!Ref Function", "Action: lambda:InvokeFunctionUrl, Principal: '*', FunctionUrlAuthType: !Ref Name"),),
    ],
)
def test_nothing_is_said_of_both_of_none_and_of_what_is_unknown(permissions: tuple[str, ...]) -> None:
    assert find(FunctionUrlPermissions, template(*permissions)) == []


IAM = "TargetFunctionArn: !Ref Function, AuthType: AWS_IAM"
THEY, ROLE = "Principal: '444455556666'", "Principal: arn:aws:iam::444455556666:role/caller"
ORG = "Principal: '*', PrincipalOrgID: o-one"
SIGNED = "Action: lambda:InvokeFunctionUrl, FunctionUrlAuthType: AWS_IAM"
VIA_URL = "Action: lambda:InvokeFunction, InvokedViaFunctionUrl: true"
DIRECT = "Action: lambda:InvokeFunction"


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ((f"{SIGNED}, {THEY}",), "lambda:InvokeFunction is missing"),
        ((f"{SIGNED}, {ROLE}",), "lambda:InvokeFunction is missing"),
        ((f"{SIGNED}, {ORG}",), "lambda:InvokeFunction is missing"),
        ((f"{SIGNED}, Principal: '*'",), "lambda:InvokeFunction is missing"),
        ((f"{VIA_URL}, {THEY}",), "lambda:InvokeFunctionUrl is missing"),
        ((f"{SIGNED}, {THEY}", f"{VIA_URL}, Principal: '777788889999'"), "lambda:InvokeFunction is missing"),
        ((f"{SIGNED}, {THEY}", f"{DIRECT}, Principal: events.amazonaws.com"), "lambda:InvokeFunction is missing"),
        (
            (f"{VIA_URL}, {THEY}", f"{URL}"),
            "lambda:InvokeFunctionUrl is missing",
        ),  # which is for a URL without signatures
    ],
)
def test_a_signed_url_that_another_account_may_call_by_half_is_found(given: tuple[str, ...], missing: str) -> None:
    text = template(*(of("!Ref Function", permission) for permission in given), url=IAM)
    matches = FunctionUrlPermissions().match(make_template(text))
    assert ["/".join(map(str, match.path)) for match in matches][:1] == [AUTH]
    assert missing in matches[0].message


@pytest.mark.parametrize(
    "given",
    [
        (f"{SIGNED}, {THEY}", f"{VIA_URL}, {THEY}"),
        (f"{SIGNED}, {THEY}", f"{DIRECT}, {THEY}"),
        (f"{SIGNED}, {THEY}", f"{DIRECT}, Principal: '*'"),
        (f"{SIGNED}, {ORG}", f"{VIA_URL}, {ORG}"),
        (f"{SIGNED}, {THEY}, SourceAccount: !Ref Name",),
        (f"{SIGNED}, {THEY}", f"{DIRECT}, {ROLE}"),  # it may be for just that role
        (f"{SIGNED}, {THEY}", f"{DIRECT}, Principal: !Ref Name"),
        (f"{SIGNED}, {THEY}", f"{DIRECT}, {THEY}, SourceAccount: !Ref Name"),
        (f"{DIRECT}, {THEY}",),  # without any URL
        (f"{SIGNED}, Principal: !Ref AWS::AccountId",),
        (f"{SIGNED}, Principal: !Ref Name",),
        (f"{SIGNED}, Principal: cloudfront.amazonaws.com, SourceArn: arn",),
        ("Action: 'lambda:*', FunctionUrlAuthType: AWS_IAM, Principal: '444455556666'",),
    ],
)
def test_nothing_is_said_of_a_signed_url_with_both_and_of_what_is_unknown(given: tuple[str, ...]) -> None:
    text = template(*(of("!Ref Function", permission) for permission in given), url=IAM)
    assert find(FunctionUrlPermissions, text) == []


@pytest.mark.parametrize("auth", ["AWS_IAM", "!Ref Name"])
def test_a_permission_without_signatures_is_no_signed_url_s(auth: str) -> None:
    url = f"TargetFunctionArn: !Ref Function, AuthType: {auth}"
    assert find(FunctionUrlPermissions, template(of("!Ref Function", URL), url=url)) == []


def test_a_function_known_by_a_parameter_is_compared_by_what_is_written() -> None:
    url = "TargetFunctionArn: !Ref Name, AuthType: NONE"
    assert find(FunctionUrlPermissions, template(of("!Ref Name", URL), url=url)) == [AUTH]
    assert find(FunctionUrlPermissions, template(of("their-function", URL), url=url)) == []


def test_a_url_of_an_alias_needs_the_alias_s_permissions() -> None:
    url = "TargetFunctionArn: !Ref Function, Qualifier: live, AuthType: NONE"
    assert find(FunctionUrlPermissions, template(of("!Ref Alias", URL), of("!Ref Function", INVOKE), url=url)) == [AUTH]
    assert find(FunctionUrlPermissions, template(of("!Ref Alias", URL), of("!Ref Alias", INVOKE), url=url)) == []
    assert find(FunctionUrlPermissions, template(of("!Ref OtherAlias", URL), url=url)) == []


def test_each_world_is_looked_at() -> None:
    both = template(of("!Ref Function", URL), of("!Ref Function", INVOKE))
    assert find(FunctionUrlPermissions, both.replace("P1: {", "P1: {Condition: IsNamed, ")) == [AUTH]


def test_a_resource_policy_replaces_all_permissions() -> None:
    policy = "  Policy: {Type: AWS::Lambda::ResourcePolicy}"
    assert find(FunctionUrlPermissions, template(of("!Ref Function", URL), more=policy)) == []
