import pytest

from builder.rules._worlds import Scenario, resources, scenarios
from rules.findings import make_node, make_template

BUCKET = "AWS::S3::Bucket"


def worlds(text: str, *regions: str) -> list[dict[str, bool]]:
    return sorted((dict(scenario.world) for scenario in scenarios(make_template(text, *regions), BUCKET)), key=str)


def scenario(text: str, *types: str) -> Scenario:
    (only,) = scenarios(make_template(text), *types or (BUCKET,))
    return only


CONDITIONS = """
Parameters: {Stage: {Type: String}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
  IsWest: !Equals [!Ref AWS::Region, us-west-2]
  IsUnused: !Equals [!Ref Stage, test]
"""


def test_without_conditions_there_is_one_world() -> None:
    assert worlds("Resources: {X: {Type: AWS::S3::Bucket}}") == [{}]


def test_worlds_that_can_t_be_are_left_out() -> None:
    text = CONDITIONS + (
        "Resources: {X: {Type: AWS::S3::Bucket, Condition: IsProd, Properties: {BucketName: !If [IsDev, a, b]}}}"
    )
    assert worlds(text) == [{"IsDev": False, "IsProd": True}, {"IsDev": True, "IsProd": False}]


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        (("us-east-1",), [{"IsWest": False}]),
        (("us-west-2",), [{"IsWest": True}]),
        (("us-east-1", "us-west-2"), [{"IsWest": False}, {"IsWest": True}]),
    ],
)
def test_a_condition_on_the_region_holds_by_the_run_s_regions(
    regions: tuple[str, ...], expected: list[dict[str, bool]]
) -> None:
    assert worlds(CONDITIONS + "Resources: {X: {Type: AWS::S3::Bucket, Condition: IsWest}}", *regions) == expected


def test_one_region_of_several_can_be_asked_for() -> None:
    cfn = make_template(
        CONDITIONS + "Resources: {X: {Type: AWS::S3::Bucket, Condition: IsWest}}", "us-east-1", "us-west-2"
    )
    assert list(resources(cfn, BUCKET, region="us-east-1")) == []
    assert [resource.path for resource in resources(cfn, BUCKET, region="us-west-2")] == [("Resources", "X")]


def test_there_are_no_worlds_without_such_a_resource() -> None:
    assert worlds("Resources: {X: {Type: AWS::SNS::Topic}}") == []


def test_a_condition_that_is_nowhere_defined_leaves_nothing_to_be_known() -> None:
    assert worlds("Resources: {X: {Type: AWS::S3::Bucket, Condition: Unheard}}") == []


@pytest.mark.parametrize(
    "text",
    [
        "{Transform: Acme, Resources: {X: {Type: AWS::S3::Bucket}}}",
        "{Transform: [AWS::LanguageExtensions, Acme], Resources: {X: {Type: AWS::S3::Bucket}}}",
        "{Resources: {X: {Type: AWS::S3::Bucket}, Fn::Transform: {Name: AWS::Include}}}",
    ],
)
def test_a_macro_leaves_nothing_to_be_known(text: str) -> None:
    assert worlds(text) == []


@pytest.mark.parametrize("transform", ["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31", "[]"])
def test_a_transform_that_is_known_changes_nothing(transform: str) -> None:
    assert worlds(f"{{Transform: {transform}, Resources: {{X: {{Type: AWS::S3::Bucket}}}}}}") == [{}]


def test_a_resource_stands_only_in_its_worlds() -> None:
    cfn = make_template(CONDITIONS + "Resources: {X: {Type: AWS::S3::Bucket, Condition: IsProd}}")
    exists = {each.world["IsProd"]: each.resource("X").present for each in scenarios(cfn, BUCKET)}
    assert exists == {True: True, False: False}
    assert len(list(resources(cfn, BUCKET))) == 1


def test_a_resource_nobody_knows_is_absent() -> None:
    assert scenario("Resources: {X: {Type: AWS::S3::Bucket}}").resource("Y").absent


@pytest.mark.parametrize(
    "value", ["!Ref Y", "!GetAtt Y.Arn", "{'Fn::GetAtt': Y.Arn}", '!Sub "${Y}"', '!Sub "${Y.Arn}"']
)
def test_what_points_at_a_resource_is_followed(value: str) -> None:
    world = scenario("Resources: {X: {Type: AWS::S3::Bucket}, Y: {Type: AWS::SNS::Topic}}")
    assert world.referred(make_node(value)) == "Y"


@pytest.mark.parametrize(
    "value", ["!Ref Z", "Y", '!Sub "${Y}-${X}"', '!Sub "a${Y}"', "!ImportValue Y", "!Ref AWS::Region"]
)
def test_all_else_points_at_none(value: str) -> None:
    world = scenario("Resources: {X: {Type: AWS::S3::Bucket}, Y: {Type: AWS::SNS::Topic}}")
    assert world.referred(make_node(value)) is None


@pytest.mark.parametrize(("kind", "has"), [("Acme::Bucket::Policy::MODULE", True), ("AWS::SNS::Topic", False)])
def test_a_module_may_bring_more(kind: str, has: bool) -> None:  # noqa: FBT001
    assert scenario(f"Resources: {{X: {{Type: AWS::S3::Bucket}}, Y: {{Type: {kind}}}}}").has_modules is has
