import pytest

from builder.rules.per_build_tags import PerBuildTags, is_commit, is_per_build
from rules.findings import find, find_in

COMMIT = "0123456789abcdef0123456789abcdef01234567"


OF_ONE_BUILD = """
    BuildId build-number BUILD_NUM build_timestamp CFNBuildId GitSha git-commit GitCommitHash vcs:revision CommitSha
    commit_id commit sha revision DeployedAt deployment-time PipelineRunId ci:job-id github_run_number
    WorkflowExecution timestamp created-timestamp
"""
OF_MANY = """
    environment Name version Build builder:stack builder:deployment BuildTool commitment CommitteeId git-repository
    Deployment pipeline PipelineName share CostCenter timestamps-table revision-policy
"""


@pytest.mark.parametrize("name", OF_ONE_BUILD.split())
def test_names_that_belong_to_one_build(name: str) -> None:
    assert is_per_build(name)


@pytest.mark.parametrize("name", OF_MANY.split())
def test_names_that_do_not(name: str) -> None:
    assert not is_per_build(name)


def test_a_commit_is_a_full_hash_and_nothing_shorter() -> None:
    assert is_commit(COMMIT)
    assert not is_commit(COMMIT[:7])
    assert not is_commit(COMMIT + "0")


TEMPLATE = """
    Parameters: {{BuildId: {{Type: String}}, Team: {{Type: String}}}}
    Resources: {{Topic: {{Type: AWS::SNS::Topic, Properties: {{Tags: [{{Key: {key}, Value: {value}}}]}}}}}}
"""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stack", "!Ref BuildId"),
        ("stack", '!Sub "tap-${BuildId}"'),
        ("stack", '!Sub ["${Prefix}-${BuildId}", {Prefix: tap}]'),
        ("build-number", '"17"'),
        ("build-number", "!Ref Team"),
        ("source", COMMIT),
    ],
)
def test_a_tag_whose_value_is_one_build_s_is_found(key: str, value: str) -> None:
    places = find(PerBuildTags, TEMPLATE.format(key=key, value=value))
    assert places == ["Resources/Topic/Properties/Tags/0/Value"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("team", "!Ref Team"),
        ("stack", '!Sub "${AWS::StackName}-${!BuildId}"'),
        ("stack", "!GetAtt Topic.TopicName"),
        ("build-number", "!ImportValue BuildId"),
        ("BuildTool", "tox"),
        ("!Ref BuildId", "x"),
    ],
)
def test_nothing_is_said_of_values_that_stay(key: str, value: str) -> None:
    assert find(PerBuildTags, TEMPLATE.format(key=key, value=value)) == []


def test_tags_are_found_as_a_mapping_and_below_the_resource_s_own() -> None:
    assert find_in(PerBuildTags, "AWS::SSM::Parameter", "{Tags: {BuildId: '17'}}") == ["Tags/BuildId"]
    properties = "{Replicas: [{Tags: [{Key: BuildId, Value: '17'}]}], CopyTags: true}"
    assert find_in(PerBuildTags, "AWS::DynamoDB::GlobalTable", properties) == ["Replicas/0/Tags/0/Value"]


def test_a_stack_within_the_stack_hands_its_tags_on_as_well() -> None:
    properties = "{Tags: [{Key: CommitSha, Value: abc}]}"
    assert find_in(PerBuildTags, "AWS::CloudFormation::Stack", properties) == ["Tags/0/Value"]
