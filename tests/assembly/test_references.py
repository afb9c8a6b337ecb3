import pytest

from assembly.scene import make_bound, make_manifest
from builder.assembly.bound import Bound
from builder.assembly.finding import Finding
from builder.assembly.references import check_references

SUFFIX = {"Suffix": "${EnvironmentSuffix}"}
HEAD = "Parameters: {Suffix: {Type: String}, Other: {Type: String}}\nResources:\n"


def stack(name: str, resources: str, needs: tuple[str, ...] = ()) -> Bound:
    indented = "".join(f"  {line.strip()}\n" for line in resources.strip().splitlines())
    return make_bound(name, HEAD + indented, needs, parameters=SUFFIX)


def found(*bounds: Bound) -> list[Finding]:
    return list(check_references(make_manifest(*bounds), bounds))


def told(*bounds: Bound) -> list[tuple[str, str]]:
    return [(one.rule, one.message) for one in found(*bounds)]


def table(name: str = "us-east-1/table", needs: tuple[str, ...] = ()) -> Bound:
    return stack(
        name, 'Table: {Type: AWS::DynamoDB::GlobalTable, Properties: {TableName: !Sub "tap-${Suffix}"}}', needs
    )


def app(value: str, needs: tuple[str, ...] = (), name: str = "us-west-2/app") -> Bound:
    return stack(name, f"Rule: {{Type: AWS::Events::Rule, Properties: {{Description: {value}}}}}", needs)


TABLE_ARN = "arn:aws:dynamodb:us-west-2:${AWS::AccountId}:table/tap-${Suffix}"


class TestNeeds:
    @pytest.mark.parametrize(
        "value",
        [
            '!Sub "tap-${Suffix}"',
            f'!Sub "{TABLE_ARN}"',
            f'!Sub "{TABLE_ARN}/index/*"',
            f'[x, {{Name: !If [Is, !Sub "{TABLE_ARN}", x]}}]',
            '!Join ["-", [tap, !Ref Suffix]]',
        ],
    )
    def test_one_that_is_not_said_is_found(self, value: str) -> None:
        assert told(table(), app(value)) == [
            (
                "X010",
                "us-west-2/app uses tap-${EnvironmentSuffix}, which us-east-1/table creates, but does not need it",
            )
        ]

    def test_it_is_found_at_the_place_that_uses_the_name(self) -> None:
        (one,) = found(table(), app('!Sub "tap-${Suffix}"'))
        column = "  Rule: {Type: AWS::Events::Rule, Properties: {Description".index("Description") + 1
        assert (one.file, one.line, one.column) == ("us-west-2/app.yaml", 3, column)

    def test_a_stack_that_is_named_twice_is_told_once(self) -> None:
        assert len(told(table(), app(f'[!Sub "tap-${{Suffix}}", !Sub "{TABLE_ARN}"]'))) == 1

    def test_one_that_is_said_will_do_and_so_will_one_on_the_way(self) -> None:
        assert told(table(), app('!Sub "tap-${Suffix}"', ("us-east-1/table",))) == []
        between = make_bound("us-west-2/between", needs=("us-east-1/table",))
        assert told(table(), between, app('!Sub "tap-${Suffix}"', ("us-west-2/between",))) == []

    def test_one_that_nothing_shows_may_have_other_reasons(self) -> None:
        assert told(table(), app("x", ("us-east-1/table",))) == []

    @pytest.mark.parametrize(
        "value",
        [
            "tap",
            '!Sub "tap-${Suffix}-other"',
            '!Sub "arn:aws:s3:::tap-${Suffix}"',
            '!Sub "arn:aws:dynamodb:us-west-2:${AWS::AccountId}:table/tap-${Suffix}-other"',
            "!Ref Other",
        ],
    )
    def test_another_name_needs_nothing(self, value: str) -> None:
        assert told(table(), app(value)) == []

    def test_a_name_that_the_stack_creates_itself_is_its_own(self) -> None:
        own = stack(
            "us-west-2/app",
            """
            Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub "tap-${Suffix}"}}
            Rule: {Type: AWS::Events::Rule, Properties: {Description: !Ref Table}}
            """,
        )
        assert told(table(), own) == []

    def test_the_one_that_comes_first_can_t_need_the_one_that_comes_after(self) -> None:
        assert told(table(needs=("us-west-2/app",)), app('!Sub "tap-${Suffix}"')) == []

    @pytest.mark.parametrize(("region", "count"), [("us-east-1", 1), ("us-west-2", 0)])
    def test_a_name_that_is_good_in_its_region_only_is_looked_for_there(self, region: str, count: int) -> None:
        queue = stack(
            "us-east-1/queue", 'Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "tap-${Suffix}"}}'
        )
        assert len(told(queue, app('!Sub "tap-${Suffix}"', name=f"{region}/app"))) == count
        assert len(told(queue, app(f'!Sub "arn:aws:sqs:{region}:1:tap-${{Suffix}}"', name="eu-west-1/app"))) == count


VERSIONED = ", VersioningConfiguration: {Status: Enabled}"
COPIES = "arn:${AWS::Partition}:s3:::tap-${Suffix}-copies"
WRITE = "{Effect: Allow, Action: [s3:ReplicateObject, s3:ReplicateDelete], Resource: !Sub '%s/*'}"


def copies(rest: str = VERSIONED) -> Bound:
    bucket = f'Bucket: {{Type: AWS::S3::Bucket, Properties: {{BucketName: !Sub "tap-${{Suffix}}-copies"{rest}}}}}'
    return stack("us-west-2/storage", bucket)


