from builder.policy.document import Grant, GrantTarget, LeftOut, PolicyContext, Rights

ANYWHERE = PolicyContext()


def test_a_context_left_as_it_is_speaks_cloudformation_s_words() -> None:
    arn = ANYWHERE.arn("dynamodb", "us-east-1", "table/tap-${EnvironmentSuffix}-global")
    assert arn == "arn:${AWS::Partition}:dynamodb:us-east-1:${AWS::AccountId}:table/tap-${EnvironmentSuffix}-global"


def test_a_context_s_values_stand_wherever_a_name_has_their_words() -> None:
    china = PolicyContext("aws-cn", "444455556666", "prod")
    assert china.arn("s3", "", "tap-${EnvironmentSuffix}-${AWS::AccountId}") == "arn:aws-cn:s3:::tap-prod-444455556666"


def test_iam_s_arns_have_no_region() -> None:
    assert PolicyContext("aws", "1", "x").arn("iam", "us-east-1", "role/a") == "arn:aws:iam::1:role/a"


def test_rights_add_up_and_warn_of_each_thing_once() -> None:
    rights = Rights((Grant("a:B", GrantTarget("P", ("*",)), "c"),), (LeftOut("d:E", "f"),), ("thing",))
    both = rights + rights
    assert (len(both.granted), len(both.left_out), both.warnings) == (2, 2, ("thing",))