def source(
    rule: str = f"Status: Enabled, Destination: {{Bucket: !Sub '{COPIES}'}}",
    *,
    statement: str = WRITE % COPIES,
    role: str = "!GetAtt Role.Arn",
    more: str = "",
) -> Bound:
    replication = f"{{Role: {role}, Rules: [{{{rule}}}]}}"
    return stack(
        "us-east-1/storage",
        f"""
        Bucket: {{Type: AWS::S3::Bucket, Properties: {{ReplicationConfiguration: {replication}}}}}
        Role: {{Type: AWS::IAM::Role, Properties: {{Policies: [{{PolicyDocument: {{Statement: [{statement}]}}}}]}}}}
        {more}
        """,
        needs=("us-west-2/storage",),
    )


NAME = "arn:${AWS::Partition}:s3:::tap-${EnvironmentSuffix}-copies"
MAY_NOT = ("X009", f"role Role may not s3:ReplicateObject on {NAME}/*")


class TestReplication:
    def test_to_a_versioned_bucket_by_a_role_that_may_is_right(self) -> None:
        assert told(copies(), source()) == []

    def test_to_a_bucket_that_no_template_creates_is_found(self) -> None:
        rule = "Status: Enabled, Destination: {Bucket: !Sub 'arn:${AWS::Partition}:s3:::tap-${Suffix}-copy'}"
        (one, *_) = found(copies(), source(rule))
        assert (one.rule, one.message) == (
            "X007",
            "replicates to arn:${AWS::Partition}:s3:::tap-${EnvironmentSuffix}-copy, which no template creates",
        )
        assert (one.file, one.line) == ("us-east-1/storage.yaml", 3)

    @pytest.mark.parametrize("rest", ["", ", VersioningConfiguration: {Status: Suspended}"])
    def test_to_a_bucket_without_versions_is_found(self, rest: str) -> None:
        message = "replicates to tap-${EnvironmentSuffix}-copies, which us-west-2/storage creates without versions"
        assert told(copies(rest), source()) == [("X008", message)]

    def test_to_a_bucket_whose_versions_can_t_be_known_is_left_alone(self) -> None:
        assert told(copies(", VersioningConfiguration: {Status: !Ref Other}"), source()) == []
        assert told(copies(", VersioningConfiguration: !If [Is, {Status: Enabled}, {}]"), source()) == []

    @pytest.mark.parametrize(
        "statement",
        [
            WRITE % "arn:${AWS::Partition}:s3:::tap-${Suffix}-copy",
            f"{{Effect: Allow, Action: s3:ReplicateObject, Resource: !Sub '{COPIES}'}}",
            f"{{Effect: Allow, Action: s3:ReplicateDelete, Resource: !Sub '{COPIES}/*'}}",
            f"{{Effect: Deny, Action: s3:ReplicateObject, Resource: !Sub '{COPIES}/*'}}",
        ],
    )
    def test_by_a_role_that_may_not_write_there_is_found(self, statement: str) -> None:
        assert told(copies(), source(statement=statement)) == [MAY_NOT]

    @pytest.mark.parametrize(
        "statement",
        [
            "{Effect: Allow, Action: 's3:Replicate*', Resource: '*'}",
            f"{{Effect: Allow, Action: 's3:*', Resource: [x, !Sub '{COPIES}/*']}}",
            "{Effect: Allow, Action: s3:ReplicateObject, Resource: !Ref Other}",
            "{Effect: Allow, NotAction: s3:GetObject, Resource: '*'}",
            "!If [Is, {}, {}]",
        ],
    )
    def test_by_a_role_that_may_or_might_is_not(self, statement: str) -> None:
        assert told(copies(), source(statement=statement)) == []

    @pytest.mark.parametrize(
        "more",
        [
            "Policy: {Type: AWS::IAM::Policy}",
            "Second: {Type: AWS::IAM::ManagedPolicy}",
        ],
    )
    def test_by_a_role_with_policies_beside_it_is_left_alone(self, more: str) -> None:
        assert told(copies(), source(statement="{Effect: Allow, Action: x, Resource: x}", more=more)) == []

    def test_by_a_role_with_policies_from_elsewhere_is_left_alone(self) -> None:
        role = "Chosen: {Type: AWS::IAM::Role, Properties: {ManagedPolicyArns: [arn:aws:iam::1:policy/x]}}"
        assert told(copies(), source(role="!GetAtt Chosen.Arn", more=role)) == []
        chosen = "Chosen: {Type: AWS::IAM::Role, Properties: {Policies: !If [Is, [], []]}}"
        assert told(copies(), source(role="!GetAtt Chosen.Arn", more=chosen)) == []

    @pytest.mark.parametrize("role", ["arn:aws:iam::111122223333:role/copy", "!Ref Other", "!GetAtt Bucket.Arn"])
    def test_by_a_role_of_another_template_is_left_alone(self, role: str) -> None:
        assert told(copies(), source(role=role, statement="{Effect: Allow, Action: x, Resource: x}")) == []

    @pytest.mark.parametrize(
        "rule",
        [
            "Status: Disabled, Destination: {Bucket: 'arn:aws:s3:::nobody'}",
            "Status: Enabled, Destination: {Bucket: 'arn:aws:s3:::theirs', Account: '111122223333'}",
            "Status: Enabled, Destination: {Bucket: !Ref Other}",
            "Status: Enabled, Destination: {Bucket: !ImportValue copies}",
        ],
    )
    def test_that_rests_or_leads_elsewhere_or_nobody_knows_where_is_left_alone(self, rule: str) -> None:
        assert told(copies(), source(rule)) == []
